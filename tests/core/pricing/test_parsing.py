"""Reading a tariff: its version from its body, taxes as they are told, and refusals by name."""

import json
from fractions import Fraction

import pytest
from worked import body, component, element, tariff

from streams.core.pricing import Unpriceable, canonical, content_hash, parse
from streams.core.pricing.model import Limit


def refused(text):
    with pytest.raises(Unpriceable) as caught:
        parse(text)
    return caught.value


KWH = component("ENERGY", 0.25)


def rounding(granularity, rule):
    return {"round_granularity": granularity, "round_rule": rule}


def test_fields_that_no_version_knows_are_passed_over():
    strange = {"x_color": "red", "vendor": {"max_soc": 80}, "discount": 0.5}
    parts = element(KWH | strange, x_reason="night") | strange
    found = tariff(parts, **strange)
    assert found.components == tariff(element(KWH)).components
    assert found.simple is not None


@pytest.mark.parametrize(
    ("more", "version"),
    [
        ({"tax_included": "NO", "country_code": "BE"}, "2.3.0"),
        ({"max_price": {"before_taxes": 3}}, "2.3.0"),
        ({"country_code": "BE", "id": "1", "last_updated": "2026-01-01T00:00:00Z"}, "2.2.1"),
        ({"max_price": {"excl_vat": 3}}, "2.2.1"),
        ({"id": "1", "last_updated": "2026-01-01T00:00:00Z"}, "2.1.1"),
        ({}, "2.2.1"),
    ],
)
def test_the_version_follows_from_the_body(more, version):
    assert parse(body(element(KWH), **more)).version == version


def test_vat_and_restrictions_of_later_versions_tell_it_as_well():
    old = {"id": "1", "last_updated": "2026-01-01T00:00:00Z"}
    assert tariff(element(component("ENERGY", 1, 0.0)), **old).version == "2.2.1"
    assert tariff(element(KWH, min_current=3), **old).version == "2.2.1"
    assert tariff(element(KWH, min_power=3), **old).version == "2.1.1"


def test_gireve_sends_2_1_1_with_marks_of_2_2_1():
    owner = {"country_code": "FR", "party_id": "CPO"}
    for told in (
        {"exact_price_component": False},
        {"price_round": rounding("TENTH", "ROUND_UP")},
        {"step_round": rounding("UNIT", "ROUND_UP")},
    ):
        assert tariff(element(KWH | told), **owner).version == "2.1.1"
        assert not tariff(element(KWH | told), **owner).tax_known
        assert tariff(element(KWH | told | {"vat": 20.0}), **owner).version == "2.2.1"
        assert tariff(element(KWH | told), tax_included="NO", **owner).version == "2.3.0"
    assert tariff(element(KWH | {"vat": None, "price_round": None}), **owner).version == "2.2.1"


def test_a_caller_can_say_what_a_body_without_marks_is():
    assert parse(body(element(KWH)), "2.1.1").version == "2.1.1"
    assert parse(body(element(KWH), country_code="BE"), "2.1.1").version == "2.2.1"


@pytest.mark.parametrize(
    ("vat", "more", "net", "gross"),
    [
        pytest.param(10.0, {"country_code": "BE"}, "0.25", "0.275", id="2.2.1 with VAT"),
        pytest.param(None, {"country_code": "BE"}, "0.25", "0.25", id="2.2.1: none applies"),
        pytest.param(None, {"id": "1", "last_updated": "x"}, "0.25", None, id="2.1.1 tells net"),
        pytest.param(10.0, {"tax_included": "NO"}, "0.25", "0.275", id="2.3.0 before taxes"),
        pytest.param(None, {"tax_included": "NO"}, "0.25", None, id="2.3.0 taxes to come"),
        pytest.param(25.0, {"tax_included": "YES"}, "0.2", "0.25", id="2.3.0 after taxes"),
        pytest.param(None, {"tax_included": "YES"}, None, "0.25", id="2.3.0 taxes inside"),
        pytest.param(None, {"tax_included": "N/A"}, "0.25", "0.25", id="2.3.0 no taxes"),
    ],
)
def test_taxes_that_are_missing_are_not_zero(vat, more, net, gross):
    found = tariff(element(component("ENERGY", 0.25, vat)), **more)
    (one,) = found.components
    assert one.net_rate == (None if net is None else Fraction(net))
    assert one.gross_rate == (None if gross is None else Fraction(gross))
    assert found.tax_known == (gross is not None)
    assert one.due_rate == Fraction("0.25" if gross is None else gross)


def test_what_is_free_is_free_with_any_tax():
    found = tariff(element(component("FLAT", 0)), tax_included="NO")
    assert found.components[0].gross_rate == 0


@pytest.mark.parametrize(
    ("told", "limit"),
    [
        ({"excl_vat": 1, "incl_vat": "1.1"}, Limit(Fraction(1), Fraction("1.1"))),
        ({"excl_vat": 1, "incl_vat": None}, Limit(Fraction(1), None)),
        ({"before_taxes": 1, "after_taxes": 1.1}, Limit(Fraction(1), Fraction("1.1"))),
        ({"before_taxes": 1, "taxes": [{"amount": 0.1}]}, Limit(Fraction(1), Fraction("1.1"))),
        ({"before_taxes": 1, "taxes": []}, Limit(Fraction(1), None)),
        (3, Limit(Fraction(3), None)),
        (None, Limit()),
    ],
)
def test_limits_in_every_shape(told, limit):
    assert tariff(element(KWH), max_price=told).most == limit


