"""OCPP 2.0.1 and 2.1: transaction events, carried forward, in any order that retries make."""

import itertools
import json

import pytest
from talk import OURS, PAN, POWER, Talk2, figure, ms, stamp

from schemas.facts import ChargerSeen, SettlementNotified
from schemas.flags import ENERGY_DOUBTFUL, Flag


def test_a_charging_from_start_to_end():
    talk = Talk2()
    talk.begin(seq=5)
    power = figure(7.4, POWER, unit={"unit": "kW"})
    talk.event("Updated", "08:10:00", 6, 2000, power)
    talk.event("Ended", "09:00:00", 7, 9000, info={"stoppedReason": "EVDisconnected"})
    (started,), (reading,), (ended,) = talk.started, talk.readings, talk.ended
    assert {one.transaction_id for one in talk.facts} == {"tx-1"}
    assert [started.seq, reading.seq, ended.seq] == [5, 6, 7]
    assert (started.energy_wh, started.evse_uid, started.connector_id) == (1000, "1", "1")
    assert (started.remote_start_id, started.payment_kind) == (OURS, "card")
    assert (reading.energy_wh, reading.power_w, reading.evse_uid) == (2000, 7400, "1")
    assert (ended.energy_wh, ended.reason, ended.ended_at) == (
        9000,
        "EVDisconnected",
        ms("09:00:00"),
    )
    assert [one.flags for one in talk.facts] == [0, 0, 0]
    assert talk.updated == []


def test_the_offline_flag_is_the_stations_own():
    talk = Talk2()
    talk.begin(offline=True)
    talk.event("Ended", "09:00:00", 1, 9000)
    assert (talk.started[0].offline, talk.ended[0].offline) == (True, False)


def test_what_is_told_once_is_carried_forward():
    talk = Talk2()
    talk.begin(evse={"id": 3})
    talk.event("Updated", "08:10:00", 1, 2000)
    talk.event("Ended", "09:00:00", 2, 9000)
    assert {one.evse_uid for one in talk.facts} == {"3"}


def test_every_number_is_told_although_its_event_says_nothing():
    talk = Talk2()
    talk.begin()
    talk.event("Updated", "08:05:00", 1, trigger="EVDetected")
    (updated,) = talk.updated
    assert (updated.seq, updated.charging_state, updated.limit_wh) == (1, "not_told", -1)
    assert (updated.energy_wh, updated.flags) == (1000, Flag.ENERGY_NOT_TOLD)


def test_a_state_is_told_with_its_energy():
    talk = Talk2()
    talk.begin()
    changed = {"info": {"chargingState": "SuspendedEV"}, "trigger": "ChargingStateChanged"}
    talk.event("Updated", "08:30:00", 1, 5000, **changed)
    (updated,) = talk.updated
    assert (updated.charging_state, updated.energy_wh, updated.flags) == ("suspended_ev", 5000, 0)


def test_a_state_with_a_power_and_no_energy_tells_the_power():
    talk = Talk2()
    talk.begin()
    changed = {"info": {"chargingState": "SuspendedEV"}, "trigger": "ChargingStateChanged"}
    talk.event("Updated", "08:30:00", 1, figure(3, POWER), **changed)
    (updated,) = talk.updated
    assert (updated.power_w, updated.flags) == (3, Flag.ENERGY_NOT_TOLD)


def test_a_state_that_every_reading_repeats_is_told_once():
    talk = Talk2()
    talk.begin()
    for seq in range(1, 6):
        state = "Charging" if seq < 4 else "SuspendedEV"
        talk.event("Updated", f"08:{seq}0:00", seq, 1000 + seq, info={"chargingState": state})
    assert [(one.seq, one.charging_state) for one in talk.updated] == [
        (1, "charging"),
        (4, "suspended_ev"),
    ]
    assert [one.seq for one in talk.readings] == [1, 2, 3, 4, 5]


def test_a_start_that_waits_for_its_car_tells_so():
    talk = Talk2()
    talk.begin(info={"chargingState": "EVConnected"})
    assert [one.charging_state for one in talk.updated] == ["ev_connected"]


