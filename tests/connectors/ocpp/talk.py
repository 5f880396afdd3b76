"""One charger's conversation with its CSMS, message by message, as facts."""

import json
from datetime import datetime

from connectors.ocpp.feed import Place, Plausibility, translate
from schemas import codec
from schemas.facts import ChargingEnded, ChargingStarted, ChargingUpdated, MeterReading

OURS = "abcdefghijklmnopq234"
PAN = "4111111111111111"
DAY = "2026-03-01T"
REGISTER = "Energy.Active.Import.Register"
POWER = "Power.Active.Import"


def ms(text):
    """Epoch ms of a time of the day on which all of this happens."""
    return int(datetime.fromisoformat(f"{DAY}{text}+00:00").timestamp()) * 1000


def stamp(text):
    return f"{DAY}{text}Z"


class Talk:
    """Keeps the state between messages, and all that became of them."""

    def __init__(self, version="1.6", rules=None, **place):
        self.version = version
        self.rules = rules or Plausibility()
        self.place = place
        self.state = None
        self.facts, self.refused, self.notes = [], [], []
        self._number = 0

    def raw(self, payload, at=None, **place):
        known = {"received_at": ms(at) if at else 0, "version": self.version}
        where = Place(tenant="t", network="n", charger_id="c", **(known | self.place | place))
        done = translate(self.state, payload, where, self.rules)
        self.state = done.state
        self.facts += done.facts
        self.refused += done.refused
        self.notes += done.notes
        for fact in done.facts:
            assert codec.decode(codec.encode(fact)) == fact
        return done

    def call(self, action, payload, at=None, uid=None, **place):
        if uid is None:
            self._number += 1
            uid = f"u{self._number}"
        self.uid = uid
        frame = json.dumps([2, uid, action, payload]).encode()
        return self.raw(frame, at, **place)

    def result(self, payload, uid=None, at=None, **place):
        return self.raw(json.dumps([3, uid or self.uid, payload]).encode(), at, **place)

    def of(self, kind):
        return [one for one in self.facts if isinstance(one, kind)]

    @property
    def started(self):
        return self.of(ChargingStarted)

    @property
    def ended(self):
        return self.of(ChargingEnded)

    @property
    def readings(self):
        return self.of(MeterReading)

    @property
    def updated(self):
        return self.of(ChargingUpdated)

    @property
    def kinds(self):
        return [one.kind for one in self.notes]

    @property
    def reasons(self):
        return [one.reason for one in self.refused]


# --- 1.6 ------------------------------------------------------------------------------------------


def sample(value, measurand=None, **more):
    return {"value": str(value), **({"measurand": measurand} if measurand else {}), **more}


def values(at, *samples, zone="Z"):
    return {"timestamp": f"{DAY}{at}{zone}", "sampledValue": list(samples)}


class Talk16(Talk):
    """A charger of 1.6 with connector 1."""

    def start(self, at="08:00:00", wh=1000, tag=OURS, connector=1, **more):
        said = {"connectorId": connector, "idTag": tag, "meterStart": wh, "timestamp": stamp(at)}
        return self.call("StartTransaction", said, at, **more)

    def conf(self, number=7, uid=None, status="Accepted"):
        return self.result({"transactionId": number, "idTagInfo": {"status": status}}, uid)

    def begin(self, *args, number=7, **more):
        self.start(*args, **more)
        return self.conf(number)

    def meter(self, at, *samples, number=7, connector=1, **more):
        told = samples or (sample(2000),)
        told = [one if isinstance(one, dict) else sample(one) for one in told]
        said = {"connectorId": connector, "meterValue": [values(at, *told)]}
        if number is not None:
            said["transactionId"] = number
        return self.call("MeterValues", said, at, **more)

    def stop(self, at="09:00:00", wh=9000, number=7, data=None, tag=None, reason=None):
        said = {"transactionId": number, "meterStop": wh, "timestamp": stamp(at)}
        more = {"transactionData": data, "idTag": tag, "reason": reason}
        told = {name: value for name, value in more.items() if value is not None}
        return self.call("StopTransaction", said | told, at)


# --- 2.x ------------------------------------------------------------------------------------------


def figure(value, measurand=REGISTER, *, unit=None, **more):
    told = {"value": value, "measurand": measurand, **more}
    if unit is not None:
        told["unitOfMeasure"] = unit
    return told


class Talk2(Talk):
    """A charger of 2.x with EVSE 1."""

    def __init__(self, version="2.0.1", **more):
        super().__init__(version, **more)

    def event(self, kind, at, seq, *samples, info=None, trigger=None, **more):
        said = {
            "eventType": kind,
            "timestamp": stamp(at),
            "triggerReason": trigger
            or ("Authorized" if kind == "Started" else "MeterValuePeriodic"),
            "seqNo": seq,
            "transactionInfo": {"transactionId": "tx-1", **(info or {})},
            **more,
        }
        told = [one if isinstance(one, dict) else figure(one) for one in samples]
        if told:
            said["meterValue"] = [{"timestamp": stamp(at), "sampledValue": told}]
        return self.call("TransactionEvent", said, at)

    def begin(self, at="08:00:00", seq=0, wh=1000, token=OURS, kind="Central", **more):
        known = {"idToken": {"idToken": token, "type": kind}, "evse": {"id": 1, "connectorId": 1}}
        told = () if wh is None else (wh,)
        return self.event("Started", at, seq, *told, **(known | more))
