"""Laws of the fast way, price and limits, against a second working out: plain fractions."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st
from invented import lawful

from schemas.money import exponent_of
from streams.core.pricing import NOTHING, Quantities, Rates
from streams.core.pricing.simple import Prices

gross = st.fractions(min_value=0, max_value=20, max_denominator=100_000)
some = st.one_of(st.just(Fraction(0)), gross)
tariffs = st.tuples(
    st.sampled_from(("EUR", "CHF", "USD", "JPY", "KWD")), st.builds(Prices, some, some, some, some)
)
energies = st.integers(0, 250_000)
spans = st.integers(0, 48 * 3_600_000)
quantities = st.builds(Quantities, energies, spans, spans)
ceilings = st.integers(-5, 200_000)


def by_hand(tariff, of):
    currency, prices = tariff
    major = (
        prices.energy * of.energy_wh / 1000
        + prices.time * of.charging_ms / 3_600_000
        + prices.parking * of.parking_ms / 3_600_000
        + prices.flat
    )
    return int(major * 10 ** exponent_of(currency) + Fraction(1, 2))


@lawful
@given(tariffs, quantities)
def test_price_is_the_exact_sum_rounded_half_up_once(tariff, of):
    rates = Rates.of(*tariff)
    assert rates.minor(of) == by_hand(tariff, of)


@lawful
@given(tariffs, quantities, quantities)
def test_price_never_falls_with_any_quantity(tariff, of, more):
    grown = Quantities(
        of.energy_wh + more.energy_wh,
        of.charging_ms + more.charging_ms,
        of.parking_ms + more.parking_ms,
    )
    assert Rates.of(*tariff).minor(of) <= Rates.of(*tariff).minor(grown)


@lawful
@given(tariffs, quantities, ceilings)
def test_limits_agree_with_price_to_one_wh_and_one_ms(tariff, of, ceiling):
    rates = Rates.of(*tariff)
    energy_wh, charging_ms, parking_ms = of.energy_wh, of.charging_ms, of.parking_ms
    check(
        tariff, rates.energy_limit(of, ceiling), ceiling,
        lambda wh: Quantities(wh, charging_ms, parking_ms),
    )  # fmt: skip
    check(
        tariff, rates.charging_time_limit(of, ceiling), ceiling,
        lambda ms: Quantities(energy_wh, ms, parking_ms),
    )  # fmt: skip
    check(
        tariff, rates.parking_time_limit(of, ceiling), ceiling,
        lambda ms: Quantities(energy_wh, charging_ms, ms),
    )  # fmt: skip


def check(tariff, limit, ceiling, at):
    """`at` makes quantities of a value of the limited dimension; the price by hand is the judge."""
    if limit is None:
        assert by_hand(tariff, at(0)) == by_hand(tariff, at(10**9)) <= ceiling
    elif limit == -1:
        assert by_hand(tariff, at(0)) > ceiling
    else:
        assert by_hand(tariff, at(limit)) <= ceiling
        assert by_hand(tariff, at(limit + 1)) > ceiling


def test_a_limit_is_nothing_where_the_rest_just_fits():
    rates = Rates.of("EUR", Prices(energy=Fraction(1), flat=Fraction("0.0049")))
    assert (rates.cost(NOTHING), rates.greatest_cost(0)) == (49, 49)
    assert rates.energy_limit(NOTHING, 0) == 0
