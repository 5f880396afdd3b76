"""Watches and aliases: what link is told about this session's chargings."""

from collections.abc import Iterator

from schemas import ids
from schemas.facts import AliasBound, Watch
from streams.core import due, pricing
from streams.core.case import Case, evse_w
from streams.core.charging import delivered, is_charging
from streams.core.cover import NO_GOAL, Goal, goal_of, reaches
from streams.core.headroom import steps_minor
from streams.core.marks import NO_MARKS, Marks, marks_of
from streams.core.metered import metered
from streams.core.partner_aliases import FAR_AT, partner_alias_count, partner_aliases
from streams.core.payment_aliases import SKEW_MS, payment_alias_count, payment_aliases
from streams.core.pricing import Amounts, Assumed, Course, Quantities, Segment
from streams.core.session import Charging, WatchShown
from streams.core.watches import Wake, wake

NEVER_WH = 10**12
UNREAD_MAX = 16  # changes without any reading: after those it is the same days again


def new_watches(case: Case, *, over: bool) -> dict[str, WatchShown]:
    """The watches that say something new; `over`: the session is closed."""
    shown = case.session.published.watches
    wanted = {
        one.charging_id: _wanted(case, one, shown.get(one.charging_id), over=over)
        for one in case.chargings
        if one.charging_id  # else no charger has told of it: a CDR alone has
    }
    return {name: watch for name, watch in wanted.items() if watch != shown.get(name)}


def _wanted(case: Case, charging: Charging, last: WatchShown | None, *, over: bool) -> WatchShown:
    version = last.version + 1 if last else 1
    if charging.end is not None or over:
        if last is not None and last.closing:
            return last
        return WatchShown(version, NEVER_WH, 0, closing=True, basis=())
    goal, marks = goal_of(case, charging), _marks(case)
    basis = _basis(case, charging, goal)
    power_w = evse_w(case.policy, case.request, charging)
    told = (last.marks, last.every_ms, last.power_w) if last is not None else None
    known = told == (*marks, power_w)
    if last is not None and known and last.basis == basis and not _passed(case, charging, last):
        return last
    energy_wh, at = points(case, charging, goal)
    if last is not None and known and not last.closing and _says(last) == (energy_wh, at):
        return last
    return WatchShown(
        version,
        energy_wh,
        at,
        closing=False,
        basis=basis,
        marks=marks.instants,
        every_ms=marks.every_ms,
        power_w=power_w,
    )


def _marks(case: Case) -> Marks:
    """Where the tariff changes by itself, counted from the session's begin."""
    if case.metered is None or case.tariff is None:
        return NO_MARKS
    begins = [one.begun.started_at for one in case.chargings if one.begun is not None]
    if not begins:
        return NO_MARKS
    return marks_of(case.tariff, case.request.time_zone, min(begins), case.now_at)


def _says(watch: WatchShown) -> tuple[int, int]:
    return watch.wake_energy_wh, watch.wake_read_at


def _basis(case: Case, charging: Charging, goal: Goal) -> tuple[int, ...]:
    """All that the points follow from, but for the time and energy of the charging itself."""
    mine, flowing, begun = _delivered(case, charging), is_charging(charging), charging.begun
    others_wh = case.total.so_far.energy_wh - mine.energy_wh
    # A begin or a state told late moves what is due already: the points were counted from there.
    at_rest_ms = mine.parking_ms if flowing else mine.charging_ms
    return (
        *((begun.started_at, begun.energy_wh) if begun is not None else (-1, -1)),
        at_rest_ms,
        -1 if goal.minor is None else goal.minor,
        -1 if goal.energy_wh is None else goal.energy_wh,
        int(flowing),
        others_wh,
        len(case.live),
    )


def _delivered(case: Case, charging: Charging) -> Quantities:
    """By this charging alone, so far: all there is where it is the only one."""
    return case.total.so_far if len(case.chargings) == 1 else delivered(charging, case.now_at)


def _live_at(case: Case, charging: Charging) -> int:
    return max(case.now_at, charging.seen_at)


def _passed(case: Case, charging: Charging, last: WatchShown) -> bool:
    by_energy = charging.top_wh >= last.wake_energy_wh
    return by_energy or 0 < last.wake_read_at <= _live_at(case, charging)


def points(case: Case, charging: Charging, goal: Goal) -> tuple[int, int]:
    """Register value and instant to wake at. What is left is shared by all that run at once."""
    if goal == NO_GOAL or charging.begun is None or case.tariff is None:
        return NEVER_WH, 0
    so_far, running = case.total.so_far, len(case.live)
    mine_wh = _delivered(case, charging).energy_wh
    energy_wh = None if goal.energy_wh is None else goal.energy_wh + 1
    at = None
    if goal.minor is not None:
        live_at = _live_at(case, charging)
        woken = _woken(case, charging, goal.minor, live_at)
        energy_wh = _sooner(energy_wh, woken.energy_wh)
        at = None if woken.at is None else live_at + (woken.at - live_at) // running
    if energy_wh is None:
        return NEVER_WH, at or 0
    left_wh = max(energy_wh - so_far.energy_wh, 0) // running
    return min(charging.begun.energy_wh + mine_wh + left_wh, NEVER_WH), at or 0


