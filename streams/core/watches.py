"""When to look at a running charging again: the inverse of its price, energy and time together."""

import msgspec

from streams.core.pricing import Quantities, Rates

# What a Watch can carry (schemas.fields EnergyWh and Instant): to wake too early costs a look only.
_MAX_ENERGY_WH = 10**12
_MAX_INSTANT = 4_102_444_800_000


class Wake(msgspec.Struct, frozen=True):
    """While energy < `energy_wh` and time < `at` the price is at most the threshold.

    `energy_wh` is what the session has had, in Wh since its begin register; `at` an instant. None:
    that dimension alone never passes the threshold, so that only the other one has to be looked at.
    """

    energy_wh: int | None
    at: int | None


def wake(
    rates: Rates,
    at: Quantities,
    charging: bool,  # noqa: FBT001 - which of the two clocks runs
    threshold_minor: int,
    now_at: int,
    min_horizon_ms: int,
) -> Wake:
    """Where the price may first pass `threshold_minor`, from `at`, which holds at `now_at`.

    Where energy and time both cost, time gets half of what is left and energy the rest, so each
    look finds at most half of it left: looks are logarithmic in number. Below `min_horizon_ms` time
    is not cut finer. Never late; early by at most half. Above already: a wake that is due now.
    """
    rate = rates.charging_rate if charging else rates.parking_rate
    left = rates.greatest_cost(threshold_minor) - rates.cost(at)
    if left < 0:
        return Wake(at.energy_wh, now_at)
    if not rate:
        return Wake(_energy_wake(rates, at, left), None)
    horizon_ms = left // rate
    if rates.energy_rate:
        horizon_ms = min(max(left // 2 // rate, min_horizon_ms), horizon_ms)
    deadline_at = min(now_at + horizon_ms + 1, _MAX_INSTANT)
    return Wake(_energy_wake(rates, at, left - horizon_ms * rate), deadline_at)


def _energy_wake(rates: Rates, at: Quantities, left: int) -> int | None:
    if not rates.energy_rate:
        return None
    return min(at.energy_wh + left // rates.energy_rate + 1, _MAX_ENERGY_WH)
