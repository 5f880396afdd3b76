"""CDRs as they come: three shapes, and what the field makes of them."""

import json
from fractions import Fraction

import pytest
from worked import cdr, component, element, period

from streams.core.pricing import Unpriceable
from streams.core.pricing.cdr import decode, read_cdr
from streams.core.pricing.parsing import tariff_of
from streams.core.pricing.reconciling import reprice


def repriced(record, *elements, **more):
    record = read_cdr(decode(json.dumps(record)))
    tariff = {"currency": "EUR", "country_code": "NL", "elements": list(elements)} | more
    return reprice(record, [tariff_of(decode(json.dumps(tariff)))])


STEPS = [
    element(
        component("TIME", 1.20, step=1800), component("PARKING_TIME", 1.00, step=900),
        start_time="00:00", end_time="17:00",
    ),
    element(
        component("TIME", 2.40, step=900), component("PARKING_TIME", 1.00, step=900),
        start_time="17:00", end_time="20:00",
    ),
]  # fmt: skip


def test_volumes_are_billed_not_the_clock_and_a_country_tells_the_zone():
    found = repriced(
        cdr(
            period("2022-01-13T16:55:00+01:00", TIME=0.0834),
            period("2022-01-13T17:00:00+01:00", TIME=0.0834),
            period("2022-01-13T17:02:00+01:00", PARKING_TIME=0.0334),
            cdr_location={"country": "NLD"},
            total_cost={"excl_vat": 0.5502, "incl_vat": 0.5502},
            total_time_cost={"excl_vat": 0.3002, "incl_vat": 0.3002},
            total_parking_cost={"excl_vat": 0.25, "incl_vat": 0.25},
            total_parking_time=0.0334,
            total_energy=0,
            total_time=0.2,
        ),
        *STEPS,
    )
    assert found.breakdown.net == Fraction("0.55024")
    assert found.differences == ()


def test_energy_steps_of_the_last_component_on_the_session():
    found = repriced(
        cdr(
            period("2022-01-13T16:55:00Z", ENERGY=5),
            period("2022-01-13T17:00:00Z", ENERGY=2),
            period("2022-01-13T17:02:00Z", ENERGY=5),
            total_cost={"excl_vat": 30, "incl_vat": 30},
            total_energy=12,
        ),
        element(component("ENERGY", 2, step=8000), start_time="00:00", end_time="17:00"),
        element(component("ENERGY", 2, step=5000), start_time="17:00", end_time="20:00"),
    )
    assert found.differences == ()
    assert found.notes == ("no-zone-utc-taken",)


def test_periods_out_of_order_are_put_in_order():
    found = repriced(
        {
            "start_date_time": "2015-06-29T15:00:00Z",
            "end_date_time": "2015-06-29T16:15:00Z",
            "currency": "EUR",
            "charging_periods": [
                period("2015-06-29T15:45:00Z", ENERGY=10, TIME=1),
                period("2015-06-29T15:00:00Z", PARKING_TIME=0.5),
                period("2015-06-29T15:30:00Z", PARKING_TIME=0.25),
            ],
            "total_cost": 6.0,
            "total_time": 1.25,
            "total_parking_time": 0.75,
        },
        element(component("FLAT", 0.5), component("ENERGY", 0.45)),
        element(component("PARKING_TIME", 4, step=60), min_duration=1800),
    )
    assert found.breakdown.net == 6
    assert found.differences == ()


def test_one_flat_fee_for_three_periods():
    starts = ("15:00", "15:30", "16:00")
    found = repriced(
        cdr(*(period(f"2022-01-13T{one}:00Z", TIME=0.5) for one in starts)),
        element(component("FLAT", 1.0, step=0)),
    )
    assert found.breakdown.net == 1


def test_nulls_strings_and_dimensions_of_no_concern():
    found = read_cdr(
        cdr(
            {
                "start_date_time": "2022-01-13T15:55:00",
                "tariff_id": None,
                "dimensions": [
                    {"type": "ENERGY", "volume": "1.5"},
                    {"type": "STATE_OF_CHARGE", "volume": 80},
                    {"type": "FLAT", "volume": None},
                ],
            },
            total_energy=None,
        )
    )
    assert found.course.segments[0].amounts.energy_wh == 1_500


def test_wh_where_kwh_are_meant():
    record = cdr(period("2022-01-13T15:55:00Z", ENERGY=41_120), total_energy=Fraction("41.12"))
    record["total_energy"] = "41.12"
    found = read_cdr(record)
    assert found.course.segments[0].amounts.energy_wh == 41_120
    assert found.notes == ("energy-in-wh",)