def _woken(case: Case, charging: Charging, minor: int, live_at: int) -> Wake:
    """Where the price may first pass `minor`, by rates or by the course."""
    assert case.tariff is not None  # or there would be no goal
    grain_ms = case.policy.look_ahead.meter_interval_ms
    flowing, rates = is_charging(charging), case.tariff.simple
    if rates is not None:
        return wake(rates, case.total.so_far, flowing, minor, live_at, grain_ms)
    assert case.metered is not None  # whoever has no rates has a course
    assumed = Assumed(charging=flowing, power_w=case.ahead.raise_w)
    found = pricing.wake(case.tariff, case.metered, assumed, minor, grain_ms)
    at, energy_wh = found.at, found.energy_wh
    # The rules look ahead by one number until these, and no longer.
    for reach in reaches(case):
        at, energy_wh = _sooner(at, reach.until_at), _sooner(energy_wh, reach.until_wh)
    unread = list(_unread(case, charging, live_at))
    if unread:
        # By then so much is due for time alone, and a step may go by what came last.
        then_at = live_at if at is None else max(at - 1, live_at)
        left_minor = minor - _timed(case, then_at) - steps_minor(case.tariff)
        for course in unread:
            stood = due.once_flowing(case.tariff, course, case.total.so_far)
            then = pricing.wake(case.tariff, course, assumed, left_minor + stood, grain_ms)
            energy_wh = _sooner(energy_wh, then.energy_wh)
    return Wake(energy_wh, at)


def _timed(case: Case, at: int) -> int:
    """What is due at `at` if no more energy flows until then."""
    assert case.tariff is not None  # or there would be no goal
    course = metered(case.chargings, at, case.request.time_zone)
    return due.once_flowing(case.tariff, course, case.total.so_far)


def _unread(case: Case, charging: Charging, live_at: int) -> Iterator[Course]:
    """The course as it stood at the newest reading, and at each change of the tariff since.

    Energy that the next reading shows may have flowed then, when it was dearer.
    """
    if case.tariff is None or case.metered is None or live_at <= charging.seen_at:
        return
    slots = case.tariff.table.slots(case.metered, charging.seen_at, live_at + 1)
    changes = slots.starts[:UNREAD_MAX]
    if not changes:
        return
    read = metered(case.chargings, 0, case.request.time_zone)
    for at in (charging.seen_at, *changes[:-1]):
        ms = at - charging.seen_at
        amounts = Amounts(charging_ms=ms) if is_charging(charging) else Amounts(parking_ms=ms)
        stood = Segment(charging.seen_at, at, amounts)
        yield read._replace(segments=(*read.segments, stood)) if ms else read


def _sooner(one: int | None, other: int | None) -> int | None:
    known = [value for value in (one, other) if value is not None]
    return min(known, default=None)


def watch_record(case: Case, charging_id: str, watch: WatchShown) -> Watch:
    charging = case.session.chargings[charging_id]
    return Watch(
        tenant=case.request.tenant,
        network=charging.network,
        charger_id=charging.charger_id,
        transaction_id=charging.transaction_id,
        session_id=case.session.session_id,
        version=watch.version,
        wake_energy_wh=watch.wake_energy_wh,
        wake_read_at=watch.wake_read_at,
        closing=watch.closing,
        marks=list(watch.marks),
        every_ms=watch.every_ms,
        power_w=watch.power_w,
    )


def new_aliases(case: Case) -> list[AliasBound]:
    """The names that link needs to find this session by, each told once."""
    request, start = case.request, case.start
    begun = [one for one in case.chargings if one.begun is not None and one.charging_id]
    told = len(case.session.published.aliases)
    ours = len(begun) + (start is not None)
    if told == ours + payment_alias_count(case) + partner_alias_count(case):
        return []  # all told: the hot case
    names: list[tuple[str, int]] = []
    if start is not None:
        value = ids.remote_start_id(request.session_id)
        alias = ids.charger_alias(
            request.tenant, request.network, request.charger_id, "remote_start", value
        )
        # The value is ours alone, so that a charger whose clock is behind still finds its session.
        names.append((alias, max(start.issued_at - SKEW_MS, 0)))
    for charging in begun:
        alias = ids.charger_alias(
            request.tenant,
            charging.network,
            charging.charger_id,
            "transaction",
            charging.transaction_id,
        )
        if charging.begun is not None:
            names.append((alias, charging.begun.started_at))
    names += payment_aliases(case)
    bound = [(alias, from_at, FAR_AT) for alias, from_at in names] + partner_aliases(case)
    return [
        AliasBound(
            tenant=request.tenant,
            alias=alias,
            session_id=request.session_id,
            bound_from=from_at,
            bound_to=until_at,
        )
        for alias, from_at, until_at in bound
        if alias not in case.session.published.aliases
    ]
