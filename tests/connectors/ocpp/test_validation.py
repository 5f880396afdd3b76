"""What is refused and by which field; each leniency, by its name; speed is shown in bench."""

import json
from decimal import Decimal

import pytest
from msgspec import inspect

from connectors.ocpp.frames import NotValid
from connectors.ocpp.leniencies import LENIENCIES, MOST_LENIENCIES
from connectors.ocpp.messages import v16, v21, v201
from connectors.ocpp.messages.catalogue import REQUESTS, RESPONSES
from connectors.ocpp.validation import Skipped, request_of, response_of

AT = "2026-01-01T00:00:00Z"
START = {"connectorId": 1, "idTag": "A", "meterStart": 5, "timestamp": AT}
STOP = {"transactionId": 7, "meterStop": 5, "timestamp": AT}
BOOT = {"chargePointVendor": "V", "chargePointModel": "M"}
STATUS = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}
EVENT = {
    "eventType": "Updated",
    "timestamp": AT,
    "triggerReason": "MeterValuePeriodic",
    "seqNo": 1,
    "transactionInfo": {"transactionId": "T"},
}
LIMIT = {"transactionId": "T", "transactionLimit": {"maxCost": 20}}


def taken(version, action, payload):
    return request_of(version, action, json.dumps(payload).encode())


def notes(parsed):
    return {(one.kind, one.detail) for one in parsed.notes}


def values(*samples, **fields):
    return {
        "connectorId": 1,
        "meterValue": [{"timestamp": AT, "sampledValue": list(samples)}],
    } | fields


def values_2(*samples, **fields):
    return {"evseId": 1, "meterValue": [{"timestamp": AT, "sampledValue": list(samples)}]} | fields


@pytest.mark.parametrize(
    ("version", "action", "payload", "said"),
    [
        ("1.6", "Foo", {}, "action: 'Foo' is none of OCPP 1.6"),
        ("1.6", "TransactionEvent", EVENT, "action: 'TransactionEvent' is none of OCPP 1.6"),
        ("1.6", "StartTransaction", [], "payload: Expected `object`, got `array`"),
        ("1.6", "StartTransaction", START | {"idTag": None}, "idTag: Expected `str`, got `null`"),
        (
            "2.0.1",
            "TransactionEvent",
            EVENT | {"transactionInfo": {"transactionId": "x" * 37}},
            "transactionInfo.transactionId: Expected `str` of length <= 36",
        ),
        (
            "1.6",
            "StartTransaction",
            START | {"meterStart": -5.5},
            "meterStart: Expected `int`, got `decimal`",
        ),
        (
            "1.6",
            "MeterValues",
            values(),
            "meterValue[0].sampledValue: Expected `array` of length >= 1",
        ),
        (
            "1.6",
            "MeterValues",
            values({"value": "1"}, {"value": "1"}, {"value": ["x"]}),
            "meterValue[0].sampledValue[2].value: Expected `str`, got `array`",
        ),
        (
            "1.6",
            "MeterValues",
            values({"value": "1", "unit": "GWh"}),
            "meterValue[0].sampledValue[0].unit: Invalid enum value 'GWh'",
        ),
        (
            "1.6",
            "MeterValues",
            values({"value": "1", "phase": "R"}),
            "meterValue[0].sampledValue[0].phase: Invalid enum value 'R'",
        ),
        (
            "1.6",
            "MeterValues",
            values({"value": "1", "measurand": "Energy.Active.Import.Total"}),
            "meterValue[0].sampledValue[0].measurand: Invalid enum value",
        ),
        (
            "1.6",
            "MeterValues",
            values({"value": "1"}, connectorId=None),
            "connectorId: Expected `int`, got `null`",
        ),
        (
            "2.0.1",
            "TransactionEvent",
            EVENT | {"transactionInfo": {}},
            "transactionInfo.transactionId: required, and not there",
        ),
        (
            "2.0.1",
            "TransactionEvent",
            EVENT | {"eventType": "Sunrise"},
            "eventType: Invalid enum value 'Sunrise'",
        ),
        (
            "2.1",
            "TransactionEvent",
            EVENT | {"meterValue": [{"timestamp": AT, "sampledValue": [{"value": "12,5"}]}]},
            "meterValue[0].sampledValue[0].value: Expected `number`, got `str`",
        ),
    ],
)
def test_a_refusal_names_the_field_and_what_is_wrong_with_its_value(version, action, payload, said):
    with pytest.raises(NotValid) as caught:
        taken(version, action, payload)
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize(
    ("action", "payload", "said"),
    [
        ("StartTransaction", b'"meterStart":"007"', "meterStart: Expected `int`, got `str`"),
        ("StartTransaction", b'"meterStart":true', "meterStart: Expected `int`, got `bool`"),
        ("StartTransaction", b'"idTag":1e999', "idTag: Expected `str`, got `decimal`"),
        ("StartTransaction", b'"idTag":false', "idTag: Expected `str`, got `bool`"),
    ],
)
def test_no_leniency_guesses_a_number_or_an_identifier(action, payload, said):
    start = json.dumps(START).encode()
    with pytest.raises(NotValid) as caught:
        request_of("1.6", action, start[:-1] + b"," + payload + b"}")
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize("cost", [b"true", b'"07"', b'"1e999"', b"1e-500", b'" 1"', b'"1,5"'])
def test_no_leniency_guesses_at_money(cost):
    with pytest.raises(NotValid, match="totalCost: Expected `number`"):
        request_of("2.1", "CostUpdated", b'{"transactionId":"T","totalCost":' + cost + b"}")


