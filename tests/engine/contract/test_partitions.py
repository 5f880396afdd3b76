"""Which partition a key belongs to, and who owns it; no broker needed."""

import zlib
from types import SimpleNamespace

import pytest
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.partitioner import murmur2
from faust.assignor.partition_assignor import PartitionAssignor
from faust.transport.drivers import aiokafka as faust_driver

from streams.engine import driver
from streams.engine.batch import Applier
from streams.engine.settings import EngineSettings
from streams.engine.stage import BadRecord, Record
from streams.engine.state import StateStore
from streams.engine.transactions import murmur2_partition


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
