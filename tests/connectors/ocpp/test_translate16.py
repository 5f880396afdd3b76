"""OCPP 1.6: starts, readings and stops, paired as far as the protocol lets them be."""

import json

import pytest
from talk import DAY, OURS, PAN, POWER, Talk16, ms, sample, stamp, values

from connectors.ocpp.feed import IdTag, Plausibility
from connectors.ocpp.memory import MOST_BETWEEN_CHARS, MOST_SIGNED_CHARS
from schemas.facts import ChargerSeen
from schemas.flags import ENERGY_DOUBTFUL, Flag


def named(number, start="08:00:00"):
    return f"{number}@{ms(start)}"


def test_a_charging_from_start_to_stop():
    talk = Talk16()
    assert talk.start().facts == ()
    talk.conf(7)
    talk.meter("08:10:00", sample(2000), sample("7.4", POWER, unit="kW"))
    talk.stop("09:00:00", 9000, reason="EVDisconnected")
    (started,), (reading,), (ended,) = talk.started, talk.readings, talk.ended
    assert started.transaction_id == reading.transaction_id == ended.transaction_id == named(7)
    assert (started.evse_uid, started.connector_id) == ("1", "1")
    assert (started.energy_wh, started.started_at, started.seq) == (1000, ms("08:00:00"), -1)
    assert (started.remote_start_id, started.payment_kind) == (OURS, "card")
    assert (reading.energy_wh, reading.power_w, reading.read_at) == (2000, 7400, ms("08:10:00"))
    assert (ended.energy_wh, ended.ended_at, ended.reason) == (
        9000,
        ms("09:00:00"),
        "EVDisconnected",
    )
    assert [one.flags for one in talk.facts] == [0, 0, 0]
    assert not any(one.offline for one in (started, ended))
    assert talk.refused == []


def test_a_stop_without_a_reason_was_local():
    talk = Talk16()
    talk.begin()
    talk.stop()
    assert talk.ended[0].reason == "Local"


def test_what_comes_late_was_told_from_memory():
    talk = Talk16(received_at=ms("12:00:00"))
    talk.call(
        "StartTransaction",
        {"connectorId": 1, "idTag": OURS, "meterStart": 0, "timestamp": stamp("08:00:00")},
        received_at=ms("12:00:00"),
    )
    talk.conf()
    assert talk.started[0].offline


# --- results that come late, twice, early or never ----------------------------------------------


def test_a_result_that_is_logged_before_its_call():
    talk = Talk16()
    talk.result({"transactionId": 7, "idTagInfo": {"status": "Accepted"}}, uid="x")
    talk.start(uid="x")
    assert talk.started[0].transaction_id == named(7)


def test_a_result_told_again_changes_nothing():
    talk = Talk16()
    talk.begin()
    talk.conf(7)
    assert len(talk.started) == 1
    assert "repeated" in talk.kinds


def test_a_lost_result_is_made_up_by_the_first_reading():
    talk = Talk16()
    talk.start()
    talk.meter("08:10:00", 2000, number=7)
    assert talk.started[0].transaction_id == named(7)
    assert talk.readings[0].flags == Flag.ID_ASSUMED
    talk.stop(number=7)
    assert talk.ended[0].transaction_id == named(7)
    assert not talk.ended[0].flags & ENERGY_DOUBTFUL


def test_a_lost_result_is_made_up_by_the_stop():
    talk = Talk16()
    talk.start()
    talk.stop(number=7)
    assert [one.transaction_id for one in (*talk.started, *talk.ended)] == [named(7)] * 2


@pytest.mark.parametrize("number", [-1, 0])
def test_a_charger_that_never_heard_its_number(number):
    """EVerest libocpp #495, #551: transactionId -1 where the result was lost; others send 0."""
    talk = Talk16()
    talk.start()
    talk.meter("08:10:00", 2000, number=number)
    talk.stop(number=number)
    names = {one.transaction_id for one in talk.facts}
    assert names == {f"connector-1@{ms('08:00:00')}"}
    assert talk.refused == []