def test_what_a_float_leaves_of_zero_is_a_number():
    cost = b'{"transactionId":"T","totalCost":1.4e-45}'
    assert request_of("2.1", "CostUpdated", cost).message.total_cost == Decimal("1.4e-45")


def test_a_fault_of_syntax_behind_a_fault_of_content_is_refused_too():
    with pytest.raises(NotValid, match="message: no JSON"):
        request_of("2.0.1", "MeterValues", b'{"evseId":"1","meterValue":[{]}')


ENERGY = {"value": "1500", "measurand": "Energy.Active.Import.Register"}
SAMPLE = "meterValue[0].sampledValue[0]"
# name, version, action, payload, the place of the note, where the value is now, the value
TAKEN = [
    ("null-for-absent", "1.6", "MeterValues", values(ENERGY | {"phase": None}), f"{SAMPLE}.phase"),
    ("null-for-absent", "1.6", "MeterValues", values(ENERGY, transactionId=None), "transactionId"),
    ("null-for-absent", "2.1", "TransactionEvent", EVENT | {"evse": None}, "evse"),
    ("empty-for-absent", "1.6", "MeterValues", values(ENERGY | {"unit": ""}), f"{SAMPLE}.unit"),
    ("empty-for-absent", "2.0.1", "TransactionEvent", EVENT | {"meterValue": []}, "meterValue"),
    ("unknown-field", "1.6", "StartTransaction", START | {"vendor": [1]}, "vendor"),
    ("custom-data", "2.1", "TransactionEvent", EVENT | {"customData": {"a": 1}}, "customData"),
    ("letter-case", "1.6", "MeterValues", values(ENERGY | {"unit": "KWH"}), f"{SAMPLE}.unit: KWH"),
    ("unknown-word", "1.6", "StopTransaction", STOP | {"reason": "Sun"}, "reason: Sun"),
    ("unknown-word", "1.6", "StatusNotification", STATUS | {"errorCode": "E7"}, "errorCode: E7"),
    (
        "unknown-word",
        "1.6",
        "MeterValues",
        values(ENERGY | {"context": "Sample.Odd"}),
        f"{SAMPLE}.context: Sample.Odd",
    ),
    (
        "unknown-sample",
        "1.6",
        "MeterValues",
        values({"value": "1", "measurand": "Fan"}, ENERGY),
        f"{SAMPLE}.measurand: Fan",
    ),
    (
        "unknown-sample",
        "1.6",
        "MeterValues",
        values({"value": "1", "measurand": ""}, ENERGY),
        f"{SAMPLE}.measurand",
    ),
    (
        "unknown-sample",
        "1.6",
        "MeterValues",
        values({"value": "1", "measurand": "SoC", "unit": "%"}, ENERGY),
        f"{SAMPLE}.unit: %",
    ),
    ("number-as-text", "1.6", "StartTransaction", START | {"meterStart": "5"}, "meterStart"),
    ("number-as-text", "2.1", "MeterValues", values_2({"value": "1.5"}), f"{SAMPLE}.value"),
    ("text-as-number", "1.6", "MeterValues", values({"value": 1.5}), f"{SAMPLE}.value"),
    ("text-as-number", "1.6", "StartTransaction", START | {"idTag": 1234}, "idTag"),
    ("whole-number-as-decimal", "1.6", "StopTransaction", STOP | {"meterStop": 5.0}, "meterStop"),
    ("fraction-of-wh", "1.6", "StartTransaction", START | {"meterStart": 5.5}, "meterStart"),
    ("fraction-of-wh", "1.6", "StopTransaction", STOP | {"meterStop": 5.5}, "meterStop"),
    ("too-long", "1.6", "StatusNotification", STATUS | {"info": "x" * 51}, "info"),
    (
        "too-long",
        "1.6",
        "BootNotification",
        BOOT | {"chargePointModel": "M" * 21},
        "chargePointModel",
    ),
    ("too-long-tag", "1.6", "StartTransaction", START | {"idTag": "T" * 21}, "idTag"),
    ("too-long-tag", "1.6", "StopTransaction", STOP | {"idTag": "T" * 21}, "idTag"),
    ("newer-words", "2.0.1", "TransactionEvent", EVENT | {"triggerReason": "TxResumed"}, ""),
    ("newer-words", "2.0.1", "TransactionEvent", EVENT | {"transactionInfo": LIMIT}, ""),
]


