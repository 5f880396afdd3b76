"""How every command ends: an exit code, words on standard error, with --json one object at the end.

Exit codes: 0 in order, 1 a problem was found, 2 wrong use or setting, 3 something was out of
reach, 130 interrupted. What is not foreseen here is a bug of ours and keeps its traceback.
"""

import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any, NoReturn

import msgspec
import typer
from aiokafka.errors import KafkaError
from rich.console import Console
from typer._click.exceptions import (
    ClickException,  # typer brings its own click and names this nowhere
)
from typer.core import TyperGroup

from connectors.child_server import NotStarted
from connectors.kafka.jars import JarRefused, JarUnavailable
from connectors.kafka.process import BrokerFailed
from connectors.kafka.state_lock import StateDirectoryInUse
from connectors.kafka.wait import BrokerAway
from connectors.registry.errors import RegistryFailed
from streams.app import TopicsDiffer
from streams.engine.presses import Presses
from streams.settings import SettingsWrong

PROBLEM, USAGE, UNREACHABLE, INTERRUPTED = 1, 2, 3, 130
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)

_ENDS: tuple[tuple[type[Exception], int], ...] = (
    (SettingsWrong, USAGE),
    (PermissionError, USAGE),  # of a state directory, which a setting names
    (StateDirectoryInUse, PROBLEM),
    (TopicsDiffer, PROBLEM),
    (JarRefused, PROBLEM),
    (JarUnavailable, UNREACHABLE),
    (BrokerFailed, UNREACHABLE),
    (BrokerAway, UNREACHABLE),
    (NotStarted, UNREACHABLE),
    (RegistryFailed, UNREACHABLE),
    (KafkaError, UNREACHABLE),
)

err = Console(stderr=True, highlight=False)


class Failure(Exception):
    """A command that could not do what it was asked; `problems`: where there is more than one."""

    def __init__(self, message: str, code: int, problems: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.problems = problems


class Failed(msgspec.Struct, kw_only=True):
    """What any command prints with --json when it could not do what it was asked."""

    error: str
    problems: list[str] = []
    exit_code: int


def fail(message: str, code: int, problems: Sequence[str] = ()) -> NoReturn:
    """End with this message, and a line for each problem, on standard error."""
    raise Failure(message, code, problems)


def print_json(value: Any) -> None:
    typer.echo(msgspec.json.encode(value).decode())


class Commands(TyperGroup):
    """All commands, whose ends are alike."""

    def main(  # the parameters are typer's
        self, args: Sequence[str] | None = None, *positional: Any, **named: Any
    ) -> Any:
        given = [*sys.argv[1:]] if args is None else [*args]
        named["standalone_mode"] = False
        try:
            code = super().main(given, *positional, **named) or 0
        except ClickException as wrong:
            # Here, so that commands that are called rightly do not load what renders Markdown.
            from typer import rich_utils  # noqa: PLC0415 - see above

            rich_utils.rich_format_error(wrong)
            code = _ended(given, wrong.format_message(), wrong.exit_code)
        except typer.Abort:
            code = _ended(given, "aborted", INTERRUPTED)
        except Exception as error:  # to say it in words; a bug is raised again
            code = _foreseen(given, error)
            if code is None:
                _ended(given, f"{type(error).__name__}: {error}", PROBLEM)
                raise
        else:
            if code == INTERRUPTED:
                err.print("interrupted", style="red")
                _ended(given, "interrupted", INTERRUPTED)
        sys.exit(code)


def _foreseen(given: Sequence[str], error: Exception) -> int | None:
    """Say what it was; the exit code, or None for what nobody thought of."""
    if isinstance(error, Failure):
        message, code, problems = str(error), error.code, error.problems
    elif isinstance(error, SettingsWrong):
        message, code, problems = "settings are wrong", USAGE, error.problems
    else:
        code = next((code for kind, code in _ENDS if isinstance(error, kind)), 0)
        message, problems = str(error) or type(error).__name__, ()
        if not code:
            return None
    for line in (message, *problems):
        err.print(line, style="red", markup=False, soft_wrap=True)
    return _ended(given, message, code, problems)


def _ended(given: Sequence[str], message: str, code: int, problems: Sequence[str] = ()) -> int:
    if "--json" in given:
        print_json(Failed(error=message, problems=[*problems], exit_code=code))
    return code


@contextmanager
def interruptible() -> Iterator[None]:
    """SIGINT and SIGTERM as one KeyboardInterrupt a press, so that the clean-up is not cut short.

    Commands that run until they are stopped take the signals over meanwhile.
    """
    presses = Presses()

    def heard(number: int, _frame: FrameType | None) -> None:
        if presses.is_new(number):
            raise KeyboardInterrupt

    before = [(number, signal.signal(number, heard)) for number in STOP_SIGNALS]
    try:
        yield
    finally:
        presses.wait_for_echo()
        for number, handler in before:
            signal.signal(number, handler)
