"""What a linter of tariffs finds, and what it leaves alone."""

import pytest
from worked import body, component, element

from streams.core.pricing.cdr import decode
from streams.core.pricing.linting import Finding, lint

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
    detail = "elements[0].restrictions: max_soc"
    assert texts(element(KWH, max_soc=80)) == [("unpriceable", "unknown-restriction", detail)]


# --- word for word ----------------------------------------------------------------------------


def texts(*elements, power_kw=22, **more):
    return list(lint(decode(body(*elements, **more)), power_kw))


@pytest.mark.parametrize(
    ("rules", "detail"),
    [
        ({"min_kwh": 10, "max_kwh": 10}, "kwh: no value is in between"),
        ({"min_power": 50, "max_power": 22}, "power: no value is in between"),
        ({"max_current": 0}, "current: no value is in between"),
        ({"min_duration": 60, "max_duration": 30}, "duration: no value is in between"),
        ({"start_date": "2026-02-01", "end_date": "2026-02-01"}, "date: no value is in between"),
        (
            {"start_time": "08:00", "end_time": "08:00"},
            "start_time is end_time: no time is in between",
        ),
    ],
)
def test_what_can_never_hold_is_told(rules, detail):
    assert texts(element(KWH), element(component("TIME", 1), **rules)) == [
        Finding("contradictory", "elements[1]", detail)
    ]


@pytest.mark.parametrize(
    "rules",
    [
        {"min_kwh": 10, "max_kwh": 10.001},
        {"min_kwh": 10},
        {"max_kwh": 0.001},
        {"min_duration": 0, "max_duration": 1},
        {"start_date": "2026-02-01", "end_date": "2026-02-02"},
        {"start_time": "08:00", "end_time": "08:01"},
        {"start_time": "00:00", "end_time": "00:00"},
    ],
)
def test_what_can_hold_if_only_just_is_left_alone(rules):
    assert texts(element(component("TIME", 1), **rules), element(KWH)) == []


@pytest.mark.parametrize(
    ("more", "findings"),
    [
        (
            {"min_price": {"excl_vat": 3}, "max_price": {"excl_vat": 2}},
            [("contradictory", "min_price", "net: above max_price")],
        ),
        (
            {
                "min_price": {"excl_vat": 1, "incl_vat": 3},
                "max_price": {"excl_vat": 1, "incl_vat": 2},
            },
            [("contradictory", "min_price", "gross: above max_price")],
        ),
        (
            {"min_price": {"excl_vat": 3, "incl_vat": 2}},
            [("contradictory", "min_price", "less with taxes than without")],
        ),
        (
            {"max_price": {"excl_vat": 3, "incl_vat": 2}},
            [("contradictory", "max_price", "less with taxes than without")],
        ),
        ({"max_price": {"excl_vat": 3, "incl_vat": 3}}, []),
        ({"min_price": {"excl_vat": 3}, "max_price": {"excl_vat": 3}}, []),
        (
            {
                "start_date_time": "2026-01-01T00:00:00Z",
                "end_date_time": "2026-01-01T00:00:00Z",
            },
            [("contradictory", "end_date_time", "not after start_date_time")],
        ),
        (
            {
                "start_date_time": "2026-01-01T00:00:00Z",
                "end_date_time": "2026-01-01T00:00:00.001Z",
            },
            [],
        ),
    ],
)
def test_what_the_tariff_itself_says_is_told(more, findings):
    assert texts(element(KWH), **more) == findings


HIDDEN = ("unreachable", "elements[2]", "ENERGY: elements[1] always comes first")


