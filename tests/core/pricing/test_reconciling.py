"""What differs between a CDR and its price, how far, and under which name."""

import json
from fractions import Fraction

import pytest
from worked import component, element

from streams.core.pricing.cdr import Stated, decode, read_cdr
from streams.core.pricing.parsing import tariff_of
from streams.core.pricing.reconciling import reprice

NOON = "2025-06-02T12:00:00Z"
KWH = element(component("ENERGY", 0.25, 10.0))
OLD = {"id": "1", "last_updated": "2015-01-01T00:00:00Z"}
NEW = {"country_code": "NL"}


def as_sent(found):
    return decode(json.dumps(found))


def record(*volumes, **more):
    periods = [
        {
            "start_date_time": f"2025-06-02T{12 + n}:00:00Z",
            "dimensions": [{"type": kind, "volume": one} for kind, one in each.items()],
        }
        for n, each in enumerate(volumes or [{"ENERGY": 20}])
    ]
    end = f"2025-06-02T{12 + len(periods)}:00:00Z"
    return {"currency": "EUR", "charging_periods": periods, "end_date_time": end} | more


def repriced(sent, *elements, **more):
    body = {"currency": sent["currency"], "elements": list(elements or [KWH])} | (more or NEW)
    read = read_cdr(as_sent(sent))
    return reprice(read, [tariff_of(as_sent(body), read.version)])


def differences(sent, *elements, **more):
    return [tuple(one) for one in repriced(sent, *elements, **more).differences]


# --- names ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stated", "more", "named"),
    [
        (6, OLD, ["total_cost"]),
        ({"excl_vat": 6}, NEW, ["total_cost.excl_vat"]),
        ({"excl_vat": 5, "incl_vat": 6}, NEW, ["total_cost.incl_vat"]),
        ({"incl_vat": 6}, NEW, ["total_cost.incl_vat"]),
        (
            {"before_taxes": 6, "taxes": [{"amount": 1}]},
            {"tax_included": "NO"},
            ["total_cost.before_taxes", "total_cost.taxes"],
        ),
        (
            {"before_taxes": 5, "taxes": [{"amount": 0.3}, {"amount": 0.1}]},
            {"tax_included": "NO"},
            ["total_cost.taxes"],
        ),
        (
            {"before_taxes": 5, "taxes": [{"amount": 0.3}, {"amount": 0.2}]},
            {"tax_included": "NO"},
            [],
        ),
        ({"before_taxes": 5, "taxes": None}, {"tax_included": "NO"}, []),
    ],
)
def test_a_difference_has_the_name_that_its_version_gives_it(stated, more, named):
    found = differences(record(total_cost=stated), **more)
    assert [one[0] for one in found] == named


def test_a_difference_tells_both_figures():
    sent = record(total_cost={"excl_vat": "5.50"}, total_energy=19, total_time=3)
    assert differences(sent) == [
        ("total_cost.excl_vat", Fraction("5.5"), 5),
        ("total_energy", 19, 20),
        ("total_time", 3, 1),
    ]


PARTS = element(
    component("FLAT", 1), component("ENERGY", 0.1), component("TIME", 6),
    component("PARKING_TIME", 12),
)  # fmt: skip
RESERVED = element(component("TIME", 2), component("FLAT", 4), reservation="RESERVATION")
ALL_KINDS = [{"RESERVATION_TIME": 1}, {"ENERGY": 10, "TIME": 1}, {"PARKING_TIME": 1}]
OWN = {
    "total_cost": 26, "total_fixed_cost": 1, "total_energy_cost": 1, "total_time_cost": 6,
    "total_parking_cost": 12, "total_reservation_cost": 6,
}  # fmt: skip


def test_every_cost_is_the_sum_of_its_own_lines():
    found = repriced(record(*ALL_KINDS), RESERVED, PARTS)
    assert found.costs == {name: Stated(Fraction(one), Fraction(one)) for name, one in OWN.items()}
    assert (found.total_energy, found.total_time, found.total_parking_time) == (10, 3, 1)


@pytest.mark.parametrize("name", OWN)
def test_every_cost_is_compared(name):
    stated = {key: {"excl_vat": one, "incl_vat": one} for key, one in OWN.items()}
    assert differences(record(*ALL_KINDS, **stated), RESERVED, PARTS) == []
    stated[name] = {"excl_vat": OWN[name], "incl_vat": OWN[name] + 1}
    found = differences(record(*ALL_KINDS, **stated), RESERVED, PARTS)
    assert found == [(f"{name}.incl_vat", OWN[name] + 1, OWN[name])]


def test_session_time_is_a_cost_of_time():
    session = element(component("SESSION_TIME", 6))
    found = repriced(record({"TIME": 1}, {"PARKING_TIME": 1}), session)
    assert found.costs["total_time_cost"].net == 12
    assert found.costs["total_parking_cost"].net == 0


# --- how near ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stated", "near"),
    [
        ("5.004", True), ("5.00499", True), ("5.005", False), ("4.9951", True), ("4.995", True),
        ("4.9949", False), ("5.01", False),
    ],
)  # fmt: skip
def test_money_to_the_minor_unit(stated, near):
    assert (differences(record(total_cost={"excl_vat": stated})) == []) == near


