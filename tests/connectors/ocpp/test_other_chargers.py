"""Frames of other people's logs, simulators and tests, told anew; the source stands at each."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from talk import Talk2, Talk16, figure, ms, sample, stamp

from schemas.flags import ENERGY_DOUBTFUL, Flag

AGAIN = "Transaction.Begin"
PERIODIC = "Sample.Periodic"


@given(
    st.integers(0, 10**9),
    st.lists(st.integers(0, 5000), min_size=1, max_size=5),
    st.booleans(),
)
def test_lbbrhzn_1838_and_evcc_15768_the_begin_told_again_with_every_sample(begin, rises, first):
    """Growatt THOR and its namesakes: both under the sample's own instant."""
    talk = Talk16()
    talk.begin(wh=begin)
    shown = begin
    for minute, rise in enumerate(rises, 10):
        shown += rise
        told = [sample(shown, context=PERIODIC), sample(begin, context=AGAIN)]
        talk.meter(f"08:{minute}:00", *(told if first else told[::-1]))
    talk.stop("09:00:00", shown)
    assert [one.energy_wh for one in talk.readings][-1] == shown
    assert not any(one.flags & Flag.DISAGREEING for one in talk.readings)
    assert (talk.ended[0].energy_wh, talk.ended[0].flags, talk.refused) == (shown, 0, [])


def test_in_2x_the_begin_that_stands_beside_is_the_begin():
    talk = Talk2()
    talk.begin(wh=None)
    talk.event("Updated", "08:10:00", 1, figure(900, context=AGAIN), figure(2900, context=PERIODIC))
    talk.event("Ended", "09:00:00", 2, figure(9900, context="Transaction.End"))
    (started,) = talk.started
    assert (started.energy_wh, started.started_at) == (900, ms("08:00:00"))
    assert [one.energy_wh for one in talk.readings] == [2900]
    assert (talk.ended[0].energy_wh, talk.refused) == (9900, [])


@pytest.mark.parametrize("now", [1000, 1000.4, 999])
def test_a_begin_that_is_no_lower_stays_what_counts(now):
    talk = Talk16()
    talk.begin(wh=1000)
    talk.meter("08:00:00", sample(now, context=PERIODIC), sample(1000, context=AGAIN))
    assert [one.energy_wh for one in talk.readings] == [1000]


def test_shiv3_simulator_83_a_register_with_a_fraction_is_cut_off():
    """A strict CSMS refuses such an end, and its charging stays open."""
    talk = Talk16()
    talk.begin(wh=26_000.9)
    talk.stop("09:00:00", "26008.333")
    assert (talk.started[0].energy_wh, talk.ended[0].energy_wh) == (26_000, 26_008)
    assert talk.kinds.count("fraction-of-wh") == 2


@pytest.mark.parametrize("wh", [-0.5, -1.5, 1e30, "1,5", "12.5 Wh"])
def test_what_is_no_register_is_none_with_a_fraction(wh):
    talk = Talk16()
    talk.begin()
    talk.stop("09:00:00", wh)
    assert (talk.ended, talk.reasons) == ([], ["not-by-schema"])
    assert talk.refused[0].field == "meterStop"


def body(wh, **more):
    return sample(wh, location="Body", **more)


def test_evcc_16966_a_station_that_tells_all_of_its_body():
    talk = Talk16()
    talk.begin(wh=2_331_000)
    talk.meter("08:10:00", body(2_331_810))
    talk.meter("08:20:00", body("2332.9", unit="kWh"))
    talk.stop("09:00:00", 2_340_000)
    assert [one.energy_wh for one in talk.readings] == [2_331_810, 2_332_900]
    assert all(one.flags == Flag.NOT_AT_OUTLET for one in talk.readings)
    assert (talk.ended[0].energy_wh, talk.ended[0].flags) == (2_340_000, 0)


