"""A fiscal chain: numbers without gaps, moments that rise, one outstanding, each receipt once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from receiptworld import T0, receipt

from schemas import codec, ids
from schemas.fiscal import ReceiptAnswered, Signature
from streams.core import fiscal_chain
from streams.core.fiscal_chain import AnotherBody, Chain, NotTheNext

SIGNED = [Signature(form="qr", caption="", data="_R1-AT0_")]


class Book:
    """A chain and its receipts, as the stage keeps them; what was said."""

    def __init__(self):
        self.chain, self.receipts, self.signs, self.settled = Chain(), {}, [], []

    def request(self, one):
        known = self.receipts.get(one.command_id)
        self._apply(fiscal_chain.accept(self.chain, known, one, codec.encode(one)))

    def answer(self, sign, outcome="signed", **told):
        answer = ReceiptAnswered(
            **{
                "tenant": "t", "chain": "ATU1", "session_id": sign.session_id,
                "command_id": sign.command_id, "ordinal": sign.ordinal, "outcome": outcome,
                "receipt": f"ft{sign.ordinal}", "signatures": SIGNED,
                "answered_at": sign.moment_at + 500, **told,
            }
        )  # fmt: skip
        known = self.receipts.get(answer.command_id)
        self._apply(fiscal_chain.answered(self.chain, known, answer))

    def _apply(self, change):
        if change is None:
            return
        self._take(change)
        waiting = fiscal_chain.next_waiting(self.chain)
        if waiting:
            self._take(fiscal_chain.send(self.chain, self.receipts[waiting]))

    def _take(self, change):
        self.chain = change.chain
        self.receipts |= change.receipts
        self.signs += [change.sign] if change.sign else []
        self.settled += [change.settled] if change.settled else []


def test_the_first_is_sent_at_once_and_the_next_waits_for_its_answer():
    book = Book()
    book.request(receipt(1))
    book.request(receipt(2))
    (first,) = book.signs
    assert (first.ordinal, first.moment_at) == (1, T0 + 1)
    assert codec.decode(first.request) == receipt(1)
    assert first.operation_key == ids.idempotency_key("t", receipt(1).command_id)
    book.answer(first)
    assert [one.ordinal for one in book.signs] == [1, 2]
    (settled,) = book.settled
    assert (settled.outcome, settled.receipt, settled.ordinal) == ("signed", "ft1", 1)
    assert (settled.signatures, settled.paid_minor, settled.balance_minor) == (SIGNED, 1200, 0)


def test_moments_rise_although_sessions_ended_in_another_order():
    book = Book()
    for number in (5, 3, 9):
        book.request(receipt(number))
        book.answer(book.signs[-1])
    assert [one.moment_at - T0 for one in book.signs] == [5, 6, 9]


def test_a_receipt_asked_for_twice_is_one():
    book = Book()
    book.request(receipt(1))
    book.request(receipt(1))
    book.answer(book.signs[0])
    book.request(receipt(1))
    assert (len(book.signs), len(book.settled), book.chain.number) == (1, 1, 1)


def test_the_same_receipt_with_another_body_is_refused():
    book = Book()
    book.request(receipt(1))
    with pytest.raises(AnotherBody, match="another body"):
        book.request(receipt(1, paid_minor=1100))


def test_a_refusal_frees_the_chain_and_keeps_its_number():
    book = Book()
    book.request(receipt(1))
    book.request(receipt(2))
    book.answer(book.signs[0], "refused", receipt="", reason="bad-case", signatures=[])
    assert (book.settled[0].outcome, book.settled[0].reason) == ("refused", "bad-case")
    assert book.signs[1].ordinal == 2


def test_answers_told_again_change_nothing_and_contradictions_are_refused():
    book = Book()
    book.request(receipt(1))
    book.answer(book.signs[0])
    book.answer(book.signs[0])
    assert len(book.settled) == 1
    with pytest.raises(NotTheNext, match="refused after signed"):
        book.answer(book.signs[0], "refused")
    with pytest.raises(NotTheNext, match="signed after signed"):
        book.answer(book.signs[0], receipt="ft99")


def test_an_answer_about_another_number_or_one_that_waits_is_refused():
    book = Book()
    book.request(receipt(1))
    book.request(receipt(2))
    with pytest.raises(NotTheNext, match="ordinal"):
        book.answer(book.signs[0], ordinal=7)
    waiting = replace(book.signs[0], command_id=receipt(2).command_id, ordinal=2)
    with pytest.raises(NotTheNext, match="not outstanding"):
        book.answer(waiting)


def test_what_is_only_reported_is_numbered_and_waits_for_nobody():
    book = Book()
    book.request(receipt(1))
    book.request(receipt(2, regime="PERIODIC_REPORT"))
    assert [(one.outcome, one.ordinal) for one in book.settled] == [("recorded", 2)]
    assert len(book.signs) == 1


def test_what_was_not_paid_stands_as_balance():
    book = Book()
    book.request(receipt(1, paid_minor=1000))
    book.answer(book.signs[0])
    assert book.settled[0].balance_minor == 200


STEPS = st.lists(st.one_of(st.integers(1, 8), st.just("answer"), st.just("again")), max_size=40)


@given(steps=STEPS)
def test_whatever_comes_in_whatever_order_the_chain_is_in_order(steps):
    """Law: numbers without a gap, moments that rise, at most one outstanding, none skipped."""
    book, answered = Book(), 0
    for step in steps:
        if isinstance(step, int):
            book.request(receipt(step))
        elif step == "answer" and answered < len(book.signs):
            book.answer(book.signs[answered])
            answered += 1
        elif step == "again" and answered:
            book.answer(book.signs[answered - 1])
        assert len(book.signs) <= answered + 1
    asked = {one for one in steps if isinstance(one, int)}
    assert [one.ordinal for one in book.signs] == list(range(1, len(book.signs) + 1))
    moments = [one.moment_at for one in book.signs]
    assert moments == sorted(set(moments))
    assert len(book.settled) == answered
    assert book.chain.number == len(asked)
    assert len(book.chain.waiting) == len(asked) - len(book.signs)
