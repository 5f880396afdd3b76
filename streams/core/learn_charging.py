"""What a charger says of one charging, merged into what is known of it: a join, like `learn`."""

from msgspec.structs import replace

from schemas.facts import (
    ChargingEnded,
    ChargingStarted,
    ChargingUpdated,
    LinkedFact,
    MeterReading,
)
from schemas.flags import ENERGY_DOUBTFUL, TIME_DOUBTFUL, Flag
from streams.core.session import (
    NOT_SHOWN,
    Begun,
    Change,
    Charging,
    End,
    Limited,
    Power,
    Signed,
)
from streams.core.trace import Sample, with_sample

SIGNED_MAX = 4  # of one charging: more than one is a contradiction already
_REASON_MAX = 300

ChargerFact = ChargingStarted | ChargingUpdated | ChargingEnded | MeterReading


def merged(
    known: Charging | None,
    linked: LinkedFact,
    fact: ChargerFact,
    *,
    traced: bool,
) -> Charging:
    """`known` with `fact` in it; `traced`: the tariff asks when energy flowed."""
    charging = known or _charging(linked, fact)
    match fact:
        case ChargingStarted():
            return _begun(charging, fact)
        case ChargingEnded():
            return _ended(charging, linked, fact)
        case ChargingUpdated():
            charging = _changed(charging, fact)
            at = fact.updated_at
            traced = traced and not fact.flags & Flag.ENERGY_NOT_TOLD
        case MeterReading():
            charging = _read(charging, fact.energy_wh, fact.read_at)
            at = fact.read_at
    charging = _shown(charging, at, fact.power_w, linked.gap_ms)
    return _traced(charging, at, fact.energy_wh) if traced else charging


def _charging(linked: LinkedFact, fact: ChargerFact) -> Charging:
    return Charging(
        linked.charging_id, fact.network, fact.charger_id, fact.evse_uid, fact.transaction_id
    )


def _earliest(begun: Begun) -> tuple[int, int]:
    """Of two registers told for one instant the higher counts: less is owed by it."""
    return begun.started_at, -begun.energy_wh


def _begun(charging: Charging, fact: ChargingStarted) -> Charging:
    begun = Begun(fact.started_at, fact.energy_wh)
    known = charging.begun
    first = begun if known is None else min(begun, known, key=_earliest)
    return replace(
        charging,
        begun=first,
        seen_at=max(charging.seen_at, fact.started_at),
        takes_limit=charging.takes_limit or fact.takes_limit,
        heard_at=max(charging.heard_at, fact.started_at),
        numbered=charging.numbered or fact.seq >= 0,
        doubtful_time=charging.doubtful_time or bool(fact.flags & TIME_DOUBTFUL),
    )


def _changed(charging: Charging, fact: ChargingUpdated) -> Charging:
    change = Change(fact.updated_at, fact.seq, fact.charging_state == "charging")
    changes = charging.changes
    if fact.charging_state != "not_told" and change not in changes:
        changes = tuple(sorted({*changes, change}))
    limited = charging.limited
    if fact.limit_wh >= 0:
        limited = max(limited, Limited(fact.updated_at, fact.limit_wh))
    charging = replace(
        charging,
        changes=changes,
        limited=limited,
        numbered=charging.numbered or fact.seq >= 0,
        doubtful_time=charging.doubtful_time or bool(fact.flags & TIME_DOUBTFUL),
    )
    return _read(charging, fact.energy_wh, fact.updated_at)


def _ended(charging: Charging, linked: LinkedFact, fact: ChargingEnded) -> Charging:
    # What a feed doubts proves nothing by its transaction alone (design.md, section 6).
    whole, doubtful = linked.sequence_complete, bool(fact.flags & ENERGY_DOUBTFUL)
    complete = whole and not doubtful
    end = End(complete, fact.seq, fact.ended_at, fact.energy_wh, fact.reason, whole, doubtful)
    return replace(
        charging,
        end=end if charging.end is None else max(end, charging.end),
        seen_at=max(charging.seen_at, fact.ended_at),
        signed=_signed(charging.signed, fact),
        numbered=charging.numbered or fact.seq >= 0,
        doubtful_time=charging.doubtful_time or bool(fact.flags & TIME_DOUBTFUL),
        fell=charging.fell or linked.register_fell,
    )


def _signed(known: tuple[Signed, ...], fact: ChargingEnded) -> tuple[Signed, ...]:
    if not fact.signed_outcome:
        return known
    one = Signed(
        0 if fact.signed_outcome == "valid" else 1,
        fact.signed_outcome,
        fact.signed_key_from,
        fact.signed_meter,
        fact.signed_wh,
        fact.signed_from_at,
        fact.signed_to_at,
        fact.signed_reason[:_REASON_MAX],
    )
    return tuple(sorted({*known, one})[:SIGNED_MAX])


def _read(charging: Charging, energy_wh: int, at: int) -> Charging:
    return replace(
        charging,
        top_wh=max(charging.top_wh, energy_wh),
        seen_at=max(charging.seen_at, at),
        heard_at=max(charging.heard_at, at),
    )


def _shown(charging: Charging, at: int, power_w: int, gap_ms: int) -> Charging:
    """What this charger can do, as far as it has shown it."""
    power = Power(at, power_w) if power_w >= 0 else NOT_SHOWN
    if power <= charging.power and power_w <= charging.top_power_w and gap_ms <= charging.gap_ms:
        return charging
    return replace(
        charging,
        top_power_w=max(power_w, charging.top_power_w),
        gap_ms=max(gap_ms, charging.gap_ms),
        power=max(power, charging.power),
    )


def _traced(charging: Charging, at: int, energy_wh: int) -> Charging:
    return replace(charging, trace=with_sample(charging.trace, Sample(at, energy_wh)))
