"""Rungs 1 and 2 of the ladder: what a charger's own data proves of one charging (design.md, 6).

SIGNED_END proves energy by the meter's key, COMPLETE_TRANSACTION by an end that nothing is missing
before. The charging time and the end of parking are proven by the transaction alone: where the
tariff asks for them, a pair of signed registers is not enough.
"""

import re
from typing import NamedTuple

from msgspec.structs import replace

from streams.core.charging import contradiction
from streams.core.pricing import Tariff
from streams.core.proof_policy import COMPLETE_TRANSACTION, SIGNED_END, ProofPolicy
from streams.core.session import Begun, Charging, End, Signed
from streams.core.strategy_policy import Policy

_NAMES_NOTHING = re.compile(r"-\d+\Z")
"""OCPP 1.6: a station that never heard the answer to its start stops transaction -1."""


ROUNDED_WH = 10
"""kWh are written with two or three decimals: so close to a reading it is that reading."""


class Shown(NamedTuple):
    """`rung` empty: not proven, and `why` says what is missing. `charging` as it is proven.

    `again_at`: when time alone may prove it, 0: never. `pair`: what signs it.
    """

    rung: str
    charging: Charging
    why: str = ""
    again_at: int = 0
    pair: Signed | None = None


class Asks(NamedTuple):
    """What a price rests on beside energy. `split`: charging and parking have prices apart."""

    times: bool
    split: bool


NO_TIMES = Asks(times=False, split=False)
_TIMED = frozenset({"TIME", "PARKING_TIME", "SESSION_TIME"})


def asks_of(tariff: Tariff) -> Asks:
    rates = tariff.simple
    if rates is not None:
        split = rates.charging_rate != rates.parking_rate
        return Asks(times=bool(rates.charging_rate or rates.parking_rate), split=split)
    timed = any(one.dimension in _TIMED for one in tariff.components)
    return Asks(times=timed or tariff.needs_course, split=timed)


def by_charger(
    charging: Charging, asks: Asks, policy: Policy, now_at: int, dark_at: int = 0
) -> Shown:
    """The highest rung that holds. Not of a charging that cannot be true (plausible.py).

    `dark_at`: its last word before its charger went dark, 0: it never did.
    """
    begun, end = charging.begun, charging.end
    if begun is None or end is None:
        return Shown("", charging, "no begin" if begun is None else "no end")
    missing, again_at = _missing(charging, end, policy.proof, (now_at, dark_at))
    times = not asks.times or not (missing or charging.doubtful_time)
    pair, why = signed_pair(charging, begun, end, policy)
    if why:
        return Shown("", charging, why)  # nothing lower may take what the meter's key denies
    if pair is not None and times:
        last_wh = begun.energy_wh + pair.wh
        proven = replace(end, complete=True, energy_wh=last_wh)
        return Shown(SIGNED_END, replace(charging, end=proven, top_wh=last_wh), pair=pair)
    if pair is None:
        why = _doubt(charging, end) or missing
    if not why and not times:
        why = _untimed(charging, missing)
    if why:
        return Shown("", charging, why, again_at)
    return Shown(COMPLETE_TRANSACTION, charging)


def _doubt(charging: Charging, end: End) -> str:
    """Why its transaction proves nothing though nothing is missing; empty: it does."""
    if end.doubtful:
        return "the feed doubts its energy"
    return "its register fell" if charging.fell else contradiction(charging)


def _untimed(charging: Charging, missing: str) -> str:
    why = "its clock is doubtful" if charging.doubtful_time else missing
    return f"time is priced, and {why}"


def _missing(
    charging: Charging, end: End, rules: ProofPolicy, times: tuple[int, int]
) -> tuple[str, int]:
    """What may still come before this end, in words; '' when nothing. And when to look again.

    `times`: now, and the last word before its charger went dark.
    """
    now_at, dark_at = times
    if _NAMES_NOTHING.match(charging.transaction_id):
        return "its transaction id names no charging", 0
    if end.complete or end.whole:
        return "", 0
    if end.seq >= 0 or charging.numbered:
        return "numbers are missing before its end", 0
    if is_zombie(charging, rules, dark_at):
        return "its end is the last reading before a silence", 0
    quiet_at = max(end.ended_at, charging.end_heard_at) + rules.quiet_ms
    return ("", 0) if now_at >= quiet_at else ("its end has no number: a quiet time", quiet_at)


