"""The commands by name, each in a module of its own."""

import typer

from streams.cli import (
    audit,
    bench,
    decide,
    demo,
    drift,
    explain,
    feed,
    links,
    parked,
    policy,
    price,
    query,
    replay,
    run,
    simulate,
    sink,
    topics,
    up,
    verify,
    verify_signature,
    whatif,
)
from streams.cli.ending import Commands, interruptible

app = typer.Typer(
    name="holdfast",
    cls=Commands,
    help="Holds, captures and accounts for EV charging payments.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
)
for module in (
    audit,
    bench,
    decide,
    demo,
    drift,
    explain,
    feed,
    links,
    parked,
    policy,
    price,
    query,
    replay,
    run,
    simulate,
    sink,
    topics,
    up,
    verify,
    verify_signature,
    whatif,
):
    module.register(app)


def main() -> None:
    with interruptible():
        app()
