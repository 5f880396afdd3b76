"""`holdfast decide release`: what a session is captured for where nothing else proves it."""

import asyncio
import time
from typing import Annotated

import typer

from schemas import ids
from schemas.decisions import ReleaseDecided
from schemas.ledger import SessionLedger
from streams.cli.answers import Decided
from streams.cli.place import OfDemo, cluster, placed
from streams.cli.screen import PROBLEM, Json, fail, out, print_json, settings_or_exit
from streams.decisions import ledgers_of, write_decision
from streams.reading import reader

decide = typer.Typer(help="What people decide about a session's money.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    app.add_typer(decide, name="decide")


@decide.callback()
def _group() -> None:
    """Keeps `release` a command of its own while it is the only one."""


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
    settings = placed(settings_or_exit(), demo=demo)
    with cluster(settings) as bootstrap:
        known = asyncio.run(_known(bootstrap, settings.kafka.partitions, session))
        if len(known) != 1:
            words = "no session is known" if not known else "several sessions are known"
            fail(f"{words} as {session!r}", PROBLEM)
        (one,) = known.values()
        decision = _decision(one, (energy_wh, amount_minor), (by, why, evidence))
        partitions = settings.kafka.partitions
        asyncio.run(write_decision(bootstrap, partitions, decision, one.session_id))
    done = Decided(id=decision.decision_id, session_id=one.session_id, decision="release", who=by)
    if json:
        print_json(done)
    else:
        out.print(f"release: {done.id}, session {done.session_id}", markup=False)


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
