"""What holds for every tariff and every course."""

import json
from fractions import Fraction

import naive
from hypothesis import assume, given
from hypothesis import strategies as st
from invented import bodies, components, courses, lawful
from worked import HOUR_MS, at

from streams.core.pricing import (
    Amounts,
    Course,
    Quantities,
    Segment,
    charging,
    parking,
    parse,
    price,
)
from streams.core.pricing.unpriceable import Unpriceable


def parsed(body):
    try:
        return parse(body)
    except Unpriceable:  # e.g. a flat fee twice in one element: not what is tested here
        assume(condition=False)


@lawful
@given(bodies(limits=False), courses)
def test_the_same_as_minute_by_minute(body, course):
    found = price(parsed(body), course)
    assert (found.net, found.gross) == naive.net_and_gross(body, course)


@lawful
@given(bodies(), courses, st.data())
def test_where_a_segment_is_cut_does_not_matter(body, course, data):
    tariff = parsed(body)
    pieces = []
    for one in course.segments:
        took = one.until_at - one.from_at
        cut = data.draw(st.integers(1, took - 1))
        for begin, end in ((0, cut), (cut, took)):
            share = Fraction(end - begin, took)
            amounts = Amounts(*(amount * share for amount in one.amounts))
            pieces.append(Segment(one.from_at + begin, one.from_at + end, amounts))
    whole, cut_up = price(tariff, course), price(tariff, course._replace(segments=tuple(pieces)))
    assert (cut_up.net, cut_up.gross) == (whole.net, whole.gross)


@lawful
@given(bodies(steps=st.sampled_from([0, 1]), limits=False), courses)
def test_what_comes_later_never_makes_it_cheaper(body, course):
    tariff = parsed(body)
    dues = [
        price(tariff, course._replace(segments=course.segments[: n + 1])).due
        for n in range(len(course.segments))
    ]
    assert dues == sorted(dues)


@lawful
@given(bodies(), courses)
def test_the_total_stays_between_the_least_and_the_most(body, course):
    tariff = parsed(body)
    found = price(tariff, course)
    least, most = tariff.least.net, tariff.most.net
    if least is not None:
        assert found.net >= least
    elif most is not None:
        assert found.net <= most


@lawful
@given(bodies(), courses)
def test_lines_add_up_to_the_total_unless_a_limit_decided(body, course):
    found = price(parsed(body), course)
    if not found.limit:
        assert found.net == sum(line.net for line in found.lines)
        assert found.gross == sum(line.gross for line in found.lines)


@lawful
@given(
    components(["ENERGY", "TIME", "PARKING_TIME", "FLAT"], st.sampled_from([0, 1])),
    st.integers(0, 10**6), st.integers(1, 10**9), st.integers(1, 10**9),
)  # fmt: skip
def test_the_fast_way_says_the_same(parts, energy_wh, charging_ms, parking_ms):
    tariff = parse(json.dumps({"currency": "EUR", "elements": [{"price_components": parts}]}))
    assert tariff.simple is not None
    course = Course(
        (
            charging(0, charging_ms, energy_wh),
            parking(charging_ms, charging_ms + parking_ms),
        )
    )
    quantities = Quantities(energy_wh, charging_ms, parking_ms)
    assert tariff.simple.minor(quantities) == price(tariff, course).due_minor()


@lawful
@given(bodies(), courses)
def test_a_simple_tariff_has_neither_restriction_nor_step_nor_limit(body, course):
    tariff = parsed(body)
    if tariff.simple is None:
        return
    by_kind = [
        int(sum(getattr(one.amounts, name) for one in course.segments))
        for name in ("energy_wh", "charging_ms", "parking_ms")
    ]
    assert tariff.simple.minor(Quantities(*by_kind)) == price(tariff, course).due_minor()


@lawful
@given(bodies())
def test_nothing_costs_nothing_but_the_least(body):
    tariff = parsed(body)
    assert price(tariff, Course(())).net == (tariff.least.net or 0)


@lawful
@given(bodies(), st.integers(1, 100))
def test_a_moment_at_most_one_flat_fee(body, minutes):
    start = at("12:00")
    course = Course((charging(start, start + minutes * HOUR_MS, 0),), "Europe/Amsterdam")
    flats = [one for one in price(parsed(body), course).lines if one.component.dimension == "FLAT"]
    assert len(flats) <= 1
