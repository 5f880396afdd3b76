"""A world's story in lines: what went in, what came out, what moved at the banks."""

from collections.abc import Iterator

from schemas.commands import MoneyCommand
from schemas.facts import (
    AcquirerAnswered,
    AcquirerNotified,
    ChargingEnded,
    DiscrepancyChanged,
    Fact,
    MeterReading,
)
from streams.simulation.plans import T0
from streams.simulation.world import World

_SHORT = 6


def story_of(world: World) -> Iterator[str]:
    """In the order of virtual time: `->` a fact, `<-` a command, `!!` for people, `$` money."""
    plan = world.plan
    yield f"seed {plan.seed}: {plan.operator.name}, {plan.partitions} partitions"
    for one in plan.sessions:
        name = next(
            session_id
            for session_id, watched in world.checker.sessions.items()
            if watched.plan is one
        )
        yield f"session {name[:_SHORT]}: {one}"
    lines = [(at, 0, f"{mark} {words(fact)}") for at, mark, fact in world.story or ()]
    lines += [
        (one.at, 1, f"$  {one.session_id[:_SHORT]} {one.what} {one.amount} {one.currency}")
        for one in world.bank.ledger
    ]
    for at, _, line in sorted(lines, key=lambda one: one[:2]):
        yield f"{_clock(at - T0)} {line}"
    for ledger in world.ledgers.values():
        yield (
            f"{ledger.session_id[:_SHORT]} ends {ledger.phase} {ledger.closed_reason}: priced"
            f" {ledger.priced_minor}, captured {ledger.captured_minor}, released"
            f" {ledger.released_minor}, lapsed {ledger.lapsed_minor}, arrears"
            f" {ledger.arrears_minor}"
        )
    yield from (f"WRONG {one}" for one in world.checker.found)


def words(fact: Fact) -> str:
    """One fact or command in a few words."""
    session = getattr(fact, "session_id", "")[:_SHORT]
    whose = session or getattr(fact, "transaction_id", "")
    return f"{whose} {_what(fact)}"


def _what(fact: Fact) -> str:
    match fact:
        case AcquirerAnswered():
            return f"answer to {_path(fact.command_id)}: {fact.outcome} {fact.amount_minor}"
        case AcquirerNotified():
            return f"{fact.event} {fact.amount_minor}"
        case MoneyCommand():
            return f"{_path(fact.command_id)} {fact.amount_minor} by {fact.rule}"
        case MeterReading() | ChargingEnded():
            return f"{type(fact).__name__} {fact.seq}: {fact.energy_wh} Wh"
        case DiscrepancyChanged():
            return f"{fact.kind} {fact.status}: {fact.detail}"
        case _:
            rule = getattr(fact, "rule", "")
            return type(fact).__name__ + (f" by {rule}" if rule else "")


def _path(command_id: str) -> str:
    return command_id.partition("/")[2]


def _clock(ms: int) -> str:
    minutes, rest = divmod(ms, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:>4}:{minutes:02}:{rest // 1000:02}.{rest % 1000:03}"
