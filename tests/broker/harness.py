"""The pipeline as real processes on a real broker, with everything in reach that can be broken.

Link, sessions, executor and sink are children of a supervisor, as in `holdfast up`; the acquirer is
its simulator behind a `FaultProxy`. Nothing of the pipeline is replaced.
"""

import asyncio
import dataclasses
import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import msgspec
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from harness_checks import Before
from harness_load import Days
from harness_proxy import FaultProxy
from pydantic import SecretStr

from connectors.fiscal.simulator.process import FiscalProcess
from connectors.fiscal.simulator.server import Config
from connectors.kafka.local import LocalKafka
from streams.crash_points import VARIABLE
from streams.demo.report import Books, Oracle
from streams.demo.run import BEGIN_AT
from streams.demo.scenery import COUNTRY, executor_accounts, tariffs
from streams.demo.simulated import simulated_acquirer
from streams.engine.supervisor import RestartPolicy, Supervisor, What
from streams.reading import reader
from streams.settings import Kafka, Settings
from streams.sink.asking import RunningSink, SinkAway
from streams.stack import Stack, child, environment, query_port
from streams.verify import Scope, simulator_books, verify

POLICY_FILE = Path(__file__).parents[1] / "policies" / "matrix.toml"
STAGES = ("link", "sessions")
COUNTRY_OF_RECEIPTS = "AT"
CHAIN = "ATU1"
RECEIPTS = f"""

[fiscal.{COUNTRY_OF_RECEIPTS}]
regime = "SIGN_CHAINED"
chain = "{CHAIN}"
"""
_SCRIPTED_DAYS = 60  # so many have bad days at the acquirer too; the ids must be known beforehand
_REACHED_WITHIN_S = 120
_ASSIGNED = re.compile(r"assigned partitions \[(.*)\]")
# Kills come faster here than a supervisor's patience with a child that keeps dying.
_RESTART = RestartPolicy(healthy_after_s=3, cap_s=1, limit=None)


class NeverReached(AssertionError):
    """What a fault waits for did not come: nobody was at the crash point, no money was moved."""


def owned(log):
    """The partitions that the newest process with this log was told to have; [] at first."""
    told = _ASSIGNED.findall(log.read_text(errors="replace")) if log.exists() else []
    return [part for part in told[-1].split(", ") if part] if told else []


