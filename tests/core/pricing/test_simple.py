"""Integer rates, worked by hand."""

import pytest
from worked import component, element, tariff

from streams.core.pricing import Quantities

RATES = tariff(
    element(
        component("FLAT", 1), component("ENERGY", "0.50"), component("TIME", 6),
        component("PARKING_TIME", 12),
    )
).simple  # fmt: skip
MINUTE = 60_000
HAD = Quantities(2_000, 10 * MINUTE, 5 * MINUTE)  # 1 + 1 + 1 + 1


def test_each_quantity_has_its_price():
    assert RATES.minor(HAD) == 400
    assert RATES.minor(Quantities(9, 0, 0)) == 100  # 100.45 cents
    assert RATES.minor(Quantities(10, 0, 0)) == 101  # 100.5 cents round up


@pytest.mark.parametrize(
    ("ceiling", "wh", "charging", "parking"),
    [
        # 4.0049 at most: 0.49 cents are 9 Wh, 2.999 s charging and 1.499 s parked.
        (400, 2_009, 10 * MINUTE + 2_999, 5 * MINUTE + 1_499),
        (500, 4_009, 20 * MINUTE + 2_999, 10 * MINUTE + 1_499),
        (350, 1_009, 5 * MINUTE + 2_999, 150_000 + 1_499),
        (100, -1, -1, -1),
    ],
)
def test_how_far_an_amount_reaches_all_else_as_it_is(ceiling, wh, charging, parking):
    assert RATES.energy_limit(HAD, ceiling) == wh
    assert RATES.charging_time_limit(HAD, ceiling) == charging
    assert RATES.parking_time_limit(HAD, ceiling) == parking


def test_what_costs_nothing_has_no_limit():
    free = tariff(element(component("FLAT", 1))).simple
    assert free.energy_limit(HAD, 100) is None
    assert free.charging_time_limit(HAD, 100) is None
    assert free.parking_time_limit(HAD, 100) is None
    assert free.energy_limit(HAD, 99) == -1
