"""What came of a row: each session's money against the acquirer's books, and everything else."""

import asyncio
import time
from collections import Counter

import msgspec
from aiokafka import TopicPartition

from connectors.clickhouse.rows import SUNK
from connectors.fiscal.simulator.books import verify
from schemas import ids
from schemas.topics import TOPICS
from streams.demo.report import report
from streams.reading import reader
from streams.sink.asking import SinkAway

_SINK_WITHIN_S = 240
_LOST = ("missing", "lost", "not-linked", "crossing-missed")


class Result(msgspec.Struct, kw_only=True):
    """One row. `recoveries`: each fault, and seconds until a later step is applied by everybody.

    `load`: the machine's over five minutes, at the row's end.
    """

    row: str
    seed: int
    began_at: int  # epoch seconds
    load: float = 0.0
    sessions: int = 0
    taken: int = 0
    applied: int = 0
    parked: int = 0
    lost: int = 0
    duplicates: int = 0
    recoveries: list[tuple[str, float]] = []
    seconds: float = 0.0
    note: str = ""
    problems: list[str] = []

    @property
    def p95(self):
        ordered = sorted(seconds for _, seconds in self.recoveries)
        return ordered[min(len(ordered) - 1, len(ordered) * 95 // 100)] if ordered else None

    @property
    def faults(self):
        return len(self.recoveries)

    @property
    def worst(self):
        return max(self.recoveries, key=lambda one: one[1], default=("", 0.0))

    @property
    def ok(self):
        return not (self.lost or self.duplicates or self.problems)


class Before(msgspec.Struct):
    """What the rows before this one on the same stack made the books and the auditor count.

    A row with anything lost or doubled is the last on its stack, so of losses there are none.
    """

    duplicates: int = 0
    flows: Counter = msgspec.field(default_factory=Counter)


def compared(world, load, result):
    """Each session of the day against the acquirer's own books and the price of what it took."""
    world.acquirer.move_clock(load.progress.now_at)
    found = report(load.fleet, load.ledgers, world.oracle(), 0)
    result.sessions += found.sessions
    result.lost += found.unfinished_sessions + found.wrong_amount_sessions
    result.problems += found.problems[:5]
    result.problems += [f"{found.open_minor} still open"] if found.open_minor else []
    if hasattr(world, "fiscal"):
        receipted(world, load, result)
    # Counted over the whole ledger, and so over the days before: what is new belongs to this row.
    duplicates = found.duplicate_captures + found.captures_above_hold
    result.duplicates += duplicates - world.before.duplicates
    world.before.duplicates = duplicates


def receipted(world, load, result):
    """Whatever was captured has one receipt at the service, and no link of its chain is missing."""
    journal = world.fiscal.journal()
    if not verify([one for one in journal if one.queue == journal[0].queue]):
        result.problems.append("the fiscal chain is broken")
    count = Counter(one.reference for one in journal)
    for session, ledger in load.ledgers.items():
        if session not in load.fleet.drivers or not ledger.captured_minor:
            continue
        sale = count[ids.idempotency_key(ledger.tenant, ids.receipt_id(session, "sale"))]
        result.lost += sale == 0
        result.duplicates += sale > 1
        if sale != 1 or ledger.receipt_status != "signed":
            result.problems.append(f"{session}: {sale} receipts, {ledger.receipt_status} here")


def checked(world, result):
    """The auditor over all topics, then topics, ClickHouse and the acquirer against each other."""
    audit, before = world.audited(), world.before
    flows = Counter()
    for flow in audit["flows"].values():
        flows.update({name: flow[name] for name in ("taken", "parked")})
        flows["applied"] += flow["applied"] + flow["repeated"]
        result.lost += flow["waiting"] + flow["lost"]
    result.taken = flows["taken"] - before.flows["taken"]
    result.applied = flows["applied"] - before.flows["applied"]
    result.parked = flows["parked"] - before.flows["parked"]
    before.flows = flows
    for one in audit["findings"]:
        result.lost += one["kind"] in _LOST
        result.duplicates += one["kind"] not in _LOST
        result.problems.append(f"audit: {one['kind']} {one['topic']} {one['what']} {one['detail']}")
    verified = world.verified()
    result.problems += [f"verify: {one}" for one in verified.differences[:5]]
    result.problems += [f"verify waits: {one}" for one in verified.waiting[:5]]


async def sink_caught_up(world):
    """The instant at which everything that the topics hold now is in ClickHouse."""
    parts = [
        (topic.name, number)
        for topic in TOPICS
        if topic.name in SUNK
        for number in range(topic.partitions(world.settings.kafka.partitions))
    ]
    async with reader(world.bootstrap) as consumer:
        ends = await consumer.end_offsets([TopicPartition(*part) for part in parts])
    until_s = time.monotonic() + _SINK_WITHIN_S
    while True:
        try:
            positions = await asyncio.to_thread(lambda: world.sink().positions())
        except SinkAway:
            positions = {}
        behind = {
            f"{part.topic}/{part.partition}": (
                positions.get(part.topic, {}).get(part.partition),
                end,
            )
            for part, end in ends.items()
            if positions.get(part.topic, {}).get(part.partition, -1) < end
        }
        if not behind:
            return time.monotonic()
        if time.monotonic() > until_s:
            raise AssertionError(f"the sink does not catch up: at, end {behind}")
        await asyncio.sleep(0.1)
