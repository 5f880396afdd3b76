"""What commands share: where to write, what a wrong setting looks like."""

import asyncio
import logging
import sys
from typing import Annotated, Any

import structlog
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from streams.app import agree_on_framing
from streams.cli.ending import PROBLEM, UNREACHABLE, USAGE, err, fail, print_json
from streams.cli.named import Use, settings_for
from streams.settings import Settings

__all__ = [
    "PROBLEM",
    "UNREACHABLE",
    "USAGE",
    "Json",
    "Use",
    "err",
    "fail",
    "out",
    "print_json",
    "print_rows",
    "quiet",
    "rows_table",
    "settings_or_exit",
    "tell",
]

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object last, on one line.")]

out = Console(highlight=False)


def quiet(level: str = "warning") -> None:
    """Logs go to standard error; what libraries try again by themselves is no news to a person."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    if level == "warning":
        logging.getLogger("aiokafka").setLevel(logging.CRITICAL)


def settings_or_exit(*uses: Use) -> Settings:
    """The settings, with what this command uses of what they name; or every mistake at once.

    Who uses a broker agrees on a framing first.
    """
    settings = settings_for(*uses)
    if Use.BROKER in uses:
        asyncio.run(agree_on_framing(settings))
    return settings


_SHORT = len("YYYY-MM-DD HH:MM:SS")


def tell(message: str) -> None:
    """Progress, for people: never mixed with results."""
    err.print(message, style="dim", markup=False, soft_wrap=True)


def print_rows(columns: list[str], rows: list[list[Any]]) -> None:
    """A table on a terminal; elsewhere one line a row, tabs between, so that nothing is cut.

    That there is nothing is said in words, on standard error.
    """
    if not rows:
        tell("nothing")
    if out.is_terminal:
        out.print(rows_table(columns, rows))
        return
    for row in [columns, *rows]:
        typer.echo("\t".join(str(cell) for cell in row))


def rows_table(columns: list[str], rows: list[list[Any]]) -> Table:
    table = Table(header_style="bold", box=None, pad_edge=False)
    for number, name in enumerate(columns):
        short = all(len(str(row[number])) <= _SHORT for row in rows)
        table.add_column(name, overflow="fold", no_wrap=short)  # long ones on more lines, not cut
    for row in rows:
        table.add_row(*(escape(str(cell)) for cell in row))  # brackets are no markup here
    return table