# --- begin --------------------------------------------------------------------------------------


def test_a_start_waits_for_its_register():
    """E02.FR.21: the begin comes in the event with which charging starts."""
    talk = Talk2()
    talk.begin(wh=None)
    assert talk.started == []
    begin = figure(1000, context="Transaction.Begin")
    talk.event("Updated", "08:01:00", 1, begin, trigger="ChargingStateChanged")
    (started,) = talk.started
    assert (started.energy_wh, started.started_at, started.flags) == (1000, ms("08:00:00"), 0)


def test_without_a_begin_the_first_register_stands_for_it_and_proves_nothing():
    talk = Talk2()
    talk.begin(wh=None)
    talk.event("Updated", "08:10:00", 1, 2000)
    talk.event("Ended", "09:00:00", 2, 9000)
    assert (talk.started[0].energy_wh, talk.started[0].flags) == (2000, Flag.BEGIN_ASSUMED)
    assert talk.ended[0].flags & ENERGY_DOUBTFUL


def test_an_assumed_begin_gives_way_to_a_lower_one_that_comes_late():
    talk = Talk2()
    talk.begin(wh=None)
    talk.event("Updated", "08:20:00", 2, 3000)
    talk.event("Updated", "08:10:00", 1, 2000)
    assert [one.energy_wh for one in talk.started] == [3000, 2000]


def test_a_begin_that_is_told_after_all_takes_the_doubt_away():
    talk = Talk2()
    talk.begin(wh=None)
    talk.event("Updated", "08:10:00", 2, 2000)
    late = [
        {
            "timestamp": stamp("08:01:00"),
            "sampledValue": [figure(1000, context="Transaction.Begin")],
        }
    ]
    talk.event("Updated", "08:01:00", 1, meterValue=late)
    talk.event("Ended", "09:00:00", 3, 9000)
    assert [(one.energy_wh, one.flags) for one in talk.started] == [
        (2000, Flag.BEGIN_ASSUMED),
        (1000, 0),
    ]
    assert talk.ended[0].flags == 0


def test_a_begin_above_what_was_read_keeps_the_doubt():
    talk = Talk2()
    talk.begin(wh=None)
    talk.event("Updated", "08:10:00", 1, 2000)
    talk.event("Updated", "08:20:00", 2, figure(3000, context="Transaction.Begin"))
    talk.event("Ended", "09:00:00", 3, 9000)
    assert {one.energy_wh for one in talk.started} == {2000}
    assert talk.ended[0].flags & ENERGY_DOUBTFUL


def test_an_end_may_tell_the_begin():
    talk = Talk2()
    talk.begin(wh=None)
    end = [
        {
            "timestamp": stamp("08:00:00"),
            "sampledValue": [figure(1000, context="Transaction.Begin")],
        },
        {"timestamp": stamp("09:00:00"), "sampledValue": [figure(9000, context="Transaction.End")]},
    ]
    talk.event("Ended", "09:00:00", 1, meterValue=end)
    assert (talk.started[0].energy_wh, talk.ended[0].energy_wh) == (1000, 9000)
    assert talk.ended[0].flags == 0


def test_a_lost_start_is_made_up_by_an_end_that_tells_the_begin():
    talk = Talk2()
    end = [
        {
            "timestamp": stamp("08:00:00"),
            "sampledValue": [figure(1000, context="Transaction.Begin")],
        },
        {"timestamp": stamp("09:00:00"), "sampledValue": [figure(9000, context="Transaction.End")]},
    ]
    talk.event("Ended", "09:00:00", 4, meterValue=end, evse={"id": 1})
    (started,) = talk.started
    assert (started.started_at, started.energy_wh, started.seq) == (ms("08:00:00"), 1000, -1)


def test_an_end_says_what_was_odd_about_its_value():
    talk = Talk2()
    talk.begin()
    talk.event("Ended", "09:00:00", 1, *[figure(3000, phase=name) for name in ("L1", "L2", "L3")])
    assert (talk.ended[0].energy_wh, talk.ended[0].flags) == (9000, Flag.SUMMED_PHASES)


