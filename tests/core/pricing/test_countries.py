"""Which countries tell their time zone."""

from zoneinfo import ZoneInfo

import pytest

from streams.core.pricing import countries
from streams.core.pricing.countries import zone_of_country


@pytest.mark.parametrize(
    ("code", "zone"),
    [
        ("NLD", "Europe/Amsterdam"), ("NL", "Europe/Amsterdam"), (" de ", "Europe/Berlin"),
        ("alb", "Europe/Tirane"), ("ZA", "Africa/Johannesburg"), ("USA", ""), ("AUS", ""),
        ("", ""), ("Europe/Berlin", ""),
    ],
)  # fmt: skip
def test_zones(code, zone):
    assert zone_of_country(code) == zone


def test_the_table_is_read_anew_as_it_stands():
    found = countries._table()
    assert len(found) == 2 * 58
    assert found["SGP"] == found["SG"] == "Asia/Singapore"
    assert all(ZoneInfo(zone).key == zone for zone in found.values())
    assert {len(code) for code in found} == {2, 3}
