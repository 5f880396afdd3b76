"""What chargers say in a conversation: (who, action, payload); `raw` payloads are text."""

# ruff: noqa: E501 - what a firmware says stays on its line

import base64
import json

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

# A meter whose signatures are the same in every run (RFC 6979).
_METER = ec.derive_private_key(0x0C_BB, ec.SECP256R1())
KEY = _METER.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def at(minute, second=0):
    return f"2026-03-01T08:{minute:02}:{second:02}Z"


def ocmf(kind, minute, kwh, page, **fields):
    reading = {
        "TM": f"2026-03-01T08:{minute:02}:00,000+0000 S",
        "TX": kind,
        "RV": kwh,
        "RI": "01-00:B2.08.00*FF",
        "RU": "kWh",
        "ST": "G",
        "EF": "",
    }
    said = {"FV": "1.0", "GS": "G-1", "PG": page, "MS": "M-1", **fields, "RD": [reading]}
    payload = json.dumps(said)
    way = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
    signature = {"SD": _METER.sign(payload.encode(), way).hex()}
    return f"OCMF|{payload}|{json.dumps(signature)}"


def container(kind, minute, kwh, page):
    """OCPP's signedMeterValue, as the white paper has it."""
    key = base64.b64encode(b"oca:base16:asn1:" + KEY.hex().encode()).decode()
    return {
        "signedMeterData": base64.b64encode(ocmf(kind, minute, kwh, page).encode()).decode(),
        "signingMethod": "",
        "encodingMethod": "OCMF",
        "publicKey": key,
    }


# --- 1.6 --------------------------------------------------------------------------------------


def sample(value, measurand="Energy.Active.Import.Register", **fields):
    return {"value": value, "measurand": measurand} | fields


def metered(minute, *samples):
    return {"timestamp": at(minute), "sampledValue": list(samples)}


def values(minute, *samples, **fields):
    said = {"connectorId": 1, "transactionId": 4711, "meterValue": [metered(minute, *samples)]}
    return ("charger", "MeterValues", said | fields)


def boot(**fields):
    said = {"chargePointVendor": "Volt", "chargePointModel": "V1", "meterSerialNumber": "M-1"}
    return ("charger", "BootNotification", said | fields)


def status(word, minute, **fields):
    said = {"connectorId": 1, "errorCode": "NoError", "status": word, "timestamp": at(minute)}
    return ("charger", "StatusNotification", said | fields)


def start(minute=1, wh=125_000, tag="TAG-1"):
    said = {"connectorId": 1, "idTag": tag, "meterStart": wh, "timestamp": at(minute)}
    return ("charger", "StartTransaction", said)


def stop(minute=31, wh=136_000, **fields):
    said = {"transactionId": 4711, "meterStop": wh, "timestamp": at(minute)}
    return ("charger", "StopTransaction", said | fields)


FOUR = (
    sample("126500", context="Sample.Periodic", location="Outlet", unit="Wh"),
    sample("11040", "Power.Active.Import", unit="W"),
    sample("16.0", "Current.Import", phase="L1", unit="A"),
    sample("55", "SoC", location="EV", unit="Percent"),
)
_BEGIN, _END = container("B", 1, 0.0, "T1"), container("E", 31, 11.0, "T2")
V16 = {
    "normal": [
        boot(),
        status("Available", 0),
        ("charger", "Heartbeat", {}),
        status("Preparing", 0),
        ("charger", "Authorize", {"idTag": "TAG-1"}),
        start(),
        status("Charging", 1),
        values(6, *FOUR),
        values(11, sample("128.4", unit="kWh"), sample("11.1", "Power.Active.Import", unit="kW")),
        stop(reason="EVDisconnected", idTag="TAG-1"),
        status("Available", 32),
    ],
    "offline": [
        # Queued while there was no connection; said afterwards, some of it twice.
        boot(),
        start(),
        values(6, sample("126500")),
        values(11, sample("128400")),
        start(),
        stop(reason="PowerLoss"),
        stop(reason="PowerLoss"),
        stop(minute=40, transactionId=-1),
    ],
    "transaction-data": [
        start(),
        stop(
            transactionData=[
                metered(1, sample("125000", context="Transaction.Begin")),
                metered(16, sample("130500", context="Sample.Clock")),
                metered(31, sample("136000", context="Transaction.End")),
            ]
        ),
    ],
    "signed": [
        start(),
        stop(
            transactionData=[
                metered(
                    1,
                    sample(json.dumps(_BEGIN), format="SignedData", context="Transaction.Begin"),
                ),
                metered(
                    31,
                    sample("136000", context="Transaction.End", format="Raw"),
                    sample(json.dumps(_END), format="SignedData", context="Transaction.End"),
                ),
            ]
        ),
    ],
    "remote-start": [
        ("csms", "RemoteStartTransaction", {"idTag": "abcdefghij234567abcd", "connectorId": 1}),
        start(tag="ABCDEFGHIJ234567ABCD"),
        values(6, sample("126500")),
        stop(reason="Remote"),
    ],
    "quirks": [
        (
            "raw",
            "BootNotification",
            '{"chargePointVendor":"Volt","chargePointModel":"A model of too many characters"}',
        ),
        (
            "raw",
            "StartTransaction",
            '{"connectorId":"1","idTag":4242,"meterStart":125000.0,"timestamp":"2026-03-01T08:01:00","reservationId":null}',
        ),
        (
            "raw",
            "MeterValues",
            '{"connectorId":1,"transactionId":4711,"meterValue":[{"timestamp":"2026-03-01T08:06:00+01:00","sampledValue":[{"value":126.5,"unit":"kwh","context":""},{"value":"31","measurand":"Temperature","unit":"Celcius"},{"value":"7","measurand":"Fan.Speed"}]}],"vendor":{"a":[null]}}',
        ),
        (
            "raw",
            "StatusNotification",
            '{"connectorId":1,"errorCode":"E-42","status":"Charging","info":""}',
        ),
        (
            "raw",
            "StopTransaction",
            '{"transactionId":-1,"meterStop":136000,"timestamp":"2026-03-01T08:31:00Z","reason":"Moonlight","transactionData":null}',
        ),
        (
            "raw",
            "StopTransaction",
            '{"transactionId":4711,"meterStop":136000.5,"timestamp":"2026-03-01T08:31:00Z"}',
        ),
        ("raw", "VendorAction", "{}"),
    ],
}

