"""`holdfast links list|confirm|reject`: whom a fact without a session may belong to."""

import asyncio
import time
from typing import Annotated

import typer

from streams.app import iso
from streams.cli.place import OfDemo, cluster, placed
from streams.cli.printed import Decided, Links
from streams.cli.screen import (
    PROBLEM,
    USAGE,
    Json,
    fail,
    out,
    print_json,
    print_rows,
    settings_or_exit,
)
from streams.core.proposals import LinkProposal
from streams.decisions import write_decision
from streams.links import confirmation, proposed, rejection
from streams.reading import reader

links = typer.Typer(
    help="Facts without a session, and whom they may belong to.", no_args_is_help=True
)
Proposal = Annotated[str, typer.Argument(metavar="ID", help="As `links list` shows it.")]
By = Annotated[str, typer.Option("--by", metavar="NAME", help="Who decides.")]
Why = Annotated[str, typer.Option("--why", metavar="TEXT", help="Why, for the record.")]


def register(app: typer.Typer) -> None:
    app.add_typer(links, name="links")


@links.command("list", help="Proposals that wait for a decision, oldest first.")
def list_links(demo: OfDemo = False, json: Json = False) -> None:
    settings = placed(settings_or_exit(), demo=demo)
    with cluster(settings) as bootstrap:
        found = asyncio.run(_proposed(bootstrap, settings.kafka.partitions))
    if json:
        print_json(Links(links=found))
        return
    rows = [
        [one.proposal_id, one.fact, iso(one.occurred_at), one.session_id, one.evidence]
        for one in found
    ]
    print_rows(["id", "fact", "occurred", "session", "what speaks for it"], rows)


@links.command("confirm", help="It belongs to that session: linked as by an alias.")
def confirm(proposal: Proposal, by: By, why: Why, demo: OfDemo = False, json: Json = False) -> None:
    _decide(proposal, (by, why), confirmed=True, demo=demo, json=json)


@links.command("reject", help="It does not: never proposed again.")
def reject(proposal: Proposal, by: By, why: Why, demo: OfDemo = False, json: Json = False) -> None:
    _decide(proposal, (by, why), confirmed=False, demo=demo, json=json)


def _decide(proposal: str, by: tuple[str, str], *, confirmed: bool, demo: bool, json: bool) -> None:
    if not all(words.strip() for words in by):
        fail("--by and --why: neither may be empty", USAGE)
    settings = placed(settings_or_exit(), demo=demo)
    with cluster(settings) as bootstrap:
        found = asyncio.run(_proposed(bootstrap, settings.kafka.partitions))
        one = next((one for one in found if one.proposal_id == proposal), None)
        if one is None:
            fail(f"no link is proposed as {proposal!r}", PROBLEM)
        now_at = time.time_ns() // 1_000_000
        decision = (confirmation if confirmed else rejection)(one, by, now_at)
        partitions = settings.kafka.partitions
        asyncio.run(write_decision(bootstrap, partitions, decision, one.session_id))
    done = Decided(
        id=proposal,
        session_id=one.session_id,
        decision="confirmed" if confirmed else "rejected",
        who=by[0],
    )
    if json:
        print_json(done)
    else:
        out.print(f"{done.decision}: {proposal}, session {one.session_id}", markup=False)


async def _proposed(bootstrap: str, partitions: int) -> list[LinkProposal]:
    async with reader(bootstrap) as consumer:
        return await proposed(consumer, partitions)