def test_a_result_after_the_charging_went_by_its_connector_changes_no_name():
    talk = Talk16()
    talk.start(uid="x")
    talk.meter("08:10:00", 2000, number=-1)
    talk.conf(7, uid="x")
    talk.meter("08:20:00", 3000, number=7)
    talk.stop(number=7)
    assert {one.transaction_id for one in talk.facts} == {f"connector-1@{ms('08:00:00')}"}
    assert len(talk.started) == 1


def test_a_csms_that_answers_0_to_all_still_has_two_chargings():
    talk = Talk16()
    talk.begin("08:00:00", 1000, number=0)
    talk.stop("08:30:00", 2000, number=0)
    talk.begin("09:00:00", 2000, number=0)
    talk.stop("09:30:00", 3000, number=0)
    assert len({one.transaction_id for one in talk.ended}) == 2
    assert [one.energy_wh for one in talk.ended] == [2000, 3000]


def test_a_start_told_again_after_a_reboot_is_the_same_charging():
    """libocpp #906, citrineos-core #880, steve #1293, MicroOcpp #454."""
    talk = Talk16()
    talk.start(uid="a")
    talk.start(uid="b")
    talk.conf(7, uid="b")
    talk.conf(7, uid="a")
    assert len(talk.started) == 1
    assert "repeated" in talk.kinds


def test_a_start_that_got_two_numbers_is_one_charging():
    talk = Talk16()
    talk.start(uid="a")
    talk.conf(7, uid="a")
    talk.start(uid="b")
    talk.conf(8, uid="b")
    talk.meter("08:10:00", 2000, number=8)
    talk.stop(number=8)
    assert {one.transaction_id for one in talk.facts} == {named(7)}


def test_a_number_that_comes_again_after_a_reboot_is_another_charging():
    talk = Talk16()
    talk.begin("08:00:00", 1000, number=7)
    talk.stop("08:30:00", 2000, number=7)
    talk.begin("09:00:00", 2000, number=7)
    talk.meter("09:10:00", 2500, number=7)
    talk.stop("09:30:00", 3000, number=7)
    assert talk.readings[0].transaction_id == named(7, "09:00:00")
    assert [one.transaction_id for one in talk.ended] == [named(7), named(7, "09:00:00")]


def test_the_first_stop_counts_and_later_ones_are_noted():
    """libocpp #907."""
    talk = Talk16()
    talk.begin()
    talk.stop("09:00:00", 9000)
    talk.stop("09:00:00", 9000)
    talk.stop("09:00:05", 9100)
    assert [one.energy_wh for one in talk.ended] == [9000]
    assert talk.kinds.count("repeated") == 1
    assert talk.kinds.count("second-stop") == 1


def test_a_charging_may_end_at_the_instant_of_its_begin():
    talk = Talk16()
    talk.begin("08:00:00", 1000)
    talk.stop("08:00:00", 1000)
    assert talk.refused == []
    assert talk.ended[0].energy_wh == 1000


# --- unknown starts -----------------------------------------------------------------------------


def test_a_stop_whose_start_was_dropped_stands_alone():
    talk = Talk16()
    talk.stop(number=99)
    (ended,) = talk.ended
    assert (ended.transaction_id, ended.energy_wh) == ("99", 9000)
    assert ended.flags & Flag.START_UNKNOWN
    assert ended.flags & ENERGY_DOUBTFUL
    assert talk.started == []


def test_a_stop_that_tells_its_begin_makes_up_for_its_start():
    talk = Talk16()
    begin = values("08:00:00", sample(1000, context="Transaction.Begin"))
    end = values("09:00:00", sample(9000, context="Transaction.End"))
    talk.stop(number=99, data=[begin, end], tag=OURS)
    (started,), (ended,) = talk.started, talk.ended
    assert (started.started_at, started.energy_wh) == (ms("08:00:00"), 1000)
    assert (started.remote_start_id, started.transaction_id) == (OURS, named(99))
    assert started.flags == Flag.BEGIN_ASSUMED | Flag.EVSE_UNKNOWN
    assert (ended.transaction_id, ended.energy_wh) == (named(99), 9000)
    assert ended.flags & ENERGY_DOUBTFUL