# --- 2.0.1 and 2.1 ----------------------------------------------------------------------------

EVSE = {"id": 1, "connectorId": 1}
CARD = {"idToken": "04A2B3C4", "type": "ISO14443"}
DIRECT = {
    "idToken": "psp-7781",
    "type": "DirectPayment",
    "additionalInfo": [
        {"type": "PaymentBrand", "additionalIdToken": "Visa"},
        {"type": "CardLast4Digits", "additionalIdToken": "0000"},
    ],
}


def measured(minute, value, *, unit=None, **fields):
    one = {"value": value, "measurand": "Energy.Active.Import.Register"} | fields
    return metered(minute, one | ({"unitOfMeasure": unit} if unit else {}))


def event(kind, number, minute, trigger, *values, transaction="TX-1", **fields):
    said = {
        "eventType": kind,
        "timestamp": at(minute),
        "triggerReason": trigger,
        "seqNo": number,
        "transactionInfo": {"transactionId": transaction} | fields.pop("info", {}),
    }
    if values:
        said["meterValue"] = list(values)
    return ("charger", "TransactionEvent", said | fields)


def boot_2():
    station = {"model": "V2", "vendorName": "Volt", "serialNumber": "S-2"}
    return ("charger", "BootNotification", {"chargingStation": station, "reason": "PowerUp"})


def status_2(word, minute):
    said = {"timestamp": at(minute), "connectorStatus": word, "evseId": 1, "connectorId": 1}
    return ("charger", "StatusNotification", said)


