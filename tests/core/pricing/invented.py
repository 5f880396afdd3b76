"""Tariffs and courses that Hypothesis invents, on a grid of minutes and of 100 Wh."""

import json

from hypothesis import settings
from hypothesis import strategies as st
from worked import MINUTE_MS, at, component

from streams.core.pricing import Amounts, Course, Segment

# A course of hours, minute by minute, takes its time on a busy machine.
lawful = settings(deadline=None)

DAYS = ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"]
CHILE = "America/Santiago"
# A Monday, the night in March without an hour, the one in October with an hour twice, a new year,
# and the two nights in which Chile's clocks change at midnight.
STARTS = st.sampled_from(
    [
        at("2025-06-02 21:00"), at("2025-03-29 23:00"), at("2025-10-25 23:00"),
        at("2025-12-31 20:00"), at("2025-04-05 22:00", CHILE), at("2025-09-06 22:00", CHILE),
    ]
)  # fmt: skip
ZONES = st.sampled_from(["Europe/Amsterdam", "UTC", "Asia/Kolkata", "America/St_Johns", CHILE])

prices = st.integers(0, 300).map(lambda cents: cents / 100)
vats = st.sampled_from([None, 0, 7, 19, 25.5])
clocks = st.builds(lambda h, m: f"{h:02}:{m:02}", st.integers(0, 23), st.sampled_from([0, 30]))


def components(kinds, steps):
    return st.lists(st.sampled_from(kinds), min_size=1, unique=True).flatmap(
        lambda chosen: st.tuples(
            *(
                st.builds(component, st.just(kind), prices, vats, steps)
                for kind in chosen
            )
        ).map(list)
    )  # fmt: skip


restrictions = st.fixed_dictionaries(
    {},
    optional={
        "start_time": clocks,
        "end_time": clocks,
        "day_of_week": st.lists(st.sampled_from(DAYS), min_size=1, max_size=5, unique=True),
        "start_date": st.sampled_from(["2025-03-30", "2025-06-03", "2025-10-26"]),
        "end_date": st.sampled_from(["2025-03-30", "2025-06-03", "2025-10-26"]),
        "min_kwh": st.integers(0, 40).map(lambda n: n / 10),
        "max_kwh": st.integers(1, 80).map(lambda n: n / 10),
        "min_duration": st.integers(0, 20).map(lambda n: n * 1800),
        "max_duration": st.integers(1, 20).map(lambda n: n * 1800),
        "min_power": st.sampled_from([3, 6, 20]),
        "max_power": st.sampled_from([6, 12, 20]),
    },
)


some_steps = st.sampled_from([0, 1, 60, 500])


def bodies(steps=some_steps, *, limits=True):
    kinds = ["ENERGY", "TIME", "PARKING_TIME", "FLAT"]
    element = st.builds(
        lambda parts, rules: {"price_components": parts, "restrictions": rules},
        components(kinds, steps),
        st.one_of(st.just({}), restrictions),
    )
    limit = st.one_of(st.none(), st.integers(0, 4000).map(lambda n: {"excl_vat": n / 100}))
    return st.builds(
        lambda elements, least, most: json.dumps(
            {"currency": "EUR", "country_code": "NL", "elements": elements}
            | ({"min_price": least, "max_price": most} if limits else {})
        ),
        st.lists(element, min_size=1, max_size=4),
        limit,
        limit,
    )


def segments_from(start, parts):
    """Of (minutes, hundreds of Wh a minute; None: parking)."""
    now, found = start, []
    for minutes, hundreds in parts:
        ms = minutes * MINUTE_MS
        amounts = (
            Amounts(parking_ms=ms) if hundreds is None else Amounts(minutes * hundreds * 100, ms)
        )
        found.append(Segment(now, now + ms, amounts))
        now += ms
    return tuple(found)


parts = st.lists(
    st.tuples(st.integers(1, 180), st.one_of(st.none(), st.integers(0, 4))), min_size=1, max_size=3
)
courses = st.builds(
    lambda start, what, zone: Course(segments_from(start, what), zone), STARTS, parts, ZONES
)
