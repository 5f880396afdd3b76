"""What chargers in the field have done to their registers and clocks, each named after its case."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from talk import OURS, POWER, Talk2, Talk16, figure, ms, sample, stamp

from connectors.ocpp.feed import Plausibility
from connectors.ocpp.memory import MOST_INTERVALS
from schemas.flags import ENERGY_DOUBTFUL, Flag

LIFE = 18_495_550  # Wh that a meter has shown in its life


def test_evcc_29654_a_begin_of_0_beside_a_lifetime_register():
    talk = Talk16()
    talk.begin(wh=0)
    talk.meter("08:01:00", LIFE)
    talk.meter("08:31:00", LIFE + 5000)
    talk.stop("09:00:00", LIFE + 9000)
    assert [one.energy_wh for one in talk.readings] == [0, 5000]
    assert talk.ended[0].energy_wh == 9000
    assert all(one.flags & Flag.BEGIN_ZERO for one in (*talk.readings, *talk.ended))
    assert talk.ended[0].flags & ENERGY_DOUBTFUL


def test_evcc_29374_a_begin_and_an_end_that_agree_count_beside_a_lifetime_register():
    talk = Talk16()
    talk.begin(wh=0)
    talk.meter("08:01:00", LIFE)
    talk.stop("09:00:00", 9000)
    assert (talk.ended[0].energy_wh, talk.ended[0].flags & ENERGY_DOUBTFUL) == (9000, 0)


def test_java_oca_ocpp_331_values_that_count_from_the_begin_of_the_transaction():
    talk = Talk16()
    talk.begin(wh=LIFE)
    talk.meter("08:10:00", 2000)
    talk.meter("08:20:00", 4000)
    talk.stop("09:00:00", LIFE + 9000)
    assert [one.energy_wh for one in talk.readings] == [LIFE + 2000, LIFE + 4000]
    assert all(one.flags & Flag.PER_TRANSACTION for one in talk.readings)
    assert (talk.ended[0].energy_wh, talk.ended[0].flags) == (LIFE + 9000, 0)


def test_java_oca_ocpp_331_an_end_that_counts_from_the_begin_proves_nothing_by_itself():
    talk = Talk16()
    talk.begin(wh=LIFE)
    talk.stop("09:00:00", 9000)
    (ended,) = talk.ended
    assert (ended.energy_wh, ended.flags) == (LIFE + 9000, Flag.PER_TRANSACTION)
    assert ended.flags & ENERGY_DOUBTFUL


def test_a_register_that_begins_anew_at_a_boot():
    talk = Talk16()
    talk.begin(wh=LIFE)
    talk.meter("08:10:00", LIFE + 2000)
    talk.meter("08:20:00", 500)
    talk.meter("08:30:00", 1500)
    talk.meter("08:10:00", LIFE + 2000)  # told again: as it was then
    talk.stop("09:00:00", 4000)
    wh = [one.energy_wh - LIFE for one in talk.readings]
    assert wh == [2000, 2500, 3500, 2000]
    (ended,) = talk.ended
    assert (ended.energy_wh, ended.flags) == (LIFE + 6000, Flag.RESTARTED)


@pytest.mark.parametrize(("booted", "told"), [(False, []), (True, [2000, 2500])])
def test_a_young_register_that_falls_began_anew_only_where_the_charger_booted(booted, told):
    talk = Talk16()
    talk.begin(wh=1000)
    talk.meter("08:10:00", 3000)
    if booted:
        boot = {"chargePointVendor": "V", "chargePointModel": "M"}
        talk.call("BootNotification", boot, "08:15:00")
    talk.meter("08:20:00", 500)
    assert [one.energy_wh - 1000 for one in talk.readings] == (told or [2000])
    assert talk.reasons == ([] if booted else ["falling-register"])


def test_a_stop_below_its_start_is_refused():
    talk = Talk16()
    talk.begin(wh=1000)
    talk.stop(wh=500)
    assert talk.ended == []
    assert [(one.reason, one.field) for one in talk.refused] == [("falling-register", "meterStop")]


def test_a_boot_that_the_register_outlived_changes_nothing():
    talk = Talk16()
    talk.begin(wh=1000)
    boot = {"chargePointVendor": "V", "chargePointModel": "M"}
    talk.call("BootNotification", boot, "08:05:00")
    talk.meter("08:10:00", 3000)
    talk.meter("08:20:00", 500)
    assert talk.reasons == ["falling-register"]


def test_a_meter_that_forgets_some_of_what_it_showed_is_refused():
    talk = Talk16()
    talk.begin(wh=LIFE)
    talk.meter("08:10:00", LIFE + 2000)
    talk.meter("08:20:00", LIFE + 1500)
    talk.meter("08:30:00", LIFE + 3000)
    assert [one.energy_wh - LIFE for one in talk.readings] == [2000, 3000]
    assert [(one.reason, one.field) for one in talk.refused] == [
        ("falling-register", "meterValue[0]")
    ]


def test_an_end_below_what_was_read_is_refused():
    talk = Talk16()
    talk.begin(wh=LIFE)
    talk.meter("08:10:00", LIFE + 9000)
    talk.stop("09:00:00", LIFE + 4000)
    assert talk.ended == []
    assert [(one.reason, one.field) for one in talk.refused] == [("falling-register", "meterStop")]


def test_libocpp_638_an_end_that_is_cut_off_where_values_are_not():
    talk = Talk16()
    talk.begin()
    talk.meter("08:59:59", sample("9000.9"))
    talk.stop("09:00:00", 9000)
    assert (talk.ended[0].energy_wh, talk.ended[0].flags) == (9000, 0)


def test_libocpp_638_an_end_that_lies_a_rounding_below():
    talk = Talk16()
    talk.begin()
    talk.meter("08:59:59", sample("9.01", unit="kWh"))
    talk.stop("09:00:00", 9004)
    assert (talk.ended[0].energy_wh, talk.ended[0].flags) == (9010, Flag.ROUNDED)


def test_values_that_differ_by_a_rounding_stand_and_are_flagged():
    talk = Talk16()
    talk.begin()
    talk.meter("08:10:00", 5004)
    talk.meter("08:10:01", 5000)
    talk.meter("08:10:02", 5005)
    assert [(one.energy_wh, one.flags) for one in talk.readings] == [
        (5004, 0),
        (5004, Flag.ROUNDED),
        (5005, 0),
    ]


def test_a_spike_is_refused_and_its_neighbours_stand():
    talk = Talk16()
    talk.begin(wh=LIFE)
    talk.meter("08:10:00", LIFE + 2000)
    talk.meter("08:11:00", LIFE * 3)
    talk.meter("08:12:00", LIFE + 2500)
    assert [one.energy_wh - LIFE for one in talk.readings] == [2000, 2500]
    assert talk.reasons == ["energy-above-power"]


def test_what_an_evse_cannot_deliver_is_refused_by_its_own_power():
    rules = Plausibility(power_max_w=22_000, power_slack_wh=100)
    talk = Talk16(rules=rules)
    talk.begin(wh=LIFE)
    talk.meter("08:30:00", LIFE + 12_000)
    talk.meter("09:00:00", LIFE + 26_000)
    assert [one.energy_wh - LIFE for one in talk.readings] == [12_000]
    assert talk.reasons == ["energy-above-power"]


def test_openevse_703_kwh_told_as_wh():
    talk = Talk16()
    talk.begin(wh=1000)
    for minute in range(10, 60, 10):
        power = sample("11", POWER, unit="kW")
        talk.meter(f"08:{minute}:00", sample(1000 + minute // 6), power)
    talk.stop("09:00:00", 1011)
    assert talk.ended[0].flags == Flag.SCALE_DOUBTFUL


def test_begin_and_end_in_kwh_beside_values_in_wh_prove_nothing():
    talk = Talk16()
    talk.begin(wh=LIFE // 1000)
    for minute in (10, 20, 30):
        talk.meter(f"08:{minute}:00", LIFE + minute * 100)
    talk.stop("09:00:00", LIFE // 1000 + 9)
    assert set(talk.reasons) == {"energy-above-power"}
    assert talk.ended[0].flags & ENERGY_DOUBTFUL


def test_a_meter_of_whole_kwh_is_no_doubt():
    talk = Talk16()
    talk.begin(wh=1000)
    for minute in range(10, 60, 10):
        power = sample("11", POWER, unit="kW")
        wh = 1000 + 11 * minute * 1000 // 60 // 1000 * 1000
        talk.meter(f"08:{minute}:00", sample(wh), power)
    talk.stop("09:00:00", 12000)
    assert talk.ended[0].flags == 0


def test_a_charger_that_tells_intervals_only():
    talk = Talk2()
    talk.begin(wh=None)
    interval = "Energy.Active.Import.Interval"
    for seq, minute in ((1, 10), (2, 20), (3, 30)):
        talk.event("Updated", f"08:{minute}:00", seq, figure(1500.5, interval))
    talk.event("Updated", "08:30:00", 4, figure(1500.5, interval))
    talk.event("Ended", "09:00:00", 5)
    assert [one.energy_wh for one in talk.readings] == [1500, 3001, 4501, 4501]
    (ended,) = talk.ended
    assert ended.energy_wh == 4501
    assert ended.flags & Flag.FROM_INTERVALS
    assert ended.flags & ENERGY_DOUBTFUL


def test_intervals_told_again_count_once_citrineos_payment():
    talk = Talk16()
    talk.begin(wh=1000)
    interval = sample(500, "Energy.Active.Import.Interval")
    for at in ("08:10:00", "08:20:00", "08:10:00", "08:20:00"):
        talk.meter(at, interval)
    assert talk.readings[-1].energy_wh == 2000


def test_an_interval_that_no_evse_can_deliver_is_refused():
    talk = Talk16()
    talk.begin(wh=1000)
    talk.meter("08:10:00", sample(LIFE, "Energy.Active.Import.Interval"))
    assert talk.readings == []
    assert talk.reasons == ["energy-above-power"]


def test_sampled_and_clock_aligned_intervals_are_never_added():
    talk = Talk16()
    talk.begin(wh=1000)
    interval = "Energy.Active.Import.Interval"
    talk.meter("08:10:00", sample(500, interval))
    talk.meter("08:15:00", sample(700, interval, context="Sample.Clock"))
    talk.meter("08:20:00", sample(500, interval))
    assert talk.readings[-1].energy_wh == 2000


def test_intervals_of_a_whole_day_are_counted_in_a_bounded_memory():
    talk = Talk16()
    talk.begin("00:00:00", wh=1000)
    interval = sample(10, "Energy.Active.Import.Interval")
    for minute in range(1, 1440):
        talk.meter(f"{minute // 60:02}:{minute % 60:02}:00", interval)
    assert talk.readings[-1].energy_wh == 1000 + 1439 * 10
    assert len(talk.state.transactions[0].intervals) <= MOST_INTERVALS
    talk.meter("00:01:00", interval)  # told again, long after
    assert talk.readings[-1].energy_wh == 1000 + 1439 * 10


def test_a_register_counts_before_intervals():
    talk = Talk16()
    talk.begin(wh=1000)
    interval = sample(500, "Energy.Active.Import.Interval")
    talk.meter("08:10:00", sample(1600), interval)
    talk.meter("08:20:00", interval)
    assert [one.energy_wh for one in talk.readings] == [1600]


# --- clocks ---------------------------------------------------------------------------------------


def start(timestamp):
    return {"connectorId": 1, "idTag": OURS, "meterStart": 0, "timestamp": timestamp}


@pytest.mark.parametrize(
    ("timestamp", "reason"),
    [
        ("1970-01-01T00:01:00Z", "clock-unset"),
        ("2000-01-01T00:01:00Z", "clock-unset"),
        ("2026-03-03T08:00:00Z", "clock-wrong"),
        ("2062-03-01T08:00:00Z", "clock-wrong"),
    ],
)
def test_clocks_that_cannot_be_right_are_refused(timestamp, reason):
    talk = Talk16()
    talk.call("StartTransaction", start(timestamp), "08:00:00")
    assert [(one.reason, one.field) for one in talk.refused] == [(reason, "timestamp")]


def test_a_clock_an_hour_ahead_is_flagged():
    talk = Talk16()
    talk.call("StartTransaction", start(stamp("09:00:00")), "08:00:00")
    talk.conf()
    assert talk.started[0].flags == Flag.CLOCK_AHEAD


def test_a_clock_a_minute_ahead_is_usual():
    talk = Talk16()
    talk.call("StartTransaction", start(stamp("08:01:00")), "08:00:00")
    talk.conf()
    assert talk.started[0].flags == 0


def test_an_end_before_its_begin_is_refused():
    talk = Talk16()
    talk.begin("08:00:00")
    talk.stop("07:59:59")
    assert talk.ended == []
    assert [(one.reason, one.field) for one in talk.refused] == [("stop-before-start", "timestamp")]


def test_values_from_before_the_begin_are_left_out():
    talk = Talk16()
    talk.begin("08:00:00", 1000)
    talk.meter("07:59:50", 900)
    assert talk.readings == []
    assert "before-begin" in talk.kinds


# --- laws ----------------------------------------------------------------------------------------


steps = st.lists(
    st.tuples(st.integers(1, 600), st.integers(0, 200)), min_size=1, max_size=12
)  # seconds, Wh


@given(steps, st.integers(0, 10**9), st.randoms(use_true_random=False))
def test_readings_in_any_order_and_twice_are_the_same_readings(parts, begin, chance):
    at, wh, told = ms("08:00:00"), begin, []
    for seconds, more in parts:
        at, wh = at + seconds * 1000, wh + more
        told.append((at, wh))
    again = told + chance.sample(told, len(told) // 2)
    chance.shuffle(again)

    def readings(order):
        talk = Talk16()
        talk.begin(wh=begin)
        for instant, register in order:
            stood = (instant - ms("08:00:00")) // 1000
            clock = f"{8 + stood // 3600:02}:{stood // 60 % 60:02}:{stood % 60:02}"
            talk.meter(clock, register)
        assert talk.refused == []
        return {(one.read_at, one.energy_wh, one.flags) for one in talk.readings}

    assert readings(again) == readings(told) == {(*one, 0) for one in told}


@given(st.lists(st.tuples(st.integers(1, 3000), st.integers(0, 3 * LIFE)), max_size=12))
def test_whatever_a_meter_shows_facts_never_fall_nor_rise_above_the_power(parts):
    talk = Talk16()
    talk.begin(wh=LIFE)
    stood = 0
    for seconds, shown in parts:
        stood += seconds
        talk.meter(f"{8 + stood // 3600:02}:{stood // 60 % 60:02}:{stood % 60:02}", shown)
    wh = [LIFE, *(one.energy_wh for one in talk.readings)]
    assert wh == sorted(wh)
    assert wh[-1] - LIFE <= 1_100_000 * stood // 3600 + 2000 * len(parts) + 10


def test_lbbrhzn_1803_a_tag_that_the_charger_made_longer_does_not_keep_a_stop_out():
    talk = Talk16()
    talk.begin(tag="X16WG99J2QIEGCC0MCJ5")
    talk.stop(tag="X16WG99J2QIEGCC0MCJ5-")
    assert talk.reasons == []
    assert [one.energy_wh for one in talk.ended] == [9000]


def test_lbbrhzn_1803_a_start_by_a_tag_too_long_is_nobodys():
    talk = Talk16()
    talk.begin(tag=OURS + "-" * (21 - len(OURS)))
    (started,) = talk.started
    assert (started.remote_start_id, started.payment_kind) == ("", "unknown")


def test_ocpp_go_114_an_unread_meter_stop_ends_the_charging_and_proves_nothing():
    talk = Talk16()
    talk.begin(wh=1000)
    talk.meter("08:30:00", 4000)
    talk.stop(wh=-1)
    (ended,) = talk.ended
    assert (ended.energy_wh, ended.flags) == (4000, Flag.ENERGY_NOT_TOLD)
    assert ended.flags & ENERGY_DOUBTFUL


def test_ocpp_go_114_the_end_that_transaction_data_tells_counts_for_an_unread_meter_stop():
    talk = Talk16()
    talk.begin(wh=1000)
    end = {"value": "9000", "context": "Transaction.End"}
    talk.stop(wh=-1, data=[{"timestamp": stamp("09:00:00"), "sampledValue": [end]}])
    assert [(one.energy_wh, one.flags) for one in talk.ended] == [(9000, 0)]


def test_a_stop_whose_transaction_data_has_an_instant_without_samples():
    talk = Talk16()
    talk.begin()
    talk.stop(data=[{"timestamp": stamp("08:30:00"), "sampledValue": []}])
    assert talk.reasons == []
    assert [one.energy_wh for one in talk.ended] == [9000]
