"""Faust's defaults and what our app sets instead; no broker needed."""

import subprocess
import sys
import zlib
from types import SimpleNamespace

import faust
import pytest
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.partitioner import murmur2
from faust.assignor.partition_assignor import PartitionAssignor
from faust.transport.drivers import aiokafka as faust_driver
from faust.types import TP

from streams.engine import driver
from streams.engine.batch import Applier
from streams.engine.settings import EngineSettings
from streams.engine.stage import BadRecord, Record, Stage
from streams.engine.state import StateStore
from streams.engine.transactions import murmur2_partition
from streams.engine.worker import build_app


class Nothing(Stage):
    def open(self, partition, references):
        raise NotImplementedError


@pytest.fixture
def stage():
    return Nothing(
        name="nothing",
        version=1,
        inputs=("a", "b"),
        state_topic="state",
        parked_topic="parked",
        partitions=3,
        kinds=(),
    )


def with_consumer(app):
    """Faust makes its consumer, with a loop for a thread of its own, when first asked for it."""
    thread = app.consumer._thread
    yield app
    thread.thread_loop.close()


@pytest.fixture
async def ours(stage, tmp_path):
    settings = EngineSettings(bootstrap="127.0.0.1:1", app_id="app", slot=2, datadir=tmp_path)
    for app in with_consumer(build_app(stage, settings, "app-nothing", lambda _: None)):
        yield app


@pytest.fixture
async def stock():
    for app in with_consumer(faust.App("stock", broker="kafka://127.0.0.1:1", store="memory://")):
        yield app


@pytest.fixture
def consumer_settings(monkeypatch):
    """The keyword arguments that a driver's thread gives to `AIOKafkaConsumer`."""

    def of(app, thread_type):
        given = {}
        made = SimpleNamespace(AIOKafkaConsumer=lambda **settings: given.update(settings))
        monkeypatch.setattr(faust_driver, "aiokafka", made)
        monkeypatch.setattr(driver, "AIOKafkaConsumer", made.AIOKafkaConsumer)
        thread = thread_type.__new__(thread_type)
        thread.app = app
        thread.consumer = SimpleNamespace(in_transaction=False)
        thread._create_worker_consumer(app.transport)
        return given

    return of


class TestTimeOuts:
    def test_naive_a_killed_worker_is_missed_after_a_minute(self, stock):
        assert stock.conf.broker_session_timeout == 60
        assert stock.conf.broker_heartbeat_interval == 3

    def test_ours_after_six_seconds(self, ours, consumer_settings):
        given = consumer_settings(ours, driver.ConsumerThread)
        assert given["session_timeout_ms"] == 6000
        assert given["heartbeat_interval_ms"] == 1000
        assert given["group_instance_id"] == "app-nothing-2"


class TestReadCommitted:
    """That an aborted record is in fact delivered, and not by ours, is shown on the broker."""

    def test_naive_reads_uncommitted(self, stock, consumer_settings):
        given = consumer_settings(stock, faust_driver.AIOKafkaConsumerThread)
        assert given["isolation_level"] == "read_uncommitted"

    def test_ours_reads_committed(self, ours, consumer_settings):
        given = consumer_settings(ours, driver.ConsumerThread)
        assert given["isolation_level"] == "read_committed"


class TestCommits:
    async def test_naive_a_commit_that_failed_is_remembered_as_done(self, stock, monkeypatch):
        place = TP("t", 0)
        consumer = stock.consumer

        async def fails(_):
            return False

        monkeypatch.setattr(consumer, "_commit", fails)
        monkeypatch.setattr(consumer, "assignment", lambda: {place})
        monkeypatch.setattr(stock.producer, "flush", lambda: fails(None))
        assert await consumer._commit_offsets({place: 5}) is False
        assert consumer._committed_offset[place] == 5

    def test_naive_the_check_for_a_gap_at_the_head_is_off_by_one(self, stock):
        """Offset 4 is in flight; 5 and 6 are acknowledged; the new position passes it."""
        place = TP("t", 0)
        consumer = stock.consumer
        consumer._committed_offset[place] = 4
        consumer._acked[place] = [5, 6]
        assert consumer._new_offset(place) == 7

    async def test_ours_has_no_way_to_commit(self, ours):
        consumer = ours.consumer
        paths = [
            consumer.commit(),
            consumer.force_commit(),
            consumer._commit_offsets({TP("a", 0): 5}),
            consumer._commit({TP("a", 0): 5}),
        ]
        assert [await path for path in paths] == [False] * 4
        await consumer.commit_and_end_transactions()
        await consumer.wait_empty()
        await consumer.on_stop()

    def test_ours_overrides_every_path_that_commits_in_faust(self):
        """A name that is new here means that an upgrade of Faust may move the group again."""
        found = {
            name
            for kind in faust_driver.Consumer.__mro__
            if kind.__module__.startswith("faust.")
            for name in vars(kind)
            if "commit" in name
        }
        harmless = {  # they read, compute, or wait for one of ours
            "_commit_fut",
            "_commit_tps",
            "_filter_committable_offsets",
            "_should_commit",
            "maybe_wait_for_commit_to_finish",
            "seek_to_committed",
        }
        assert found - harmless == {name for name in vars(driver.Consumer) if "commit" in name}


