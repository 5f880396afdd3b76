"""`holdfast explain SESSION`: facts, decisions with their rule, holds, where the money is."""

import asyncio
from collections.abc import Iterator
from typing import Annotated, Any

import msgspec
import typer
from rich.markup import escape

from schemas.commands import Command
from schemas.facts import Fact
from schemas.ledger import HoldLine, SessionLedger
from schemas.money import Money, UnknownCurrency
from streams.app import iso
from streams.cli.place import OfDemo, cluster, placed
from streams.cli.screen import PROBLEM, Json, fail, out, print_json, settings_or_exit
from streams.reading import reader
from streams.story import Story, Told, find_story

_HIDDEN = frozenset(
    "tenant session_id provider network charger_id evse_uid connector_id idempotency_key body_hash "
    "policy_version performer original flags signed_data command_id hold_id rule".split()
)
_MINOR = "_minor"


def register(app: typer.Typer) -> None:
    app.command("explain", help="Tell one session's story: facts, decisions, where the money is.")(
        explain
    )


def explain(
    session: Annotated[str, typer.Argument(help="Session id, or the terminal's reference.")],
    demo: OfDemo = False,
    json: Json = False,
) -> None:
    settings = placed(settings_or_exit(), demo=demo)
    with cluster(settings) as bootstrap:
        story = asyncio.run(_found(bootstrap, settings.kafka.partitions, session))
    if story is None or not story.told:
        fail(f"no session {session!r} is known", PROBLEM)
    if json:
        told = [_plain(one) for one in story.told]
        print_json({"session": session, "story": told, "ledger": story.ledger})
        return
    for line in lines(story):
        out.print(line, soft_wrap=True)  # a terminal wraps by itself; a pipe wants whole lines


async def _found(bootstrap: str, partitions: int, name: str) -> Story | None:
    async with reader(bootstrap) as consumer:
        return await find_story(consumer, partitions, name)


def _plain(one: Told) -> dict[str, Any]:
    commands = one.step.commands if one.step is not None else []
    return {
        "clock_at": one.entry.clock_at,
        "input": f"{one.entry.topic}/{one.entry.partition}/{one.entry.offset}",
        "fact": type(one.fact).__name__ if one.fact is not None else "",
        "fields": _fields(one.fact) if one.fact is not None else {},
        "phase": one.step.ledger.phase if one.step and one.step.ledger else "",
        "commands": [
            {"command": type(each).__name__, "id": each.command_id, "rule": each.rule}
            for each in commands
        ],
        "trouble": one.trouble,
    }


def _fields(fact: Fact) -> dict[str, Any]:
    fields = msgspec.to_builtins(fact)
    return {name: value for name, value in fields.items() if name not in _HIDDEN and value != ""}


def lines(story: Story) -> Iterator[str]:
    """The story for people, in rich's markup. A phase is told where it changes only."""
    currency = story.ledger.currency if story.ledger is not None else ""
    now = explanation = ""
    for one in story.told:
        yield from _input(one, currency)
        ledger = one.step.ledger if one.step is not None else None
        if ledger is None or (ledger.phase, ledger.explanation) == (now, explanation):
            continue
        why = f": {escape(ledger.explanation)}" if ledger.explanation != explanation else ""
        now, explanation = ledger.phase, ledger.explanation
        yield f"    [dim]now {now}{why}[/dim]"
    if story.ledger is not None:
        yield from _money(story.ledger)


def _input(one: Told, currency: str) -> Iterator[str]:
    commands = one.step.commands if one.step is not None else []
    name = type(one.fact).__name__ if one.fact is not None else "(not read)"
    if name == "TimeReached" and not commands and not one.trouble:
        return
    words = _words(one.fact, currency) if one.fact is not None else ""
    yield f"[dim]{iso(one.entry.clock_at)}[/dim]  [bold]{name}[/bold]  {words}"
    if one.trouble:
        place = f"{one.entry.topic}/{one.entry.partition}/{one.entry.offset}"
        yield f"    [red]{escape(one.trouble)}[/red]  [dim]{place}[/dim]"
    for command in commands:
        yield from _command(command, currency)


def _command(command: Command, currency: str) -> Iterator[str]:
    name, rule = type(command).__name__, command.rule
    yield f"    -> [cyan]{name}[/cyan] {command.command_id}  [dim]rule {rule}[/dim]"
    yield f"       [dim]{_words(command, currency)}[/dim]"


def _words(fact: Fact, currency: str) -> str:
    """Fields as `name=value`: instants in UTC, amounts in `currency` unless the fact names one."""
    fields = _fields(fact)
    currency = fields.pop("currency", "") or currency
    words = {}
    for name, value in fields.items():
        if value == -1 or (value == 0 and name.endswith("_at")):
            continue  # not told
        if name.endswith("_at"):
            words[name] = iso(value)
        elif name.endswith(_MINOR):
            words[name.removesuffix(_MINOR)] = _amount(currency, value)
        else:
            words[name] = str(value)
    if fields.get("declared_kind") == "amount":
        words["declared_value"] = _amount(currency, fields["declared_value"])
    return escape(" ".join(f"{name}={value}" for name, value in words.items()))


def _amount(currency: str, minor: int) -> str:
    try:
        return str(Money(currency, minor))
    except UnknownCurrency:
        return f"{minor} minor units"


def _money(ledger: SessionLedger) -> Iterator[str]:
    currency = ledger.currency
    yield f"[bold]{ledger.session_id}[/bold]: {ledger.phase}"
    for hold in ledger.holds:
        yield f"  {hold.hold_id}: {_hold(hold, currency)}"
    if ledger.risk_open:
        since = f"since {iso(ledger.risk_since_at)}"
        seen, worst = _of(ledger, "risk_seen", currency), _of(ledger, "risk_worst", currency)
        held = _of(ledger, "open", currency)
        yield f"  charger not heard of {since}: held {held}, last seen {seen}, at worst {worst}"
    parts = ("captured", "arrears", "forgiven")
    sums = " + ".join(f"{part} {_of(ledger, part, currency)}" for part in parts)
    if ledger.refunded_minor:
        sums += f" - refunded {_of(ledger, 'refunded', currency)}"
    priced, proof = _of(ledger, "priced", currency), ledger.proof or "none"
    yield f"  priced {priced} = {sums}; proof {proof}"


def _hold(hold: HoldLine, currency: str) -> str:
    parts = ("captured", "released", "lapsed", "open")
    sums = " + ".join(f"{part} {_of(hold, part, currency)}" for part in parts)
    return f"approved {_of(hold, 'approved', currency)} = {sums}"


def _of(line: HoldLine | SessionLedger, what: str, currency: str) -> str:
    return _amount(currency, getattr(line, f"{what}{_MINOR}"))
