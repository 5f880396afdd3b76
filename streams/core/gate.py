"""The meter gate: what link knows of one charging, and what of it goes on to its session.

Almost every reading ends here. A session says by a watch at which register value or instant its
next decision falls due; the gate compares integers and lets only the readings through that matter:
the two around a crossing, the newest at a binding, one now and then so that the public view does
not go stale (design.md, section 5). Everything that tells of begin, state and end goes on. Where a
tariff changes at an instant, the watch marks it: the readings around it go on whatever was crossed.

Pure: functions from (charging, fact) to (charging, what goes on). `Charging` is link's state.
"""

from typing import NamedTuple

import msgspec

from schemas import codec
from schemas.facts import (
    ChargingEnded,
    ChargingStarted,
    ChargingUpdated,
    MeterReading,
    Watch,
)
from streams.core import intervals, plausible
from streams.core.plausible import MARGIN_WH

REFRESH_MS = 5 * 60 * 1000
KEPT_MAX = 256  # facts of a charging that no session has claimed: more are parked, none is lost
UNBOUND_WRITE_MS = 60 * 1000
LONGEST_GAP_MS = 30 * 60 * 1000
"""Who tells less often than this has no rhythm to go by (streams.core.silence)."""
ROUNDED_WH = 10
"""A register that is lower by no more has not begun anew: it is rounded."""
UNSEEN = -1

TransactionFact = ChargingStarted | ChargingUpdated | ChargingEnded