def test_readings_of_an_unknown_start_are_told_for_nobody():
    talk = Talk16()
    talk.meter("08:10:00", 2000, number=99)
    (reading,) = talk.readings
    assert (reading.transaction_id, reading.flags) == ("99", Flag.START_UNKNOWN)


def test_two_unknown_stops_of_one_number_are_two():
    talk = Talk16()
    talk.stop("09:00:00", 9000, number=99)
    talk.stop("09:00:00", 9000, number=99)
    talk.stop("17:00:00", 12000, number=99)
    assert [one.energy_wh for one in talk.ended] == [9000, 12000]
    assert len({one.transaction_id for one in talk.ended}) == 2


def test_a_stop_that_may_mean_several_starts_is_refused():
    talk = Talk16()
    talk.start("08:00:00", 1000, connector=1)
    talk.start("08:01:00", 1000, connector=2)
    talk.stop("09:00:00", 9000, number=-1)
    assert talk.ended == []
    assert [(one.reason, one.field) for one in talk.refused] == [
        ("ambiguous-start", "transactionId")
    ]


def test_the_register_tells_which_of_several_starts_is_meant():
    talk = Talk16()
    talk.start("08:00:00", 9000, connector=1)
    talk.start("08:01:00", 50_000, connector=2)
    talk.stop("09:00:00", 9000, number=-1)
    assert talk.ended[0].evse_uid == "1"


def test_the_card_tells_which_of_several_starts_is_meant():
    talk = Talk16()
    talk.start("08:00:00", 1000, connector=1, tag="AAA")
    talk.start("08:01:00", 1000, connector=2, tag="BBB")
    talk.stop("09:00:00", 9000, number=-1, tag="BBB")
    assert talk.ended[0].evse_uid == "2"


def test_a_start_that_never_ended_does_not_make_the_next_one_ambiguous():
    talk = Talk16()
    talk.start("08:00:00", 1000)
    talk.start("09:00:00", 2000)
    talk.stop("09:30:00", 9000, number=-1)
    assert talk.refused == []
    assert talk.ended[0].transaction_id == f"connector-1@{ms('09:00:00')}"
    assert talk.kinds.count("never-ended") == 1


def test_a_stop_means_the_newest_start_of_its_number_that_was_begun_by_then():
    talk = Talk16()
    talk.begin("08:00:00", 1000, number=7)
    talk.begin("10:00:00", 2000, number=7)
    talk.stop("09:00:00", 1900, number=7)
    talk.stop("11:00:00", 2900, number=7)
    assert [one.transaction_id for one in talk.ended] == [named(7), named(7, "10:00:00")]


# --- readings -----------------------------------------------------------------------------------


def test_the_main_meter_serves_no_car():
    talk = Talk16()
    talk.begin()
    talk.meter("08:10:00", 5_000_000, connector=0, number=None)
    assert talk.readings == []
    assert "main-meter" in talk.kinds


def test_values_that_name_no_transaction_belong_to_what_runs_on_their_connector():
    talk = Talk16()
    talk.begin()
    talk.meter("08:10:00", 2000, number=None)
    talk.meter("08:10:00", 2000, number=None, connector=2)
    assert [one.transaction_id for one in talk.readings] == [named(7)]
    assert "outside-transaction" in talk.kinds


def test_values_after_the_end_belong_to_nothing():
    talk = Talk16()
    talk.begin()
    talk.stop("09:00:00", 9000)
    talk.meter("09:30:00", 9000, number=None)
    assert talk.readings == []


def test_the_values_of_the_stop_are_readings_but_for_the_end():
    talk = Talk16()
    talk.begin()
    data = [
        values("08:00:00", sample(1000, context="Transaction.Begin")),
        values("08:30:00", sample(5000)),
        values("09:00:00", sample(9000, context="Transaction.End")),
    ]
    talk.stop(data=data)
    assert [one.energy_wh for one in talk.readings] == [1000, 5000]
    assert talk.ended[0].energy_wh == 9000


def test_an_end_that_was_read_at_its_instant_is_no_rounding():
    talk = Talk16()
    talk.begin()
    talk.meter("09:00:00", 9000)
    talk.stop("09:00:00", 9000)
    assert (talk.ended[0].energy_wh, talk.ended[0].flags) == (9000, 0)


