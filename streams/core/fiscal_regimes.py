"""Which fiscal regime a country has for a card paid at a charger: dated data (payments.md 4.1).

What an operator says in its policy (`[fiscal.COUNTRY] regime`) goes before this table: whether a
regime applies to a business is for its tax adviser, not for us.
"""

from typing import NamedTuple

from schemas.fiscal import Regime


class Since(NamedTuple):
    """From this local date on (ISO 8601), by this source."""

    country: str
    date: str
    regime: Regime
    source: str


REGIMES = (
    Since("AT", "2017-04-01", "SIGN_CHAINED", "RKSV: a card at the charger is a cash sale"),
    Since("DE", "2021-05-03", "NONE", "KassenSichV exempts charge points; signed meter data stays"),
    Since("ES", "2027-01-01", "SIGN_CHAINED", "VERI*FACTU, RD-ley 15/2025: companies"),
    Since("FR", "2018-01-01", "SIGN_CHAINED", "BOI-TVA-DECLA-30-10-30: signed tickets"),
    Since("GR", "2024-01-01", "PROVIDER_CLEARANCE", "myDATA by an e-invoicing provider: MARK, UID"),
    Since("IT", "2026-01-01", "PERIODIC_REPORT", "Provv. AdE 570041/2025: per session, by month"),
    Since("PT", "2022-01-01", "SIGN_CHAINED", "ATCUD and hash by certified software"),
)
"""By country, the newest date that has come decides; a country that is not here has none told."""


def regime_of(country: str, day: str) -> Regime:
    """The regime on this day (ISO 8601 date); NONE where none is known."""
    found = [one for one in REGIMES if one.country == country and one.date <= day]
    return max(found, key=lambda one: one.date).regime if found else "NONE"