@pytest.mark.parametrize(("name", "version", "action", "payload", "place"), TAKEN)
def test_a_leniency_is_taken_and_told(name, version, action, payload, place):
    assert notes(taken(version, action, payload)) == {(name, place)}


def test_every_leniency_of_the_table_is_shown_here():
    assert {name for name, *_ in TAKEN} == set(LENIENCIES)


def test_what_is_taken_leniently_is_what_was_meant():
    def sample(said):
        return taken("1.6", "MeterValues", values(said)).message.meter_value[0].sampled_value[0]

    assert sample(ENERGY | {"unit": "kwh"}).unit == "kWh"
    assert sample(ENERGY | {"phase": None}).phase is None
    assert sample(ENERGY | {"context": "Sample.Odd"}).context == "Other"
    assert sample({"value": 1.50}).value == "1.5"
    assert taken("1.6", "StartTransaction", START | {"meterStart": "5"}).message.meter_start == 5
    assert taken("1.6", "StopTransaction", STOP | {"meterStop": 5.0}).message.meter_stop == 5
    assert taken("1.6", "StopTransaction", STOP | {"meterStop": 5.9}).message.meter_stop == 5
    boot = BOOT | {"chargePointModel": "M" * 30, "firmwareVersion": "F" * 60}
    read = taken("1.6", "BootNotification", boot).message
    assert (read.charge_point_model, read.firmware_version) == ("M" * 20, None)
    samples = taken("2.0.1", "MeterValues", values_2({"value": "1500.10"})).message.meter_value
    assert samples[0].sampled_value[0].value == Decimal("1500.10")


def test_a_message_of_2_0_1_with_newer_words_is_one_of_2_1():
    limited = taken("2.0.1", "TransactionEvent", EVENT | {"transactionInfo": LIMIT}).message
    assert isinstance(limited, v21.TransactionEvent)
    assert limited.transaction_info.transaction_limit.max_cost == 20
    assert isinstance(taken("2.0.1", "TransactionEvent", EVENT).message, v201.TransactionEvent)
    resumed = EVENT | {"triggerReason": "TxResumed", "evse": None}
    assert notes(taken("2.0.1", "TransactionEvent", resumed)) == {
        ("newer-words", ""),
        ("null-for-absent", "evse"),
    }
    both = taken("2.0.1", "TransactionEvent", EVENT | {"transactionInfo": LIMIT, "evse": None})
    assert notes(both) == {("newer-words", ""), ("null-for-absent", "evse")}


def test_a_sample_left_out_leaves_its_neighbours():
    read = taken("1.6", "MeterValues", values({"value": "1", "measurand": "Fan"}, ENERGY))
    assert [one.value for one in read.message.meter_value[0].sampled_value] == ["1500"]
    nothing = taken("1.6", "MeterValues", values({"value": "1", "measurand": "Fan"}))
    assert nothing == Skipped("MeterValues", nothing.notes)
    assert notes(nothing) == {("unknown-sample", f"{SAMPLE}.measurand: Fan")}
    meter = [{"timestamp": AT, "sampledValue": [{"value": 1, "measurand": "Fan"}]}]
    event = taken("2.1", "TransactionEvent", EVENT | {"meterValue": meter})
    assert event.message.meter_value is None
    stop = taken(
        "1.6",
        "StopTransaction",
        STOP
        | {
            "transactionData": [
                {
                    "timestamp": AT,
                    "sampledValue": [{"value": "1", "unit": "Hertz", "measurand": "Frequency"}],
                }
            ]
        },
    )
    assert stop.message.transaction_data is None


