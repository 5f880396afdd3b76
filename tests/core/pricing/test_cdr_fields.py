"""The fields of a CDR as they are read: units, versions, ends, places and costs."""

import json
from fractions import Fraction

import pytest
from worked import cdr, period

from streams.core.pricing.cdr import decode, read_cdr


@pytest.mark.parametrize(
    ("volumes", "flow"),
    [
        ({"MIN_POWER": 6, "MAX_POWER": 22}, (6_000, 22_000, None, None)),
        ({"POWER": "7.4"}, (7_400, 7_400, None, None)),
        ({"MIN_CURRENT": 10, "MAX_CURRENT": 32}, (None, None, 10_000, 32_000)),
        ({"CURRENT": 16}, (None, None, 16_000, 16_000)),
        ({"ENERGY_IMPORT": 1, "ENERGY_EXPORT": 1, "STATE_OF_CHARGE": 9}, (None,) * 4),
    ],
)
def test_power_in_kw_and_current_in_ampere(volumes, flow):
    (segment,) = read_cdr(cdr(period("2022-01-13T15:55:00Z", **volumes))).course.segments
    assert segment.flow == flow
    assert segment.amounts == (0, 0, 0, 0)


def test_each_dimension_has_its_amount_and_what_comes_twice_is_added():
    twice = period("2022-01-13T15:55:00Z", ENERGY=1, TIME=0.25, PARKING_TIME=0.5)
    twice["dimensions"] += [
        {"type": "ENERGY", "volume": "0.5"},
        {"type": "RESERVATION_TIME", "volume": 1},
        {"type": "TIME", "volume": 0},
    ]
    (segment,) = read_cdr(decode(json.dumps(cdr(twice)))).course.segments
    hour = 3_600_000
    assert segment.amounts == (1_500, hour // 4, hour // 2, hour)
    assert all(isinstance(one, int) for one in segment.amounts)


def test_energy_flows_back():
    back = read_cdr(cdr(period("2022-01-13T15:55:00Z", ENERGY=-1)))
    assert back.course.segments[0].amounts.energy_wh == -1_000


OLD_ONES = [
    {"total_cost": 4}, {"total_cost": "4"}, {"stop_date_time": "2022-01-13T16:07:00Z"}, {},
    {"end_date_time": "2022-01-13T16:07:00Z", "total_cost": 4},
]  # fmt: skip
NEW_ONES = [
    {"total_cost": {"excl_vat": 4}}, {"end_date_time": "2022-01-13T16:07:00Z"},
    {"total_cost": {"excl_vat": 4}, "stop_date_time": "2022-01-13T16:07:00Z"},
]  # fmt: skip
NEWEST_ONES = [
    {"total_cost": {"before_taxes": 4}},
    {"total_time_cost": {"before_taxes": 4}, "end_date_time": "2022-01-13T16:07:00Z"},
]


@pytest.mark.parametrize(
    ("more", "version"),
    [
        *((one, "2.1.1") for one in OLD_ONES),
        *((one, "2.2.1") for one in NEW_ONES),
        *((one, "2.3.0") for one in NEWEST_ONES),
    ],
)
def test_the_version_follows_from_what_it_states(more, version):
    sent = {"currency": "EUR", "charging_periods": [period("2022-01-13T15:55:00Z", TIME=1)]}
    assert read_cdr(sent | more).version == version


@pytest.mark.parametrize("field", ["stop_date_time", "end_date_time"])
def test_the_last_period_ends_with_the_cdr(field):
    sent = cdr(period("2022-01-13T15:55:00Z", TIME="0.1"), end_date_time=None)
    (segment,) = read_cdr(sent | {field: "2022-01-13T16:55:00Z"}).course.segments
    assert segment.until_at - segment.from_at == 3_600_000


def test_without_any_end_the_last_period_lasts_as_its_times_say():
    sent = cdr(
        period("2022-01-13T15:55:00Z", TIME=0.1),
        period("2022-01-13T15:57:00Z", TIME=0.2, PARKING_TIME=0.1, RESERVATION_TIME=0.1),
        end_date_time=None,
    )
    first, last = read_cdr(decode(json.dumps(sent))).course.segments
    assert (first.until_at - first.from_at, last.until_at - last.from_at) == (120_000, 1_440_000)


@pytest.mark.parametrize(
    ("place", "zone"),
    [
        ({"cdr_location": {"time_zone": "Europe/Paris", "country": "DEU"}}, "Europe/Paris"),
        ({"cdr_location": {"time_zone": None, "country": "DEU"}}, "Europe/Berlin"),
        ({"location": {"country": "FRA"}}, "Europe/Paris"),
        ({"location": {"time_zone": "Europe/Oslo"}}, "Europe/Oslo"),
        ({"cdr_location": "X", "location": {"country": "NL"}}, "Europe/Amsterdam"),
        ({"cdr_location": {}}, ""),
        ({}, ""),
    ],
)
def test_where_it_was_tells_the_zone(place, zone):
    sent = cdr(period("2022-01-13T15:55:00Z", TIME=1), **place)
    assert read_cdr(sent).course.zone == zone
    assert read_cdr(sent, "Asia/Tokyo").course.zone == "Asia/Tokyo"


@pytest.mark.parametrize(("told", "energy_wh"), [(39.6, 39_600), (39.5, 39_500), (40.4, 40_400)])
def test_wh_for_kwh_are_known_by_the_total_within_a_hundredth(told, energy_wh):
    sent = cdr(period("2022-01-13T15:55:00Z", ENERGY=told * 1_000), total_energy=40)
    found = read_cdr(decode(json.dumps(sent)))
    near = 39.6 <= told <= 40.4
    assert found.notes == (("energy-in-wh",) if near else ())
    factor = 1 if near else 1_000
    assert found.course.segments[0].amounts.energy_wh == energy_wh * factor


def test_energy_that_only_the_total_tells_where_no_time_is_told():
    periods = [period("2022-01-13T15:55:00Z"), period("2022-01-13T15:58:00Z")]
    found = read_cdr(cdr(*periods, total_energy=4))  # three minutes and nine
    assert [one.amounts.energy_wh for one in found.course.segments] == [1_000, 3_000]
    at_once = read_cdr(
        cdr(*[period("2022-01-13T16:07:00Z")] * 2, total_energy=4, end_date_time=None)
    )
    assert [one.amounts.energy_wh for one in at_once.course.segments] == [4_000, 0]
    nothing = read_cdr(cdr(*periods, total_energy=0))
    assert (nothing.notes, nothing.energy_kwh) == ((), 0)


def test_costs_by_their_shapes():
    sent = cdr(
        period("2022-01-13T15:55:00Z", TIME=1),
        total_cost="5.5",
        total_time_cost={"excl_vat": 1, "incl_vat": None},
        total_energy_cost={"incl_vat": 2},
        total_parking_cost={"before_taxes": 3, "taxes": [{"amount": 1}, {"amount": "0.5"}]},
        total_fixed_cost={"before_taxes": 4},
        total_reservation_cost=None,
    )
    assert read_cdr(sent).costs == {
        "total_cost": (Fraction("5.5"), None),
        "total_time_cost": (1, None),
        "total_energy_cost": (None, 2),
        "total_parking_cost": (3, Fraction("4.5")),
        "total_fixed_cost": (4, None),
    }


def test_tariffs_and_hours_as_told():
    named = period("2022-01-13T15:55:00Z", TIME=1) | {"tariff_id": "A"}
    sent = cdr(named, period("2022-01-13T16:00:00Z"), tariffs=[{"id": "A"}], total_time="1.5")
    found = read_cdr(sent)
    assert found.tariff_ids == ("A", "")
    assert found.tariffs == ({"id": "A"},)
    assert found.hours == {"total_time": Fraction("1.5"), "total_parking_time": None}
    assert (found.credit, read_cdr(sent | {"credit": True}).credit) == (False, True)


def test_periods_of_one_instant_stay_as_they_were_sent():
    sent = cdr(
        period("2022-01-13T15:55:00Z", TIME=1),
        period("2022-01-13T15:55:00Z", PARKING_TIME=1),
    )
    first, second = read_cdr(sent).course.segments
    assert (first.amounts.charging_ms, second.amounts.parking_ms) == (3_600_000, 3_600_000)