def test_an_end_without_a_register_proves_nothing():
    """Never finalize money against what was seen last (seed 002)."""
    talk = Talk2()
    talk.begin()
    talk.event("Updated", "08:10:00", 1, 2000)
    talk.event("Ended", "09:00:00", 2)
    (ended,) = talk.ended
    assert (ended.energy_wh, ended.flags) == (2000, Flag.ENERGY_NOT_TOLD)
    assert ended.flags & ENERGY_DOUBTFUL


def test_a_car_that_never_came_took_nothing_for_certain():
    talk = Talk2()
    talk.begin(wh=None)
    talk.event(
        "Ended", "08:05:00", 1, trigger="EVConnectTimeout", info={"stoppedReason": "Timeout"}
    )
    assert (talk.started[0].energy_wh, talk.ended[0].energy_wh) == (0, 0)
    assert not talk.ended[0].flags & ENERGY_DOUBTFUL


# --- repeats, order, splits -----------------------------------------------------------------------


def test_a_retry_is_told_once():
    talk = Talk2()
    talk.begin()
    for _ in range(3):
        talk.event("Updated", "08:10:00", 1, 2000)
    assert len(talk.readings) == 1
    assert talk.kinds == ["repeated"] * 2


def test_another_body_under_the_same_number_is_noted_and_taken():
    talk = Talk2()
    talk.begin()
    talk.event("Updated", "08:10:00", 1, 2000)
    talk.event("Updated", "08:10:00", 1, 2000, trigger="MeterValueClock")
    assert "same-number-other-body" in talk.kinds


def test_large_sets_are_split_over_several_events_of_one_instant():
    """E11.FR.06"""
    talk = Talk2()
    talk.begin()
    talk.event("Updated", "08:10:00", 1, 2000)
    talk.event("Updated", "08:10:00", 2, figure(230, "Voltage"))
    assert [one.seq for one in (*talk.readings, *talk.updated)] == [1, 2]


EVENTS = {
    "start": lambda talk: talk.begin(seq=3),
    "first": lambda talk: talk.event("Updated", "08:10:00", 4, 2000),
    "state": lambda talk: talk.event(
        "Updated",
        "08:15:00",
        5,
        info={"chargingState": "SuspendedEV"},
        trigger="ChargingStateChanged",
    ),
    "second": lambda talk: talk.event("Updated", "08:20:00", 6, 3000),
    "end": lambda talk: talk.event("Ended", "09:00:00", 7, 9000),
}


def told(order):
    """The facts of the events in this order, without what only a message before can tell."""
    talk = Talk2()
    for name in order:
        EVENTS[name](talk)
    assert talk.refused == []
    return {
        json.dumps(
            {
                name: value
                for name, value in
                ((name, getattr(one, name)) for name in one.__struct_fields__)
                if name not in ("evse_uid", "flags")
                and not (type(one).__name__ == "ChargingUpdated" and name == "energy_wh")
            }
            | {"doubt": one.flags & ENERGY_DOUBTFUL & ~Flag.ENERGY_NOT_TOLD}
        )
        for one in talk.facts
    }  # fmt: skip


def test_events_in_any_order_tell_the_same():
    usual = told(EVENTS)
    assert len(usual) == 5
    for order in itertools.permutations(EVENTS):
        assert told(order) == usual, order


def test_with_the_start_first_the_facts_are_the_same_to_the_bit():
    def facts(order):
        talk = Talk2()
        for name in ("start", *order):
            EVENTS[name](talk)
        return set(map(str, talk.facts))

    rest = [name for name in EVENTS if name != "start"]
    usual = facts(rest)
    for order in itertools.permutations(rest):
        assert facts(order) == usual, order


# --- tokens ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "payment"),
    [
        ("eMAID", "contract"),
        ("ISO14443", "contract"),
        ("ISO15693", "contract"),
        ("Central", "unknown"),
        ("Local", "unknown"),
        ("NoAuthorization", "unknown"),
        ("KeyCode", "unknown"),
    ],
)
def test_the_kind_of_payment_by_the_tokens_type(kind, payment):
    talk = Talk2()
    talk.begin(token="DE-ABC-123", kind=kind)
    (started,) = talk.started
    assert (started.payment_kind, started.remote_start_id, started.psp_reference) == (
        payment,
        "",
        "",
    )


