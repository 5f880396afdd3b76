"""When a rule may have anything to say: most facts are readings, and most rules are not about them.

Each word is a need of the rules that name it, told from a case by what is at hand: a rule whose
word does not hold is not asked. `tests/core/test_session_laws.py` asks all of those all the same.
"""

from streams.core.advices import PROVIDER
from streams.core.case import Case
from streams.core.holds import HoldBook
from streams.core.session import begins_itself

ALWAYS, BEFORE_START, CHARGING, PROVEN = "always", "before-start", "charging", "proven"
NO_CHARGING, CAPTURED, RECEIPTED, HELD = "no-charging", "captured", "receipted", "held"
REFUSED, UNCOVERED, RAISE_REFUSED, LIMITS = "refused", "uncovered", "raise-refused", "limits"
STOPPED, QUIET, SEVERAL, UNUSED, UNSETTLED = "stopped", "quiet", "several", "unused", "unsettled"
ADVISED = "advised"


def times_of(case: Case) -> tuple[str, ...]:
    """The words that hold of this case, always in the same order."""
    times = [ALWAYS]
    session = case.session
    if session.taps or (session.pinned is not None and session.pinned.refusal is not None):
        times.append(REFUSED)
    if case.start is None and not (case.chargings and begins_itself(session)):
        times.append(BEFORE_START)
    if not case.live:
        _of_none_live(case, times)
    if case.live or (case.proof.decision is not None and case.running_on):
        _of_charging(case, times)
    if case.hold is not None:
        _of_holds(case, case.hold, times)
    _of_money(case, times)
    if case.request.role == PROVIDER:
        times.append(ADVISED)
    return tuple(times)


def _of_none_live(case: Case, times: list[str]) -> None:
    times.append(QUIET)
    if not case.chargings:
        times.append(NO_CHARGING)


def _of_charging(case: Case, times: list[str]) -> None:
    times.append(CHARGING)
    decided = case.proof.decision is not None
    if decided or not case.has_cover:
        times.append(UNCOVERED)
    if case.hold is not None and case.hold.refused_raise is not None:
        times.append(RAISE_REFUSED)
    if [one for one in case.live if one.takes_limit]:
        times.append(LIMITS)
    if decided or len(case.untold) != len(case.live):
        times.append(STOPPED)


def _of_holds(case: Case, hold: HoldBook, times: list[str]) -> None:
    if hold.captured_minor:
        times.append(CAPTURED)
    elif hold.open_minor:
        times.append(HELD)
        if case.given_up or not case.chargings or case.cost_minor == 0:
            times.append(UNUSED)
    if len(case.holds) > 1:
        times.append(SEVERAL)


def _of_money(case: Case, times: list[str]) -> None:
    if case.cost_minor is not None:
        times.append(PROVEN)
    if case.policy.fiscal:
        times.append(RECEIPTED)
    if case.unsettled:
        times.append(UNSETTLED)