class Kept(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One input as it came, so that it can go on later as if it had just come."""

    topic: str
    partition: int
    offset: int
    value: bytes


NOTHING_KEPT = Kept("", 0, -1, b"")


class Charging(msgspec.Struct, array_like=True, gc=False):
    """One charging at the gate. Fields are only ever appended, with defaults.

    Nothing in it can refer back to it, so the collector of cycles, which would look at all of a
    turn's chargings again and again, is told to pass them by.
    """

    session_id: str = ""
    version: int = 0
    wake_energy_wh: int = 0
    wake_read_at: int = 0
    closing: bool = False
    fired_version: int = 0
    energy_wh: int = UNSEEN
    read_at: int = 0
    reading: Kept = NOTHING_KEPT
    reading_sent: bool = False
    forwarded_at: int = 0
    runs: list[int] = []
    first_seq: int = UNSEEN
    last_seq: int = UNSEEN
    ended: Kept = NOTHING_KEPT
    ended_complete: bool = False
    payment_kind: str = "unknown"
    alias: str = ""
    kept: list[Kept] = []
    since: int = 0
    orphan_told: bool = False
    marks: list[int] = []
    every_ms: int = 0
    begin_wh: int = UNSEEN
    power_w: int = 0
    gap_ms: int = 0
    top_gap_ms: int = 0
    told_at: int = 0
    silence: str = ""
    silence_version: int = 0
    silence_from_at: int = 0
    fell: bool = False


class Forward(NamedTuple):
    """What goes on to the session: the input, the watch it crossed, whether nothing is missing.

    `gap_ms`: of a reading that crossed, how long after the one before it; 0: not known.
    """

    fact: Kept
    crossing: int = 0
    sequence_complete: bool = False
    gap_ms: int = 0


class TooManyKept(ValueError):
    """An unclaimed charging has sent more than is kept for it."""


class ReadingFalls(ValueError):
    """A register cannot fall: a later reading below an earlier one is parked, never believed."""


class ReadingLeaps(ValueError):
    """More than the EVSE can deliver since the last good reading: no reference for later ones."""


def _check_register(charging: Charging, energy_wh: int, at: int) -> None:
    if charging.energy_wh == UNSEEN:
        return
    later_and_lower = at > charging.read_at and energy_wh < charging.energy_wh
    earlier_and_higher = at < charging.read_at and energy_wh > charging.energy_wh
    if earlier_and_higher and _passes_power(charging, energy_wh, at):
        raise ReadingLeaps(f"energy_wh: {energy_wh} at {at}, of {charging.power_w} W at most")
    if later_and_lower or earlier_and_higher:
        raise ReadingFalls(
            f"energy_wh: {energy_wh} at {at} against {charging.energy_wh} at {charging.read_at}"
        )


def _passes_power(charging: Charging, energy_wh: int, at: int) -> bool:
    """Whether a late reading is a spike and no fall: more than can have flowed since the begin."""
    if not charging.power_w or charging.begin_wh == UNSEEN or at < charging.since:
        return False
    most_wh = plausible.most_wh(charging.power_w, at - charging.since)
    return energy_wh - charging.begin_wh > most_wh


def _check_leap(charging: Charging, energy_wh: int, read_at: int) -> None:
    """Since the last good reading, at first since the begin. Not where no watch told the power."""
    seen = charging.energy_wh != UNSEEN
    base_wh, base_at = charging.begin_wh, charging.since
    if seen:
        base_wh, base_at = charging.energy_wh, charging.read_at
    if not charging.power_w or base_wh == UNSEEN or read_at <= base_at:
        return
    most_wh = plausible.most_wh(charging.power_w, read_at - base_at)
    if energy_wh - base_wh > most_wh:
        raise ReadingLeaps(
            f"energy_wh: {energy_wh} at {read_at}, of {charging.power_w} W at most"
            f" {base_wh + most_wh} since {base_wh} at {base_at}"
        )


def note_sequence(charging: Charging, seq: int) -> list[Forward]:
    """Count `seq` as seen; the end goes on once more when it is now known to be complete."""
    if seq < 0:
        return []
    runs = charging.runs
    if runs and runs[-1] + 1 == seq:  # nearly always: the next one
        runs[-1] = seq
    else:
        charging.runs = intervals.add(runs, seq)
    if charging.ended.offset < 0 or charging.ended_complete:
        return []
    charging.ended_complete = _complete(charging)
    if charging.ended_complete and charging.session_id:
        return [Forward(charging.ended, sequence_complete=True)]
    return []


def note_refused(charging: Charging, seq: int, energy_wh: int) -> list[Forward]:
    """A reading that was refused was sent all the same: its number counts.

    Where the register fell by it, begin and end of the charging no longer say what flowed between
    them, however whole its sequence: an end that has gone on goes once more to say so.
    """
    completed = note_sequence(charging, seq)
    fell = charging.fell
    if energy_wh < charging.energy_wh:
        _note_fall(charging, charging.energy_wh, energy_wh)
    elif 0 <= seq < _newest_seq(charging):  # else its clock went back, and not its register
        _note_fall(charging, energy_wh, charging.energy_wh)
    if fell or not charging.fell or completed:
        return completed
    if charging.ended.offset < 0 or not charging.session_id:
        return []
    return [Forward(charging.ended, sequence_complete=charging.ended_complete)]


def _newest_seq(charging: Charging) -> int:
    if not charging.reading.value:
        return UNSEEN
    newest = codec.decode(charging.reading.value)
    return newest.seq if isinstance(newest, MeterReading) else UNSEEN


def _note_fall(charging: Charging, before_wh: int, after_wh: int) -> None:
    if UNSEEN not in (before_wh, after_wh) and before_wh - after_wh > ROUNDED_WH:
        charging.fell = True


def _complete(charging: Charging) -> bool:
    if charging.first_seq < 0 or charging.last_seq < 0:
        return False
    return intervals.covers(charging.runs, charging.first_seq, charging.last_seq)


def take_reading(charging: Charging, reading: MeterReading, kept: Kept) -> list[Forward]:
    """A reading. Changes `charging`; raises ReadingFalls or ReadingLeaps before any change."""
    return take_register(charging, reading.seq, reading.energy_wh, reading.read_at, kept)


def take_register(  # noqa: C901 - asked for each reading of a fleet: a call more is dear
    charging: Charging, seq: int, energy_wh: int, read_at: int, kept: Kept
) -> list[Forward]:
    """A reading by its numbers, as `take_reading`."""
    if energy_wh - charging.energy_wh > MARGIN_WH:  # else it always can be: nearly every reading
        _check_leap(charging, energy_wh, read_at)
    if read_at <= charging.read_at or energy_wh < charging.energy_wh:
        _check_register(charging, energy_wh, read_at)
        if charging.energy_wh != UNSEEN:
            # Repeated or late: its number counts, its value is known to be passed.
            return note_sequence(charging, seq)
    runs = charging.runs
    if runs and runs[-1] + 1 == seq and charging.ended.offset < 0:
        runs[-1] = seq  # as note_sequence would, without the call: nearly always
        completed: list[Forward] = []
    else:
        completed = note_sequence(charging, seq)
    before, before_sent, before_at = charging.reading, charging.reading_sent, charging.read_at
    gap_ms = read_at - before_at
    if gap_ms > charging.gap_ms:
        if before_at:
            _note_gap(charging, gap_ms)
        else:  # the first one: those after it are measured against it
            _note_fall(charging, charging.begin_wh, energy_wh)
    charging.energy_wh = energy_wh
    charging.read_at = read_at
    charging.reading = kept
    charging.reading_sent = False
    if not charging.session_id or charging.closing:
        return completed
    crosses = charging.version > charging.fired_version and _crosses(charging)
    if crosses or (charging.marks and charging.marks[0] <= read_at):
        newest = _around(charging, before_at, crosses=crosses)
        unsent = [] if before_sent or before.offset < 0 else [Forward(before)]
        return [*unsent, newest, *completed]
    if read_at - charging.forwarded_at >= (charging.every_ms or REFRESH_MS):
        return [_send_newest(charging, 0), *completed]
    return completed


def _note_gap(charging: Charging, gap_ms: int) -> None:
    """The two longest waits for a reading: one may be an outage, two are this charger's way."""
    if gap_ms > LONGEST_GAP_MS:
        return
    charging.gap_ms = min(gap_ms, charging.top_gap_ms)
    charging.top_gap_ms = max(gap_ms, charging.top_gap_ms)


def _around(charging: Charging, before_at: int, *, crosses: bool) -> Forward:
    charging.marks = [mark for mark in charging.marks if mark > charging.read_at]
    gap_ms = charging.read_at - before_at if before_at else 0
    return _cross(charging, gap_ms) if crosses else _send_newest(charging, 0)


def _crosses(charging: Charging) -> bool:
    if charging.version <= charging.fired_version or charging.energy_wh == UNSEEN:
        return False
    by_energy = charging.energy_wh >= charging.wake_energy_wh
    by_time = 0 < charging.wake_read_at <= charging.read_at
    return by_energy or by_time


def _cross(charging: Charging, gap_ms: int) -> Forward:
    charging.fired_version = charging.version
    return _send_newest(charging, charging.version, gap_ms)


def _send_newest(charging: Charging, crossing: int, gap_ms: int = 0) -> Forward:
    charging.reading_sent = True
    charging.forwarded_at = charging.read_at
    return Forward(charging.reading, crossing, gap_ms=gap_ms)


def newest_unsent(charging: Charging) -> list[Forward]:
    """The newest reading, where it did not go on: the last that was seen before a silence."""
    if not charging.session_id or charging.reading_sent or charging.reading.offset < 0:
        return []
    return [_send_newest(charging, 0)]


def take_transaction(charging: Charging, fact: TransactionFact, kept: Kept) -> list[Forward]:
    """Begin, state or end of the charging. Changes `charging`; goes on at once when bound.

    Raises TooManyKept before any change. An end below the newest reading goes on, with the word
    that the register fell: that a charging is over is true all the same.
    """
    if not charging.session_id and len(charging.kept) >= KEPT_MAX:
        raise TooManyKept(f"{KEPT_MAX} facts wait for a session already")
    match fact:
        case ChargingEnded():
            return _take_end(charging, fact, kept)
        case ChargingStarted():
            charging.payment_kind = fact.payment_kind
            charging.since = fact.started_at
            charging.begin_wh = fact.energy_wh
            _note_fall(charging, fact.energy_wh, charging.energy_wh)
            if charging.first_seq < 0:
                charging.first_seq = fact.seq
        case ChargingUpdated():
            charging.told_at = max(charging.told_at, fact.updated_at)
    completed = note_sequence(charging, fact.seq)
    return [*_onward(charging, kept), *completed]  # as in `_whole_last`


def take_beside(charging: Charging, kept: Kept, at: int) -> list[Forward]:
    """A fact of the charging that no register follows from. Raises TooManyKept."""
    if not charging.session_id and len(charging.kept) >= KEPT_MAX:
        raise TooManyKept(f"{KEPT_MAX} facts wait for a session already")
    charging.since = charging.since or at
    return _onward(charging, kept)


def _take_end(charging: Charging, ended: ChargingEnded, kept: Kept) -> list[Forward]:
    _note_fall(charging, charging.energy_wh, ended.energy_wh)
    repeated = charging.ended.offset >= 0
    if not repeated:
        charging.last_seq = ended.seq
        charging.ended = kept
    completed = note_sequence(charging, ended.seq)
    if completed:  # the end itself made the sequence whole: once is enough
        return completed
    if repeated and not charging.session_id:
        return []
    return [*_last_before(charging, ended), *_onward(charging, kept)]


def _last_before(charging: Charging, ended: ChargingEnded) -> list[Forward]:
    """An end without a number is judged by the reading before it (proof_charger.is_zombie)."""
    unsent = charging.reading.offset >= 0 and not charging.reading_sent
    if ended.seq >= 0 or not unsent or not charging.session_id:
        return []
    return [_send_newest(charging, 0)]


def _onward(charging: Charging, kept: Kept) -> list[Forward]:
    if charging.session_id:
        whole = charging.ended_complete and kept == charging.ended
        return [Forward(kept, sequence_complete=whole)]
    charging.kept = [*charging.kept, kept]
    return []


class BoundElsewhere(ValueError):
    """The charging already belongs to another session: never rebound by a message."""


def take_watch(charging: Charging, watch: Watch) -> list[Forward]:
    """A watch: binds at its first coming, is compared at once with the newest reading.

    Lower and equal versions are repeats and change nothing. Raises BoundElsewhere.
    """
    if charging.session_id and charging.session_id != watch.session_id:
        raise BoundElsewhere(f"session_id: bound to {charging.session_id}")
    if charging.session_id and watch.version <= charging.version:
        return []
    bound_now = not charging.session_id
    charging.session_id = watch.session_id
    charging.version = watch.version
    charging.wake_energy_wh = watch.wake_energy_wh
    charging.wake_read_at = watch.wake_read_at
    charging.closing = watch.closing
    charging.marks = [mark for mark in watch.marks if mark > charging.read_at]
    charging.every_ms = watch.every_ms
    charging.power_w = watch.power_w
    if bound_now:
        _forget_a_leap(charging)
    forwards = _flush(charging) if bound_now else []
    if not charging.closing and _crosses(charging):
        return _whole_last(charging, [*forwards, _cross(charging, 0)])
    # A mark that was passed before it was told of: the newest reading is the nearest there is.
    told_at, read_at = charging.forwarded_at, charging.read_at
    missed = any(told_at < mark <= read_at for mark in watch.marks)
    if (bound_now or missed) and charging.reading.offset >= 0:
        return _whole_last(charging, [*forwards, _send_newest(charging, 0)])
    return _whole_last(charging, forwards)


def _whole_last(charging: Charging, forwards: list[Forward]) -> list[Forward]:
    """A whole end settles the price: what it goes by goes before it, whichever came first.

    So does one without a number, which is judged by the last reading.
    """
    return sorted(forwards, key=lambda one: one.sequence_complete or one.fact == charging.ended)


def _forget_a_leap(charging: Charging) -> None:
    """What was taken before the power was known: no reference for what comes after it."""
    newest_wh, newest_at = charging.energy_wh, charging.read_at
    charging.energy_wh, charging.read_at = UNSEEN, charging.since
    try:
        _check_leap(charging, newest_wh, newest_at)
    except ReadingLeaps:
        charging.reading = NOTHING_KEPT
    else:
        charging.energy_wh, charging.read_at = newest_wh, newest_at


def _flush(charging: Charging) -> list[Forward]:
    """All that waited for the binding; the end says whether the sequence is whole by now."""
    flushed = [
        Forward(kept, sequence_complete=charging.ended_complete and kept == charging.ended)
        for kept in charging.kept
    ]
    charging.kept = []
    return flushed


def may_pass_unwritten(charging: Charging, read_at: int) -> bool:
    """Contract chargings never need money state: their readings are written once a minute."""
    if charging.payment_kind != "contract" or charging.session_id:
        return False
    return read_at - charging.read_at < UNBOUND_WRITE_MS