CHARGING, ENDED = {"chargingState": "Charging"}, {"stoppedReason": "EVDisconnected"}
_BEGUN = event(
    "Started",
    7,
    1,
    "Authorized",
    measured(1, 125.0, unit={"unit": "kWh"}, context="Transaction.Begin"),
    evse=EVSE,
    idToken=CARD,
    info={"chargingState": "EVConnected"},
)
_OVER = event(
    "Ended",
    10,
    31,
    "EVDeparted",
    measured(31, 136000, context="Transaction.End"),
    info=ENDED,
)
BOTH = {
    "normal": [
        boot_2(),
        status_2("Available", 0),
        ("charger", "Heartbeat", {}),
        status_2("Occupied", 1),
        _BEGUN,
        event("Updated", 8, 2, "ChargingStateChanged", info=CHARGING),
        event(
            "Updated",
            9,
            11,
            "MeterValuePeriodic",
            metered(
                11,
                {"value": 128.4, "unitOfMeasure": {"unit": "Wh", "multiplier": 3}},
                {
                    "value": 11.1,
                    "measurand": "Power.Active.Import",
                    "unitOfMeasure": {"unit": "kW"},
                },
                {"value": 16, "measurand": "Current.Import", "phase": "L1"},
            ),
        ),
        _OVER,
        (
            "charger",
            "MeterValues",
            {"evseId": 0, "meterValue": [measured(45, 9_000_000.5, context="Sample.Clock")]},
        ),
    ],
    "offline": [
        event(
            "Started",
            0,
            1,
            "Authorized",
            measured(1, 125000),
            evse=EVSE,
            idToken=CARD,
            offline=True,
        ),
        event("Updated", 1, 6, "MeterValuePeriodic", measured(6, 126500), offline=True),
        event("Updated", 3, 11, "MeterValuePeriodic", measured(11, 128400), offline=True),
        event("Updated", 1, 6, "MeterValuePeriodic", measured(6, 126500), offline=True),
        event(
            "Ended", 4, 31, "EVCommunicationLost", measured(31, 136000), offline=True, info=ENDED
        ),
        (
            "charger",
            "NotifyEvent",
            {
                "generatedAt": at(50),
                "seqNo": 0,
                "eventData": [
                    {
                        "eventId": 1,
                        "timestamp": at(50),
                        "trigger": "Delta",
                        "actualValue": "true",
                        "component": {"name": "OCPPCommCtrlr"},
                        "variable": {"name": "Active"},
                        "eventNotificationType": "HardWiredNotification",
                    }
                ],
            },
        ),
        (
            "charger",
            "SecurityEventNotification",
            {"type": "StartupOfTheDevice", "timestamp": at(0)},
        ),
    ],
    "signed": [
        event(
            "Started",
            0,
            1,
            "Authorized",
            measured(1, 125000, signedMeterValue=_BEGIN, context="Transaction.Begin"),
            evse=EVSE,
            idToken=CARD,
        ),
        event(
            "Ended",
            1,
            31,
            "SignedDataReceived",
            measured(31, 136000, signedMeterValue=_END, context="Transaction.End"),
            info=ENDED,
        ),
    ],
    "remote-start": [
        ("csms", "RequestStartTransaction", {"idToken": CARD, "remoteStartId": 77, "evseId": 1}),
        event(
            "Started",
            0,
            1,
            "RemoteStart",
            measured(1, 125000),
            evse=EVSE,
            idToken=CARD,
            transaction="TX-REMOTE",
            info={"remoteStartId": 77},
        ),
        ("csms", "CostUpdated", {"totalCost": 1.5, "transactionId": "TX-REMOTE"}),
        event(
            "Ended",
            1,
            31,
            "RemoteStop",
            measured(31, 136000),
            transaction="TX-REMOTE",
            info={"stoppedReason": "Remote"},
        ),
    ],
    "quirks": [
        (
            "raw",
            "TransactionEvent",
            '{"eventType":"Started","timestamp":"2026-03-01T08:01:00","triggerReason":"authorized","seqNo":"0","transactionInfo":{"transactionId":4711},"evse":null,"meterValue":[],"customData":{"note":"no vendor"}}',
        ),
        (
            "raw",
            "TransactionEvent",
            '{"eventType":"Updated","timestamp":"2026-03-01T08:11:00Z","triggerReason":"MeterValuePeriodic","seqNo":1.0,"transactionInfo":{"transactionId":"TX-1"},"meterValue":[{"timestamp":"2026-03-01T08:11:00Z","sampledValue":[{"value":"128.4","unitOfMeasure":{"unit":"kWh"},"phase":null},{"value":40,"measurand":"Fan.Speed"}]}]}',
        ),
        (
            "raw",
            "TransactionEvent",
            '{"eventType":"Ended","timestamp":"2026-03-01T08:31:00Z","triggerReason":"Sunset","seqNo":2,"transactionInfo":{"transactionId":"TX-1"}}',
        ),
    ],
}

V201 = BOTH | {
    "newer": [
        # A station of 2.0.1 that speaks as one of 2.1.
        (
            "raw",
            "TransactionEvent",
            '{"eventType":"Updated","timestamp":"2026-03-01T08:11:00Z","triggerReason":"LimitSet","seqNo":1,"transactionInfo":{"transactionId":"TX-1","transactionLimit":{"maxCost":20.00}}}',
        ),
    ],
}


def costs(minute, energy, *, fee=None):
    price = {"exclTax": energy, "inclTax": energy}
    said = {
        "totalCost": {
            "currency": "EUR",
            "typeOfCost": "NormalCost",
            "energy": price,
            "total": price,
        },
        "totalUsage": {"energy": 3400, "chargingTime": 600, "idleTime": 0},
    }
    if fee:
        dimensions = [{"type": "Energy", "volume": 11000}, {"type": "IdleTIme", "volume": 0}]
        said["chargingPeriods"] = [{"startPeriod": at(minute), "dimensions": dimensions}]
        said["totalCost"]["fixed"] = {"exclTax": fee, "inclTax": fee}
    return said


V21 = BOTH | {
    "card-at-the-charger": [
        event(
            "Started",
            0,
            1,
            "Authorized",
            measured(1, 125000),
            evse=EVSE,
            idToken=DIRECT,
            info={"transactionLimit": {"maxCost": 50}},
        ),
        event("Updated", 1, 11, "RunningCost", measured(11, 128400), costDetails=costs(11, 2.04)),
        event("Updated", 2, 12, "LimitSet", info={"transactionLimit": {"maxCost": 75.5}}),
        event(
            "Ended",
            3,
            31,
            "EVDeparted",
            measured(31, 136000),
            costDetails=costs(1, 6.6, fee=0.5),
            info=ENDED,
        ),
        (
            "charger",
            "NotifySettlement",
            {
                "pspRef": "psp-7781",
                "status": "Settled",
                "settlementAmount": 7.1,
                "settlementTime": at(32),
                "transactionId": "TX-1",
                "receiptId": "R-1",
            },
        ),
        (
            "charger",
            "NotifySettlement",
            {
                "pspRef": "psp-7782",
                "status": "Canceled",
                "settlementAmount": 0,
                "settlementTime": at(40),
            },
        ),
    ],
}
STORIES = {
    (version, name): story
    for version, stories in (("1.6", V16), ("2.0.1", V201), ("2.1", V21))
    for name, story in stories.items()
}
