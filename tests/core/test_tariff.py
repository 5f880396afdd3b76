"""The price of a charging: worked by hand, and refused by name where it cannot be told."""

import json
from decimal import Decimal
from fractions import Fraction

import pytest

from schemas.money import Money
from streams.core.tariff import (
    NOTHING,
    Quantities,
    Tariff,
    Unpriceable,
    canonical,
    charging_time_limit,
    content_hash,
    energy_limit,
    parking_time_limit,
    parse,
    price,
)

MINUTE_MS = 60_000


def component(kind, amount, **more):
    return {"type": kind, "price": amount, "step_size": 1} | more


def body(*elements, currency="EUR", **more):
    parts = [{"price_components": list(element)} for element in elements]
    return json.dumps({"currency": currency, "elements": parts} | more)


def refused(text):
    with pytest.raises(Unpriceable) as caught:
        parse(text)
    return caught.value


# The cases of OCPI's own examples (protocols.md 5.3) that need neither restriction nor step.


def test_energy_with_vat():
    tariff = parse(body([component("ENERGY", 0.25, vat=10.0)]))
    assert price(tariff, Quantities(20_000, 0, 0)) == Money("EUR", 550)


def test_energy_and_a_start_fee_with_a_vat_of_its_own():
    tariff = parse(body([component("FLAT", 0.50, vat=20.0)], [component("ENERGY", 0.25, vat=10.0)]))
    assert price(tariff, Quantities(20_000, 0, 0)) == Money("EUR", 610)


def test_time_only():
    tariff = parse(body([component("TIME", 2.00, vat=10.0)]))
    assert price(tariff, Quantities(31_000, 150 * MINUTE_MS, 0)) == Money("EUR", 550)


def test_half_a_minor_unit_is_rounded_after_everything_is_added():
    tariff = parse(body([component("TIME", "1.90", vat=5.2)]))
    assert price(tariff, Quantities(0, 150 * MINUTE_MS, 0)) == Money("EUR", 500)  # 4.997


def test_time_counts_charging_and_parking_time_the_rest():
    tariff = parse(body([component("TIME", 3), component("PARKING_TIME", 5)]))
    assert price(tariff, Quantities(0, 150 * MINUTE_MS, 42 * MINUTE_MS)) == Money("EUR", 1100)
    assert price(tariff, Quantities(0, 0, 42 * MINUTE_MS)) == Money("EUR", 350)


def test_a_flat_fee_is_due_before_anything_flows():
    assert Quantities(energy_wh=0, charging_ms=0, parking_ms=0) == NOTHING
    tariff = parse(body([component("FLAT", "1.00"), component("ENERGY", "0.79")]))
    assert price(tariff, NOTHING) == Money("EUR", 100)


def test_all_four_dimensions_of_a_swiss_dc_session():
    tariff = parse(
        body(
            [
                component("ENERGY", "0.79", vat=8.1),
                component("TIME", "1.20", vat=8.1),
                component("PARKING_TIME", "6.00", vat=8.1),
                component("FLAT", "0.50", vat=8.1),
            ],
            currency="CHF",
        )
    )
    # 31.415 kWh, 27 min 30 s, 12 min: (24.81785 + 0.55 + 1.20 + 0.50) * 1.081 = 29.26034585
    quantities = Quantities(31_415, 27 * MINUTE_MS + 30_000, 12 * MINUTE_MS)
    assert price(tariff, quantities) == Money("CHF", 2926)


def test_a_free_tariff_has_a_price_and_it_is_zero():
    tariff = parse(body([component("FLAT", 0.00, step_size=0)]))
    assert price(tariff, Quantities(50_000, 1, 1)) == Money("EUR", 0)


@pytest.mark.parametrize(
    ("currency", "amount", "minor"),
    [("EUR", "0.49", 4_900), ("JPY", "55", 5_500), ("JPY", "0.495", 50), ("KWD", "0.0495", 4_950)],
)
def test_minor_units_are_the_currencys_own(currency, amount, minor):
    tariff = parse(body([component("ENERGY", amount)], currency=currency))
    assert price(tariff, Quantities(100_000, 0, 0)) == Money(currency, minor)


