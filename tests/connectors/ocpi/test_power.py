"""What a connector can give, by OCPI's words for it; each case as met."""

import pytest

from connectors.ocpi.power import power_max_w
from connectors.ocpi.quirks import NONE
from connectors.ocpi.reading import Reader


@pytest.mark.parametrize(
    ("power_type", "volts", "amperes", "told_w", "watts", "odd"),
    [
        ("DC", 920, 200, 150_000, 150_000, []),
        ("DC", 500, 125, 0, 62_500, []),
        ("AC_1_PHASE", 230, 16, 0, 3_680, []),
        ("AC_2_PHASE", 230, 16, 0, 7_360, []),
        ("AC_2_PHASE_SPLIT", 120, 40, 0, 9_600, []),
        ("AC_3_PHASE", 230, 32, 0, 22_080, []),
        # Line to line although the standard says line to neutral: not 38.4 kW.
        ("AC_3_PHASE", 400, 32, 0, 22_170, []),
        ("AC_3_PHASE", 347, 32, 0, 33_312, []),  # Canada, line to neutral
        # kW where W is meant: else the forecast would be a thousandth of what is coming.
        ("DC", 920, 500, 150, 150_000, ["power-in-kilowatts"]),
        ("DC", 920, 500, 1_000, 1_000, []),  # weak, but nothing says that it is not so
        # Words and figures that say nothing.
        ("", 230, 16, 0, -1, []),
        ("WIRELESS", 230, 16, 11_000, 11_000, []),
        ("DC", 0, 125, 0, -1, []),
        ("DC", -500, 125, 0, -1, []),
        ("DC", 10**6, 10**6, 0, -1, ["impossible-power"]),
    ],
)
def test_power_is_what_is_told_or_what_the_cable_carries(
    power_type, volts, amperes, told_w, watts, odd
):
    reader = Reader(NONE)
    assert power_max_w(power_type, volts, amperes, told_w, reader) == watts
    assert reader.oddities() == odd