class World:
    """One stack. `deaths`: (monotonic instant, child) of each that ended without being asked;
    `happened`: (monotonic instant, what, child) of everything that the supervisors told.

    `beside`: what else stands behind a proxy: "fiscal" (then all drivers charge where receipts are
    signed) or "clickhouse" (a server instead of the sink's own engine).
    """

    def __init__(
        self, base, seed, *, nodes=1, partitions=4, sessions=40, bad_day_percent=20, beside=""
    ):
        self.seed = seed
        self.base = base
        self.deaths = []
        self.happened = []
        self._nodes = nodes
        self._exits = ExitStack()
        self.before = Before()
        self._supervisors = {}
        self._staff = {}
        self._crash_folder = base / "crash"
        self._beside = beside
        self.settings = Settings(
            state_dir=base / "state",
            policy_file=base / "policy.toml",
            kafka=Kafka(replication=nodes, partitions=partitions),
            clock={"source": "replay"},
        )
        country = COUNTRY_OF_RECEIPTS if beside == "fiscal" else COUNTRY
        self.days = Days(self, sessions, bad_day_percent, country)

    def __enter__(self):
        try:
            self._open()
        except BaseException:
            self._exits.close()
            raise
        return self

    def __exit__(self, *_):
        self._exits.close()

    def _open(self):
        self._crash_folder.mkdir(parents=True)
        self.settings.policy_file.write_text(POLICY_FILE.read_text() + RECEIPTS)
        enter = self._exits.enter_context
        self.broker = LocalKafka(self.base / "kafka", nodes=self._nodes)
        self._exits.callback(self.broker.stop)
        kafka = self.settings.kafka.model_copy(update={"bootstrap": self.broker.start()})
        settings = self.settings.model_copy(update={"kafka": kafka})
        self.stack = enter(Stack(settings, lambda _: None))
        bad_days = [
            one
            for number in range(1, _SCRIPTED_DAYS + 1)
            for one in self.days.fleet(number, BEGIN_AT).bad_day_sessions()
        ]
        self.acquirer, settings = enter(simulated_acquirer(settings, self.seed, bad_days))
        host, port = self.acquirer.base_url.removeprefix("http://").split(":")
        self.to_acquirer = enter(FaultProxy(host, int(port)))
        accounts = executor_accounts(self.to_acquirer.url)
        settings.executor.accounts_file.write_bytes(msgspec.json.encode(accounts))
        if self._beside == "fiscal":
            settings = self._with_fiscal(settings)
        if self._beside == "clickhouse":
            settings = self._with_clickhouse(settings)
        self.settings = settings
        self.stack.publish_policy()
        self.stack.publish([*tariffs(settings.tenant, BEGIN_AT).values()])

    def _with_fiscal(self, settings):
        enter = self._exits.enter_context
        self.fiscal = enter(FiscalProcess(Config(latency_ms=20), self.base / "fiscal"))
        port = int(self.fiscal.base_url.rpartition(":")[2])
        self.to_fiscal = enter(FaultProxy("127.0.0.1", port))
        account = {"base_url": self.to_fiscal.url, "cashbox_id": "box", "pos_system_id": "pos"}
        file = self.base / "chains.json"
        file.write_bytes(msgspec.json.encode({CHAIN: account}))
        fiscal = settings.fiscal.model_copy(update={"accounts_file": file})
        return settings.model_copy(update={"fiscal": fiscal})

    def _with_clickhouse(self, settings):
        program, file = Path(__file__).with_name("harness_clickhouse.py"), self.base / "ch.port"
        log = self._exits.enter_context((self.base / "clickhouse.log").open("wb"))
        server = subprocess.Popen(
            [sys.executable, program, self.base / "clickhouse", file],
            stdin=subprocess.PIPE, stdout=log, stderr=log,
        )  # fmt: skip
        self._exits.callback(server.stdin.close)
        self._exits.callback(server.wait)
        self._exits.callback(server.kill)
        until_s = time.monotonic() + 60
        while not file.exists():
            assert server.poll() is None, (self.base / "clickhouse.log").read_text()[-2000:]
            assert time.monotonic() < until_s
            time.sleep(0.1)
        self.to_clickhouse = self._exits.enter_context(
            FaultProxy("127.0.0.1", int(file.read_text()))
        )
        place = f"127.0.0.1:{self.to_clickhouse.port}"
        dsn = SecretStr(f"clickhouse://default:@{place}/default?compress=false")
        return settings.model_copy(
            update={"clickhouse": settings.clickhouse.model_copy(update={"dsn": dsn})}
        )

    @property
    def bootstrap(self):
        return self.settings.kafka.bootstrap

    # --- processes ---

    def spec(self, name, *arguments, silence_s=5.0):
        spec = child(self.settings, name, arguments)
        env = {**spec.env, VARIABLE: str(self._crash_folder)}
        return dataclasses.replace(spec, env=env, restart=_RESTART, silence_s=silence_s)

    def workers(self, slot, *, silence_s=5.0):
        stages = (*STAGES, "fiscal") if self._beside == "fiscal" else STAGES
        return [
            self.spec(
                f"{name}-{slot}", "worker", "--stage", name, "--slot", str(slot),
                silence_s=silence_s,
            )
            for name in stages
        ]  # fmt: skip

    def others(self):
        names = ["executor", "sink", *(["fiscal"] if self._beside == "fiscal" else [])]
        return [self.spec(name, name) for name in names]

    async def staff(self, workers, silence_s):
        """So many workers, each with partitions of its own, however many there are now."""
        for slot in sorted(self._staff):
            if slot >= workers or self._staff[slot] != silence_s:
                await self.dismiss(slot)
        for slot in range(workers):
            if slot not in self._staff:
                await self.hire(slot, silence_s)
        await asyncio.gather(*(self.takes_part(slot) for slot in range(workers)))

    async def hire(self, slot, silence_s=5.0):
        for spec in self.workers(slot):
            if spec.log.exists():  # whoever had this place before
                spec.log.rename(f"{spec.log}.{time.monotonic_ns()}")
        await asyncio.to_thread(self.run, f"worker-{slot}", self.workers(slot, silence_s=silence_s))
        self._staff[slot] = silence_s

    async def dismiss(self, slot):
        await asyncio.to_thread(self.end, f"worker-{slot}")
        del self._staff[slot]

    def log(self, name):
        return self.settings.state_dir / "logs" / f"{name}.log"

    async def takes_part(self, slot):
        """Wait until each stage of this worker has partitions."""
        for spec in self.workers(slot):
            await self.until(lambda log=spec.log: owned(log), f"{spec.name} gets no partitions")

    def run(self, group, specs):
        """Keep these children running until `end(group)`, or the end of the world."""
        supervisor = Supervisor(specs, on_event=self._happened)
        supervisor.start()
        self._supervisors[group] = supervisor
        self._exits.callback(supervisor.stop)

    def end(self, group):
        self._supervisors.pop(group).stop()

    def signal(self, name, sig=signal.SIGKILL):
        """Signal a child by its name; the monotonic instant."""
        for supervisor in self._supervisors.values():
            if name in supervisor.pids():
                supervisor.kill(name, sig)
                return time.monotonic()
        raise KeyError(name)

    def died(self, name, since_s):
        """Whether a child of this name ended since then."""
        return any(at >= since_s and one == name for at, one in self.deaths)

    def began_to_beat(self, name):
        """When the newest process of this name gave its first sign of life."""
        return max(at for at, what, one in self.happened if (what, one) == ("alive", name))

    def names(self):
        return sorted(name for one in self._supervisors.values() for name in one.pids())

    def _happened(self, event):
        self.happened.append((time.monotonic(), event.what.removeprefix("child "), event.name))
        if event.what is What.DIED:
            self.deaths.append((time.monotonic(), event.name))

    # --- crash points ---

    async def crash(self, at, nth=1):
        """Ask for a death at `PROCESS.POINT` and wait for it; its monotonic instant."""
        process, _, point = at.partition(".")
        request, done = self._crash_folder / at, self._crash_folder / f"{at}.done"
        done.unlink(missing_ok=True)
        before = len(self.deaths)
        written = self._crash_folder / ".new"
        written.write_text(str(nth))
        written.rename(request)
        if point in ("assignment", "restore"):  # only who comes up gets there
            self.signal(f"{process}-0")
        await self.until(done.exists, f"nobody came to {at}")
        died = await self.until(lambda: self._death_of(process, before, done), f"{at}: no death")
        done.unlink()
        return died

    def _death_of(self, process, before, done):
        """The newest death of the process since, once the request was met."""
        found = [at for at, name in self.deaths[before:] if name.partition("-")[0] == process]
        met_ago_s = time.time() - done.stat().st_ctime
        return next((at for at in found if at >= time.monotonic() - met_ago_s - 0.01), None)

    async def until(self, ask, otherwise):
        """What `ask()` says once it says something. Raises NeverReached."""
        until_s = time.monotonic() + _REACHED_WITHIN_S
        while not (found := ask()):
            if time.monotonic() > until_s:
                raise NeverReached(otherwise)
            await asyncio.sleep(0.02)
        return found

    # --- what came of it ---

    async def ends(self, topic):
        """How far its partitions are written, in sum; it grows by each transaction that wrote."""
        parts = [TopicPartition(topic, one) for one in range(self.settings.kafka.partitions)]
        async with reader(self.bootstrap) as consumer:
            return sum((await consumer.end_offsets(parts)).values())

    async def in_sync(self):
        """Wait until every replica of every partition is in step with its leader."""
        until_s = time.monotonic() + _REACHED_WITHIN_S
        while lagging := await self._lagging():
            if time.monotonic() > until_s:
                raise NeverReached(f"not in sync: {lagging[:5]}")
            await asyncio.sleep(0.5)

    async def _lagging(self):
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await admin.start()
        try:
            found = await admin.describe_topics()
        finally:
            await admin.close()
        return [
            f"{topic['topic']}/{part['partition']}"
            for topic in found
            for part in topic["partitions"]
            if len(part["isr"]) < len(part["replicas"])
        ]

    def oracle(self):
        by_session = {}
        for hold in self.acquirer.holds():
            books = Books(
                approved=hold.approved_minor,
                captured=hold.captured_minor,
                released=hold.released_minor,
                lapsed=hold.lapsed_minor,
                open=hold.open_minor,
            )
            by_session.setdefault(hold.session_id, Books()).add(books)
        summary = self.acquirer.summary()
        return Oracle(
            by_session=by_session,
            duplicate_captures=summary.duplicate_captures + summary.duplicate_captures_by_session,
            captures_above_hold=summary.captures_above_hold,
            unbalanced_holds=summary.unbalanced_holds,
        )

    def audited(self):
        """What the auditor says of everything since the world began."""
        done = subprocess.run(
            [sys.executable, "-m", "streams", "audit", "--once", "--json"],
            env={**_plain_environment(), **environment(self.settings)},
            capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        lines = done.stdout.splitlines()
        if not lines or done.returncode not in (0, 1):
            raise AssertionError(f"audit ended with {done.returncode}: {done.stderr[-2000:]}")
        return json.loads(lines[-1])

    def verified(self):
        """Topics, ClickHouse and the acquirer's books; waits for the sink."""
        books = simulator_books(self.acquirer.database)
        return asyncio.run(verify(Scope(bootstrap=self.bootstrap), self.sink(), books))

    def sink(self):
        port = query_port(self.settings.state_dir)
        if port is None:
            raise SinkAway("no port yet")
        return RunningSink(f"http://127.0.0.1:{port}")


def _plain_environment():
    return {name: value for name, value in os.environ.items() if not name.startswith("HOLDFAST_")}
