"""A second, slow reading of the rules, minute by minute: shares no code with the engine.

Right only on a grid: restrictions change at whole minutes and at multiples of 100 Wh.
"""

import json
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

DAYS = ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"]
UNIT = {"ENERGY": 1000, "TIME": 3600, "PARKING_TIME": 3600, "FLAT": 1}
MINUTE_MS = 60_000


def holds(rules, now, wh, seconds, watts):
    clock = f"{now.hour:02}:{now.minute:02}"
    day = now.date().isoformat()
    start, end = rules.get("start_time", "00:00"), rules.get("end_time", "24:00")
    end = "24:00" if end == "00:00" else end
    in_day = start <= clock < end if start <= end else (clock >= start or clock < end)
    return (
        in_day
        and rules.get("start_date", "") <= day < rules.get("end_date", "9999")
        and DAYS[now.weekday()] in rules.get("day_of_week", DAYS)
        and wh >= frac(rules.get("min_kwh", 0)) * 1000
        and ("max_kwh" not in rules or wh < frac(rules["max_kwh"]) * 1000)
        and seconds >= rules.get("min_duration", 0)
        and seconds < rules.get("max_duration", 10**9)
        and watts >= rules.get("min_power", 0) * 1000
        and watts < rules.get("max_power", 10**6) * 1000
    )


def frac(number):
    return Fraction(str(number))


def moments_of(course):
    """Each minute, and where more than 100 Wh come in one, each 100 Wh of it."""
    for segment in course.segments:
        minutes = (segment.until_at - segment.from_at) // MINUTE_MS
        count = minutes * max(segment.amounts.energy_wh // (minutes * 100), 1)
        length = Fraction(segment.until_at - segment.from_at, count)
        for n in range(count):
            at = segment.from_at + n * length
            energy = Fraction(segment.amounts.energy_wh, count)
            yield at, length / 1000, energy, bool(segment.amounts.charging_ms)


def net_and_gross(body, course):
    elements = json.loads(body)["elements"]
    zone = ZoneInfo(course.zone)
    used, last, flat = {}, {}, None
    start, wh = course.segments[0].from_at, Fraction(0)
    for at, seconds, energy, charging in moments_of(course):
        now = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(at))).astimezone(zone)
        amounts = {"ENERGY": energy, "TIME": seconds} if charging else {"PARKING_TIME": seconds}
        active = {}
        for element in elements:
            rules = element.get("restrictions") or {}
            if holds(rules, now, wh, (at - start) / 1000, energy * 3600 / seconds):
                for one in element["price_components"]:
                    active.setdefault(one["type"], (id(element), one))
        for kind, amount in amounts.items():
            if amount and kind in active:
                used[active[kind][0], kind] = used.get((active[kind][0], kind), 0) + amount
                last[kind] = active[kind]
        if flat is None and "FLAT" in active:
            flat = active["FLAT"][1]
        wh += energy
    return totals(elements, used, last, flat)


def totals(elements, used, last, flat):
    if "PARKING_TIME" in last:
        last.pop("TIME", None)
    for kind, (element, one) in last.items():
        if one["step_size"] > (0 if kind == "ENERGY" else 1):
            had = sum(amount for (_, other), amount in used.items() if other == kind)
            used[element, kind] += -had % one["step_size"]
    net = gross = Fraction(0)
    lines = [
        (one, used[id(element), one["type"]])
        for element in elements
        for one in element["price_components"]
        if (id(element), one["type"]) in used
    ]
    for one, amount in [*lines, *([(flat, 1)] if flat else [])]:
        cost = frac(one["price"]) * amount / UNIT[one["type"]]
        net += cost
        gross += cost * (1 + frac(one.get("vat", 0)) / 100)
    return net, gross
