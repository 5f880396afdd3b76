"""Steps at the end of a session, limits, and sums of several tariffs, case by case."""

from fractions import Fraction

import pytest
from worked import HOUR_MS, component, course, element, tariff

from streams.core.pricing import Amounts, Course, Segment, price, price_switched


@pytest.mark.parametrize(("step", "billed"), [(0, 1_500), (1, 1_500), (2, 2_000), (60, 60_000)])
def test_steps_of_seconds(step, billed):
    (line,) = price(
        tariff(element(component("TIME", 1, step=step))),
        Course((Segment(0, 1_500, Amounts(0, 1_500)),)),
    ).lines
    assert (line.used, line.billed) == (1_500, billed)


def test_reserved_time_has_a_step_of_its_own():
    steps = tariff(
        element(component("TIME", 60, step=600), reservation="RESERVATION"),
        element(component("TIME", 60, step=900)),
    )
    found = price(steps, course(0, ("reserved", 11), ("charging", 16)))
    assert [one.billed // 60_000 for one in found.lines] == [20, 30]
    assert found.net == 50


NET_ONLY = {"tax_included": "NO"}  # and no vat: gross is not known


@pytest.mark.parametrize(
    ("bounds", "kwh", "net", "limit"),
    [
        ({"max_price": {"before_taxes": 10}}, 20, 10, "max_price"),
        ({"max_price": {"before_taxes": 10}}, 5, 5, ""),
        ({"max_price": {"before_taxes": 10}}, 10, 10, ""),
        ({"min_price": {"before_taxes": 10}}, 5, 10, "min_price"),
        ({"min_price": {"before_taxes": 10}}, 20, 20, ""),
        ({"min_price": {"before_taxes": 3}, "max_price": {"before_taxes": 9}}, 20, 9, "max_price"),
        ({"min_price": {"before_taxes": 3}, "max_price": {"before_taxes": 9}}, 1, 3, "min_price"),
    ],
)
def test_limits_where_only_the_net_is_known(bounds, kwh, net, limit):
    priced = tariff(element(component("ENERGY", 1)), **NET_ONLY, **bounds)
    found = price(priced, course(0, ("charging", 60, kwh * 1_000)))
    assert (found.net, found.gross, found.due, found.limit) == (net, None, net, limit)


def test_limits_where_only_the_gross_is_known():
    bounds = {"max_price": {"before_taxes": 8, "after_taxes": 10}}
    priced = tariff(element(component("ENERGY", 1)), tax_included="YES", **bounds)
    above, below = (price(priced, course(0, ("charging", 60, wh))) for wh in (20_000, 9_000))
    assert (above.net, above.gross, above.due, above.limit) == (None, 10, 10, "max_price")
    assert (below.net, below.gross, below.due, below.limit) == (None, 9, 9, "")


def test_a_limit_of_one_side_where_a_tax_of_the_session_is_not_known():
    """Nothing tells the other side: the figure is taken for both."""
    priced = tariff(
        element(component("ENERGY", 1, 20.0), component("TIME", 1)),
        max_price={"before_taxes": 10}, **NET_ONLY,
    )  # fmt: skip
    found = price(priced, course(0, ("charging", 60, 20_000)))
    assert (found.net, found.gross, found.due) == (10, None, 10)


def test_several_tariffs_are_summed_and_each_has_its_own_limit():
    first = tariff(element(component("ENERGY", 1, 20.0)), max_price={"excl_vat": 5})
    second = tariff(element(component("ENERGY", 2, 10.0)), min_price={"excl_vat": 30})
    segments = tuple(
        Segment(n * HOUR_MS, (n + 1) * HOUR_MS, Amounts(10_000, HOUR_MS), tariff=n) for n in (0, 1)
    )
    found = price_switched([first, second], Course(segments))
    assert (found.net, found.gross, found.due) == (35, 39, 39)
    assert found.limit == "max_price"
    unknown = tariff(element(component("ENERGY", 2)), country_code="NL", tax_included="NO")
    mixed = price_switched([first, unknown], Course(segments))
    assert (mixed.net, mixed.gross, mixed.due) == (25, None, 26)


def test_cents_are_rounded_once():
    priced = tariff(element(component("ENERGY", 0.25, 10.0)))
    found = price(priced, course(0, ("charging", 60, 20_018)))
    assert (found.net, found.gross) == (Fraction("5.0045"), Fraction("5.50495"))
    assert found.due_minor() == 550