def is_zombie(charging: Charging, rules: ProofPolicy, dark_at: int = 0) -> bool:
    """Whether somebody has closed it by its last online value, long after that (design.md, 6).

    Or after its charger went dark, whatever instant the end bears: some date it back to that value.
    A charger that kept anything of its own tells it, and its word is later than `dark_at` then.
    """
    begun, end = charging.begun, charging.end
    if end is None or begun is None or end.whole or end.seq >= 0:
        return False
    more_wh = end.energy_wh - max(charging.top_wh, begun.energy_wh)
    if not 0 <= more_wh <= ROUNDED_WH:
        return False
    if dark_at and charging.heard_at <= dark_at:
        return True
    return end.ended_at - charging.heard_at > rules.zombie_after_ms


def floor_wh(charging: Charging, rules: ProofPolicy, dark_at: int = 0) -> int:
    """What its own begin and end show at the least; 0 where they cannot be gone by.

    No more than any valid signature of it says.
    """
    begun, end = charging.begun, charging.end
    if begun is None or end is None or _doubt(charging, end) or is_zombie(charging, rules, dark_at):
        return 0
    signed = [
        one.wh
        for one in charging.signed
        if one.rank == 0 and _in_time(one, begun, end, rules.signed_apart_ms)
    ]
    return max(min([end.energy_wh - begun.energy_wh, *signed]), 0)


def accepted(one: Signed, rules: ProofPolicy) -> bool:
    """Valid, by the operator's own list of keys, or by any where the policy says so."""
    return one.rank == 0 and (one.key_from == "registry" or rules.enclosed_keys)


def signed_pair(
    charging: Charging, begun: Begun, end: End, policy: Policy
) -> tuple[Signed | None, str]:
    """The one pair that proves this charging; or why what is signed contradicts it, in words."""
    if not charging.signed:
        return None, ""  # nearly always
    valid = [one for one in charging.signed if one.rank == 0]
    # The same pair told again, when its key had become known, is still one.
    if len({(one.meter, one.wh, one.from_at, one.to_at) for one in valid}) > 1:
        return None, "several signed pairs of one charging"
    if not valid or not _in_time(valid[0], begun, end, policy.proof.signed_apart_ms):
        return None, ""
    pair = max(valid, key=lambda one: one.key_from == "registry")
    register_wh = end.energy_wh - begun.energy_wh
    known = not (end.doubtful or charging.fell)
    if known and not policy.reconciliation.energy_agrees(register_wh, pair.wh):
        return None, f"its meter signs {pair.wh} Wh, its register shows {register_wh} Wh"
    return (pair if accepted(pair, policy.proof) else None), ""


def signed_oddity(charging: Charging, policy: Policy) -> tuple[str, str] | None:
    """What people have to know of its signed values: a kind and words; None: nothing."""
    begun, end = charging.begun, charging.end
    if begun is None or end is None:
        return None
    if any(one.outcome == "tampered" for one in charging.signed):
        return "signed-tampered", charging.signed[-1].reason or "signed values were tampered with"
    pair, why = signed_pair(charging, begun, end, policy)
    if why:
        return "signed-register", why
    valid = [one for one in charging.signed if accepted(one, policy.proof)]
    if valid and pair is None:
        one = valid[0]
        return "signed-unfit", f"signed from {one.from_at} to {one.to_at}: another charging's"
    return None


def _in_time(pair: Signed, begun: Begun, end: End, apart_ms: int) -> bool:
    """A pair of another charging proves nothing of this one: it began with it, and is not later.

    A meter may sign its end as energy stops, long before the car leaves: the register tells.
    """
    if not (pair.from_at and pair.to_at):
        return False
    begins = abs(pair.from_at - begun.started_at) <= apart_ms
    return begins and pair.from_at <= pair.to_at <= end.ended_at + apart_ms
