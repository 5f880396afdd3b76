"""The soak: two workers under load, killed and stopped at random; then the books are checked.

For longer runs than CI's: `python tests/engine/soak/run.py BOOTSTRAP --seed 7 --events 60`.
"""

import argparse
import asyncio
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

sys.path.insert(0, str(Path(__file__).parent))
from load import PARTITIONS, Load

sys.path.pop(0)

HERE = Path(__file__).parent
POSITIONS_KEY = b"\x00positions"
LAG_BAR_S = 15.0
"""Of a run by hand: inside CI other tests want the same cores, and only what is never is wrong."""
_WORKERS = 2
_GIVE_UP = 240.0


@dataclass
class Report:
    seed: int
    kills: int = 0
    stops: int = 0
    lag_seconds: list[float] = field(default_factory=list)
    records: int = 0
    problems: list[str] = field(default_factory=list)
    events: list[str] = field(default_factory=list)

    def line(self) -> str:
        ordered = sorted(self.lag_seconds)
        p50 = ordered[len(ordered) // 2]
        p95 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
        return (
            f"seed {self.seed}: {self.kills} kills, {self.stops} stops, {self.records} records;"
            f" lag zero after p50 {p50:.1f} s, p95 {p95:.1f} s, worst {ordered[-1]:.1f} s;"
            f" {len(self.problems)} problems"
        )


class Follower:
    """Positions by input and partition, read from the state topic as the engine reads them."""

    def __init__(self, bootstrap: str, app_id: str) -> None:
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=bootstrap,
            isolation_level="read_committed",
            auto_offset_reset="earliest",
            enable_auto_commit=False,
        )
        self._app_id = app_id
        self.positions: dict[TopicPartition, int] = {}

    async def run(self) -> None:
        await self._consumer.start()
        try:
            self._consumer.assign(_places(f"{self._app_id}.state"))
            while True:
                await self._read()
        finally:
            await self._consumer.stop()

    async def _read(self) -> None:
        for place, records in (await self._consumer.getmany(timeout_ms=200)).items():
            for record in records:
                if record.key == POSITIONS_KEY:
                    for topic, at in msgspec.msgpack.decode(record.value)[3].items():
                        self.positions[TopicPartition(topic, place.partition)] = at


class Workers:
    def __init__(self, bootstrap: str, app_id: str, log: Path) -> None:
        self._command = [sys.executable, str(HERE / "worker.py"), bootstrap, app_id]
        self._log = log.open("ab")
        self._alive: dict[int, subprocess.Popen[bytes]] = {}
        self.wanted = set(range(_WORKERS))

    def start(self, slot: int) -> None:
        env = dict(os.environ, PYTHONWARNINGS="default")
        command = [*self._command, str(slot)]
        self._alive[slot] = subprocess.Popen(command, stderr=self._log, stdout=self._log, env=env)

    def keep(self) -> None:
        """What a supervisor does: whoever ended is started again."""
        for slot in self.wanted:
            if slot not in self._alive or self._alive[slot].poll() is not None:
                self.start(slot)

    def signal(self, slot: int, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            self._alive[slot].send_signal(number)

    def end(self) -> None:
        for process in self._alive.values():
            if process.poll() is None:
                process.kill()
            process.wait()
        self._log.close()


def _places(topic: str) -> list[TopicPartition]:
    return [TopicPartition(topic, partition) for partition in range(PARTITIONS)]


async def soak(bootstrap: str, app_id: str, *, seed: int, events: int, log: Path) -> Report:
    report = Report(seed)
    await _create_topics(bootstrap, app_id)
    workers = Workers(bootstrap, app_id, log)
    follower = Follower(bootstrap, app_id)
    load = Load(bootstrap, app_id, seed)
    helpers = [asyncio.create_task(follower.run()), asyncio.create_task(_keep(workers))]
    loading = asyncio.create_task(load.run())
    try:
        await _both_up(log)
        await _disturb(bootstrap, app_id, workers, follower, report, events)
        load.stop()
        await loading
        ends = await _ends(bootstrap, app_id)
        report.problems += await _wait_for(follower, ends, time.monotonic(), Report(seed))
    finally:
        for task in [*helpers, loading]:
            task.cancel()
        await asyncio.gather(*helpers, loading, return_exceptions=True)
        workers.end()
    await _check(bootstrap, app_id, load, report)
    return report


async def _both_up(log: Path) -> None:
    """Each worker was given its half."""
    began = time.monotonic()
    while _halves_given(log) < _WORKERS:
        await asyncio.sleep(0.2)
        if time.monotonic() - began > _GIVE_UP:
            raise TimeoutError("the workers do not come up")


def _halves_given(log: Path) -> int:
    return len(re.findall(r"assigned partitions \[\d, \d\]", log.read_text()))


async def _keep(workers: Workers) -> None:
    while True:
        workers.keep()
        await asyncio.sleep(0.2)


async def _disturb(
    bootstrap: str, app_id: str, workers: Workers, follower: Follower, report: Report, events: int
) -> None:
    chance = random.Random(report.seed)
    for index in range(events):
        slot = chance.randrange(_WORKERS)
        ends = await _ends(bootstrap, app_id)
        began = time.monotonic()
        if index % 2 == 0:
            report.kills += 1
            away = chance.choice([0.0, 0.0, 7.0])
            workers.wanted.discard(slot)
            workers.signal(slot, signal.SIGKILL)
        else:
            report.stops += 1
            away = chance.uniform(0.5, 9.0)
            workers.signal(slot, signal.SIGSTOP)
        back = asyncio.create_task(_bring_back(workers, slot, away))
        report.problems += await _wait_for(follower, ends, began, report)
        kind = "stop" if index % 2 else "kill"
        report.events.append(f"{kind} {slot} away {away:.1f} s: {report.lag_seconds[-1]:.1f} s")
        await back
        await asyncio.sleep(chance.uniform(0.2, 2.0))


async def _bring_back(workers: Workers, slot: int, away: float) -> None:
    await asyncio.sleep(away)
    workers.signal(slot, signal.SIGCONT)
    workers.wanted.add(slot)


async def _wait_for(
    follower: Follower, ends: dict[TopicPartition, int], began: float, report: Report
) -> list[str]:
    """Wait until everything up to `ends` is applied; note how long it took."""
    while True:
        behind = {p: end for p, end in ends.items() if follower.positions.get(p, 0) < end}
        seconds = time.monotonic() - began
        if not behind:
            report.lag_seconds.append(seconds)
            return []
        if seconds > _GIVE_UP:
            have = {p: follower.positions.get(p) for p in behind}
            report.lag_seconds.append(seconds)
            return [f"never applied {behind}, stands at {have}"]
        await asyncio.sleep(0.05)


async def _ends(bootstrap: str, app_id: str) -> dict[TopicPartition, int]:
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, isolation_level="read_committed")
    async with consumer:
        return dict(await consumer.end_offsets(_places(f"{app_id}.a") + _places(f"{app_id}.b")))