@pytest.mark.parametrize(("kind", "payment"), [("VIN", "contract"), ("EVCCID", "contract")])
def test_the_types_of_21(kind, payment):
    talk = Talk2("2.1")
    talk.begin(token="WVW-1", kind=kind)
    assert talk.started[0].payment_kind == payment


def test_a_payment_at_the_station_has_the_providers_reference():
    talk = Talk2("2.1")
    talk.begin(token="8535296650153317", kind="DirectPayment")
    (started,) = talk.started
    assert (started.payment_kind, started.psp_reference) == ("card", "8535296650153317")


def test_card_data_beside_the_token_reaches_nothing():
    more = [
        {"type": "PspRef", "additionalIdToken": "psp-1"},
        {"type": "CardLast4Digits", "additionalIdToken": "9876"},
        {"type": "CardBin", "additionalIdToken": "411111"},
        {"type": "HashedCardNr", "additionalIdToken": "deadbeef"},
        {"type": "Pan", "additionalIdToken": PAN},
    ]
    talk = Talk2("2.1")
    token = {"idToken": "token-1", "type": "DirectPayment", "additionalInfo": more}
    talk.begin(idToken=token)
    assert talk.started[0].psp_reference == "psp-1"
    everything = str(talk.facts) + str(talk.state) + str(talk.notes)
    for word in (PAN, "9876", "411111", "deadbeef"):
        assert word not in everything
    assert "card-data" in talk.kinds


def test_what_stands_beside_a_token_and_is_no_cards_is_not_noted():
    more = [{"type": "PspRef", "additionalIdToken": "psp-1"}]
    talk = Talk2("2.1")
    talk.begin(idToken={"idToken": "t", "type": "DirectPayment", "additionalInfo": more})
    assert talk.notes == []


def test_a_card_number_for_a_token_reaches_nothing():
    talk = Talk2("2.1")
    talk.begin(token=PAN, kind="DirectPayment")
    assert (talk.started[0].psp_reference, talk.started[0].payment_kind) == ("", "card")
    assert PAN not in str(talk.facts) + str(talk.state) + str(talk.notes)


def test_a_remote_start_by_its_number():
    talk = Talk2()
    talk.begin(token="x", info={"remoteStartId": 42})
    assert talk.started[0].remote_start_id == "42"


def test_a_remote_start_by_its_number_alone():
    talk = Talk2()
    talk.event("Started", "08:00:00", 0, 1000, evse={"id": 1}, info={"remoteStartId": 42})
    assert talk.started[0].remote_start_id == "42"


def test_a_remote_start_with_our_token_by_its_number():
    asked = {"idToken": {"idToken": OURS.upper(), "type": "Central"}, "remoteStartId": 42}
    talk = Talk2()
    talk.call("RequestStartTransaction", asked, "07:59:00", direction="to_charger")
    talk.begin(token="x", info={"remoteStartId": 42})
    assert (talk.started[0].remote_start_id, talk.started[0].payment_kind) == (OURS, "card")


def test_a_token_that_comes_after_the_start_tells_the_start_again():
    talk = Talk2("2.1")
    talk.event("Started", "08:00:00", 0, 1000, evse={"id": 1}, trigger="CablePluggedIn")
    token = {"idToken": OURS, "type": "Central"}
    talk.event("Updated", "08:01:00", 1, idToken=token, trigger="Authorized")
    assert [one.remote_start_id for one in talk.started] == ["", OURS]
    assert {(one.started_at, one.energy_wh) for one in talk.started} == {(ms("08:00:00"), 1000)}


def test_another_card_that_stops_does_not_pay():
    talk = Talk2()
    talk.begin()
    talk.event("Ended", "09:00:00", 1, 9000, idToken={"idToken": "other", "type": "ISO14443"})
    assert {one.remote_start_id for one in talk.started} == {OURS}
    assert {one.payment_kind for one in talk.started} == {"card"}


