"""Every refusal names the field and what stands in it, word for word: people act on these."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from worked import at, body, component, course, element, tariff

from streams.core.pricing import Unpriceable, canonical, parse, price, price_switched
from streams.core.pricing.cdr import decode, read_cdr
from streams.core.pricing.clock import local, marks, zone_of
from streams.core.pricing.instants import instant, moment
from streams.core.pricing.numbers import bounded, exact, not_negative, whole
from streams.core.pricing.parsing import tariff_of
from streams.core.pricing.reconciling import reprice

BERLIN = ZoneInfo("Europe/Berlin")
DAY_MS = 86_400_000
KWH = component("ENERGY", 0.25)
LONG = "9" * 300


def told(function, *arguments):
    with pytest.raises(Unpriceable) as caught:
        function(*arguments)
    assert str(caught.value) == f"{caught.value.reason}: {caught.value.detail}"
    return caught.value.reason, caught.value.detail


# --- numbers ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "reason", "detail"),
    [
        (True, "not-a-number", "here: True"),
        (None, "not-a-number", "here: None"),
        ("1,5", "not-a-number", "here: '1,5'"),
        ("1" * 41, "not-a-number", f"here: '{'1' * 41}'"),
        ([LONG], "not-a-number", f"here: ['{LONG}"[:200]),
        (Decimal("Infinity"), "impossible-number", "here Infinity"),
        (10**9, "impossible-number", "here 1000000000"),
        (Decimal("1e-41"), "impossible-number", "here 1E-41"),
    ],
)
def test_numbers(value, reason, detail):
    assert told(exact, value, "here") == (reason, detail)


def test_numbers_that_are_just_within():
    assert exact(" 1.50 ", "here") == Fraction(3, 2)
    assert exact("1" * 9 + "." + "0" * 30, "here") == 111_111_111  # forty characters
    assert exact(999_999_999, "here") == 999_999_999
    assert exact(Decimal("1e-40"), "here") == Fraction(1, 10**40)
    assert exact("0E+20", "here") == 0
    assert bounded(Decimal(99), "here", 2) is None
    assert told(bounded, Decimal(100), "here", 2) == ("impossible-number", "here 100")
    assert not_negative(0, "here") == 0


def test_negative_and_broken_numbers():
    assert told(not_negative, Decimal("-0.5"), "here") == ("negative", "here: -0.5")
    assert told(not_negative, 1000, "here", 3) == ("impossible-number", "here 1000")
    assert told(whole, Decimal("1.5"), "here") == ("not-whole", "here: 1.5")
    assert told(whole, -1, "here") == ("negative", "here: -1")
    assert whole("7", "here") == 7


# --- time -------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["soon", None, 17, "2025-02-30T00:00:00Z"])
def test_instants(value):
    assert told(instant, value, "here") == ("not-an-instant", f"here: {value!r}")


def test_a_long_mistake_is_cut():
    assert told(instant, LONG, "here") == ("not-an-instant", f"here: '{LONG}"[:200])


def test_instants_without_an_offset_are_utc():
    assert instant("2025-06-02T10:00:00", "here") == instant("2025-06-02T12:00:00+02:00", "here")
    assert moment(1_500) == datetime(1970, 1, 1, 0, 0, 1, 500_000, tzinfo=UTC)


def test_zones_and_the_ends_of_the_calendar():
    assert told(zone_of, "Mars/Olympus") == ("no-zone", "time zone 'Mars/Olympus'")
    assert told(zone_of, "../etc") == ("no-zone", "time zone '../etc'")
    last = 253_402_300_799_999
    assert told(local, BERLIN, last) == ("not-an-instant", f"{last} ms")


def test_no_marks_beyond_ten_years():
    longest = 3_660 * DAY_MS
    assert len(marks(BERLIN, (0,), 0, longest)) == 3_660  # in the seventies clocks did not change
    assert told(marks, BERLIN, (0,), 5, longest + 6) == ("too-long", "3660 days")


def test_marks_lie_between_and_are_not_the_ends():
    day = at("2025-06-02 00:00", "Europe/Berlin")
    found = marks(BERLIN, (0, 720), day, day + DAY_MS)
    assert found == [day + DAY_MS // 2]
    assert marks(BERLIN, (0,), day - 1, day + DAY_MS + 1) == [day, day + DAY_MS]
    noon = day + DAY_MS // 2
    assert marks(BERLIN, (720,), day, day + 2 * DAY_MS) == [noon, noon + DAY_MS]


@pytest.mark.parametrize("day", ["2025-03-30", "2025-10-26"])
def test_marks_where_clocks_change(day):
    """At 01:00 UTC; 02:30 comes never, or twice."""
    start = instant(f"{day}T00:00:00Z", "start")
    found = marks(BERLIN, (150,), start - 1, start + 6 * 3_600_000)
    assert [f"{moment(one):%H:%M}" for one in found] == ["00:30", "01:00", "01:30"]


# --- tariffs ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "reason", "detail"),
    [
        ("[]", "not-a-tariff", "no JSON object"),
        ("{}", "not-a-tariff", "currency: None"),
        ('{"currency":3}', "not-a-tariff", "currency: 3"),
        ('{"currency":"EUR"}', "not-a-tariff", "elements: no list of at most 2000"),
        (body(3), "not-a-tariff", "elements[0].price_components: missing"),
        (body(element(KWH), {}), "not-a-tariff", "elements[1].price_components: missing"),
        (body(element(7)), "not-a-tariff", "elements[0].price_components: 7"),
        (body(element(LONG)), "not-a-tariff", f"elements[0].price_components: '{LONG}"[:200]),
        (
            body(element(KWH) | {"restrictions": [LONG]}),
            "not-a-tariff",
            f"elements[0].restrictions: ['{LONG}"[:200],
        ),
        (body(), "no-price", "elements: no price component in any of them"),
        (body(element({})), "unknown-component", "elements[0].price_components: type None"),
        (
            body(element(KWH, max_soc=80, extra=1)),
            "unknown-restriction",
            "elements[0].restrictions: extra, max_soc",
        ),
        (
            body(element(KWH), element(KWH, KWH)),
            "ambiguous",
            "elements[1]: ENERGY twice in one element",
        ),
        (
            body(element(KWH, reservation="RESERVATION")),
            "reservation",
            "elements[0].price_components ENERGY: a reservation has FLAT and TIME only",
        ),
        (
            body(element({"type": "TIME"})),
            "not-a-number",
            "elements[0].price_components TIME: price: None",
        ),
        (
            body(element(component("TIME", 1, "x"))),
            "not-a-number",
            "elements[0].price_components TIME: vat: 'x'",
        ),
        (
            body(element(component("TIME", 1, step="x"))),
            "not-a-number",
            "elements[0].price_components TIME: step_size: 'x'",
        ),
        (body(element(KWH), tax_included=LONG), "tax-included", f"tax_included: '{LONG}"[:200]),
        (body(element(KWH), min_price=[LONG]), "price", f"min_price: ['{LONG}"[:200]),
        (
            body(element(KWH), max_price={"incl": 3}),
            "price",
            "max_price: neither excl_vat nor before_taxes",
        ),
        (body(element(KWH), max_price={"excl_vat": -1}), "negative", "max_price.excl_vat: -1"),
        (
            body(element(KWH), max_price={"before_taxes": 1, "taxes": [{"amount": "x"}]}),
            "not-a-number",
            "max_price.taxes: 'x'",
        ),
        (
            body(element(KWH), start_date_time="soon"),
            "not-an-instant",
            "start_date_time: 'soon'",
        ),
    ],
)
def test_tariffs(text, reason, detail):
    assert told(parse, text) == (reason, detail)


@pytest.mark.parametrize(
    ("field", "value", "detail"),
    [
        ("start_time", "9:00", "start_time: '9:00'"),
        ("end_time", 900, "end_time: 900"),
        ("end_time", "08:00x", "end_time: '08:00x'"),
        ("end_time", "08:00:30", "end_time: '08:00:30'"),
        ("end_time", LONG, f"end_time: '{LONG}"),
        ("start_date", "2025-02-30", "start_date: '2025-02-30'"),
        ("end_date", [LONG], f"end_date: ['{LONG}"),
        ("day_of_week", ["MONDAY", "FUNDAY"], "day_of_week: ['FUNDAY']"),
        ("day_of_week", LONG, f"day_of_week: ['{LONG}"),
        ("reservation", LONG, f"reservation: '{LONG}"),
    ],
)
def test_restrictions(field, value, detail):
    text = body(element(component("TIME", 1), **{field: value}))
    assert told(parse, text) == ("restriction", f"elements[0].restrictions.{detail}"[:200])


def test_bounds_of_restrictions():
    where = "elements[0].restrictions"
    for field in ("min_kwh", "max_power", "min_current"):
        text = body(element(KWH, **{field: -1}))
        assert told(parse, text) == ("negative", f"{where}.{field}: -1")
    text = body(element(KWH, max_duration=0.5))
    assert told(parse, text) == ("not-whole", f"{where}.max_duration: 0.5")


@pytest.mark.parametrize("field", ["price_round", "step_round"])
@pytest.mark.parametrize(
    "rounding",
    [
        "ROUND_UP", {}, {"round_rule": 3}, {"round_rule": "ROUND_UP", "round_granularity": "HALF"},
        {"round_rule": "ROUND_UP", "round_granularity": None}, {"round_rule": LONG},
    ],
)  # fmt: skip
def test_roundings_that_nobody_agreed_on(field, rounding):
    detail = f"elements[0].price_components ENERGY: {field}: {rounding!r}"[:200]
    assert told(parse, body(element(KWH | {field: rounding}))) == ("rounding", detail)


def test_a_tariff_of_too_many_elements():
    parts = [element(KWH)] * 2_000
    assert len(parse(body(*parts)).elements) == 2_000
    text = body(*parts, element(KWH))
    assert told(parse, text) == ("not-a-tariff", "elements: no list of at most 2000")


def test_one_form_is_not_made_of_what_nobody_can_mean():
    assert told(canonical, '[{"a": 1E+999999}]') == ("impossible-number", "number 1E+999999")


def test_what_is_no_json():
    for function in (parse, decode, canonical):
        reason, detail = told(function, "{")
        assert reason == "not-json"
        assert "truncated" in detail
    reason, _ = told(decode, b'"\xff"')
    assert reason == "not-json"


# --- courses and CDRs -------------------------------------------------------------------------


def test_courses():
    euro, crowns = tariff(element(KWH)), tariff(element(KWH), currency="SEK")
    night = tariff(element(KWH, start_time="22:00"))
    one_hour = course(at("10:00"), ("charging", 60), zone="")
    assert told(price, night, one_hour) == (
        "no-zone", "restrictions in local time and no time zone"
    )  # fmt: skip
    assert told(price_switched, [euro, crowns], one_hour) == (
        "currencies", "the tariffs of one session differ in currency"
    )  # fmt: skip


PERIOD = {
    "start_date_time": "2022-01-13T15:55:00Z",
    "dimensions": [{"type": "TIME", "volume": 1}],
}


def with_dimension(**dimension):
    return {"charging_periods": [PERIOD, PERIOD | {"dimensions": [dimension]}]}


WHERE = "charging_periods[1].dimensions[0]"


@pytest.mark.parametrize(
    ("more", "reason", "detail"),
    [
        ({"currency": None}, "not-a-cdr", "currency: None"),
        ({"tariffs": {}}, "not-a-cdr", "tariffs: no list"),
        ({"tariffs": [{}, 3]}, "not-a-cdr", "tariffs[1]: no JSON object"),
        ({"charging_periods": {}}, "not-a-cdr", "charging_periods: none"),
        ({"charging_periods": []}, "not-a-cdr", "charging_periods: none"),
        ({"charging_periods": [PERIOD, 3]}, "not-a-cdr", "charging_periods[1]: no JSON object"),
        (
            {"charging_periods": [PERIOD | {"dimensions": {}}]},
            "not-a-cdr",
            "charging_periods[0].dimensions: no list",
        ),
        (
            {"charging_periods": [PERIOD | {"dimensions": [1]}]},
            "not-a-cdr",
            "charging_periods[0].dimensions[0]: no JSON object",
        ),
        (
            {"charging_periods": [PERIOD | {"start_date_time": "x"}]},
            "not-an-instant",
            "charging_periods[0].start_date_time: 'x'",
        ),
        (
            with_dimension(type="SESSION_TIME", volume=-2),
            "negative",
            f"{WHERE}.volume: -2",
        ),
        (with_dimension(type="TIME", volume="x"), "not-a-number", f"{WHERE}.volume: 'x'"),
        (with_dimension(type="MAX_POWER"), "not-a-number", f"{WHERE}.volume: None"),
        (with_dimension(type=LONG), "unknown-dimension", f"{WHERE}.type: '{LONG}"[:200]),
        ({"stop_date_time": "x"}, "not-an-instant", "stop_date_time: 'x'"),
        ({"total_time": "x"}, "not-a-number", "total_time: 'x'"),
        ({"total_cost": "x"}, "not-a-number", "total_cost: 'x'"),
        ({"total_cost": []}, "not-a-cdr", "total_cost: no JSON object"),
        (
            {"total_fixed_cost": {"before_taxes": "x"}},
            "not-a-number",
            "total_fixed_cost.before_taxes: 'x'",
        ),
        (
            {"total_cost": {"before_taxes": 1, "taxes": [{"amount": 1}, 3]}},
            "not-a-cdr",
            "total_cost.taxes[1]: no JSON object",
        ),
        (
            {"total_cost": {"before_taxes": 1, "taxes": [{}]}},
            "not-a-number",
            "total_cost.taxes[0].amount: None",
        ),
        ({"total_cost": {"incl_vat": "x"}}, "not-a-number", "total_cost.incl_vat: 'x'"),
    ],
)
def test_cdrs(more, reason, detail):
    record = {"currency": "EUR", "charging_periods": [PERIOD]} | more
    assert told(read_cdr, decode(json.dumps(record))) == (reason, detail)


def test_what_is_no_cdr():
    assert told(read_cdr, []) == ("not-a-cdr", "cdr: no JSON object")


def test_tariffs_that_do_not_fit_a_cdr():
    periods = [PERIOD, PERIOD | {"tariff_id": "later"}]
    record = read_cdr({"currency": "EUR", "charging_periods": periods})
    euro = {"currency": "EUR", "elements": [element(component("ENERGY", 1))]}
    later = euro | {"id": "LATER", "start_date_time": "2023-01-01T00:00:00Z"}
    assert told(reprice, record, []) == ("no-tariff", "tariffs: none")
    crowns = tariff_of(euro | {"currency": "SEK"})
    assert told(reprice, record, [crowns]) == (
        "currencies", "currency: EUR, and of the tariff another"
    )  # fmt: skip
    both = [tariff_of(later), tariff_of(later | {"id": "other"})]
    assert told(reprice, record, both) == (
        "no-tariff", "tariffs: none is in force when the session begins"
    )  # fmt: skip
