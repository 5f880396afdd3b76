"""Laws of price and limits, against a second way of working them out: plain fractions."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from schemas.money import exponent_of
from streams.core.tariff import (
    Quantities,
    Tariff,
    charging_time_limit,
    energy_limit,
    parking_time_limit,
    price,
)

CURRENCIES = ("EUR", "CHF", "USD", "JPY", "KWD")

gross = st.fractions(min_value=0, max_value=20, max_denominator=100_000)
prices = st.one_of(st.just(Fraction(0)), gross)
tariffs = st.builds(
    lambda currency, energy, time, parking, flat: Tariff.of(
        currency, {"ENERGY": energy, "TIME": time, "PARKING_TIME": parking, "FLAT": flat}
    ),
    st.sampled_from(CURRENCIES),
    prices,
    prices,
    prices,
    prices,
)
energies = st.integers(0, 250_000)
spans = st.integers(0, 48 * 3_600_000)
quantities = st.builds(Quantities, energies, spans, spans)
ceilings = st.integers(-5, 200_000)


def by_hand(tariff, of):
    major = (
        tariff.energy_per_kwh * of.energy_wh / 1000
        + tariff.time_per_hour * of.charging_ms / 3_600_000
        + tariff.parking_per_hour * of.parking_ms / 3_600_000
        + tariff.flat
    )
    return int(major * 10 ** exponent_of(tariff.currency) + Fraction(1, 2))


@given(tariffs, quantities)
def test_price_is_the_exact_sum_rounded_half_up_once(tariff, of):
    assert price(tariff, of).minor == by_hand(tariff, of)


@given(tariffs, quantities, quantities)
def test_price_never_falls_with_any_quantity(tariff, of, more):
    grown = Quantities(
        of.energy_wh + more.energy_wh,
        of.charging_ms + more.charging_ms,
        of.parking_ms + more.parking_ms,
    )
    assert price(tariff, of).minor <= price(tariff, grown).minor


def check(tariff, limit, ceiling, at):
    """`at` makes quantities of a value of the limited dimension; the price by hand is the judge."""
    if limit is None:
        assert by_hand(tariff, at(0)) == by_hand(tariff, at(10**9)) <= ceiling
    elif limit == -1:
        assert by_hand(tariff, at(0)) > ceiling
    else:
        assert by_hand(tariff, at(limit)) <= ceiling
        assert by_hand(tariff, at(limit + 1)) > ceiling


@given(tariffs, quantities, ceilings)
def test_energy_limit_agrees_with_price_to_one_wh(tariff, of, ceiling):
    limit = energy_limit(tariff, of, ceiling)
    check(tariff, limit, ceiling, lambda wh: Quantities(wh, of.charging_ms, of.parking_ms))


@given(tariffs, quantities, ceilings)
def test_charging_time_limit_agrees_with_price_to_one_ms(tariff, of, ceiling):
    limit = charging_time_limit(tariff, of, ceiling)
    check(tariff, limit, ceiling, lambda ms: Quantities(of.energy_wh, ms, of.parking_ms))


@given(tariffs, quantities, ceilings)
def test_parking_time_limit_agrees_with_price_to_one_ms(tariff, of, ceiling):
    limit = parking_time_limit(tariff, of, ceiling)
    check(tariff, limit, ceiling, lambda ms: Quantities(of.energy_wh, of.charging_ms, ms))


@given(tariffs, quantities)
def test_the_price_itself_as_ceiling_admits_what_was_priced(tariff, of):
    ceiling = price(tariff, of).minor
    limit = energy_limit(tariff, of, ceiling)
    assert limit is None or limit >= of.energy_wh
    below = energy_limit(tariff, of, ceiling - 1)
    assert below is not None
    assert below < of.energy_wh or of.energy_wh == 0
