"""A transaction's register on one scale from begin to end, whatever the meter does in between.

Facts tell register values that only rise. A meter that counts per transaction or begins anew at a
boot is put on that scale by an offset, and flagged; what fits no scale is refused (plausibility.py
has the rules). Late and repeated values are judged by what was known for their time.
"""

from connectors.ocpp.memory import MOST_INTERVALS, NOT_TOLD, Transaction
from connectors.ocpp.plausibility import Implausible, Plausibility, possible_wh
from schemas.flags import Flag

_MICRO = 1_000_000
_MS_PER_HOUR = 3_600_000
# Scale doubts: this much must have been shown by power, and the register show so little of it.
_SHOWN_LEAST_WH = 1_000
_SCALE_RATIO = 100
_LONGEST_INTERVAL_MS = 24 * _MS_PER_HOUR
_SHOWN_MOST = 2**62
_SHOWN_GAP_MS = 15 * 60 * 1000


def begin(one: Transaction, wh: int, at: int) -> None:
    """The transaction begins with its register at `wh`."""
    one.begin_at, one.begin_wh = at, wh
    if one.last_wh == NOT_TOLD:
        one.last_at, one.last_wh = at, wh


def read(one: Transaction, shown_wh: int, at: int, rules: Plausibility) -> tuple[int, int]:
    """What the meter showed at `at`: energy on the facts' scale, and flags of this value alone.

    Changes `one`: its scale, its flags, its last value. Raises Implausible before any change.
    """
    if one.last_wh == NOT_TOLD:
        one.last_at, one.last_wh, one.has_read = at, shown_wh, True
        return shown_wh, 0
    if at <= one.last_at:
        return _late(one, shown_wh, at, rules)
    wh = shown_wh + one.offset_wh
    rise_wh = wh - one.last_wh
    flags = 0
    if rise_wh < 0:
        if -rise_wh <= rules.rounding_wh:
            wh, flags = one.last_wh, Flag.ROUNDED.value
        else:
            wh = _begun_anew(one, shown_wh, at, rules)
    elif rise_wh > (possible := possible_wh(at - one.last_at, rules)):
        wh = _begun_low(one, shown_wh, possible, rise_wh)
    one.last_at, one.last_wh, one.has_read, one.booted = at, wh, True, False
    return wh, flags


def fits(one: Transaction, shown_wh: int, at: int, rules: Plausibility) -> bool:
    """Whether this goes on where the last value stood, so that nothing else need be assumed."""
    if one.last_wh == NOT_TOLD:
        return True
    wh = shown_wh + one.offset_wh
    if at <= one.last_at:
        return max(one.begin_wh, 0) <= wh <= one.last_wh
    rise_wh = wh - one.last_wh
    return -rules.rounding_wh <= rise_wh <= possible_wh(at - one.last_at, rules)


def _late(one: Transaction, shown_wh: int, at: int, rules: Plausibility) -> tuple[int, int]:
    wh = shown_wh + (one.offset_before if at < one.turned_at else one.offset_wh)
    floor = max(one.begin_wh, 0)
    if floor <= wh <= one.last_wh:
        return wh, 0
    nearest = min(max(wh, floor), one.last_wh)
    if abs(wh - nearest) <= rules.rounding_wh:
        return nearest, Flag.ROUNDED.value
    raise Implausible(
        "falling-register", f"{wh} Wh at {at}, where {one.last_wh} Wh stood at {one.last_at}"
    )


def _begun_anew(one: Transaction, shown_wh: int, at: int, rules: Plausibility) -> int:
    """The energy where a register fell to near zero. Raises Implausible where it only fell."""
    possible = possible_wh(at - one.last_at, rules)
    if not one.booted and shown_wh * rules.restart_ratio > one.last_wh:
        possible = NOT_TOLD
    if not one.has_read and shown_wh <= min(possible, rules.car_max_wh):
        # All its values are so: one that comes late, too.
        turned_at, flag = 0, Flag.PER_TRANSACTION
    elif shown_wh <= min(possible, rules.restart_max_wh):
        turned_at, flag = at, Flag.RESTARTED
    else:
        stood = f"{one.last_wh} Wh stood at {one.last_at}"
        raise Implausible("falling-register", f"{shown_wh} Wh at {at}, where {stood}")
    one.offset_before, one.turned_at, one.offset_wh = one.offset_wh, turned_at, one.last_wh
    one.flags |= flag.value
    return shown_wh + one.offset_wh