@pytest.mark.parametrize(
    ("text", "reason", "detail"),
    [
        ("nonsense", "not-json", "malformed"),
        ("[]", "not-a-tariff", "JSON object"),
        ("{}", "not-a-tariff", "currency"),
        ('{"currency":"EUR"}', "not-a-tariff", "elements"),
        ('{"currency":"EUR","elements":[{}]}', "not-a-tariff", "elements[0].price_components"),
        (body(element(KWH), currency="QQQ"), "unknown-currency", "QQQ"),
        (body(), "no-price", "elements"),
        (body(element()), "no-price", "elements"),
        (body(element(component("POWER", 1))), "unknown-component", "POWER"),
        (body(element(component("STATE_OF_CHARGE", 1))), "unknown-component", "STATE_OF_CHARGE"),
        (body(element(component("SESSION_TIME", 1), component("TIME", 1))), "ambiguous", "TIME"),
        (body(element(KWH | {"price_round": "x"})), "rounding", "ENERGY: price_round"),
        (body(element(KWH | {"price_round": {"round_rule": "UP"}})), "rounding", "'UP'"),
        (
            body(element(KWH | {"price_round": rounding("UNITS", "ROUND_UP")})),
            "rounding",
            "'UNITS'",
        ),
        (
            body(element(KWH | {"step_round": rounding("TENTH", "ROUND_UP")})),
            "rounding",
            "ENERGY: step_round",
        ),
        (body(element(KWH, max_soc=80)), "unknown-restriction", "max_soc"),
        (body(element(KWH, KWH)), "ambiguous", "ENERGY"),
        (body(element(KWH, reservation="RESERVATION")), "reservation", "ENERGY"),
        (body(element(component("TIME", 1), reservation="X")), "restriction", "reservation"),
        (body(element(KWH, start_time="9:00")), "restriction", "start_time"),
        (body(element(KWH, end_time="24:00")), "restriction", "end_time"),
        (body(element(KWH, start_date="2025-02-30")), "restriction", "start_date"),
        (body(element(KWH, day_of_week=["FUNDAY"])), "restriction", "FUNDAY"),
        (body(element(KWH, min_kwh=-1)), "negative", "min_kwh"),
        (body(element(KWH, min_duration=1.5)), "not-whole", "min_duration"),
        (body(element(component("ENERGY", 1, step=1.5))), "not-whole", "step_size"),
        (body(element({"type": "ENERGY", "step_size": 1})), "not-a-number", "price"),
        (body(element(component("ENERGY", -1))), "negative", "-1"),
        (body(element(component("ENERGY", 1, -1))), "negative", "vat"),
        (body(element(component("ENERGY", 1, 1000))), "impossible-number", "vat"),
        (body(element(component("ENERGY", "NaN"))), "impossible-number", "NaN"),
        (body(element(component("ENERGY", "1E999999"))), "impossible-number", "1E+999999"),
        (body(element(component("ENERGY", 10**9))), "impossible-number", "price"),
        (body(element(component("ENERGY", "one"))), "not-a-number", "one"),
        (body(element(KWH), tax_included="MAYBE"), "tax-included", "MAYBE"),
        (body(element(KWH), max_price={"incl": 3}), "price", "max_price"),
        (body(element(KWH), end_date_time="soon"), "not-an-instant", "end_date_time"),
    ],
)
def test_what_cannot_be_priced_is_named(text, reason, detail):
    error = refused(text)
    assert error.reason == reason
    assert detail in error.detail


def test_what_stands_there_as_null_or_empty_is_not_there():
    found = tariff(element(component("ENERGY", "0.25"), max_kwh=None, day_of_week=[]))
    assert found.simple is not None
    assert not found.needs_course


@pytest.mark.parametrize(
    ("start", "end", "minutes"),
    [
        ("22:00", "06:30", (1320, 390)),
        ("08:00:00", "00:00", (480, 1440)),
        (None, "09:15", (0, 555)),
        ("20:00", None, (1200, 1440)),
    ],
)
def test_times_of_the_local_day(start, end, minutes):
    (only,) = tariff(element(KWH, start_time=start, end_time=end)).elements
    assert only.restrictions.minutes == minutes


def test_units_are_ours():
    bounds = {"min_kwh": 1.5, "max_power": 22, "min_current": "0.5", "max_duration": 60}
    (only,) = tariff(element(KWH, **bounds)).elements
    found = only.restrictions
    units = (found.from_wh, found.to_w, found.from_ma, found.to_ms)
    assert units == (1_500, 22_000, 500, 60_000)
    assert only.components[0].because == (
        "min_kwh 1.5, max_power 22, min_current 0.5, max_duration 60"
    )


def test_restrictions_are_told_as_they_are_written():
    rules = {"day_of_week": ["MONDAY", "FRIDAY"], "end_time": "20:00", "start_time": "17:00"}
    (only,) = tariff(element(KWH, **rules, x_note="evening", max_kwh=None)).components
    assert only.because == "start_time 17:00, end_time 20:00, day_of_week MONDAY FRIDAY"


def test_only_local_time_needs_a_zone():
    assert tariff(element(KWH, start_time="08:00")).needs_zone
    assert tariff(element(KWH, day_of_week=["MONDAY"])).needs_zone
    assert not tariff(element(KWH, max_duration=60)).needs_zone


def test_a_parsed_tariff_is_kept():
    text = body(element(KWH))
    assert parse(text) is parse(text)


def test_the_hash_is_of_the_content():
    one = body(element(KWH))
    other = json.dumps(dict(reversed(json.loads(one).items())), indent=2)
    assert content_hash(one) == content_hash(other)
    assert content_hash(one) != content_hash(one.replace("EUR", "USD"))
    assert canonical('{"b": 0.250, "a": [1.0, 1e2]}') == '{"a":[1,100],"b":0.25}'