def test_another_card_that_stops_before_the_start_is_heard_does_not_pay_either():
    talk = Talk2()
    other = {"idToken": "other", "type": "ISO14443"}
    talk.event("Ended", "09:00:00", 2, 9000, idToken=other)
    talk.event("Updated", "08:59:00", 1, idToken=other, trigger="StopAuthorized")
    talk.begin(token="x")
    assert {one.payment_kind for one in talk.started} == {"unknown"}


# --- 2.1: limits, settlement ----------------------------------------------------------------------


def test_a_limit_that_the_station_tells_is_one_that_it_takes():
    talk = Talk2("2.1")
    talk.begin()
    limit = {"transactionLimit": {"maxEnergy": 20000.7, "maxCost": 50}}
    talk.event("Updated", "08:01:00", 1, info=limit, trigger="LimitSet")
    (updated,) = talk.updated
    assert updated.limit_wh == 20000
    assert [one.takes_limit for one in talk.started] == [False, True]


@pytest.mark.parametrize("energy", [-1, 10**12])
def test_a_limit_that_none_can_be_is_not_told(energy):
    talk = Talk2("2.1")
    talk.begin(info={"transactionLimit": {"maxEnergy": energy}})
    assert not talk.started[0].takes_limit
    assert talk.updated == []


def test_a_limit_by_cost_is_no_limit_by_energy():
    talk = Talk2("2.1")
    talk.begin(info={"transactionLimit": {"maxCost": 50}})
    assert not talk.started[0].takes_limit
    assert talk.updated == []


def settlement(**change):
    told = {
        "transactionId": "tx-1",
        "pspRef": "psp-1",
        "status": "Settled",
        "settlementAmount": 12.30,
        "settlementTime": stamp("09:01:00"),
        "receiptId": "R-1",
        "receiptUrl": "https://r.example/R-1",
        "vatNumber": "NO123",
    }
    return told | change


def test_a_settlement_by_the_station():
    talk = Talk2("2.1")
    talk.call("NotifySettlement", settlement(), "09:02:00")
    (fact,) = talk.of(SettlementNotified)
    assert (fact.status, fact.amount, fact.psp_reference) == ("settled", "12.3", "psp-1")
    assert (fact.transaction_id, fact.settled_at, fact.receipt_id) == (
        "tx-1",
        ms("09:01:00"),
        "R-1",
    )
    assert "NO123" not in str(talk.facts)


@pytest.mark.parametrize("status", ["Settled", "Canceled", "Rejected", "Failed"])
def test_all_ends_of_a_settlement(status):
    talk = Talk2("2.1")
    talk.call("NotifySettlement", settlement(status=status, transactionId=None), "09:02:00")
    assert [one.status for one in talk.of(SettlementNotified)] == [status.lower()]


def test_a_settlement_with_a_card_number_tells_none():
    talk = Talk2("2.1")
    talk.call("NotifySettlement", settlement(pspRef=PAN, statusInfo=f"card {PAN}"), "09:02:00")
    assert len(talk.of(SettlementNotified)) == 1
    assert PAN not in str(talk.facts) + str(talk.notes)


# --- other messages -------------------------------------------------------------------------------


def test_signs_of_life():
    talk = Talk2()
    status = {
        "timestamp": stamp("08:00:00"),
        "connectorStatus": "Occupied",
        "evseId": 1,
        "connectorId": 2,
    }
    talk.call("StatusNotification", status, "08:00:01")
    talk.call("Heartbeat", {}, "08:00:02")
    station = {"model": "M", "vendorName": "V"}
    talk.call("BootNotification", {"chargingStation": station, "reason": "PowerUp"}, "08:00:03")
    event = {
        "eventId": 1,
        "timestamp": stamp("08:00:04"),
        "trigger": "Alerting",
        "actualValue": "true",
        "component": {"name": "ChargingStation"},
        "variable": {"name": "Offline"},
        "eventNotificationType": "HardWiredNotification",
    }
    said = {"generatedAt": stamp("08:00:04"), "seqNo": 0, "eventData": [event]}
    talk.call("NotifyEvent", said, "08:00:05")
    assert [(one.kind, one.status) for one in talk.of(ChargerSeen)] == [
        ("status", "1/2 Occupied"),
        ("heartbeat", ""),
        ("boot", "PowerUp"),
        ("event", "ChargingStation.Offline=true"),
    ]


