"""What is at stake while nobody hears of a charger: held, last seen, and at worst (seed 002)."""

from typing import NamedTuple

from streams.core import due
from streams.core.case import Case, evse_w
from streams.core.charging import delivered
from streams.core.risk import risk_open, silent
from streams.core.session import Charging

FIRST_STEP_MS = 5 * 60 * 1000
Alarm = tuple[str, str, int]


class Exposure(NamedTuple):
    """Money at `at`, minor units of the session's currency.

    `held_minor`: approved and neither captured, released nor lapsed. `seen_minor`: due by the last
    readings. `worst_minor`: due at most, had every silent charging taken since its last reading
    what its EVSE delivers, and no more than a vehicle holds. `since_at`: the oldest of those.
    """

    at: int
    since_at: int
    held_minor: int
    seen_minor: int
    worst_minor: int
    currency: str


def exposure(case: Case, at: int) -> Exposure:
    """What is at stake at the instant `at`. A charger that is heard of adds nothing to it."""
    dark = _dark(case)
    seen_minor = _seen_minor(case)
    since_at = min((one.seen_at for one in dark), default=at)
    return Exposure(
        at=at,
        since_at=since_at,
        held_minor=sum(one.open_minor for one in case.holds),
        seen_minor=seen_minor,
        worst_minor=seen_minor + _more_minor(case, dark, at),
        currency=case.request.currency,
    )


def _dark(case: Case) -> list[Charging]:
    names = silent(case.session)
    return [one for one in case.live if one.charging_id in names and one.begun is not None]


def _seen_minor(case: Case) -> int:
    if case.cost_minor is not None:
        return case.cost_minor
    return case.as_read.flowing_minor if case.tariff is not None and case.chargings else 0


def _more_minor(case: Case, dark: list[Charging], at: int) -> int:
    if not dark or case.tariff is None:
        return 0
    wh = sum(_more_wh(case, one, at) for one in dark)
    window_ms = max(at - one.seen_at for one in dark)
    course = case.as_read.metered
    return due.within(case.tariff, course, wh, max(window_ms, 0), len(dark)).most_minor


def _more_wh(case: Case, charging: Charging, at: int) -> int:
    power_w = evse_w(case.policy, case.request, charging)
    room_wh = case.policy.risk.most_wh - delivered(charging, charging.seen_at).energy_wh
    return min(due.energy_wh(power_w, max(at - charging.seen_at, 0)), max(room_wh, 0))


# --- as it is told --------------------------------------------------------------------------------


class Window(NamedTuple):
    """An open window, as people are told of it: the exposure stands until `again_at`."""

    exposure: Exposure
    again_at: int


def window(case: Case) -> Window | None:
    """The open risk window; None: there is none, or no money is held that could be captured.

    The estimate is made anew when the silence is twice as long as at the last one, and not at each
    fact: people are told a few times of a charger that is dark for days.
    """
    session = case.session
    if not session.silences or not risk_open(session):
        return None
    if not any(one.open_minor for one in case.holds):
        return None
    dark = _dark(case)
    if not dark:
        return Window(exposure(case, case.now_at), 0)
    from_at = min(one.seen_at for one in dark)
    step_ms = FIRST_STEP_MS
    while from_at + 2 * step_ms <= case.now_at:
        step_ms *= 2
    return Window(exposure(case, from_at + step_ms), from_at + 2 * step_ms)


def risk_alarms(case: Case) -> dict[str, Alarm]:
    """Kind, words and money at risk, by an id that stays the same while the window is open."""
    found = window(case)
    if found is None:
        return {}
    one = found.exposure
    words = f"held {one.held_minor}, due by the last reading {one.seen_minor}"
    if not silent(case.session):
        kind, words = "risk-unsettled", f"the charger is back, an acquirer's answer is not: {words}"
    elif found.again_at:
        kind = "charger-silent"
        words = f"since {one.since_at}: {words}, at most {one.worst_minor} by {one.at}"
    else:
        kind, words = "charger-silent", f"it told an end with parts missing: {words}"
    return {f"{case.session.session_id}/risk": (kind, words, one.worst_minor)}
