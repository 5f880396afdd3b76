"""`holdfast simulate`: seeded worlds in virtual time, each checked against its banks' ledger."""

from typing import Annotated

import typer

from streams.cli.screen import PROBLEM, Json, err, out, print_json
from streams.simulation.run import Simulated, lived, simulate
from streams.simulation.telling import story_of


def register(app: typer.Typer) -> None:
    app.command(
        "simulate",
        help="Whole sessions in virtual time, with everything going wrong; whatever is not right is"
        " told with its seed. Needs no Kafka.",
    )(run)


def run(
    seeds: Annotated[int, typer.Option(min=1, help="So many worlds.")] = 1_000,
    seed: Annotated[int | None, typer.Option(help="This one only, with its story.")] = None,
    first: Annotated[int, typer.Option(help="The first seed: to go on where one stopped.")] = 0,
    jobs: Annotated[int, typer.Option(min=1, help="So many processes.")] = 1,
    json: Json = False,
) -> None:
    """Exit 1: something was not right."""
    if seed is not None:
        for line in story_of(lived(seed, told=True)):
            err.print(line, markup=False, highlight=False, soft_wrap=True)
        found = simulate([seed])
    else:
        found = simulate(
            range(first, first + seeds), lambda so_far: _show(so_far, first, seeds), jobs=jobs
        )
    if json:
        print_json(found)
    else:
        _print(found)
    raise typer.Exit(PROBLEM if found.violations else 0)


def _show(so_far: Simulated, first: int, of: int) -> None:
    err.print(
        f"[dim]{so_far.seeds} of {of} seeds ({first} to {first + so_far.seeds - 1}),"
        f" {so_far.sessions} sessions, {len(so_far.violations)} violations[/dim]",
        end="\r" if so_far.seeds < of else "\n",
    )


def _print(found: Simulated) -> None:
    for one in found.violations:
        out.print(f"seed {one.seed}: {one.words}", markup=False)
    out.print(
        f"{found.seeds} seeds, {found.sessions} sessions, {found.events} events in"
        f" {found.seconds} s ({found.events_per_minute} a minute of one core):"
        f" {found.crashes} crashes,"
        f" {found.captured} captures, {len(found.violations)} violations"
    )
    for name, count in found.outcomes.items():
        out.print(f"  {name}: {count}", markup=False)
