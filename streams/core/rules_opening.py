"""Rules from the tap to the first energy: refuse, hold, decline, start, give up."""

from collections.abc import Iterator

from schemas import ids
from streams.core import due, orders, partner_view, taps
from streams.core.another_hold import another
from streams.core.case import Case
from streams.core.declines_after import may_try_again
from streams.core.proposal import AskAgain, Proposed
from streams.core.rules_declined import another_try
from streams.core.session import begins_itself, places_first_hold
from streams.core.strategy import Choice
from streams.core.verdicts import NO


def refuse_by_name(case: Case) -> Iterator[Proposed]:
    refusal = taps.refusal(case.session)
    if refusal is None or case.given_up:
        return
    if case.next_hold is not None or not case.session.taps:
        yield orders.show_declined(case, refusal.reason)


def offer_amount(case: Case) -> Iterator[Proposed]:
    stage = case.request.stage
    if stage == "tapped" or case.start is not None or case.next_hold is None:
        return
    number = taps.newest(case.session)
    chosen = taps.chosen_for(case.session, number)
    if chosen is None or chosen.choice is None or chosen.settled:
        return
    if number == taps.REQUESTED and stage == "tap_first":
        return  # its card decides
    if stage == "amount_first" and taps.open_offer(case.session) is not None:
        return  # what was shown before the card stands: a tap says yes to it or to nothing
    if not _is_shown(case, chosen.choice):
        yield orders.offer_amount(case, chosen.choice)


def _is_shown(case: Case, choice: Choice) -> bool:
    shown = taps.offered(case.session)
    return shown is not None and (shown.amount_minor, shown.ceiling_minor) == (
        choice.first_minor,
        choice.ceiling_minor,
    )


def place_first_hold(case: Case) -> Iterator[Proposed]:
    if case.start is not None:
        return
    number = case.next_hold
    if number is None:
        return
    choice = taps.unheld(case.session, case.hold.hold_id if case.hold is not None else "")
    if choice is None:
        return
    if may_try_again(case.session, case.now_at):
        yield orders.place_hold(case, choice.first_minor, number)
    else:
        yield orders.show_declined(case, "scheme-limit")


def decline_at_tap(case: Case) -> Iterator[Proposed]:
    hold = case.hold
    if hold is None or case.given_up or case.superseded or case.start is not None:
        return
    if hold.outcome in NO and another(case) is None and taps.open_offer(case.session) is None:
        asked = list(another_try(case)) if places_first_hold(case.session) else []
        yield from asked
        if not asked:
            yield orders.show_declined(case, case.session.answers[hold.hold_id].reason)
    elif hold.outcome == "done" and hold.open_minor < _due_at_once(case):
        yield orders.show_declined(case, "approved-too-little")


def _due_at_once(case: Case) -> int:
    assert case.tariff is not None  # nothing is held without a price
    return max(due.at_once(case.tariff, case.request), 1)


def give_up_waiting(case: Case) -> Iterator[Proposed]:
    hold = case.hold
    if case.start is not None or case.given_up:
        return
    if case.next_hold is not None:
        yield from _give_up_on_the_driver(case)
        return
    if hold is None or hold.outcome in NO:
        return
    placed = case.issued(hold.hold_id)
    if placed is None:
        yield from _give_up_on_the_station(case)
        return
    patience_at = placed.issued_at + case.policy.start_grace_ms
    if case.now_at >= patience_at:
        yield orders.show_declined(case, "no-answer")
    elif hold.outcome != "done":
        yield AskAgain(patience_at)


def _give_up_on_the_driver(case: Case) -> Iterator[Proposed]:
    """An amount was offered, a card or another's hold waited for, and nobody is there any more."""
    shown = taps.open_offer(case.session)
    awaited = not places_first_hold(case.session)
    if shown is None and (
        case.hold is not None or (case.request.stage == "tapped" and not awaited)
    ):
        return
    since_at = case.request.requested_at if shown is None else shown.issued_at
    patience_at = since_at + case.policy.start_grace_ms
    if case.now_at >= patience_at:
        yield orders.show_declined(case, "no-hold" if awaited else "no-tap")
    else:
        yield AskAgain(patience_at)


def _give_up_on_the_station(case: Case) -> Iterator[Proposed]:
    """It has reported a hold, and then begun no charging by itself."""
    if not begins_itself(case.session) or not case.has_cover:
        return
    if partner_view.shows_charging(case.session):
        return  # its CDR proves it, or the hold's time ends
    patience_at = case.session.reported[0].placed_at + case.policy.start_grace_ms
    if case.now_at >= patience_at:
        yield orders.show_declined(case, "never-started")
    else:
        yield AskAgain(patience_at)


def start_charging(case: Case) -> Iterator[Proposed]:
    hold = case.hold
    if case.superseded or case.start is not None or begins_itself(case.session):
        return
    if hold is not None and hold.outcome == "done" and case.has_cover:
        yield orders.start_charging(case)


def stop_never_started(case: Case) -> Iterator[Proposed]:
    start = case.start
    if start is None or case.chargings or not case.has_cover:
        return
    grace_at = start.issued_at + case.policy.start_grace_ms
    if case.now_at < grace_at and not case.superseded:
        yield AskAgain(grace_at)
    elif case.issued(ids.stop_id(case.session.session_id, "")) is None:
        yield orders.stop_charging(case, None, "never-started")