@pytest.mark.parametrize(
    ("wide", "narrow", "hidden"),
    [
        ({"min_kwh": 5}, {"min_kwh": 5}, True),
        ({"min_kwh": 5}, {"min_kwh": 4.999}, False),
        ({"min_kwh": 5}, {}, False),
        ({"min_kwh": 0}, {}, True),
        ({"max_kwh": 5}, {"max_kwh": 5}, True),
        ({"max_kwh": 5}, {"max_kwh": 5.001}, False),
        ({"max_power": 22}, {"max_power": 11}, True),
        ({"min_current": 16}, {"min_current": 32}, True),
        ({"max_duration": 60}, {}, False),
        ({"start_date": "2026-01-01"}, {"start_date": "2026-06-01"}, True),
        ({"end_date": "2026-06-01"}, {"end_date": "2026-06-02"}, False),
        ({"start_time": "08:00", "end_time": "20:00"}, {"start_time": "20:00"}, False),
        (
            {"start_time": "08:00", "end_time": "20:00"},
            {"start_time": "08:00", "end_time": "20:00"},
            True,
        ),
        (
            {"start_time": "08:00", "end_time": "20:00"},
            {"start_time": "07:59", "end_time": "20:00"},
            False,
        ),
        (
            {"start_time": "20:00", "end_time": "08:00"},
            {"start_time": "20:00", "end_time": "00:00"},
            True,
        ),
        ({"start_time": "20:00", "end_time": "08:00"}, {"end_time": "08:01"}, False),
        ({"day_of_week": ["SUNDAY"]}, {"day_of_week": ["SUNDAY", "MONDAY"]}, False),
    ],
)
def test_what_is_hidden_is_told_with_what_hides_it(wide, narrow, hidden):
    parts = [element(component("TIME", 1)), element(KWH, **wide), element(KWH, **narrow)]
    assert texts(*parts) == ([HIDDEN] if hidden else [])


def test_what_can_never_hold_is_not_told_twice():
    never = {"min_kwh": 5, "max_kwh": 5}
    kinds = [(one.kind, one.where) for one in texts(element(KWH), element(KWH, **never))]
    assert kinds == [("contradictory", "elements[1]")]


def test_session_time_hides_time_and_parking_but_neither_hides_it():
    session, timed = component("SESSION_TIME", 1), component("PARKING_TIME", 1)
    assert texts(element(KWH), element(session), element(timed)) == [
        ("unreachable", "elements[2]", "PARKING_TIME: elements[1] always comes first")
    ]
    assert texts(element(KWH), element(timed), element(session)) == []
    both = element(timed, component("TIME", 1))
    assert texts(element(KWH), both, element(session)) == [
        ("unreachable", "elements[2]", "SESSION_TIME: elements[1] always comes first")
    ]


def test_afir_word_for_word():
    parts = element(
        component("TIME", 1), component("FLAT", 1), component("PARKING_TIME", 1, step=61)
    )
    assert texts(parts, power_kw=50) == [
        ("afir", "elements", "no price per kWh"),
        ("afir", "elements[0]", "TIME: time charging has a price"),
        ("afir", "elements[0]", "FLAT: a fee per session"),
        ("afir", "elements[0]", "PARKING_TIME: by 61 s and not by the minute"),
    ]
    session = [element(KWH), element(component("SESSION_TIME", 1))]
    assert texts(*session, power_kw=50) == [
        ("afir", "elements[1]", "SESSION_TIME: time charging has a price")
    ]


@pytest.mark.parametrize("kind", ["REGULAR", "PROFILE_CHEAP", "PROFILE_FAST", "PROFILE_GREEN"])
def test_afir_is_of_the_ad_hoc_price(kind):
    dear = element(component("TIME", 1))
    assert texts(dear, power_kw=None, type=kind) == []
    assert texts(dear, power_kw=None, type="AD_HOC_PAYMENT") != []


def test_afir_leaves_alone_what_is_free_what_is_reserved_and_whole_minutes():
    free = [component(kind, 0) for kind in ("TIME", "FLAT", "PARKING_TIME")]
    assert texts(element(KWH, *free), power_kw=None) == []
    reserved = element(component("FLAT", 1), reservation="RESERVATION")
    assert texts(reserved, element(KWH), power_kw=None) == []
    minutes = component("PARKING_TIME", 1, step=60)
    assert texts(element(KWH, minutes), power_kw=None) == []


def test_fields_that_nobody_knows_are_told():
    strange = {"vatt": 20.0, "x_note": None}
    parts = [element(KWH), element(component("TIME", 1) | strange, x_why="night") | {"colour": 1}]
    assert texts(*parts, discount=1, x_id=7, id="1", last_updated="") == [
        ("unknown-field", "tariff", "discount"),
        ("unknown-field", "tariff", "x_id"),
        ("unknown-field", "elements[1]", "colour"),
        ("unknown-field", "elements[1]", "x_why"),
        ("unknown-field", "elements[1]", "vatt"),
    ]


def test_fields_that_an_agreement_knows_are_left_alone():
    rounding = {"round_granularity": "UNIT", "round_rule": "ROUND_UP"}
    agreed = {"price_round": rounding, "step_round": rounding, "exact_price_component": True}
    assert texts(element(KWH | agreed), restriction={"start_time": "08:00"}) == []
