"""The demo's receipts are compared with the service's own journal; each check is shown to fail."""

from pathlib import Path

import msgspec
import pytest
from test_report import _ledger
from test_report import fleet as fleet  # noqa: PLC0414 - a fixture of the neighbour

from connectors.fiscal.simulator.books import Books, Content
from schemas import ids
from streams.demo.receipts import compared
from streams.receipts import Receipted, against_journal

CAPTURED = 1189


@pytest.fixture
def books():
    made = Books(Path(":memory:"))
    yield made
    made.close()


def signed(books, ledger, cause="sale", minor=CAPTURED, **changed):
    number = len(books.all())
    sign = -1 if cause == "void" else 1
    content = Content(
        reference=ids.idempotency_key(ledger.tenant, ids.receipt_id(ledger.session_id, cause)),
        moment=f"2026-01-05T08:00:{number:02d}.000Z", case=1, amount=sign * minor * 100,
        paid=sign * minor * 100, previous_reference="ft1#" if cause == "void" else "", late=False,
    )  # fmt: skip
    books.sign("q", msgspec.structs.replace(content, **changed), b"r%d" % number)


@pytest.fixture
def ledger(fleet):
    return _ledger(fleet, merchant_country="AT", currency="EUR", receipt_status="signed")


def both(ledger, journal, captured=CAPTURED):
    """What demo and `verify` say of it: whether it is in order."""
    ledger = msgspec.structs.replace(ledger, captured_minor=captured)
    asked = {ledger.session_id: captured}
    report = compared("AT", asked, {ledger.session_id: ledger}, journal)
    one = Receipted(
        tenant=ledger.tenant, session_id=ledger.session_id, country="AT", currency="EUR",
        is_closed=True, captured_minor=captured, status=ledger.receipt_status,
    )  # fmt: skip
    return report, [wrong.kind for wrong in against_journal([one], journal)]


def test_each_captured_session_signed_once_is_green(ledger, books):
    signed(books, ledger)
    report, wrong = both(ledger, books.all())
    assert report.green
    assert (report.wanted, report.signed, report.voided, report.outstanding) == (1, 1, 0, 0)
    assert wrong == []


def test_a_receipt_that_came_first_and_was_taken_back_is_green(ledger, books):
    signed(books, ledger)
    signed(books, ledger, "void")
    report, wrong = both(ledger, books.all(), captured=0)
    assert report.green
    assert (report.wanted, report.signed, report.voided) == (0, 1, 1)
    assert wrong == []


def test_a_capture_without_a_receipt_is_red(ledger):
    report, wrong = both(ledger, [])
    assert not report.green
    assert wrong == ["no_receipt"]


def test_a_capture_whose_receipt_was_never_asked_for_is_red_where_others_were(ledger, books):
    signed(books, ledger)
    other = msgspec.structs.replace(ledger, session_id="f" * 32)
    views = [
        Receipted(
            tenant="demo", session_id=one.session_id, country="AT", currency="EUR",
            is_closed=True, captured_minor=CAPTURED, status=status,
        )
        for one, status in ((ledger, "signed"), (other, ""))
    ]  # fmt: skip
    assert [one.place for one in against_journal(views, books.all())] == [other.session_id]


def test_another_amount_is_red(ledger, books):
    signed(books, ledger, minor=CAPTURED + 1)
    report, wrong = both(ledger, books.all())
    assert not report.green
    assert wrong == ["receipt_amount"]


def test_what_nobody_asked_for_is_red(ledger, books):
    signed(books, ledger)
    signed(books, ledger, reference="nobody")
    report, wrong = both(ledger, books.all())
    assert not report.green
    assert wrong == ["receipt_of_nobody"]


def test_signed_there_and_still_asked_for_here_is_red(ledger, books):
    signed(books, ledger)
    waiting = msgspec.structs.replace(ledger, receipt_status="requested")
    report, wrong = both(waiting, books.all())
    assert (report.outstanding, report.green) == (1, False)
    assert wrong == ["receipts"]


def test_a_chain_with_a_receipt_taken_out_is_red(ledger, books):
    signed(books, ledger, reference="first", amount=0, paid=0)
    signed(books, ledger)
    report, wrong = both(ledger, books.all()[1:])
    assert not report.chain_intact
    assert wrong == ["chain_broken"]


def test_nothing_abroad_is_green():
    report = compared("AT", {}, {}, [])
    assert report.green
    assert against_journal([], []) == []
