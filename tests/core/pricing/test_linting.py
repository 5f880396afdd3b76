"""What a linter of tariffs finds, and what it leaves alone."""

import pytest
from worked import body, component, element

from streams.core.pricing.cdr import decode
from streams.core.pricing.linting import lint

KWH = component("ENERGY", 0.25)


def found(*elements, power_kw=22, **more):
    return [(one.kind, one.where) for one in lint(decode(body(*elements, **more)), power_kw)]


def test_nothing_is_found_in_a_plain_tariff():
    assert found(element(KWH, component("PARKING_TIME", 6, step=60)), power_kw=None) == []


@pytest.mark.parametrize(
    "rules",
    [
        {"min_kwh": 10, "max_kwh": 10},
        {"min_power": 50, "max_power": 22},
        {"max_current": 0},
        {"min_duration": 60, "max_duration": 30},
        {"start_date": "2026-02-01", "end_date": "2026-02-01"},
        {"start_time": "08:00", "end_time": "08:00"},
    ],
)
def test_restrictions_that_can_never_hold(rules):
    assert found(element(KWH, **rules), element(KWH)) == [("contradictory", "elements[0]")]


@pytest.mark.parametrize(
    ("more", "where"),
    [
        ({"min_price": {"excl_vat": 3}, "max_price": {"excl_vat": 2}}, "min_price"),
        ({"max_price": {"excl_vat": 3, "incl_vat": 2}}, "max_price"),
        (
            {"start_date_time": "2026-01-02T00:00:00Z", "end_date_time": "2026-01-01T00:00:00Z"},
            "end_date_time",
        ),
    ],
)
def test_fields_of_the_tariff_that_contradict_each_other(more, where):
    assert found(element(KWH), **more) == [("contradictory", where)]


@pytest.mark.parametrize(
    ("first", "second", "unreachable"),
    [
        ({}, {"max_kwh": 10}, True),
        ({"max_kwh": 10}, {}, False),
        ({"max_kwh": 20}, {"max_kwh": 10}, True),
        ({"min_kwh": 5}, {"max_kwh": 10}, False),
        ({"start_time": "22:00", "end_time": "06:00"}, {"end_time": "05:00"}, True),
        ({"start_time": "22:00", "end_time": "06:00"}, {"end_time": "07:00"}, False),
        ({"day_of_week": ["MONDAY", "FRIDAY"]}, {"day_of_week": ["FRIDAY"]}, True),
        ({"day_of_week": ["MONDAY"]}, {}, False),
    ],
)
def test_an_element_that_another_always_comes_before(first, second, unreachable):
    expected = [("unreachable", "elements[1]")] if unreachable else []
    assert found(element(KWH, **first), element(KWH, **second)) == expected


def test_an_element_of_another_dimension_hides_nothing():
    assert found(element(KWH), element(component("TIME", 1))) == []
    reserved = element(component("TIME", 1), reservation="RESERVATION")
    assert found(reserved, element(component("TIME", 1))) == []


@pytest.mark.parametrize("power_kw", [None, 50, 150])
def test_afir_from_50_kw_on(power_kw):
    by_the_hour = component("PARKING_TIME", 1, step=3600)
    parts = element(component("TIME", 1), component("FLAT", 1), by_the_hour)
    wheres = found(parts, power_kw=power_kw)
    assert wheres == [("afir", "elements"), *[("afir", "elements[0]")] * 3]
    assert found(parts, power_kw=power_kw, type="REGULAR") == []  # with a contract, not ad hoc


def test_afir_says_nothing_of_slow_chargers_and_of_free_ones():
    assert found(element(component("TIME", 1)), power_kw=49) == []
    assert found(element(component("FLAT", 0)), power_kw=50) == []


def test_what_cannot_be_priced_is_a_finding():
    assert found(element(KWH, max_soc=80)) == [("unpriceable", "unknown-restriction")]
