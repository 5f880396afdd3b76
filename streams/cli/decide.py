"""`holdfast decide release|refund|takeover`: what people decide about the money of a session."""

import asyncio
import time
from collections.abc import Callable
from typing import Annotated

import typer

from schemas import ids
from schemas.decisions import RefundDecided, ReleaseDecided, TakeoverDecided
from schemas.ledger import SessionLedger
from streams.cli.place import OfDemo, cluster, placed
from streams.cli.printed import Decided
from streams.cli.screen import PROBLEM, Json, err, fail, out, print_json, settings_or_exit
from streams.core.refunds import CORRECTION
from streams.decisions import ledgers_of, write_decision
from streams.reading import reader

MoneyDecision = ReleaseDecided | RefundDecided | TakeoverDecided
_WORDS: dict[type[MoneyDecision], str] = {
    ReleaseDecided: "release",
    RefundDecided: "refund",
    TakeoverDecided: "takeover",
}

decide = typer.Typer(help="What people decide about a session's money.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    app.add_typer(decide, name="decide")


@decide.command(
    "release",
    help="Capture a session for this energy, on your word. Above the policy's limit a second"
    " person has to decide the same.",
)
def release(  # noqa: PLR0913, PLR0917 - the options of a command line
    session: Annotated[str, typer.Argument(help="Session id, or the terminal's reference.")],
    energy_wh: Annotated[
        int, typer.Option("--energy-wh", min=0, max=10**9, help="What was delivered.")
    ],
    by: Annotated[str, typer.Option("--by", metavar="NAME", help="Who decides.")],
    why: Annotated[str, typer.Option("--why", metavar="TEXT", help="Why, for the record.")],
    evidence: Annotated[
        str, typer.Option("--evidence", metavar="TEXT", help="What it rests on, for the record.")
    ],
    amount_minor: Annotated[
        int,
        typer.Option("--amount-minor", min=-1, max=10**12, help="What it costs; by its tariff."),
    ] = -1,
    demo: OfDemo = False,
    json: Json = False,
) -> None:
    if not all(words.strip() for words in (by, why, evidence)):
        fail("--by, --why and --evidence: none may be empty", PROBLEM)
    said = (by, why, evidence)
    _decide(session, lambda one: _decision(one, (energy_wh, amount_minor), said), demo, json)


@decide.command(
    "refund",
    help="Give back captured money. The same id decides the same thing: told by a second person"
    " (--second) it is agreed to by both, above the policy's limit.",
)
def refund(  # noqa: PLR0913, PLR0917 - the options of a command line
    session: Annotated[str, typer.Argument(help="Session id, or the terminal's reference.")],
    amount_minor: Annotated[
        int, typer.Option("--amount-minor", min=1, max=10**12, help="In minor units.")
    ],
    decision: Annotated[
        str, typer.Option("--id", metavar="ID", help="Your name of it: a ticket, a case.")
    ],
    by: Annotated[str, typer.Option("--by", metavar="NAME", help="Who decides.")],
    why: Annotated[str, typer.Option("--why", metavar="TEXT", help="Why, for the record.")],
    evidence: Annotated[
        str, typer.Option("--evidence", metavar="TEXT", help="What it rests on, for the record.")
    ],
    second: Annotated[
        str, typer.Option("--second", metavar="NAME", help="Another person who agrees.")
    ] = "",
    reason: Annotated[
        str,
        typer.Option(
            help="A word for statistics. correction: so much too much was captured, and what goes"
            " back by itself is part of it; any other is given beside."
        ),
    ] = "goodwill",
    transfer: Annotated[
        bool, typer.Option("--transfer", help="It was paid back by credit transfer: record that.")
    ] = False,
    demo: OfDemo = False,
    json: Json = False,
) -> None:
    if not all(words.strip() for words in (decision, by, why, evidence)):
        fail("--id, --by, --why and --evidence: none may be empty", PROBLEM)

    def made(one: SessionLedger) -> RefundDecided:
        return RefundDecided(
            tenant=one.tenant,
            session_id=one.session_id,
            decision_id=decision,
            amount_minor=amount_minor,
            currency=one.currency,
            route="transfer" if transfer else "card",
            reason=reason,
            who=by,
            second_who=second,
            why=why,
            evidence=evidence,
            decided_at=time.time_ns() // 1_000_000,
        )

    _decide(session, made, demo, json)


@decide.command(
    "takeover",
    help="Have our executor capture in the place of who was to, who says that they have not and"
    " will not. Wants two people, each by a decision of their own, and an acquirer that captures a"
    " hold once.",
)
def takeover(
    session: Annotated[str, typer.Argument(help="Session id, or the terminal's reference.")],
    by: Annotated[str, typer.Option("--by", metavar="NAME", help="Who decides.")],
    why: Annotated[str, typer.Option("--why", metavar="TEXT", help="Why, for the record.")],
    evidence: Annotated[
        str, typer.Option("--evidence", metavar="TEXT", help="What the other side has confirmed.")
    ],
    demo: OfDemo = False,
    json: Json = False,
) -> None:
    if not all(words.strip() for words in (by, why, evidence)):
        fail("--by, --why and --evidence: none may be empty", PROBLEM)

    def made(one: SessionLedger) -> TakeoverDecided:
        if one.capture_by == "executor":
            fail("our executor captures this session already", PROBLEM)
        return TakeoverDecided(
            tenant=one.tenant,
            session_id=one.session_id,
            decision_id=ids.takeover_decision_id(one.session_id),
            who=by,
            why=why,
            evidence=evidence,
            decided_at=time.time_ns() // 1_000_000,
        )

    _decide(session, made, demo, json)


def _decide(
    session: str,
    made: Callable[[SessionLedger], MoneyDecision],
    demo: bool,  # noqa: FBT001 - options, handed on
    json: bool,  # noqa: FBT001 - the same
) -> None:
    settings = placed(settings_or_exit(), demo=demo)
    with cluster(settings) as bootstrap:
        known = asyncio.run(_known(bootstrap, settings.kafka.partitions, session))
        if len(known) != 1:
            words = "no session is known" if not known else "several sessions are known"
            fail(f"{words} as {session!r}", PROBLEM)
        (one,) = known.values()
        decision = made(one)
        if isinstance(decision, ReleaseDecided) and not was_begun(one):
            fail("nothing was begun in this session: there is nothing to decide yet", PROBLEM)
        partitions = settings.kafka.partitions
        asyncio.run(write_decision(bootstrap, partitions, decision, one.session_id))
    what = _WORDS[type(decision)]
    done = Decided(
        id=decision.decision_id,
        session_id=one.session_id,
        decision=what,
        who=decision.who,
        warnings=warnings_of(one, decision),
    )
    for words in done.warnings:
        err.print(words, style="yellow", markup=False, soft_wrap=True)
    if json:
        print_json(done)
    else:
        out.print(f"{what}: {done.id}, session {done.session_id}", markup=False)


def was_begun(one: SessionLedger) -> bool:
    """Whether energy can have flowed: else a release would be of another session than is meant."""
    asked = any(line.kind == "start" for line in one.commands)
    return asked or one.started_at > 0 or one.phase not in ("requested", "holding")


def warnings_of(one: SessionLedger, decision: MoneyDecision) -> list[str]:
    """What whoever decides to give money back should know of what is on its way already."""
    if not isinstance(decision, RefundDecided):
        return []
    found: list[str] = []
    if decision.reason != CORRECTION and one.phase == "refunding":
        found.append(
            "money goes back by itself already: this comes beside it; --reason correction counts it"
        )
    open_ones = [
        line
        for line in one.commands
        if line.kind == "refund" and line.outcome not in ("done", "declined", "failed")
    ]
    if decision.route == "transfer":
        found += [
            f"{line.command_id} over {line.amount_minor} has no verdict: if it is a yes, both went"
            for line in open_ones
        ]
    return found


def _decision(
    one: SessionLedger, figures: tuple[int, int], said: tuple[str, str, str]
) -> ReleaseDecided:
    energy_wh, amount_minor = figures
    who, why, evidence = said
    return ReleaseDecided(
        tenant=one.tenant,
        session_id=one.session_id,
        decision_id=ids.release_decision_id(one.session_id, energy_wh, amount_minor),
        energy_wh=energy_wh,
        amount_minor=amount_minor,
        who=who,
        why=why,
        evidence=evidence,
        decided_at=time.time_ns() // 1_000_000,
    )


async def _known(bootstrap: str, partitions: int, name: str) -> dict[str, SessionLedger]:
    async with reader(bootstrap) as consumer:
        return await ledgers_of(consumer, partitions, name)