async def _create_topics(bootstrap: str, app_id: str) -> None:
    names = [f"{app_id}.{name}" for name in ("a", "b", "out", "state", "parked")]
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, PARTITIONS, 1) for name in names])
    finally:
        await admin.close()


async def _records(bootstrap: str, topic: str) -> list[Any]:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    found = []
    async with consumer:
        places = _places(topic)
        consumer.assign(places)
        ends = await consumer.end_offsets(places)
        await consumer.seek_to_beginning(*places)
        while any([await consumer.position(place) < ends[place] for place in places]):
            for records in (await consumer.getmany(timeout_ms=200)).values():
                found += records
    return found


async def _check(bootstrap: str, app_id: str, load: Load, report: Report) -> None:
    """Inputs, outputs, state and positions must tell the same story."""
    inputs: Counter[str] = Counter()
    by_key: dict[tuple[int, bytes], Counter[str]] = {}
    for name in "ab":
        for record in await _records(bootstrap, f"{app_id}.{name}"):
            inputs[f"{name}:{record.partition}:{record.offset}"] += 1
            by_key.setdefault((record.partition, record.key), Counter())[name] += 1
    report.records = inputs.total()
    if report.records != load.acknowledged.total() + load.sent_b.total():
        report.problems.append("the load itself lost or repeated records")
    _compare("output", dict(inputs), dict(await _outputs(bootstrap, app_id, report)), report)
    counts = {
        (record.partition, record.key[1:]): msgspec.msgpack.decode(record.value)[1:]
        for record in await _records(bootstrap, f"{app_id}.state")
        if record.key.startswith(b"k")
    }
    expected = {place: [c["a"], c["b"]] for place, c in by_key.items()}
    _compare("state", expected, counts, report)
    if parked := await _records(bootstrap, f"{app_id}.parked"):
        report.problems.append(f"{len(parked)} records parked")


async def _outputs(bootstrap: str, app_id: str, report: Report) -> Counter[str]:
    """How often each input record was answered; a barrier that passed early is a problem."""
    outputs: Counter[str] = Counter()
    for record in await _records(bootstrap, f"{app_id}.out"):
        text = record.value.decode()
        if text.startswith("late:"):
            report.problems.append(f"barrier passed early: {text}")
        else:
            outputs[":".join(text.split(":")[:3])] += 1
    return outputs


def _compare(what: str, expected: dict[Any, Any], found: dict[Any, Any], report: Report) -> None:
    wrong = [k for k in expected.keys() | found.keys() if expected.get(k) != found.get(k)]
    for key in wrong[:5]:
        report.problems.append(f"{what} {key}: {found.get(key)}, expected {expected.get(key)}")
    if len(wrong) > 5:
        report.problems.append(f"{what}: {len(wrong)} differences")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bootstrap")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 100_000)
    parser.add_argument("--events", type=int, default=40)
    parser.add_argument("--log", type=Path, default=Path("soak.log"))
    given = parser.parse_args()
    app_id = f"soak-{given.seed}-{os.getpid()}"
    report = asyncio.run(
        soak(given.bootstrap, app_id, seed=given.seed, events=given.events, log=given.log)
    )
    late = [one for one in report.lag_seconds if one > LAG_BAR_S]
    report.problems += [f"lag zero only after {seconds:.1f} s" for seconds in late]
    sys.stdout.write("\n".join([*report.events, report.line(), *report.problems, ""]))
    return 1 if report.problems else 0


if __name__ == "__main__":
    sys.exit(main())
