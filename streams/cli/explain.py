"""`holdfast explain SESSION`: facts, decisions with their rule, holds, where the money is."""

import asyncio
from typing import Annotated, Any

import msgspec
import typer
from rich.table import Table

from schemas.facts import Fact
from schemas.ledger import SessionLedger
from schemas.money import Money
from streams.app import iso
from streams.cli.place import OfDemo, cluster, placed
from streams.cli.screen import PROBLEM, Json, fail, out, print_json, settings_or_exit
from streams.reading import reader
from streams.story import Told, find_session, tell_story

_HIDDEN = frozenset(
    "tenant session_id provider network charger_id evse_uid connector_id idempotency_key body_hash "
    "policy_version performer original flags signed_data command_id hold_id rule".split()
)


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
        told = asyncio.run(_told(bootstrap, settings.kafka.partitions, session))
    if not told:
        fail(f"no session {session!r} is known", PROBLEM)
    ledger = next((one.step.ledger for one in reversed(told) if one.step and one.step.ledger), None)
    if json:
        print_json({"session": session, "story": [_plain(one) for one in told], "ledger": ledger})
        return
    explanation = ""
    for one in told:
        _print_one(one, explanation)
        if one.step is not None and one.step.ledger is not None:
            explanation = one.step.ledger.explanation
    if ledger is not None:
        out.print(_money_table(ledger))


async def _told(bootstrap: str, partitions: int, name: str) -> list[Told]:
    async with reader(bootstrap) as consumer:
        session_id = await find_session(consumer, partitions, name)
        if session_id is None:
            return []
        return await tell_story(consumer, partitions, session_id)


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
    }


def _fields(fact: Fact) -> dict[str, Any]:
    fields = msgspec.to_builtins(fact)
    return {name: value for name, value in fields.items() if name not in _HIDDEN and value != ""}


def _words(fact: Fact) -> str:
    shown = (
        f"{name}={iso(value) if name.endswith('_at') else value}"
        for name, value in _fields(fact).items()
    )
    return " ".join(shown)


def _print_one(one: Told, explained: str) -> None:
    commands = one.step.commands if one.step is not None else []
    name = type(one.fact).__name__ if one.fact is not None else "(no longer readable)"
    if name == "TimeReached" and not commands:
        return
    words = _words(one.fact) if one.fact is not None else ""
    out.print(f"[dim]{iso(one.entry.clock_at)}[/dim]  [bold]{name}[/bold]  {words}")
    for command in commands:
        out.print(
            f"    -> [cyan]{type(command).__name__}[/cyan] {command.command_id}"
            f"  [dim]rule {command.rule}[/dim]"
        )
        out.print(f"       [dim]{_words(command)}[/dim]")
    if one.step is not None and one.step.ledger is not None:
        ledger = one.step.ledger
        words = f": {ledger.explanation}" if ledger.explanation != explained else ""
        out.print(f"    [dim]now {ledger.phase}{words}[/dim]")


def _money_table(ledger: SessionLedger) -> Table:
    table = Table(title=f"{ledger.session_id}: {ledger.phase}", box=None, pad_edge=False)
    for column in ("", "approved", "captured", "released", "lapsed", "open"):
        table.add_column(column)
    for hold in ledger.holds:
        amounts = (
            hold.approved_minor,
            hold.captured_minor,
            hold.released_minor,
            hold.lapsed_minor,
            hold.open_minor,
        )
        table.add_row(hold.hold_id, *(str(Money(ledger.currency, one)) for one in amounts))
    priced = Money(ledger.currency, ledger.priced_minor)
    table.caption = (
        f"priced {priced} = captured {ledger.captured_minor} + arrears {ledger.arrears_minor}"
        f" + forgiven {ledger.forgiven_minor}; proof {ledger.proof or 'none'}"
    )
    return table
