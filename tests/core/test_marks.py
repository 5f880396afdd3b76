"""Marks: where a tariff changes by itself, the same for half a day."""

from datetime import datetime

from tariffworld import body, element

from streams.core.marks import MARKS_MAX, NO_MARKS, OFTEN_MS, marks_of
from streams.core.pricing import parse

BERLIN = "Europe/Berlin"
HOUR_MS = 3_600_000


def at(text):
    return round(datetime.fromisoformat(text).timestamp()) * 1000


def test_local_times_and_durations_of_a_day():
    tariff = parse(
        body(
            element(start_time="22:00", end_time="06:00", energy="0.40"),
            element(energy="0.80"),
            element(min_duration=7200, parking="6.00"),
        )
    )
    begun_at = at("2026-07-01T20:30+02:00")
    found = marks_of(tariff, BERLIN, begun_at, begun_at + 1)
    assert found.every_ms == 0
    assert found.instants == tuple(
        at(f"2026-07-{one}+02:00") for one in ("01T22:00", "01T22:30", "02T00:00", "02T06:00")
    )
    assert marks_of(tariff, BERLIN, begun_at, begun_at + 11 * HOUR_MS) is found
    later = marks_of(tariff, BERLIN, begun_at, begun_at + 13 * HOUR_MS)
    assert later.instants[-1] == at("2026-07-03T06:00+02:00")


def test_an_hour_that_comes_twice_is_marked_twice():
    tariff = parse(body(element(start_time="02:00", end_time="03:00", time="1"), element(time="2")))
    begun_at = at("2026-10-25T01:30+02:00")
    found = marks_of(tariff, BERLIN, begun_at, begun_at)
    offsets = [(one - begun_at) // 1_800_000 for one in found.instants]
    assert offsets[:3] == [1, 3, 5]  # 02:00 in summer time, 02:00 again, 03:00 in winter time


def test_a_flat_tariff_has_none_and_power_asks_for_readings_often():
    assert marks_of(parse(body(element(energy="0.5/500"))), "", 0, 0) == NO_MARKS
    power = parse(body(element(max_power=10, energy="0.40"), element(energy="0.80")))
    assert marks_of(power, "", 0, 0) == ((), OFTEN_MS)


def test_a_tariff_that_changes_without_end_asks_for_readings_often():
    hours = [f"{hour:02}:{minute}" for hour in range(24) for minute in ("00", "30")]
    elements = [
        element(start_time=start, end_time=end, energy=f"0.{10 + place}")
        for place, (start, end) in enumerate(zip(hours, [*hours[1:], "00:00"], strict=True))
    ]
    found = marks_of(parse(body(*elements)), BERLIN, at("2026-07-01T20:30+02:00"), 0)
    assert (len(found.instants), found.every_ms) == (MARKS_MAX, OFTEN_MS)