def test_one_bad_value_is_refused_and_the_others_go_on():
    talk = Talk16()
    talk.begin()
    said = {
        "connectorId": 1,
        "transactionId": 7,
        "meterValue": [values("08:10:00", sample("x")), values("08:20:00", sample(3000))],
    }
    talk.call("MeterValues", said)
    assert [one.energy_wh for one in talk.readings] == [3000]
    assert [one.field for one in talk.refused] == ["meterValue[0].sampledValue[0].value"]


@pytest.mark.parametrize("wh", [-2, 10**13])
def test_a_stop_that_cannot_be_is_refused_by_its_field(wh):
    talk = Talk16()
    talk.begin()
    talk.stop(wh=wh)
    assert talk.ended == []
    assert [(one.reason, one.field) for one in talk.refused] == [("bad-energy", "meterStop")]


@pytest.mark.parametrize(("arrival", "offline"), [("08:01:00", False), ("08:01:01", True)])
def test_a_minute_late_is_not_from_memory_yet(arrival, offline):
    talk = Talk16()
    said = {"connectorId": 1, "idTag": OURS, "meterStart": 0, "timestamp": stamp("08:00:00")}
    talk.call("StartTransaction", said, arrival)
    talk.conf()
    assert talk.started[0].offline is offline


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"meterStart": -1}, "meterStart"),
        ({"meterStart": 10**13}, "meterStart"),
        ({"timestamp": "soon"}, "timestamp"),
        ({"timestamp": "1970-01-01T00:00:10Z"}, "timestamp"),
    ],
)
def test_a_start_that_cannot_be_is_refused_by_its_field(change, field):
    talk = Talk16()
    said = {"connectorId": 1, "idTag": OURS, "meterStart": 0, "timestamp": stamp("08:00:00")}
    talk.call("StartTransaction", said | change, "08:00:00")
    talk.conf()
    assert talk.facts == []
    assert [one.field for one in talk.refused] == [field]


# --- who pays -----------------------------------------------------------------------------------


def test_our_own_tag_comes_back_in_any_case():
    talk = Talk16()
    talk.begin(tag=OURS.upper())
    assert (talk.started[0].remote_start_id, talk.started[0].payment_kind) == (OURS, "card")


def test_a_tag_that_the_csms_asked_for_is_the_remote_start():
    talk = Talk16()
    talk.call("RemoteStartTransaction", {"idTag": "APP-4711"}, "07:59:00", direction="to_charger")
    talk.begin(tag="app-4711")
    assert talk.started[0].remote_start_id == "app-4711"


def test_a_drivers_own_tag_goes_no_further():
    talk = Talk16()
    talk.begin(tag="04A2B3C4")
    assert (talk.started[0].remote_start_id, talk.started[0].payment_kind) == ("", "unknown")


def test_the_operators_table_of_tags():
    table = (
        IdTag(tag="04*", payment_kind="contract"),
        IdTag(tag="TERM-1", payment_kind="card", remote_start_id="terminal-1"),
    )
    for tag, kind, alias in (("04a2", "contract", ""), ("term-1", "card", "terminal-1")):
        talk = Talk16(rules=Plausibility(id_tags=table))
        talk.begin(tag=tag)
        assert (talk.started[0].payment_kind, talk.started[0].remote_start_id) == (kind, alias)


def test_a_card_number_for_a_tag_reaches_nothing():
    talk = Talk16()
    talk.begin(tag=PAN)
    talk.stop(tag=PAN)
    assert PAN not in str(talk.facts) + str(talk.notes) + str(talk.refused) + str(talk.state)
    assert "card-data" in talk.kinds
    assert talk.ended[0].energy_wh == 9000


# --- signed values ------------------------------------------------------------------------------


def test_signed_values_go_with_the_end_as_they_came():
    begin, end = 'OCMF|{"RD":[]}|{"SD":"00"}', 'OCMF|{"RD":[1]}|{"SD":"01"}'
    talk = Talk16()
    talk.begin()
    data = [
        values("08:00:00", sample(begin, format="SignedData", context="Transaction.Begin")),
        values("09:00:00", sample(end, format="SignedData", context="Transaction.End")),
    ]
    talk.stop(data=data)
    assert json.loads(talk.ended[0].signed_data) == [begin, end]


