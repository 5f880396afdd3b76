"""Rules before and after a hold's time runs out: extend, floor, let go, ask anew with consent."""

from collections.abc import Iterator

from streams.core import orders, taps
from streams.core.case import Case
from streams.core.holds import HoldBook
from streams.core.proposal import AskAgain, Proposed
from streams.core.risk import risk_open
from streams.core.rules_settle import SETTLING
from streams.core.verdicts import NO, of_kind

EXTENDING = "extend_hold"


def _unproven(case: Case) -> HoldBook | None:
    """A hold on which energy was delivered, or still is, and nothing can be captured yet."""
    hold = case.hold
    if hold is None or not case.captures_here or not case.chargings or case.cost_minor is not None:
        return None
    if hold.outcome != "done" or hold.open_minor == 0 or hold.captured_minor:
        return None
    return hold


def extend_hold(case: Case) -> Iterator[Proposed]:
    hold = _unproven(case)
    if hold is None:
        return
    if case.now_at < hold.deadline.act_at:
        yield AskAgain(hold.deadline.act_at)
    elif case.now_at < hold.deadline.ends_at and _may_extend(case, hold):
        yield orders.raise_hold(case, hold, hold.open_minor)


def _may_extend(case: Case, hold: HoldBook) -> bool:
    if not hold.deadline.extends or hold.in_flight & SETTLING or case.attempts_left == 0:
        return False
    if not case.raises_here:
        return False
    if hold.refused_raise is not None or _is_ending(case, hold):
        return False
    made = [one for one in of_kind(case.session, "raise", hold.hold_id) if one.rule == EXTENDING]
    return len(made) < case.policy.clocks.extensions_max


def _is_ending(case: Case, hold: HoldBook) -> bool:
    return any(of_kind(case.session, kind, hold.hold_id) for kind in ("lower", "release")) or bool(
        of_kind(case.session, "capture")
    )


def capture_floor(case: Case) -> Iterator[Proposed]:
    if case.live or case.policy.clocks.at_deadline != "floor" or risk_open(case.session):
        return
    hold = _unproven(case)
    if hold is None:
        return
    if hold.in_flight & SETTLING or not hold.deadline.act_at <= case.now_at < hold.deadline.ends_at:
        return
    floor_wh, floor_minor = case.floor
    number = case.next_number("capture")
    if floor_minor > 0 and number is not None:
        yield orders.capture_floor(case, hold, number, floor_wh, min(floor_minor, hold.open_minor))


def release_expired(case: Case) -> Iterator[Proposed]:
    hold = case.hold
    if hold is None or hold.open_minor == 0 or hold.captured_minor or not case.captures_here:
        return
    ends_at = hold.deadline.ends_at
    if case.now_at < ends_at:
        yield AskAgain(ends_at)
        return
    if not ends_at or hold.in_flight & SETTLING:
        return
    number = case.next_number("release", hold.hold_id)
    if number is not None:
        yield orders.release_hold(case, hold, number, "expired")


def reauthorise(case: Case) -> Iterator[Proposed]:
    hold, cost, choice = case.hold, case.cost_minor, case.choice
    if hold is None or not cost or choice is None or not case.captures_here or case.given_up:
        return
    if not may_reauthorise(case, hold):
        return
    if hold.open_minor == 0 and not any(one.in_flight & SETTLING for one in case.holds):
        amount = min(cost, choice.ceiling_minor)
        yield orders.place_hold(case, amount, len(case.holds) + 1, hold.acquirer_id)


def may_reauthorise(case: Case, hold: HoldBook) -> bool:
    """Once, where the driver agreed to it, on a token of the acquirer that held the money."""
    request, acquirer = case.request, case.acquirer_of(hold.hold_id)
    if acquirer is None or not acquirer.reauthorise or not taps.presented(case.session).card_token:
        return False
    if not request.reauthorise_consent or any(one.captured_minor for one in case.holds):
        return False
    if not all(one.outcome in NO or one is hold for one in case.holds):
        return False  # asked anew before
    lost = hold.lapsed_minor or (hold.released_minor and case.now_at >= hold.deadline.ends_at)
    return bool(hold.outcome == "done" and lost)
