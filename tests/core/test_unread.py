"""What nobody read: the two prices between which the shared-out one lies."""

from datetime import datetime

from hypothesis import given
from hypothesis import strategies as st
from tariffworld import body, element

from streams.core.pricing import Course, charging, parking, parse, price
from streams.core.unread import SILENT_MS, spread_minor

NIGHT = parse(
    body(
        element(start_time="22:00", end_time="06:00", energy="0.40", time="1.00"),
        element(energy="0.80", time="2.00"),
    )
)
TEN = round(datetime.fromisoformat("2026-07-01T22:00+02:00").timestamp()) * 1000
HOUR_MS = 3_600_000


def course(*segments):
    return Course(tuple(segments), "Europe/Berlin")


def test_an_hour_of_silence_around_a_change_may_be_all_day_or_all_night():
    silent = course(charging(TEN - HOUR_MS // 2, TEN + HOUR_MS // 2, 10_000))
    assert spread_minor(NIGHT, silent) == 400  # 10 kWh at 0.80 or at 0.40; the time is known
    assert price(NIGHT, silent).due_minor() == 600 + 150


def test_what_was_read_around_its_change_is_no_question():
    read = course(
        charging(TEN - HOUR_MS, TEN - 60_000, 10_000),
        charging(TEN - 60_000, TEN + 60_000, 500),
        charging(TEN + 60_000, TEN + HOUR_MS, 10_000),
    )
    assert spread_minor(NIGHT, read) == 0
    assert spread_minor(NIGHT, course(parking(TEN - HOUR_MS, TEN + HOUR_MS))) == 0
    assert spread_minor(NIGHT, course()) == 0


@given(st.integers(1, 50_000), st.integers(1, 15 * HOUR_MS), st.integers(1, 20 * HOUR_MS))
def test_it_is_as_much_as_the_dearest_and_the_cheapest_hours_differ(wh, before_ms, after_ms):
    """Midnights are changes too, though not of this price."""
    spread = spread_minor(NIGHT, course(charging(TEN - before_ms, TEN + after_ms, wh)))
    if before_ms + after_ms <= SILENT_MS:
        assert spread == 0
    else:
        assert abs(spread - wh * 4 // 100) <= 1