@pytest.mark.parametrize("other", [50, 2_331_000, 999_999_999])
def test_a_body_that_goes_on_from_elsewhere_is_another_meter(other):
    """Nothing is assumed for it: neither a register begun anew nor a begin of 0."""
    talk = Talk16()
    talk.begin(wh=5_000)
    talk.meter("08:10:00", body(other))
    talk.meter("08:20:00", sample(6_000))
    talk.meter("08:30:00", body(other + 100))
    talk.stop("09:00:00", 9_000)
    assert [(one.energy_wh, one.flags) for one in talk.readings] == [(6_000, 0)]
    assert (talk.ended[0].flags, talk.refused) == (0, [])
    assert talk.kinds.count("no-register-at-outlet") == 2


def test_in_2x_an_end_of_the_body_proves_nothing_by_itself():
    talk = Talk2()
    place = {"location": "Body"}
    talk.begin(wh=None)
    talk.event("Updated", "08:10:00", 1, figure(1000, context=AGAIN, **place))
    talk.event("Updated", "08:20:00", 2, figure(2000, **place))
    talk.event("Ended", "09:00:00", 3, figure(9000, context="Transaction.End", **place))
    (ended,) = talk.ended
    assert (talk.started[0].energy_wh, ended.energy_wh) == (1000, 9000)
    assert ended.flags == Flag.NOT_AT_OUTLET
    assert ended.flags & ENERGY_DOUBTFUL


def test_in_2x_an_end_of_another_meter_is_none():
    talk = Talk2()
    talk.begin(wh=1000)
    talk.event("Updated", "08:20:00", 1, figure(2000))
    talk.event("Ended", "09:00:00", 2, figure(50, location="Body"))
    (ended,) = talk.ended
    assert (ended.energy_wh, ended.flags, talk.refused) == (2000, Flag.ENERGY_NOT_TOLD, [])


def test_a_zone_in_hours_only():
    """A log of custom firmware: 18:51:43+03."""
    talk = Talk16()
    said = {"connectorId": 1, "idTag": "T", "meterStart": 0, "timestamp": "2026-03-01T11:00:00+03"}
    talk.call("StartTransaction", said, "08:00:00")
    talk.conf()
    assert talk.started[0].started_at == ms("08:00:00")


def test_one_instant_in_many_meter_values_outside_a_transaction():
    """evcc #27686: transactionId 0, each sample in a meter value of its own."""
    talk = Talk16()
    each = [sample(0, "Power.Active.Import", phase="L1"), sample(506_121), sample(232.5, "Voltage")]
    said = [{"timestamp": stamp("08:00:00"), "sampledValue": [one]} for one in each]
    talk.call("MeterValues", {"connectorId": 1, "transactionId": 0, "meterValue": said}, "08:00:00")
    assert (talk.facts, talk.refused, talk.kinds) == ([], [], ["outside-transaction"])


def test_one_register_in_two_units_is_one():
    talk = Talk2()
    talk.begin(wh=10)
    talk.event("Ended", "09:00:00", 1, figure(2500), figure(2.5, unit={"unit": "kWh"}))
    assert (talk.ended[0].energy_wh, talk.ended[0].flags) == (2500, 0)


@pytest.mark.parametrize(
    ("action", "said", "field"),
    [
        ("StartTransaction", {"connectorId": 1, "meterStart": 1, "timestamp": "x"}, "idTag"),
        ("StartTransaction", {"connectorId": 1, "idTag": "T", "meterStart": 1}, "timestamp"),
        ("StartTransaction", None, "payload"),
        ("StopTransaction", {"transactionId": "txn001", "meterStop": 1}, "transactionId"),
        (
            "MeterValues",
            {"connectorId": 1, "meterValue": [{"timestamp": "x", "sampledValues": [{}]}]},
            "meterValue[0].sampledValue",
        ),
        (
            "MeterValues",
            {"connectorId": 1, "meterValue": [{"sampledValue": [{"value": "1"}]}]},
            "meterValue[0].timestamp",
        ),
    ],
)
def test_what_simulators_leave_out_is_refused_by_its_field(action, said, field):
    talk = Talk16()
    talk.call(action, said, "08:00:00")
    assert talk.facts == []
    assert (talk.reasons, talk.refused[0].field) == (["not-by-schema"], field)