def test_a_running_cost_is_noted():
    talk = Talk2()
    talk.call("CostUpdated", {"totalCost": 1.5, "transactionId": "tx-1"}, direction="to_charger")
    assert [(one.kind, one.detail) for one in talk.notes] == [("cost-told", "tx-1: 1.5")]


def test_values_by_the_clock_may_come_outside_the_transaction():
    talk = Talk2()
    talk.begin()
    said = {
        "evseId": 1,
        "meterValue": [
            {
                "timestamp": stamp("08:15:00"),
                "sampledValue": [figure(2500, context="Sample.Clock")],
            }
        ],
    }
    talk.call("MeterValues", said, "08:15:00")
    talk.call("MeterValues", said | {"evseId": 0}, "08:15:00")
    talk.call("MeterValues", said | {"evseId": 2}, "08:15:00")
    assert [(one.transaction_id, one.seq, one.energy_wh) for one in talk.readings] == [
        ("tx-1", -1, 2500)
    ]
    assert talk.kinds == ["main-meter", "outside-transaction"]


def test_what_is_odd_about_such_values_is_noted():
    talk = Talk2()
    talk.begin()
    inlet = {"timestamp": stamp("08:15:00"), "sampledValue": [figure(2500, location="Inlet")]}
    talk.call("MeterValues", {"evseId": 1, "meterValue": [inlet]}, "08:15:00")
    assert talk.kinds == ["no-register-at-outlet"]


def test_a_bad_value_outside_a_transaction_is_refused():
    talk = Talk2()
    bad = {"timestamp": "soon", "sampledValue": [figure(2500)]}
    talk.call("MeterValues", {"evseId": 1, "meterValue": [bad]}, "08:15:00")
    assert [one.field for one in talk.refused] == ["meterValue[0].timestamp"]


def test_evse_0_is_the_charger_as_a_whole():
    talk = Talk2()
    talk.event("Started", "08:00:00", 0, 0, evse={"id": 0})
    assert talk.started[0].flags == Flag.EVSE_UNKNOWN
    assert (talk.started[0].energy_wh, talk.started[0].evse_uid) == (0, "0")


def test_an_end_before_its_begin_is_refused():
    talk = Talk2()
    talk.begin("08:00:00")
    talk.event("Ended", "07:00:00", 1, 9000)
    assert talk.ended == []
    assert [(one.reason, one.field) for one in talk.refused] == [("stop-before-start", "timestamp")]


def signed(data):
    return {
        "signedMeterData": data,
        "signingMethod": "ECDSA-secp256r1-SHA256",
        "encodingMethod": "OCMF",
        "publicKey": "",
    }


def test_signed_values_from_begin_to_end_go_with_the_end():
    talk = Talk2()
    talk.event(
        "Started",
        "08:00:00",
        0,
        figure(1000, context="Transaction.Begin", signedMeterValue=signed("Ym4=")),
        evse={"id": 1},
    )
    periodic = signed("cGVy")
    talk.event("Updated", "08:10:00", 1, figure(2000, signedMeterValue=periodic))
    keyed = signed("a2V5") | {"publicKey": "S0VZ"}
    talk.event("Updated", "08:20:00", 2, figure(3000, signedMeterValue=keyed))
    talk.event("Updated", "08:30:00", 3, figure(4000, signedMeterValue=keyed))
    talk.event(
        "Ended",
        "09:00:00",
        4,
        figure(9000, context="Transaction.End", signedMeterValue=signed("ZW4=")),
    )
    each = [signed("Ym4="), periodic, keyed, signed("ZW4=")]
    assert json.loads(talk.ended[0].signed_data) == each
    assert talk.ended[0].flags == 0


def test_a_message_of_21_from_a_charger_of_201_is_read():
    talk = Talk2("2.0.1")
    limit = {"transactionLimit": {"maxEnergy": 5000}}
    talk.begin(info=limit)
    assert talk.started[0].takes_limit
    assert "newer-words" in talk.kinds
