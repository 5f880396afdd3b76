"""Builders for tariffs, courses and CDRs of the tests. Instants: local times of a day in 2025."""

import json
from datetime import datetime
from zoneinfo import ZoneInfo

from streams.core.pricing import Amounts, Course, Flow, Segment, parse

ZONE = "Europe/Amsterdam"
MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS


def component(kind, amount, vat=None, step=1):
    found = {"type": kind, "price": amount, "step_size": step}
    return found if vat is None else found | {"vat": vat}


def element(*components, **restrictions):
    found = {"price_components": list(components)}
    return found | ({"restrictions": restrictions} if restrictions else {})


def body(*elements, currency="EUR", **more):
    return json.dumps({"currency": currency, "elements": list(elements)} | more)


def tariff(*elements, **more):
    return parse(body(*elements, **more))


def at(text, zone=ZONE):
    """Epoch ms of a local time; without a date Monday, 2025-06-02."""
    day, _, clock = text.rpartition(" ")
    local = datetime.fromisoformat(f"{day or '2025-06-02'} {clock}").replace(tzinfo=ZoneInfo(zone))
    return int(local.timestamp()) * 1000


def course(start, *parts, zone=ZONE, expired=False):
    """`parts`: (kind, minutes, energy_wh=0, flow=None), one after the other from `start`."""
    now, segments = start, []
    for kind, minutes, *rest in parts:
        ms = round(minutes * MINUTE_MS)
        energy = rest[0] if rest else 0
        amounts = {
            "charging": Amounts(energy, ms),
            "parking": Amounts(parking_ms=ms),
            "reserved": Amounts(reserved_ms=ms),
        }[kind]
        flow = rest[1] if len(rest) > 1 else Flow()
        segments.append(Segment(now, now + ms, amounts, flow))
        now += ms
    return Course(tuple(segments), zone, expired)


def amps(value):
    return Flow(min_ma=value * 1_000, max_ma=value * 1_000)


def kilowatts(value):
    return Flow(min_w=value * 1_000, max_w=value * 1_000)


def period(start, **volumes):
    dimensions = [{"type": kind, "volume": volume} for kind, volume in volumes.items()]
    return {"start_date_time": start, "dimensions": dimensions}


def cdr(*periods, **more):
    return {
        "start_date_time": "2022-01-13T15:55:00Z",
        "end_date_time": "2022-01-13T16:07:00Z",
        "currency": "EUR",
        "charging_periods": list(periods),
        "total_cost": {"excl_vat": 0, "incl_vat": 0},
    } | more