def test_the_first_signed_value_with_a_key_is_kept_however_much_came_before():
    keyed = json.dumps({"signedMeterData": "YQ==", "publicKey": "a2V5"})
    keyless = json.dumps({"signedMeterData": "Yg=="})
    talk = Talk16()
    talk.begin()
    large = "x" * MOST_BETWEEN_CHARS
    talk.meter("08:10:00", sample(large, format="SignedData"))
    talk.meter("08:20:00", sample(keyed, format="SignedData"))
    talk.meter("08:30:00", sample(keyed, format="SignedData"))
    talk.stop(data=[values("09:00:00", sample(keyless, format="SignedData"))])
    assert json.loads(talk.ended[0].signed_data) == [keyed, keyless]


def test_signed_values_too_large_to_keep_are_dropped_and_flagged():
    talk = Talk16()
    talk.begin()
    large = sample("x" * (MOST_SIGNED_CHARS + 1), format="SignedData")
    talk.stop(data=[values("09:00:00", large)])
    assert (talk.ended[0].signed_data, talk.ended[0].flags) == ("", Flag.SIGNED_DROPPED)


def test_a_signed_text_with_a_card_number_is_dropped_and_flagged():
    text = f'OCMF|{{"IT":"ISO7812","ID":"{PAN}"}}|{{"SD":"00"}}'
    talk = Talk16()
    talk.begin()
    talk.stop(data=[values("09:00:00", sample(text, format="SignedData"))])
    (ended,) = talk.ended
    assert (ended.signed_data, ended.flags) == ("", Flag.SIGNED_DROPPED)
    assert PAN not in str(talk.state)


def test_a_meters_serial_number_is_no_card():
    text = f'OCMF|{{"MS":"{PAN}","ID":"04A2"}}|{{"SD":"00"}}'
    talk = Talk16()
    talk.begin()
    talk.stop(data=[values("09:00:00", sample(text, format="SignedData"))])
    assert json.loads(talk.ended[0].signed_data) == [text]


# --- signs of life ------------------------------------------------------------------------------


def test_signs_of_life():
    talk = Talk16()
    talk.call("Heartbeat", {}, "08:00:00")
    said = {"connectorId": 1, "errorCode": "NoError", "status": "Charging"}
    talk.call("StatusNotification", said, "08:01:00")
    boot = {"chargePointVendor": "V", "chargePointModel": "M", "firmwareVersion": "1.2"}
    talk.call("BootNotification", boot, "08:02:00")
    assert [(one.kind, one.status, one.seen_at) for one in talk.of(ChargerSeen)] == [
        ("heartbeat", "", ms("08:00:00")),
        ("status", "1 Charging", ms("08:01:00")),
        ("boot", "1.2", ms("08:02:00")),
    ]


def test_what_is_of_no_use_is_skipped_by_name():
    talk = Talk16()
    talk.call("DataTransfer", {"vendorId": "x"})
    talk.call("Authorize", {"idTag": "x"})
    assert talk.facts == []
    assert talk.refused == []
    assert set(talk.kinds) == {"skipped", "no-fact"}


def test_clocks_without_zone_are_flagged_or_put_right():
    start = {"connectorId": 1, "idTag": OURS, "meterStart": 0, "timestamp": f"{DAY}09:00:00"}
    for offset, at, flags in ((None, "09:00:00", Flag.ZONE_ASSUMED), (60, "08:00:00", 0)):
        talk = Talk16(utc_offset_min=offset)
        talk.call("StartTransaction", start, "09:00:00")
        talk.conf()
        assert (talk.started[0].started_at, talk.started[0].flags) == (ms(at), flags)


def test_a_start_whose_message_id_is_a_number_is_paired_with_its_result():
    talk = Talk16()
    talk.start(uid=12)
    talk.result({"transactionId": 7, "idTagInfo": {"status": "Accepted"}}, uid=12)
    assert talk.started[0].transaction_id.startswith("7@")
    assert talk.kinds.count("text-as-number") == 2
