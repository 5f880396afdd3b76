"""What the cells of the matrix are matched against: a request, put in a policy's words."""

import datetime as dt
import functools
import zoneinfo

from schemas.facts import SessionRequested
from streams.core.strategy_cells import Inputs
from streams.core.strategy_policy import Policy


def inputs_of(policy: Policy, request: SessionRequested, *, carded: bool) -> Inputs:
    """`carded`: the request's card fields are of a card that was read; else nothing is known of it.

    The hour is the merchant's, by the request's time zone or else the policy's; no zone, no hour.
    """
    fiscal = policy.fiscal.get(request.merchant_country)
    amount = request.declared_value if request.declared_kind == "amount" else None
    energy = request.declared_value if request.declared_kind == "energy" else None
    return Inputs(
        stage="with_card" if carded else "before_card",
        tenant=request.tenant,
        site=request.site_id,
        channel=request.channel,
        terminal_capability=request.terminal_capability,
        power_type=request.power_type,
        power_w=request.power_max_w if request.power_max_w > 0 else None,
        expected_wh=energy or request.expected_wh or None,
        expected_ms=request.expected_ms or None,
        declared=request.declared_kind,
        target_minor=amount,
        target_wh=energy,
        scheme=request.scheme if carded else "",
        funding=request.funding if carded else "unknown",
        entry_mode=request.entry_mode if carded else "",
        cvm=request.cvm if carded else "",
        issuer_country=request.bin_country if carded else "",
        merchant_country=request.merchant_country,
        hour=local_hour(request.time_zone or policy.time_zone, request.requested_at),
        fiscal_regime=fiscal.regime if fiscal is not None else "unknown",
        closeout_ms=fiscal.closeout_ms if fiscal is not None else None,
        currency=request.currency,
    )


def local_hour(zone: str, at: int) -> int | None:
    """Hour of the day in the zone at the instant (epoch ms); None: no such zone."""
    found = _zone(zone)
    return None if found is None else dt.datetime.fromtimestamp(at // 1000, found).hour


@functools.lru_cache(maxsize=256)
def _zone(name: str) -> zoneinfo.ZoneInfo | None:
    try:
        return zoneinfo.ZoneInfo(name) if name else None
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return None  # a name that a terminal made up is no name


def words_of(inputs: Inputs) -> str:
    """All that is known, by the names of the policy's matchers."""
    known = (
        f"{name}={value}"
        for name, value in zip(Inputs._fields, inputs, strict=True)
        if value not in (None, "", "unknown")
    )
    return ", ".join(known)