def test_energy_that_only_the_total_tells_is_spread_over_the_time_charging():
    found = read_cdr(
        cdr(
            period("2022-01-13T15:55:00Z", TIME="0.1"),
            period("2022-01-13T16:01:00Z", PARKING_TIME="0.1"),
            period("2022-01-13T16:07:00Z", TIME="0.3"),
            total_energy=4,
        )
    )
    assert [one.amounts.energy_wh for one in found.course.segments] == [1_000, 0, 3_000]
    assert found.notes == ("energy-spread",)


def test_without_an_end_a_period_lasts_as_long_as_it_says():
    record = cdr(period("2022-01-13T15:55:00Z", TIME="0.5"), end_date_time="1970-01-01T00:00:00Z")
    (segment,) = read_cdr(record).course.segments
    assert segment.until_at - segment.from_at == 30 * 60_000


def test_an_end_before_the_last_period_is_none():
    """Then the last hour is beyond the third, and priced as that."""
    hours = [
        period("2025-03-10T10:00:00Z", PARKING_TIME=1),
        period("2025-03-10T11:00:00Z", PARKING_TIME=2),
        period("2025-03-10T13:00:00Z", PARKING_TIME=1),
    ]
    found = repriced(
        cdr(*hours, end_date_time="2015-06-29T23:37:32Z"),
        element(component("PARKING_TIME", 0), max_duration=3_600),
        element(component("PARKING_TIME", 2), min_duration=3_600, max_duration=10_800),
        element(component("PARKING_TIME", 3), min_duration=10_800),
    )
    assert found.costs["total_cost"].net == 7


def test_a_reservation_that_nobody_came_for():
    reserved = period("2022-01-13T15:55:00Z", RESERVATION_TIME=1)
    came = period("2022-01-13T16:55:00Z", TIME=1)
    assert read_cdr(cdr(reserved)).course.expired
    assert not read_cdr(cdr(reserved, came)).course.expired


def test_every_difference_is_named_to_the_minor_unit():
    found = repriced(
        cdr(
            period("2022-01-13T15:55:00Z", ENERGY=20),
            total_cost={"excl_vat": "5.004", "incl_vat": 5.51},
            total_energy_cost={"excl_vat": 4.99},
            total_energy=19,
            total_time=3,
            total_parking_time=0,
        ),
        element(component("ENERGY", 0.25, 10.0)),
    )
    assert [one.field for one in found.differences] == [
        "total_cost.incl_vat", "total_energy_cost.excl_vat", "total_energy", "total_time",
    ]  # fmt: skip


def test_taxes_of_the_2_3_0_shape():
    price = {"before_taxes": 5, "taxes": [{"name": "VAT", "amount": 0.5}]}
    record = cdr(period("2022-01-13T15:55:00Z", ENERGY=20), total_cost=price)
    found = repriced(record, element(component("ENERGY", 0.25, 10.0)), tax_included="NO")
    assert found.differences == ()
    record["total_cost"] = {"before_taxes": 5, "taxes": []}  # no taxes told: nothing to compare
    assert repriced(record, element(component("ENERGY", 0.25, 10.0))).differences == ()


def test_a_credit_is_compared_without_its_sign():
    record = cdr(
        period("2022-01-13T15:55:00Z", ENERGY=20),
        credit=True,
        total_cost={"excl_vat": -5, "incl_vat": -5},
    )
    assert repriced(record, element(component("ENERGY", 0.25))).differences == ()


def test_each_period_by_its_own_tariff():
    periods = [period(f"2022-01-13T{one}:00Z", ENERGY=10) for one in ("15:55", "16:00", "16:05")]
    periods[1]["tariff_id"] = "night"
    tariffs = [
        {"id": "DAY", "currency": "EUR", "elements": [element(component("ENERGY", 0.5))],
         "start_date_time": "2022-01-01T00:00:00Z"},
        {"id": "NIGHT", "currency": "EUR", "elements": [element(component("ENERGY", 0.2))]},
    ]  # fmt: skip
    record = read_cdr(decode(json.dumps(cdr(*periods, tariffs=tariffs))))
    found = reprice(record, [tariff_of(one) for one in record.tariffs])
    assert found.breakdown.net == 5 + 2 + 5


