"""How long an authorisation may be cleared, by scheme and kind: dated data, one row a rule.

From payments.md 1.2, where the primary text of each is named; MCC 5552 (EV charging) is in none of
the lists of exceptions (rental, lodging, fuel), so that the general rows hold for it. A new edition
is a new row with its date: what was authorised before goes by the row of its day.
"""

import datetime as dt
from typing import Literal

import msgspec

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS

Where = Literal["anywhere", "within_europe", "europe", "outside_europe"]
Anchor = Literal["authorised", "ended"]


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """One rule. `present`: card present or not, None: both. `contactless` None: any entry mode.

    `where`: within Europe are both merchant and issuer; else it is the merchant that counts.
    `anchor`: from the authorisation, or from the end of the charging (the transaction's date).
    `extends`: an approved raise, of nothing even, begins the window anew.
    """

    schemes: tuple[str, ...]
    lifetime_ms: int
    since: dt.date
    present: bool | None = None
    contactless: bool | None = None
    where: Where = "anywhere"
    anchor: Anchor = "authorised"
    extends: bool = False
    source: str

    @property
    def since_at(self) -> int:
        return (self.since - dt.date(1970, 1, 1)).days * DAY_MS


LONG_AGO = dt.date(1970, 1, 1)

WINDOWS: tuple[Window, ...] = (
    Window(
        schemes=("visa", "vpay", "electron"), present=True, lifetime_ms=7 * DAY_MS, since=LONG_AGO,
        source="gateway manuals before 2024 (payments.md 1.2, stale since 14 Apr 2024)",
    ),
    Window(
        schemes=("visa", "vpay", "electron"), present=True, lifetime_ms=5 * DAY_MS,
        since=dt.date(2024, 4, 14), source="Visa Core Rules 18 Oct 2025, 5.7.3.5 table 5-11",
    ),
    Window(
        schemes=("visa", "vpay", "electron"), present=False, lifetime_ms=10 * DAY_MS,
        since=LONG_AGO, source="Visa Core Rules 18 Oct 2025, 5.7.3.5 table 5-11: by the driver",
    ),
    Window(
        schemes=("visa", "vpay", "electron"), present=True, contactless=True, where="within_europe",
        anchor="ended", lifetime_ms=2 * DAY_MS, since=LONG_AGO,
        source="Visa Core Rules 18 Oct 2025, 5.7.3.5: contactless within Europe",
    ),
    Window(
        schemes=("mastercard",), lifetime_ms=30 * DAY_MS, extends=True, since=LONG_AGO,
        source="Mastercard Transaction Processing Rules 11 June 2024, 2.5.1, 2.8, 2.9",
    ),
    Window(
        schemes=("maestro",), where="europe", lifetime_ms=7 * DAY_MS, extends=True, since=LONG_AGO,
        source="Mastercard Transaction Processing Rules 11 June 2024, 2.5.2, Europe 2.8",
    ),
    Window(
        schemes=("maestro",), where="outside_europe", lifetime_ms=HOUR_MS // 3, since=LONG_AGO,
        source="Mastercard Transaction Processing Rules 11 June 2024, 2.5.2",
    ),
    Window(
        schemes=("amex",), lifetime_ms=7 * DAY_MS, since=LONG_AGO,
        source="American Express Merchant Regulations International 3.2 (excerpt)",
    ),
    Window(
        schemes=("discover", "diners"), lifetime_ms=7 * DAY_MS, since=LONG_AGO,
        source="Stripe extended-authorization docs, Payrix (no primary text found)",
    ),
    Window(
        schemes=("cartes_bancaires",), lifetime_ms=12 * DAY_MS, since=LONG_AGO,
        source="adyen.help 115001179684",
    ),
)  # fmt: skip

OTHERS = Window(
    schemes=(),
    lifetime_ms=5 * DAY_MS,
    since=LONG_AGO,
    source="no rule is known: the shortest general window of the large schemes",
)

RELEASE_WITHIN_MS = DAY_MS
"""Visa 5.7.3.6 table 5-13 and Mastercard 2.11: unused money goes back within 24 hours."""

EUROPE = frozenset(
    "AD AT BE BG CH CY CZ DE DK EE ES FI FO FR GB GG GI GL GR HR HU IE IL IM IS IT JE LI LT LU LV"
    " MC MT NL NO PL PT RO SE SI SK SM TR VA".split()
)
"""Merchants and issuers that the rules for Europe speak of: the EEA, UK, CH, IL, TR and islands."""
