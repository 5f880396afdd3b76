"""What is at stake while nobody hears of a charger."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sessionworld import (
    POLICY,
    T0,
    World,
    answered,
    ended,
    reading,
    request,
    silence,
    started,
    tariff,
    tick,
)
from tariffworld import body, element

from streams.core.case import case_of
from streams.core.exposure import exposure, window
from streams.core.session import TimeReached

MINUTE, DAY = 60_000, 86_400_000
READ_AT = T0 + 10 * MINUTE


def dark(tariff_body=None, *, wh=9_000, **asked):
    made = World(tariff_body)
    made.apply(request(**asked), T0)
    made.apply(answered("hold/1", "done", 2_000), T0)
    made.apply(started(0, T0), T0)
    made.apply(reading(wh, READ_AT), READ_AT)
    made.apply(silence("silent", 1, READ_AT + 5 * MINUTE), READ_AT + 5 * MINUTE)
    return made


def case(made, at):
    """As the rules would see it at this instant, by time alone."""
    made.apply(TimeReached(at=at), at)
    return case_of(made.session, POLICY)


def test_held_last_seen_and_at_worst():
    made = dark()
    one = exposure(case(made, READ_AT + 20 * MINUTE), READ_AT + 20 * MINUTE)
    assert (one.held_minor, one.seen_minor, one.since_at) == (2_000, 711, READ_AT)
    # 150 kW for 20 minutes are 50 kWh at 0.79, and one Wh that a register may be ahead.
    assert one.worst_minor == pytest.approx(711 + 3_950, abs=1)
    assert one.currency == "CHF"


def test_no_more_than_a_vehicle_takes_however_long_it_is_dark():
    made = dark()
    one = exposure(case(made, READ_AT + 3 * DAY), READ_AT + 3 * DAY)
    assert one.worst_minor == pytest.approx(250_000 * 79 // 1_000, abs=1)


def test_time_costs_on_whatever_the_vehicle_takes():
    made = dark(tariff(energy="0.79", time="6.00"))
    day = exposure(case(made, READ_AT + DAY), READ_AT + DAY)
    days = exposure(case(made, READ_AT + 3 * DAY), READ_AT + 3 * DAY)
    assert days.worst_minor - day.worst_minor >= 2 * 24 * 600


def test_of_a_tariff_that_asks_when():
    made = dark(
        body(element(energy="0.40", start_time="22:00", end_time="06:00"), element(energy="0.79")),
        time_zone="Europe/Berlin",
    )
    one = exposure(case(made, READ_AT + 20 * MINUTE), READ_AT + 20 * MINUTE)
    assert one.seen_minor > 0
    assert one.worst_minor >= one.seen_minor + 50_000 * 40 // 1_000


def test_told_a_few_times_of_a_charger_that_is_dark_for_days():
    made = dark()
    for minute in range(6, 3 * 24 * 60):
        made.apply(tick(READ_AT + minute * MINUTE), READ_AT + minute * MINUTE)
    told = [one for one in made.discrepancies if one.kind == "charger-silent"]
    assert [one.status for one in told] == ["opened"] + ["changed"] * (len(told) - 1)
    assert 4 <= len(told) <= 10
    worst = [one.amount_minor for one in told]
    assert worst == sorted(worst)
    assert made.ledger.risk_open
    assert made.ledger.risk_worst_minor == worst[-1]


def test_people_are_told_anew_though_no_fact_comes():
    made = dark()
    deadlines = []
    while made.session.deadline is not None and len(deadlines) < 6:
        at = made.session.deadline
        deadlines.append(at)
        made.apply(tick(at), at)
    assert READ_AT + 10 * MINUTE in deadlines
    assert READ_AT + 20 * MINUTE in deadlines


def test_closed_with_its_end_and_nothing_is_left_of_it():
    made = dark()
    made.apply(ended(12_000, READ_AT + 8 * MINUTE), READ_AT + 9 * MINUTE)
    assert window(case_of(made.session, POLICY)) is None
    assert not made.ledger.risk_open
    assert (made.ledger.risk_since_at, made.ledger.risk_worst_minor) == (0, 0)
    told = [one for one in made.discrepancies if one.kind == "charger-silent"]
    assert told[-1].status == "closed"


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 40_000), st.lists(st.integers(1, 10**8), min_size=2, max_size=5))
def test_the_worst_is_at_least_what_was_seen_and_never_falls_with_time(wh, waits):
    made = dark(wh=wh)
    found = [exposure(case_of(made.session, POLICY), READ_AT + ms) for ms in sorted(waits)]
    worst = [one.worst_minor for one in found]
    assert worst == sorted(worst)
    assert all(one.worst_minor >= one.seen_minor >= 0 for one in found)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 5_000_000), st.integers(0, 150_000))
def test_what_the_charger_tells_when_it_is_back_is_never_above_the_worst(dark_ms, power_w):
    made = dark()
    at = READ_AT + dark_ms
    worst = exposure(case_of(made.session, POLICY), at).worst_minor
    made.apply(reading(9_000 + power_w * dark_ms // 3_600_000, at), at)
    assert case_of(made.session, POLICY).price_minor <= worst
