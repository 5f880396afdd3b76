"""The book's unique keys, in SQLite and in PostgreSQL: created, exists, or conflict."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor

import pytest
from msgspec.structs import replace

from connectors.acquirers.acquirer import Verdict
from connectors.settlement.book import Conflict, Created, Exists, Row
from connectors.settlement.sql_book import open_book

CAPTURE = Row(
    tenant="demo", command_id="s1/capture/1", session_id="s1", kind="capture",
    body_hash="h1", owner="one", begun_at=1000,
)  # fmt: skip
SECOND = replace(CAPTURE, command_id="s1/capture/2")
DONE = Verdict(outcome="done", amount_minor=1234, psp_reference="p", expires_at=7)


def test_the_first_begin_creates_and_the_next_finds_it(book):
    assert book.begin(CAPTURE) == Created()
    again = book.begin(replace(CAPTURE, owner="two", begun_at=2000))
    assert again == Exists(begun_at=1000, owner="one", settled=None)


def test_another_body_is_a_conflict_and_changes_nothing(book):
    book.begin(CAPTURE)
    conflict = book.begin(replace(CAPTURE, body_hash="h2"))
    assert conflict == Conflict("begun before with another body")
    assert book.begin(CAPTURE) == Exists(begun_at=1000, owner="one", settled=None)


def test_what_came_of_it_is_kept_and_never_overwritten(book):
    book.begin(CAPTURE)
    book.settle("demo", CAPTURE.command_id, DONE)
    book.settle("demo", CAPTURE.command_id, Verdict(outcome="failed", reason="late"))
    assert book.find("demo", CAPTURE.command_id).settled == DONE
    assert book.find("other", CAPTURE.command_id) is None


@pytest.mark.parametrize("outcome", ["unknown", "not_found"])
def test_only_definite_outcomes_are_kept(book, outcome):
    book.begin(CAPTURE)
    with pytest.raises(AssertionError, match=outcome):
        book.settle("demo", CAPTURE.command_id, Verdict(outcome=outcome))


@pytest.mark.parametrize("settled", [None, DONE])
def test_a_second_capture_waits_for_the_no_of_the_first(book, settled):
    book.begin(CAPTURE)
    if settled:
        book.settle("demo", CAPTURE.command_id, settled)
    conflict = book.begin(SECOND)
    assert conflict == Conflict("another capture of the session was begun or done", "s1/capture/1")
    assert book.find("demo", SECOND.command_id) is None


def test_after_a_no_the_next_capture_begins(book):
    book.begin(CAPTURE)
    book.settle("demo", CAPTURE.command_id, Verdict(outcome="declined", reason="revoked"))
    assert book.begin(SECOND) == Created()


def test_a_capture_that_was_taken_back_makes_room(book):
    book.begin(CAPTURE)
    book.settle("demo", CAPTURE.command_id, DONE)
    failed = Verdict(outcome="failed", reason="capture_failed")
    book.taken_back("demo", CAPTURE.command_id, failed)
    assert book.find("demo", CAPTURE.command_id).settled == failed
    assert book.begin(SECOND) == Created()


def test_other_sessions_tenants_and_kinds_are_free(book):
    book.begin(CAPTURE)
    for row in (
        replace(CAPTURE, session_id="s2", command_id="s2/capture/1"),
        replace(CAPTURE, tenant="other"),
        replace(CAPTURE, kind="release", command_id="s1/hold/1/release/1"),
    ):
        assert book.begin(row) == Created()


def test_one_of_many_takes_over(book):
    book.begin(CAPTURE)
    mine = replace(CAPTURE, owner="two", begun_at=5000)
    assert book.take_over(mine, 1000)
    assert not book.take_over(replace(mine, owner="three"), 1000)
    book.settle("demo", CAPTURE.command_id, DONE)
    assert not book.take_over(mine, 5000)


def test_one_of_many_at_once_creates(book_place):
    books = [open_book(book_place) for _ in range(4)]
    try:
        with ThreadPoolExecutor(4) as threads:
            for number in range(50):
                row = replace(CAPTURE, command_id=f"s{number}/hold/1", kind="hold")
                begun = list(threads.map(lambda one, row=row: one.begin(row), books))
                assert sum(one == Created() for one in begun) == 1
                assert sum(isinstance(one, Exists) for one in begun) == 3
    finally:
        for one in books:
            one.close()


def test_a_book_outlives_its_process(book_place):
    first = open_book(book_place)
    first.begin(CAPTURE)
    first.settle("demo", CAPTURE.command_id, DONE)
    first.close()
    second = open_book(book_place)
    assert second.begin(CAPTURE) == Exists(begun_at=1000, owner="one", settled=DONE)
    second.close()


def test_a_file_that_is_no_book_is_refused(tmp_path):
    file = tmp_path / "notes.txt"
    file.write_bytes(b"not a database, and rather longer than its header would be" * 4)
    with pytest.raises(sqlite3.DatabaseError):
        open_book(str(file))