class TestAssignment:
    """A partition number of every input must go to one owner."""

    CLUSTER = SimpleNamespace(
        partitions_for_topic=lambda topic: {"a": {0, 1, 2}, "b": {0, 1, 2}}[topic],
        topics=lambda: {"a", "b"},
    )

    def owners(self, assigned):
        """By member: partition numbers of `a`, partition numbers of `b`."""
        return {
            member: tuple(
                sorted(p for topic, ps in given.assignment if topic == wanted for p in ps)
                for wanted in ("a", "b")
            )
            for member, given in assigned.items()
        }

    def members(self, assignors):
        return {f"m{n}": each.metadata({"a", "b"}) for n, each in enumerate(assignors)}

    def test_naive_without_standbys_faust_takes_round_robin_which_splits_them(
        self, stock, consumer_settings
    ):
        stock.conf.table_standby_replicas = 0
        given = consumer_settings(stock, faust_driver.AIOKafkaConsumerThread)
        (assignor,) = given["partition_assignment_strategy"]
        assert assignor is RoundRobinPartitionAssignor
        assigned = assignor.assign(self.CLUSTER, self.members([assignor, assignor]))
        assert any(a != b for a, b in self.owners(assigned).values())

    def test_ours_faust_s_own_assignor_keeps_them_together(self, ours, consumer_settings):
        assert ours.conf.table_standby_replicas >= 1
        given = consumer_settings(ours, driver.ConsumerThread)
        (assignor,) = given["partition_assignment_strategy"]
        assert isinstance(assignor, PartitionAssignor)
        assigned = assignor.assign(self.CLUSTER, self.members([assignor, assignor]))
        owners = self.owners(assigned)
        assert all(a == b for a, b in owners.values())
        assert sorted(p for a, _ in owners.values() for p in a) == [0, 1, 2]


class TestAgentModules:
    """Faust looks for agents itself if asked to, and goes on without those it cannot import."""

    @pytest.fixture
    def package(self, tmp_path):
        (tmp_path / "shop").mkdir()
        (tmp_path / "shop" / "__init__.py").write_text("")
        (tmp_path / "shop" / "agents.py").write_text("import no_such_module\n")
        return tmp_path

    def run(self, package, program):
        return subprocess.run(
            [sys.executable, "-c", program],
            cwd=package,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def test_naive_the_app_comes_up_without_its_agent(self, package):
        program = (
            "import faust, logging; logging.basicConfig();"
            "app = faust.App('x', broker='memory://', autodiscover=['shop'], origin='shop');"
            "app.discover(); app.finalize();"
            "print(len(app.agents), 'agents')"
        )
        done = self.run(package, program)
        assert (done.returncode, done.stdout) == (0, "0 agents\n")
        assert "Autodiscovery importing module 'shop.agents' raised error" in done.stderr

    def test_ours_an_import_in_the_composition_root_ends_the_start(self, package):
        done = self.run(package, "import shop.agents")
        assert done.returncode == 1
        assert "no_such_module" in done.stderr

    def test_ours_the_app_discovers_nothing_and_has_its_one_agent(self, ours):
        assert not ours.conf.autodiscover
        assert list(ours.agents) == ["nothing.slices"]


class TestPartitioner:
    """Kafka's own vectors (clients' UtilsTest), so that ours agrees with every Java producer."""

    VECTORS = (
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    )

    @pytest.mark.parametrize(("key", "expected"), VECTORS)
    def test_murmur2_is_java_s(self, key, expected):
        assert (murmur2(key) & 0xFFFFFFFF) == expected & 0xFFFFFFFF
        assert murmur2_partition(key, 4) == (expected & 0x7FFFFFFF) % 4

    def test_naive_librdkafka_s_default_puts_most_keys_elsewhere(self):
        """Its `consistent_random` is the CRC-32 of the key (CONFIGURATION.md, `partitioner`)."""
        keys = [b"tenant/network/charger-%d" % number for number in range(400)]
        astray = sum(zlib.crc32(key) % 4 != murmur2_partition(key, 4) for key in keys)
        assert 250 < astray < 350

    def test_ours_a_key_that_is_astray_is_refused(self, stage):
        """`charger-1` belongs into one partition of three; in any other it is parked."""
        key = b"charger-1"
        home = murmur2_partition(key, stage.partitions)
        record = Record("a", 0, 0, key, b"")
        settings = EngineSettings(bootstrap="", app_id="app")
        Applier(stage, settings, home, StateStore(stage.kinds)).check_key(record)
        elsewhere = Applier(stage, settings, (home + 1) % 3, StateStore(stage.kinds))
        with pytest.raises(BadRecord, match="murmur2"):
            elsewhere.check_key(record)
