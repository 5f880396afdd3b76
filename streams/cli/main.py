"""The commands by name, each in a module of its own.

Only the module of the command that was named is loaded: a stack is a dozen processes, and each
loading what all commands together need would be most of its start.
"""

import sys
from importlib import import_module
from typing import Any

import typer

from streams.cli.ending import Commands, interruptible
from streams.starting import modules_loading

MODULES = {
    "audit": "audit",
    "bench": "bench",
    "bench-side": "bench",
    "decide": "decide",
    "demo": "demo",
    "drift": "drift",
    "executor": "performers",
    "explain": "explain",
    "feed": "feed",
    "fiscal": "performers",
    "links": "links",
    "orphans": "parked",
    "parked": "parked",
    "policy": "policy",
    "price": "price",
    "query": "query",
    "replay": "replay",
    "run": "feed",
    "settlement": "performers",
    "simulate": "simulate",
    "sink": "sink",
    "tariff": "price",
    "topics": "topics",
    "up": "up",
    "verify": "verify",
    "verify-signature": "verify_signature",
    "whatif": "whatif",
    "worker": "run",
}
"""By command the module that registers it."""


def _alone() -> None:
    """Nothing before a command: with this, one command alone is still called by its name."""


def build(command: str = "") -> typer.Typer:
    """The command line with this command, or with all where there is none of that name."""
    app = typer.Typer(
        name="holdfast",
        cls=Commands,
        help="Holds, captures and accounts for EV charging payments.",
        no_args_is_help=True,
        add_completion=True,
        pretty_exceptions_enable=False,
    )
    app.callback(help="Holds, captures and accounts for EV charging payments.")(_alone)
    modules = [MODULES[command]] if command in MODULES else sorted({*MODULES.values()})
    with modules_loading():
        for name in modules:
            import_module(f"streams.cli.{name}").register(app)
    return app


def __getattr__(name: str) -> Any:
    """`app`: with all commands, made when it is asked for."""
    if name != "app":
        raise AttributeError(name)
    return build()


def main() -> None:
    with interruptible():
        build(*sys.argv[1:2])()
