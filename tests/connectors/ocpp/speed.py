"""Microseconds a MeterValues of four sampled values, frame to message: `python .../speed.py`."""

import json
import sys
from timeit import repeat

from connectors.ocpp.frames import frame_of
from connectors.ocpp.validation import request_of

SAMPLES = [
    {"value": 126500.5, "measurand": "Energy.Active.Import.Register", "context": "Sample.Periodic"},
    {"value": 11040, "measurand": "Power.Active.Import", "location": "Outlet"},
    {"value": 16.1, "measurand": "Current.Import", "phase": "L1"},
    {"value": 55, "measurand": "SoC", "location": "EV"},
]
AT = "2026-03-01T08:06:00Z"


def payload(version):
    if version == "1.6":
        samples = [one | {"value": str(one["value"])} for one in SAMPLES]
        meter = [{"timestamp": AT, "sampledValue": samples}]
        return {"connectorId": 1, "transactionId": 4711, "meterValue": meter}
    return {"evseId": 1, "meterValue": [{"timestamp": AT, "sampledValue": SAMPLES}]}


def microseconds(version, number=5000):
    data = json.dumps([2, "19223201", "MeterValues", payload(version)]).encode()

    def read():
        frame = frame_of(data)
        assert request_of(version, frame.action, frame.payload).notes == ()

    return min(repeat(read, number=number, repeat=5)) / number * 1e6


if __name__ == "__main__":
    for spoken in ("1.6", "2.0.1", "2.1"):
        sys.stdout.write(f"{spoken}: {microseconds(spoken):.1f}\n")