@pytest.mark.parametrize(
    ("kwh", "stated", "near"),
    [
        # 5.001 is less than half a cent from 5.0055, and rounds to another cent than that does.
        ("20.004", "5.0055", True),
        ("20.019", "5.00", True),
        ("20.02", "5.01", True),
        ("20.02", "5.00", False),
    ],
)
def test_figures_that_are_near_or_round_alike(kwh, stated, near):
    sent = record({"ENERGY": kwh}, total_cost={"excl_vat": stated})
    assert (differences(sent) == []) == near


@pytest.mark.parametrize(("stated", "near"), [("500.4", True), ("500.6", False), ("501", False)])
def test_a_currency_without_minor_units(stated, near):
    yen = element(component("ENERGY", 25))
    sent = record(currency="JPY", total_cost={"excl_vat": stated})
    assert (differences(sent, yen) == []) == near


def test_a_credit_that_differs():
    sent = record(credit=True, total_cost={"excl_vat": -6})
    assert differences(sent) == [("total_cost.excl_vat", 6, 5)]
    positive = record(credit=False, total_cost={"excl_vat": -5})
    assert differences(positive) == [("total_cost.excl_vat", -5, 5)]


@pytest.mark.parametrize(
    ("told", "near"), [("20.001", True), ("20.0011", False), ("19.999", True), ("19.9989", False)]
)
def test_energy_to_the_wh(told, near):
    assert (differences(record(total_energy=told)) == []) == near


@pytest.mark.parametrize(
    ("told", "near"), [("1.0005", True), ("1.00051", False), ("0.9995", True), ("0.9994", False)]
)
def test_times_to_two_seconds(told, near):
    """0.0005 h are 1.8 s."""
    assert (differences(record(total_time=told)) == []) == near


def test_a_total_time_by_the_clock_or_by_the_periods():
    half = {"TIME": 0.25, "PARKING_TIME": 0.25}
    for told, near in ((1, True), (0.5, True), (0.75, False)):
        assert (differences(record(half, total_time=told)) == []) == near
    assert differences(record(half, total_parking_time=1)) == [
        ("total_parking_time", 1, Fraction("0.25"))
    ]
    assert differences(record(half, total_parking_time="0.25")) == []


def test_without_an_end_the_periods_tell_the_time():
    sent = record({"TIME": 0.5, "PARKING_TIME": 0.25, "RESERVATION_TIME": 0.25})
    sent["end_date_time"] = NOON
    assert repriced(sent).total_time == 1
    nothing = record({"ENERGY": 1})
    nothing["end_date_time"] = NOON
    assert repriced(nothing).total_time == 0


# --- notes ------------------------------------------------------------------------------------


def test_taxes_that_are_not_known_are_noted():
    plain = element(component("ENERGY", 1))
    assert repriced(record(total_cost=20), plain, **OLD).notes == ("taxes-not-known",)
    assert repriced(record(), plain, **NEW).notes == ()


@pytest.mark.parametrize(
    ("bounds", "notes"),
    [
        ({"start_date_time": NOON}, ()),
        ({"start_date_time": "2025-06-02T12:00:00.001Z"}, ("tariff-not-in-force",)),
        ({"end_date_time": NOON}, ("tariff-not-in-force",)),
        ({"end_date_time": "2025-06-02T12:00:00.001Z"}, ()),
        (
            {"start_date_time": "2025-06-03T00:00:00Z", "end_date_time": "2025-06-04T00:00:00Z"},
            ("tariff-not-in-force",),
        ),
        ({"start_date_time": "2025-06-01T00:00:00Z", "end_date_time": "2025-06-03T00:00:00Z"}, ()),
    ],
)
def test_a_tariff_that_was_not_in_force_is_noted(bounds, notes):
    assert repriced(record(), **NEW, **bounds).notes == notes


def test_of_several_the_first_in_force_is_the_usual_one():
    def one(name, price, **more):
        parts = [element(component("ENERGY", price))]
        return tariff_of(as_sent({"id": name, "currency": "EUR", "elements": parts} | more))

    old = one("old", 9, end_date_time=NOON)
    now, also = one("now", 1, start_date_time=NOON), one("also", 2)
    read = read_cdr(as_sent(record({"ENERGY": 1}, {"ENERGY": 1})))
    assert reprice(read, [old, now, also]).breakdown.net == 2
    assert reprice(read, [old, also, now]).breakdown.net == 4
    named = record({"ENERGY": 1}, {"ENERGY": 1})
    named["charging_periods"][1]["tariff_id"] = "OLD"
    assert reprice(read_cdr(as_sent(named)), [old, now]).breakdown.net == 10


def test_local_time_without_a_zone_is_taken_as_utc_and_noted():
    evening = element(component("ENERGY", 1), start_time="12:00", end_time="13:00")
    found = repriced(record(), evening)
    assert (found.breakdown.net, found.notes) == (20, ("no-zone-utc-taken",))
    placed = record(location={"time_zone": "Europe/Berlin"})
    assert repriced(placed, evening).notes == ()
    assert repriced(placed, evening).breakdown.net == 0