def test_null_in_a_vendors_own_object_is_the_vendors():
    own = b'{"customData":{"vendorId":"V","a":null,"b":1e999}}'
    read = request_of("2.1", "Heartbeat", own)
    assert read.notes == ()
    assert read.message.custom_data.vendor_id == "V"


def test_what_the_schema_allows_is_not_noted_beside_what_it_does_not():
    stop = taken("1.6", "StopTransaction", STOP | {"transactionData": [], "idTag": None})
    assert notes(stop) == {("null-for-absent", "idTag")}
    assert stop.message.transaction_data == ()
    profile = {"idTag": "A", "chargingProfile": {"a": None, "b": [None]}}
    assert taken("1.6", "RemoteStartTransaction", profile).notes == ()


def test_a_new_word_is_other_only_where_the_schema_has_it():
    station = {"model": "M", "vendorName": "V"}
    booted = taken("2.1", "BootNotification", {"chargingStation": station, "reason": "Moon"})
    assert (booted.message.reason, notes(booted)) == ("Unknown", {("unknown-word", "reason: Moon")})
    with pytest.raises(NotValid, match="eventType: Invalid enum value 'Moon'"):
        taken("2.1", "TransactionEvent", EVENT | {"eventType": "Moon"})


@pytest.mark.parametrize("version", ["2.0.1", "2.1"])
def test_a_new_word_costs_no_event(version):
    info = {"transactionId": "T", "chargingState": "Dreaming", "stoppedReason": "Bored"}
    event = EVENT | {"triggerReason": "Sunrise", "transactionInfo": info, "eventType": "Ended"}
    read = taken(version, "TransactionEvent", event)
    assert read.message.trigger_reason == "Trigger"
    assert read.message.transaction_info.charging_state is None
    assert read.message.transaction_info.stopped_reason == "Other"
    assert notes(read) == {
        ("unknown-word", "triggerReason: Sunrise"),
        ("unknown-word", "transactionInfo.chargingState: Dreaming"),
        ("unknown-word", "transactionInfo.stoppedReason: Bored"),
    }


def test_a_new_status_of_a_card_does_not_lose_the_number_of_its_transaction():
    said = json.dumps({"transactionId": 7, "idTagInfo": {"status": "Sleepy"}}).encode()
    read = response_of("1.6", "StartTransaction", said)
    assert (read.message.transaction_id, read.message.id_tag_info.status) == (7, "Invalid")
    assert [one.kind for one in read.notes] == ["unknown-word"]


def test_a_note_quotes_forty_characters():
    (said,) = taken("1.6", "StopTransaction", STOP | {"reason": "x" * 99}).notes
    assert said.detail == "reason: " + "x" * 40


def test_the_same_departure_is_noted_once_and_too_many_are_another_protocol():
    many = taken("1.6", "MeterValues", values(*[ENERGY | {"phase": None}] * 500))
    assert notes(many) == {("null-for-absent", f"{SAMPLE}.phase")}
    foreign = START | {f"field{number}": 1 for number in range(MOST_LENIENCIES + 1)}
    with pytest.raises(NotValid, match="departs from its schema in over 64 ways"):
        taken("1.6", "StartTransaction", foreign)


def test_an_action_of_which_nothing_is_needed_is_skipped_by_name():
    assert taken("1.6", "DataTransfer", {"anything": None}) == Skipped("DataTransfer")
    assert response_of("2.1", "GetVariables", b"not even JSON") == Skipped("GetVariables")


def test_a_result_is_read_by_the_action_of_its_call():
    result = b'{"idTagInfo":{"status":"Accepted"},"transactionId":-1}'
    read = response_of("1.6", "StartTransaction", result).message
    assert read == v16.StartTransactionResponse(
        id_tag_info=v16.IdTagInfo(status="Accepted"), transaction_id=-1
    )


def words_of(kind, seen):
    match kind:
        case inspect.StructType(cls=cls) if cls not in seen:
            seen.add(cls)
            for field in kind.fields:
                yield from words_of(field.type, seen)
        case inspect.VarTupleType():
            yield from words_of(kind.item_type, seen)
        case inspect.UnionType():
            for one in kind.types:
                yield from words_of(one, seen)
        case inspect.LiteralType():
            yield kind.values


def test_no_two_words_differ_in_their_letter_case_only():
    seen = set()
    for kinds in (REQUESTS, RESPONSES):
        for version in kinds.values():
            for kind in version.values():
                for words in words_of(inspect.type_info(kind), seen):
                    assert len({word.casefold() for word in words}) == len(words)