@pytest.mark.parametrize(
    ("more", "reason", "detail"),
    [
        ({"currency": None}, "not-a-cdr", "currency"),
        ({"charging_periods": []}, "not-a-cdr", "charging_periods"),
        ({"charging_periods": [{"dimensions": []}]}, "not-an-instant", "charging_periods[0]"),
        ({"end_date_time": "later"}, "not-an-instant", "end_date_time"),
        ({"total_energy": "much"}, "not-a-number", "total_energy"),
        ({"total_cost": {"excl_vat": "x"}}, "not-a-number", "total_cost.excl_vat"),
        (
            {"charging_periods": [period("2022-01-13T15:55:00Z", TIME=None)]},
            "not-a-number",
            "charging_periods[0].dimensions[0].volume",
        ),
        (
            {"charging_periods": [period("2022-01-13T15:55:00Z", TIME=-1)]},
            "negative",
            "charging_periods[0].dimensions[0].volume",
        ),
        (
            {"charging_periods": [period("2022-01-13T15:55:00Z", JOY=1)]},
            "unknown-dimension",
            "charging_periods[0].dimensions[0].type",
        ),
    ],
)
def test_what_cannot_be_read_is_named_by_its_field(more, reason, detail):
    with pytest.raises(Unpriceable) as caught:
        read_cdr(cdr(period("2022-01-13T15:55:00Z", TIME=1)) | more)
    assert caught.value.reason == reason
    assert detail in caught.value.detail


def test_no_tariff_is_an_outcome_with_a_name():
    record = read_cdr(cdr(period("2022-01-13T15:55:00Z", TIME=1)))
    with pytest.raises(Unpriceable) as caught:
        reprice(record, [])
    assert caught.value.reason == "no-tariff"


# --- periods that should have been cut ---------------------------------------------------------


EVENING = [
    element(component("ENERGY", 0.40), start_time="17:00"),
    element(component("ENERGY", 0.20)),
]
TEN_KWH = period("2024-01-15T16:50:00Z", ENERGY=10)


@pytest.mark.parametrize(
    ("stated", "net", "notes", "differs"),
    [
        # 10 of 40 minutes are before 17:00: 2.5 kWh at 0.20, 7.5 kWh at 0.40.
        pytest.param("3.50", "3.5", ("period-spans-change",), False, id="spread"),
        pytest.param(
            "2.00", "2", ("period-spans-change", "periods-by-their-begin"), False, id="by its begin"
        ),
        pytest.param("2.75", "3.5", ("period-spans-change",), True, id="neither"),
    ],
)
def test_a_period_that_goes_over_a_change_of_price(stated, net, notes, differs):
    record = cdr(
        TEN_KWH,
        end_date_time="2024-01-15T17:30:00Z",
        total_cost={"excl_vat": stated},
        cdr_location={"time_zone": "UTC"},
    )
    found = repriced(record, *EVENING)
    assert found.breakdown.net == Fraction(net)
    assert found.notes == notes
    assert bool(found.differences) == differs


def test_where_nothing_is_stated_a_period_is_spread():
    record = cdr(TEN_KWH, end_date_time="2024-01-15T17:30:00Z", cdr_location={"time_zone": "UTC"})
    del record["total_cost"]
    found = repriced(record, *EVENING)
    assert (found.breakdown.net, found.notes) == (Fraction("3.5"), ("period-spans-change",))


def test_a_period_that_ends_with_the_price_is_not_told():
    record = cdr(
        period("2024-01-15T16:50:00Z", ENERGY=5),
        period("2024-01-15T17:00:00Z", ENERGY=5),
        end_date_time="2024-01-15T17:30:00Z",
        cdr_location={"time_zone": "UTC"},
        total_cost={"excl_vat": 3},
    )
    found = repriced(record, *EVENING)
    assert (found.breakdown.net, found.notes, found.differences) == (3, (), ())


def test_a_tier_of_energy_and_a_reservation_by_their_begin():
    tiers = [
        element(component("ENERGY", 0.20), max_kwh=10),
        element(component("ENERGY", 0.40)),
        element(component("TIME", 6), reservation="RESERVATION", start_time="17:00"),
        element(component("TIME", 3), reservation="RESERVATION"),
    ]
    record = cdr(
        period("2024-01-15T16:30:00Z", RESERVATION_TIME=1),
        period("2024-01-15T17:30:00Z", ENERGY=15),
        end_date_time="2024-01-15T18:30:00Z",
        cdr_location={"time_zone": "UTC"},
        total_cost={"excl_vat": 6},
    )
    found = repriced(record, *tiers)  # spread: 1.5 + 3 and 2 + 2
    assert found.notes == ("period-spans-change", "periods-by-their-begin")
    assert [one.net for one in found.breakdown.lines] == [3, 3]
    assert repriced(record | {"total_cost": {"excl_vat": 8.5}}, *tiers).differences == ()
