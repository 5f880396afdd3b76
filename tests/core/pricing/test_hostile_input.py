"""Whatever stands in whichever field: a price, or a refusal by name, and never anything else."""

import json

from hypothesis import given
from hypothesis import strategies as st
from invented import lawful
from worked import component, element

from streams.core.pricing import Unpriceable
from streams.core.pricing.cdr import decode, read_cdr
from streams.core.pricing.linting import lint
from streams.core.pricing.parsing import tariff_of
from streams.core.pricing.reconciling import reprice

EVERY_RESTRICTION = {
    "start_time": "08:00", "end_time": "06:00", "start_date": "2025-01-01",
    "end_date": "2026-01-01", "day_of_week": ["MONDAY"], "min_kwh": 1, "max_kwh": 30,
    "min_power": 1, "max_power": 22, "min_current": 2, "max_current": 64, "min_duration": 60,
    "max_duration": 3600,
}  # fmt: skip
PARTS = [component("FLAT", 1, 7), component("ENERGY", 0.3, 19, 100), component("TIME", 2, None, 60)]
CDR = {
    "start_date_time": "2025-06-02T08:00:00Z",
    "end_date_time": "2025-06-02T09:40:00Z",
    "currency": "EUR",
    "cdr_location": {"country": "NLD"},
    "tariffs": [
        {
            "id": "1",
            "currency": "EUR",
            "elements": [element(*PARTS, **EVERY_RESTRICTION), element(*PARTS)],
            "min_price": {"excl_vat": 1},
            "max_price": {"before_taxes": 30, "taxes": [{"amount": 1}]},
            "end_date_time": "2026-01-01T00:00:00Z",
        }
    ],
    "charging_periods": [
        {
            "start_date_time": "2025-06-02T08:00:00Z",
            "dimensions": [{"type": "ENERGY", "volume": 20}, {"type": "MAX_POWER", "volume": 7}],
        },
        {
            "start_date_time": "2025-06-02T09:00:00Z",
            "dimensions": [{"type": "PARKING_TIME", "volume": 0.6667}],
        },
    ],
    "total_cost": {"excl_vat": 7.0, "incl_vat": 7.9},
    "total_energy": 20,
    "total_time": 1.6667,
}
anything = st.sampled_from(
    """null 0 -1 true "" [] {} [null] [{}] "x" "1E999" "NaN" 1e300 1e-300 0.1 22 "JPY" "22:00"
    "9999-12-31T23:59:59Z" "0001-01-01T00:00:00+14:00" "2025-06-02T08:30:00" "MONDAY" ["FUNDAY"]
    {"excl_vat":1} {"before_taxes":2,"taxes":[{}]} "RESERVATION" "TIME" 3600000000""".split()
).map(json.loads)


def paths(value, path=()):
    yield path
    match value:
        case dict():
            for key, one in value.items():
                yield from paths(one, (*path, key))
        case list():
            for number, one in enumerate(value):
                yield from paths(one, (*path, number))


def replaced(value, path, by):
    if not path:
        return by
    if isinstance(value, dict):
        return value | {path[0]: replaced(value[path[0]], path[1:], by)}
    return [replaced(one, path[1:], by) if n == path[0] else one for n, one in enumerate(value)]


@lawful
@given(st.sampled_from([one for one in paths(CDR) if one]), anything)
def test_any_value_in_any_field(path, value):
    found = decode(json.dumps(replaced(CDR, path, value)))
    try:
        record = read_cdr(found)
        assert reprice(record, [tariff_of(one) for one in record.tariffs]).breakdown.due >= 0
    except Unpriceable as refusal:
        assert refusal.reason  # noqa: PT017 - either outcome is right; this one must have a name
    tariffs = found["tariffs"]
    assert all(
        one.kind for one in lint(tariffs[0] if isinstance(tariffs, list) and tariffs else tariffs)
    )
