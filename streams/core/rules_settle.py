"""Rules at the end: resolve what is unknown, capture once what is proven, give the rest back."""

from collections.abc import Iterator

from schemas import ids
from streams.core import orders, partner_view
from streams.core.case import ATTEMPTS_MAX, Case
from streams.core.cover import cost_waits_until
from streams.core.holds import HoldBook
from streams.core.inquiries import next_look
from streams.core.proof_policy import OPERATOR_RELEASE
from streams.core.proposal import AskAgain, Proposed
from streams.core.risk import risk_open
from streams.core.rules_fiscal import capture_waits
from streams.core.verdicts import is_absent, is_definite, of_kind

SETTLING = frozenset({"hold", "raise", "lower", "capture", "release"})


def _ready_to_settle(case: Case) -> HoldBook | None:
    """The hold to capture from: cost proven, and nothing of this hold without a verdict."""
    hold = case.hold
    if hold is None or not case.captures_here or not case.cost_minor:
        return None
    if hold.outcome != "done" or hold.open_minor == 0:
        return None
    if hold.in_flight & SETTLING and not _only_an_absent_raise(case, hold):
        return None
    # Only a person, who knows what nobody can hear, may end a risk window's wait (design.md 6).
    if case.proof.rung != OPERATOR_RELEASE and risk_open(case.session):
        return None
    # Once a clock of the hold has run out it is released: a capture would be disputed or refused.
    return hold if case.now_at < hold.deadline.ends_at else None


def _only_an_absent_raise(case: Case, hold: HoldBook) -> bool:
    """A margin before the deadline, and all that is unknown is a raise that did not arrive.

    It was resolved first, as far as it can be; then what the look-up has left of the hold is
    captured, and the raise counts as nothing (design.md, section 6).
    """
    if hold.in_flight & SETTLING != frozenset({"raise"}) or case.now_at < hold.deadline.act_at:
        return False
    made = of_kind(case.session, "raise", hold.hold_id)
    open_ones = [one for one in made if not is_definite(case.session, one.command_id)]
    return all(is_absent(case.session, one) for one in open_ones)


def lower_before_capture(case: Case) -> Iterator[Proposed]:
    hold, cost = _ready_to_settle(case), case.cost_minor
    if hold is None or cost is None or case.acquirer is None or cost >= hold.open_minor:
        return
    must_equal = case.acquirer.remainder == "LOWER_BEFORE_CAPTURE"
    if not must_equal and case.acquirer.partial_capture:
        return
    number = _next_lower(case, hold)
    if number is not None and case.next_number("capture") is not None:
        yield orders.lower_hold(case, hold, number, cost)


def _next_lower(case: Case, hold: HoldBook) -> int | None:
    """After one that was done, too: the proof may have come to less since."""
    made = of_kind(case.session, "lower", hold.hold_id)
    known = all(is_definite(case.session, one.command_id) for one in made)
    mine = sum([one.performer == case.performer for one in made])
    return len(made) + 1 if known and mine < ATTEMPTS_MAX else None


def capture_proven(case: Case) -> Iterator[Proposed]:
    hold = _ready_to_settle(case)
    if hold is None and case.cost_minor and case.hold and "raise" in case.hold.in_flight:
        yield AskAgain(case.hold.deadline.act_at)
    if hold is None or cost_waits_until(case) is not None:
        return
    if capture_waits(case):
        yield AskAgain(hold.deadline.act_at)
        return
    number = case.next_number("capture")
    if number is not None:
        yield orders.capture_hold(case, hold, number)


def release_after_capture(case: Case) -> Iterator[Proposed]:
    hold = case.hold
    if hold is None or not case.captures_here or hold.captured_minor == 0:
        return
    if hold.open_minor == 0 or hold.in_flight & SETTLING or case.acquirer is None:
        return
    if case.acquirer.remainder == "LAPSE_ONLY":
        return
    number = case.next_number("release", hold.hold_id)
    if number is not None:
        yield orders.release_hold(case, hold, number, "remainder")


def release_surplus(case: Case) -> Iterator[Proposed]:
    for hold in case.holds[:-1]:
        if hold.open_minor == 0 or hold.captured_minor or hold.in_flight & SETTLING:
            continue
        number = case.next_number("release", hold.hold_id)
        if number is not None:
            yield orders.release_hold(case, hold, number, "surplus")


def release_unused(case: Case) -> Iterator[Proposed]:
    hold = case.hold
    if hold is None or hold.open_minor == 0 or hold.captured_minor or hold.in_flight & SETTLING:
        return
    reason = _why_unused(case)
    number = case.next_number("release", hold.hold_id) if reason else None
    if number is not None:
        yield orders.release_hold(case, hold, number, reason)


def _why_unused(case: Case) -> str:
    if case.given_up:
        return "given-up"
    if not case.chargings:
        stopped = case.issued(ids.stop_id(case.session.session_id, ""))
        if case.superseded and (stopped or case.start is None):
            return "superseded"
        if partner_view.shows_charging(case.session):
            return ""  # a partner tells of energy: its CDR proves it, or the hold's time ends
        return "never-started" if stopped else ""
    return "nothing-due" if case.cost_minor == 0 else ""


def resolve_unknown(case: Case) -> Iterator[Proposed]:
    for command in case.unsettled:
        look = next_look(case, command)
        match look.kind:
            case "resend":
                yield orders.resend(case, command, look.number)
                yield AskAgain(look.at)
            case "inquire":
                yield orders.inquire(case, command, look.number)
                yield AskAgain(look.at)
            case "wait":
                yield AskAgain(look.at)
            case "person":
                pass  # shown as a discrepancy
