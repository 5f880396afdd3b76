"""Rules from the tap to the first energy: refuse, hold, decline, start, give up."""

from collections.abc import Iterator

from schemas import ids
from streams.core import orders
from streams.core.another_hold import another
from streams.core.case import Case
from streams.core.proposal import AskAgain, Proposed
from streams.core.tariff import NOTHING, price
from streams.core.verdicts import NO


def refuse_by_name(case: Case) -> Iterator[Proposed]:
    refusal = case.session.pinned.refusal if case.session.pinned else None
    if refusal is not None and not case.given_up:
        yield orders.show_declined(case, refusal.reason)


def place_first_hold(case: Case) -> Iterator[Proposed]:
    if case.choice is not None and case.hold is None:
        yield orders.place_hold(case, case.choice.first_minor)


def decline_at_tap(case: Case) -> Iterator[Proposed]:
    hold = case.hold
    if hold is None or case.given_up:
        return
    if hold.outcome in NO and another(case) is None:
        yield orders.show_declined(case, case.session.answers[hold.hold_id].reason)
    elif hold.outcome == "done" and case.start is None and hold.open_minor < _due_at_once(case):
        yield orders.show_declined(case, "approved-too-little")


def _due_at_once(case: Case) -> int:
    assert case.tariff is not None  # nothing is held without a price
    return max(price(case.tariff, NOTHING).minor, 1)


def give_up_waiting(case: Case) -> Iterator[Proposed]:
    hold = case.hold
    if hold is None or hold.outcome in NO or case.start is not None or case.given_up:
        return
    placed = case.issued(hold.hold_id)
    if placed is None:
        return
    patience_at = placed.issued_at + case.policy.start_grace_ms
    if case.now_at >= patience_at:
        yield orders.show_declined(case, "no-answer")
    elif hold.outcome != "done":
        yield AskAgain(patience_at)


def start_charging(case: Case) -> Iterator[Proposed]:
    hold = case.hold
    if hold is not None and hold.outcome == "done" and case.has_cover and case.start is None:
        yield orders.start_charging(case)


def stop_never_started(case: Case) -> Iterator[Proposed]:
    start = case.start
    if start is None or case.chargings or not case.has_cover:
        return
    grace_at = start.issued_at + case.policy.start_grace_ms
    if case.now_at < grace_at:
        yield AskAgain(grace_at)
    elif case.issued(ids.stop_id(case.session.session_id, "")) is None:
        yield orders.stop_charging(case, None, "never-started")