def test_half_up_is_exact_where_a_quotient_has_no_end():
    third = Tariff.of("EUR", {"TIME": Fraction(1, 3)})
    # 54 s at a third an hour are exactly half a cent; one ms less is not.
    assert price(third, Quantities(0, 54_000, 0)).minor == 1
    assert price(third, Quantities(0, 53_999, 0)).minor == 0


def test_a_json_number_is_taken_as_it_is_written():
    exact = parse(body([component("ENERGY", 0.1)]).replace("0.1", "0.100000000001"))
    assert exact.energy_per_kwh == Fraction(Decimal("0.100000000001"))


def test_first_match_prices_a_dimension_once():
    tariff = parse(body([component("ENERGY", "0.30")], [component("ENERGY", "0.90")]))
    assert price(tariff, Quantities(1_000, 0, 0)) == Money("EUR", 30)


def test_a_parsed_tariff_is_kept():
    text = body([component("ENERGY", "0.31")])
    assert parse(text) is parse(text)


@pytest.mark.parametrize(
    ("text", "reason", "detail"),
    [
        ("nonsense", "not-json", "malformed"),
        ("{}", "not-a-tariff", "currency"),
        (body([component("POWER", 1)]), "not-a-tariff", "POWER"),
        (body([{"type": "ENERGY", "step_size": 1}]), "not-a-tariff", "price"),
        (body([component("ENERGY", 1)], surprise=1), "not-a-tariff", "surprise"),
        (body([component("ENERGY", 1, price_round="x")]), "not-a-tariff", "price_round"),
        (body([component("ENERGY", 1)], currency="XXX"), "unknown-currency", "XXX"),
        (body(), "no-price", "elements"),
        (body([]), "no-price", "elements"),
        (body([component("ENERGY", 1, step_size=100)]), "step-size", "elements[0] ENERGY"),
        (body([component("TIME", 1, step_size=60)]), "step-size", "60"),
        (body([component("TIME", 1), component("TIME", 2)]), "ambiguous", "TIME"),
        (body([component("ENERGY", 1)], min_price={"excl_vat": 1}), "min-price", "excl_vat"),
        (body([component("ENERGY", 1)], max_price={"excl_vat": 1}), "max-price", "excl_vat"),
        (body([component("ENERGY", 1)], tax_included="NO"), "tax-included", "NO"),
        (body([component("ENERGY", -1)]), "negative", "-1"),
        (body([component("ENERGY", 1, vat=-1)]), "negative", "vat"),
        (body([component("ENERGY", "NaN")]), "impossible-number", "NaN"),
        (body([component("ENERGY", "Infinity")]), "impossible-number", "Infinity"),
        (body([component("ENERGY", "1E999999")]), "impossible-number", "1E+999999"),
        (body([component("ENERGY", "1E-999999")]), "impossible-number", "1E-999999"),
        (body([component("ENERGY", 1, vat=1000)]), "impossible-number", "vat"),
        (body([component("ENERGY", 10**9)]), "impossible-number", "price"),
        (body([component("ENERGY", "0.0000000000001")]), "impossible-number", "price"),
    ],
)
def test_what_cannot_be_priced_is_named(text, reason, detail):
    error = refused(text)
    assert error.reason == reason
    assert detail in error.detail


def test_a_restriction_is_named_and_an_empty_one_is_none():
    restricted = json.loads(body([component("ENERGY", 1)]))
    restricted["elements"][0]["restrictions"] = {"max_kwh": 20, "day_of_week": ["MONDAY"]}
    assert (
        refused(json.dumps(restricted)).detail == "elements[0].restrictions: day_of_week, max_kwh"
    )
    restricted["elements"][0]["restrictions"] = {"max_kwh": None, "day_of_week": []}
    assert parse(json.dumps(restricted)).energy_per_kwh == 1