def _begun_low(one: Transaction, shown_wh: int, possible: int, rise_wh: int) -> int:
    """The energy where a register is too high for its begin. Raises Implausible but for begin 0."""
    if one.begin_wh != 0 or one.has_read:
        raise Implausible("energy-above-power", f"{rise_wh} Wh more, where {possible} can be")
    one.offset_wh = one.last_wh - shown_wh
    one.flags |= Flag.BEGIN_ZERO.value
    return one.last_wh


def end(one: Transaction, shown_wh: int, at: int, rules: Plausibility) -> tuple[int, int]:
    """The end register, as `read`: told like the begin, it is tried on the begin's scale first."""
    at = max(at, one.last_at)
    if one.offset_wh and one.last_wh != NOT_TOLD and not one.flags & Flag.RESTARTED:
        possible = possible_wh(at - one.last_at, rules)
        low = one.last_wh - rules.rounding_wh
        if low <= shown_wh <= one.last_wh + possible:
            # Begin and end agree: only the values between them were on a scale of their own.
            one.flags &= ~(Flag.PER_TRANSACTION | Flag.BEGIN_ZERO).value
            return max(shown_wh, one.last_wh), 0
    if at > one.last_at:
        return read(one, shown_wh, at, rules)
    wh = shown_wh + one.offset_wh
    if one.last_wh - wh > rules.rounding_wh or wh > one.last_wh + possible_wh(0, rules):
        raise Implausible(
            "falling-register", f"{wh} Wh at the end, where {one.last_wh} Wh stood before"
        )
    return max(wh, one.last_wh), Flag.ROUNDED.value if wh < one.last_wh else 0


def add_interval(
    one: Transaction, uwh: int, at: int, rules: Plausibility, *, by_clock: bool
) -> tuple[int, int]:
    """Energy of the interval that ends at `at`, in micro-Wh: begin plus all told up to then.

    An interval told again replaces itself. Sampled and clock-aligned intervals overlap: the first
    kind that comes counts. Returns the instant it is true for, and the energy. Raises Implausible.
    """
    since_at = max((known for known in one.intervals if known < at), default=one.started_at)
    possible = possible_wh(min(at - since_at, _LONGEST_INTERVAL_MS), rules)
    if uwh > possible * _MICRO:
        raise Implausible("energy-above-power", f"{uwh // _MICRO} Wh, where {possible} can be")
    if one.begin_wh == NOT_TOLD:
        begin(one, 0, at)
    if not one.intervals:
        one.by_clock = by_clock
    if one.by_clock == by_clock and at > max(one.started_at, one.intervals_from_at):
        one.intervals = {**one.intervals, at: uwh}
        _fold(one)
    one.flags |= Flag.FROM_INTERVALS.value
    total = one.interval_uwh + sum(one.intervals.values())
    one.last_at = max(one.last_at, at)
    one.last_wh = max(one.last_wh, max(one.begin_wh, 0) + total // _MICRO)
    return one.last_at, one.last_wh


def _fold(one: Transaction) -> None:
    if len(one.intervals) <= MOST_INTERVALS:
        return
    oldest = sorted(one.intervals)[: MOST_INTERVALS // 2]
    one.interval_uwh += sum(one.intervals[at] for at in oldest)
    one.intervals_from_at = oldest[-1]
    one.intervals = {at: uwh for at, uwh in one.intervals.items() if at > oldest[-1]}


def show_power(one: Transaction, power_w: int, at: int) -> None:
    """What power was told at `at`: it adds up to what the register should show at least."""
    if at <= one.power_at:
        return
    gap_ms = at - one.power_at
    if one.power_w > 0 and gap_ms <= _SHOWN_GAP_MS:
        shown = one.shown_wms + min(one.power_w, power_w) * gap_ms
        one.shown_wms = min(shown, _SHOWN_MOST)
    one.power_at, one.power_w = at, power_w


def scale_flags(one: Transaction, end_wh: int) -> int:
    """Whether energy and power of the whole transaction are of one scale, and most values on it."""
    if one.misfits > one.fits:
        return Flag.SCALE_DOUBTFUL.value
    shown_wh = one.shown_wms // _MS_PER_HOUR
    delivered = end_wh - max(one.begin_wh, 0)
    if shown_wh < _SHOWN_LEAST_WH or delivered * _SCALE_RATIO >= shown_wh:
        return 0
    return Flag.SCALE_DOUBTFUL.value
