"""Regimes by country and day."""

import pytest

from streams.core.fiscal_regimes import REGIMES, regime_of


@pytest.mark.parametrize(
    ("country", "day", "regime"),
    [
        ("AT", "2026-11-21", "SIGN_CHAINED"),
        ("DE", "2026-11-21", "NONE"),
        ("ES", "2026-12-31", "NONE"),
        ("ES", "2027-01-01", "SIGN_CHAINED"),
        ("IT", "2025-12-31", "NONE"),
        ("IT", "2026-01-01", "PERIODIC_REPORT"),
        ("GR", "2026-11-21", "PROVIDER_CLEARANCE"),
        ("CH", "2026-11-21", "NONE"),
    ],
)
def test_the_newest_date_that_has_come_decides(country, day, regime):
    assert regime_of(country, day) == regime


def test_each_row_says_where_it_is_from():
    assert all(one.source and len(one.country) == 2 and len(one.date) == 10 for one in REGIMES)
    assert len({(one.country, one.date) for one in REGIMES}) == len(REGIMES)
