"""What several elements leave to one after them, as `holdfast tariff lint` tells it."""

import json

import pytest
from hypothesis import given
from invented import bodies, courses, lawful
from worked import component, element

from streams.core.pricing import parse, price
from streams.core.pricing.cdr import decode
from streams.core.pricing.covering import cover_together
from streams.core.pricing.linting import lint
from streams.core.pricing.model import Restrictions
from streams.core.pricing.unpriceable import Unpriceable

KWH = component("ENERGY", 0.25)
WEEK = ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY"]
DAY, NIGHT = (
    {"start_time": "06:00", "end_time": "22:00"},
    {"start_time": "22:00", "end_time": "06:00"},
)


def sent(elements):
    return decode(json.dumps({"currency": "EUR", "elements": elements}))


def found(*restricted):
    elements = [element(KWH, **one) for one in restricted]
    return [(one.kind, one.where, one.detail) for one in lint(sent(elements))]


@pytest.mark.parametrize(
    ("before", "last", "hidden"),
    [
        ([DAY, NIGHT], {}, True),
        ([DAY, {"start_time": "22:00", "end_time": "05:59"}], {}, False),
        ([{"max_kwh": 10}, {"min_kwh": 10}], {}, True),
        ([{"max_kwh": 10}, {"min_kwh": 10.001}], {}, False),
        ([{"max_kwh": 10}, {"min_kwh": 8}], {"min_kwh": 7}, True),
        ([{"max_duration": 600}, {"min_duration": 600}], DAY, True),
        ([{"day_of_week": WEEK}, {"day_of_week": ["SATURDAY", "SUNDAY"]}], {}, True),
        ([{"day_of_week": WEEK}, {"day_of_week": ["SUNDAY"]}], {}, False),
        ([{"day_of_week": WEEK}, {"day_of_week": ["SUNDAY"]}], {"day_of_week": WEEK[:2]}, True),
        ([{"end_date": "2026-05-01"}, {"start_date": "2026-05-01"}], {}, True),
        ([{"end_date": "2026-05-01"}, {"start_date": "2026-05-02"}], {}, False),
        ([DAY | {"max_kwh": 10}, NIGHT, DAY | {"min_kwh": 10}], {}, True),
        ([DAY | {"max_kwh": 10}, NIGHT], {}, False),
        # A period may have less than the one and more than the other: then neither holds for it.
        ([{"max_power": 22}, {"min_power": 22}], {}, False),
    ],
)
def test_what_several_elements_leave_to_the_last(before, last, hidden):
    where = f"elements[{len(before)}]"
    told = [kind for kind, place, _ in found(*before, last) if place == where]
    assert told == (["unreachable"] if hidden else [])


def test_it_is_told_in_words_and_by_dimension():
    detail = "ENERGY: one of the elements before it always holds"
    assert found(DAY, NIGHT, {}) == [("unreachable", "elements[2]", detail)]
    timed = element(component("TIME", 1))
    elements = [element(KWH, **DAY), timed, element(KWH, **NIGHT), element(KWH)]
    assert [one.where for one in lint(sent(elements), 22)] == ["elements[3]"]


def test_elements_of_reservations_leave_all_to_the_others():
    reserved = [Restrictions(reserved="RESERVATION")]
    assert not cover_together(reserved, Restrictions())
    assert cover_together(reserved, Restrictions(reserved="RESERVATION", to_wh=5))


@lawful
@given(bodies(), courses)
def test_what_is_told_to_be_unreachable_prices_nothing(body, course):
    found = [one for one in lint(decode(body)) if one.kind == "unreachable"]
    told = {(one.where, one.detail.partition(":")[0]) for one in found}
    try:
        lines = price(parse(body), course).lines
    except Unpriceable:
        return
    for line in lines:
        place = f"elements[{line.component.element}]"
        assert (place, line.component.dimension) not in told
