"""What commands share: where to write, how to end, what a wrong setting looks like."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, NoReturn

import msgspec
import structlog
import typer
from rich.console import Console
from rich.table import Table

from streams.settings import Settings, SettingsWrong, read_settings

PROBLEM, USAGE, UNREACHABLE = 1, 2, 3

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object last, on one line.")]

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def fail(message: str, code: int) -> NoReturn:
    """End with this message on standard error."""
    err.print(message, style="red", markup=False)
    raise typer.Exit(code)


def quiet(level: str = "warning") -> None:
    """Logs go to standard error; what libraries try again by themselves is no news to a person."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    if level == "warning":
        logging.getLogger("aiokafka").setLevel(logging.CRITICAL)


def settings_or_exit() -> Settings:
    """The settings, or every mistake in them at once."""
    try:
        return read_settings()
    except SettingsWrong as wrong:
        fail(f"settings are wrong:\n{wrong}", USAGE)


def print_json(value: Any) -> None:
    typer.echo(msgspec.json.encode(value).decode())


def tell(message: str) -> None:
    """Progress, for people: never mixed with results."""
    err.print(f"[dim]{message}[/dim]")


@contextmanager
def told(message: str) -> Iterator[None]:
    with err.status(message):
        yield


def print_rows(columns: list[str], rows: list[list[Any]]) -> None:
    """A table on a terminal; elsewhere one line a row, tabs between, so that nothing is cut."""
    if out.is_terminal:
        out.print(rows_table(columns, rows))
        return
    for row in [columns, *rows]:
        typer.echo("\t".join(str(cell) for cell in row))


def rows_table(columns: list[str], rows: list[list[Any]]) -> Table:
    table = Table(*columns, header_style="bold", box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(str(cell) for cell in row))
    return table
