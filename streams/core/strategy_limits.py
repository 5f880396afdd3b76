"""What the rules of schemas and law allow to be held on a card, as dated data.

payments.md 1.5 (Visa Core Rules 5.7.2.5 and table 5-25, edition of 18 October 2025), 1.7 and 7.2.
Figures that the tables do not give in the hold's currency come from the policy, never from a rate.
"""

import datetime as dt
from collections.abc import Mapping
from typing import Literal, NamedTuple

from schemas.facts import SessionRequested
from schemas.money import Money
from streams.core.hold_clocks import is_contactless
from streams.core.strategy_cells import EEA

SCA_COUNTRIES = EEA | {"GB"}
"""Where an increment that takes the total above the limit needs strong authentication."""

NO_CVM = frozenset({"", "none", "no_cvm", "unknown", "signature"})
"""Words of `cvm` by which nobody was authenticated; not knowing is none of the driver's proofs."""

_CONTACT = frozenset({"chip", "contact", "contact_chip", "icc", "inserted"})
_TOLD_NONE = NO_CVM - {"", "unknown"}

NO_INCREMENTS = frozenset({"girocard", "interac", "maestro"})
"""Domestic debit, and Maestro: a hold is never raised, whatever the acquirer (payments.md 7.7)."""


class Contactless(NamedTuple):
    """The most that one contactless tap without a CVM may come to, from a day on (UTC)."""

    country: str
    valid_from: str
    currency: str
    minor: int


_EDITION = "2025-10-18"
_FIFTY_EURO = (
    "AT BE CY DE EE ES FI FR GR IE IT LT LU LV MT NL PT SI SK".split()
)  # fmt: skip

CONTACTLESS: tuple[Contactless, ...] = (
    *(Contactless(country, _EDITION, "EUR", 50_00) for country in _FIFTY_EURO),
    Contactless("BG", "2026-01-01", "EUR", 50_00),
    Contactless("HR", _EDITION, "EUR", 40_00),
    Contactless("HR", "2026-04-18", "EUR", 50_00),
    Contactless("CZ", _EDITION, "CZK", 500_00),
    Contactless("DK", _EDITION, "DKK", 350_00),
    Contactless("HU", _EDITION, "HUF", 15_000_00),
    Contactless("IS", _EDITION, "ISK", 7_500),
    # "Equivalent of EUR 50": what that is in kroner is for the policy to say.
    Contactless("NO", _EDITION, "EUR", 50_00),
    Contactless("SE", _EDITION, "EUR", 50_00),
    Contactless("PL", _EDITION, "PLN", 100_00),
    Contactless("RO", "2026-04-18", "RON", 250_00),
    Contactless("LI", _EDITION, "CHF", 80_00),
    Contactless("GB", _EDITION, "GBP", 100_00),
)
"""Visa's table 5-25 for the EEA and the UK; before the first day of a country its first row."""


class Limit(NamedTuple):
    """An upper bound in minor units: of all that is ever held, or of the first hold only."""

    minor: int
    of: Literal["sum", "first"]
    words: str


class Forbidden(NamedTuple):
    """Nothing may be held on this tap: a slug, and what it is about."""

    reason: str
    detail: str


def raises_barred(scheme: str) -> bool:
    """Whether a rule forbids to raise a hold on such a card."""
    return scheme.casefold() in NO_INCREMENTS


def tap_limits(
    request: SessionRequested, own: Mapping[str, Mapping[str, int]]
) -> list[Limit] | Forbidden:
    """What the tap that is told by the request's card fields allows, in the hold's currency.

    `own`: limits by country and currency that the policy gives; the lower one counts. The limit is
    one of the sum of the staircase: an increment past it would need the driver's authentication.
    """
    entry, cvm = request.entry_mode.casefold(), request.cvm.casefold()
    country, currency = request.merchant_country, request.currency
    if country not in SCA_COUNTRIES:
        return []
    if entry in _CONTACT and cvm in _TOLD_NONE:
        return Forbidden("pin-required", f"a contact chip without a PIN in {country} pays nothing")
    if not is_contactless(entry) or cvm not in NO_CVM:
        return []
    told = (
        own.get(country, {}).get(currency),
        _published(country, currency, request.requested_at),
    )
    minor = min((one for one in told if one is not None), default=None)
    if minor is None:
        # Without a figure any hold might be above it, and no rate was agreed on to work one out.
        detail = f"contactless without CVM in {country}: no limit is given in {currency}"
        return Forbidden("cvm-limit-unknown", detail)
    words = f"contactless without CVM in {country}: at most {Money(currency, minor)}"
    return [Limit(minor, "sum", words)]


def published(country: str, currency: str) -> list[int]:
    """Every figure of the country in this currency, whatever its first day."""
    return [one.minor for one in CONTACTLESS if (one.country, one.currency) == (country, currency)]


def _published(country: str, currency: str, at: int) -> int | None:
    """The row in force at this instant; None: no row of the country is in this currency."""
    rows = [one for one in CONTACTLESS if (one.country, one.currency) == (country, currency)]
    begun = [one for one in rows if _midnight(one.valid_from) <= at]
    if begun:
        return max(begun, key=lambda one: one.valid_from).minor
    return min(rows, key=lambda one: one.valid_from).minor if rows else None


def _midnight(day: str) -> int:
    since = dt.date.fromisoformat(day) - dt.date(1970, 1, 1)
    return since.days * 24 * 60 * 60 * 1000
