"""The ledger's own defences, whatever the program above it does."""

import sqlite3

import pytest

from connectors.acquirers.simulator.acquirer import Acquirer
from connectors.acquirers.simulator.store import DatabaseInUse, Store


def test_lines_are_never_changed_or_deleted(open_desk):
    desk = open_desk()
    desk.place()
    for statement in ("UPDATE operations SET approved = 1", "DELETE FROM operations",
                      "DELETE FROM holds"):  # fmt: skip
        with pytest.raises(sqlite3.IntegrityError):
            desk.store.db.execute(statement)


@pytest.mark.parametrize(
    "forgery",
    ["captured = captured + 1", "open = open - 1", "refunded = 1", "open = -1, lapsed = 5001"],
)
def test_a_hold_that_does_not_add_up_cannot_be_written(open_desk, forgery):
    desk = open_desk()
    desk.place(5000)
    with pytest.raises(sqlite3.IntegrityError):
        desk.store.db.execute(f"UPDATE holds SET {forgery}")  # noqa: S608 - the table above


def test_a_forged_hold_that_adds_up_is_found_by_its_lines(open_desk):
    desk = open_desk()
    desk.place(5000)
    desk.store.db.execute("UPDATE holds SET open = open - 1000, released = released + 1000")
    assert desk.summary().unbalanced_holds == 1


def test_a_ledger_has_one_writer(open_desk, tmp_path):
    open_desk()
    with pytest.raises(DatabaseInUse):
        Store(tmp_path / "desk-0.sqlite")


def test_what_breaks_midway_leaves_nothing_behind(open_desk, monkeypatch):
    desk = open_desk()
    hold = desk.place(5000)
    clock = desk.at
    desk.at += 1000
    monkeypatch.setattr(Acquirer, "_act", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        desk.capture(hold, 100)
    monkeypatch.undo()
    assert desk.acquirer.clockwork.now("main") == clock
    assert desk.hold(hold).captured == 0
    assert desk.summary().operations == {"authorise": {"done": 1}}