def test_the_step_of_a_flat_fee_means_nothing():
    assert parse(body([component("FLAT", 1, step_size=60)])).flat == 1


@pytest.mark.parametrize("step", [{"step_size": 0}, {"step_size": 1}, {}])
def test_a_step_of_one_unit_or_none_is_no_step(step):
    text = body([{"type": "ENERGY", "price": 1} | step])
    assert parse(text).energy_per_kwh == 1


def test_the_largest_and_the_finest_numbers():
    tariff = parse(body([component("ENERGY", "999999999", vat="999"), component("TIME", "1E-12")]))
    assert tariff.energy_per_kwh == 999_999_999 * Fraction("10.99")
    assert tariff.time_per_hour == Fraction(1, 10**12)
    # All the energy that a record can carry, still exact to the minor unit.
    assert price(tariff, Quantities(10**12, 0, 0)).minor == 999_999_999 * 1099 * 10**9


def test_what_does_not_change_the_price_may_stand_there():
    tariff = parse(
        body(
            [component("ENERGY", 1)],
            id="T1",
            country_code="CH",
            party_id="HFD",
            tariff_alt_text=[{"language": "en", "text": "1.00 / kWh"}],
            last_updated="2026-01-01T00:00:00Z",
        )
    )
    assert tariff.energy_per_kwh == 1


# --- the inverse


def test_limits_of_a_plain_tariff():
    tariff = parse(body([component("ENERGY", "0.50"), component("FLAT", "1.00")]))
    # Up to 20.00 and, for halves are rounded up, not quite 20.005: 38.0099 kWh.
    assert energy_limit(tariff, NOTHING, 2_000) == 38_009
    assert price(tariff, Quantities(38_009, 0, 0)).minor == 2_000
    assert price(tariff, Quantities(38_010, 0, 0)).minor == 2_001


def test_a_limit_is_none_where_the_dimension_costs_nothing():
    tariff = parse(body([component("ENERGY", "0.50")]))
    assert charging_time_limit(tariff, NOTHING, 2_000) is None
    assert parking_time_limit(tariff, NOTHING, 2_000) is None


def test_a_limit_is_nothing_where_the_rest_just_fits():
    tariff = Tariff.of("EUR", {"ENERGY": Fraction(1), "FLAT": Fraction("0.0049")})
    assert (tariff.cost(NOTHING), tariff.greatest_cost(0)) == (49, 49)
    assert energy_limit(tariff, NOTHING, 0) == 0


def test_a_limit_is_minus_one_where_the_rest_is_above_already():
    tariff = parse(body([component("ENERGY", "0.50"), component("FLAT", "1.00")]))
    assert energy_limit(tariff, NOTHING, 99) == -1
    assert charging_time_limit(tariff, Quantities(50_000, 0, 0), 2_000) == -1  # and costs nothing
    assert energy_limit(tariff, Quantities(50_000, 0, 0), 100) == 9  # the energy of `at` is no part


# --- identity


def test_the_canonical_form_is_one_form():
    a = '{"b": 0.250, "a": [1.0, 1e2, "0.250"], "c": null}'
    assert canonical(a) == '{"a":[1,100,"0.250"],"b":0.25,"c":null}'
    assert canonical(canonical(a)) == canonical(a)


def test_the_hash_is_of_the_content():
    one = '{"currency":"EUR","elements":[]}'
    other = '{ "elements" : [], "currency" : "EUR" }'
    assert content_hash(one) == content_hash(other)
    assert content_hash(one) != content_hash(one.replace("EUR", "USD"))
    assert len(content_hash(one)) == 64


@pytest.mark.parametrize("text", ["{", '{"a":1e999999}', '{"a":0.0000000000000001}'])
def test_no_canonical_form_of_what_is_no_tariff(text):
    with pytest.raises(Unpriceable):
        canonical(text)
