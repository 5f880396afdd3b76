"""Whether a charger is heard of: the rules of one look. Whole stories: tests/agents."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.core import silence
from streams.core.gate import LONGEST_GAP_MS, Charging, Kept
from streams.core.silence import NO_LIFE, Rhythm, alive, is_live, look, told_last_at, with_live

RHYTHM = Rhythm()
T0, MINUTE = 1_790_000_000_000, 60_000


def running(**fields):
    return Charging(**{"session_id": "s", "since": T0, "read_at": T0, "gap_ms": MINUTE, **fields})


@pytest.mark.parametrize(
    ("gap_ms", "minutes"), [(0, 45), (1_000, 5), (5 * MINUTE, 15), (LONGEST_GAP_MS, 45)]
)
def test_three_of_its_own_waits_within_floor_and_ceiling(gap_ms, minutes):
    assert RHYTHM.allowed_ms(gap_ms) == minutes * MINUTE


def test_a_charging_is_live_while_its_session_waits_and_it_has_not_ended():
    assert is_live(running())
    assert not is_live(running(session_id=""))
    assert not is_live(running(closing=True))
    assert not is_live(running(ended=Kept("t", 0, 7, b"")))


def test_whatever_the_charging_told_last_counts():
    assert told_last_at(running(told_at=T0 + 5)) == T0 + 5
    assert told_last_at(running(since=T0 + 9)) == T0 + 9


def test_the_second_longest_wait_is_the_rhythm_and_an_outage_is_none():
    life = NO_LIFE
    for minute in (0, 1, 2, 12, 13):
        life = alive(life, T0 + minute * MINUTE, is_return=False)
    assert (life.top_gap_ms, life.gap_ms) == (10 * MINUTE, MINUTE)
    life = alive(life, T0 + 13 * MINUTE + LONGEST_GAP_MS + 1, is_return=True)
    assert life.gap_ms == MINUTE
    assert life.back_at == life.seen_at


def test_what_is_late_or_repeated_is_no_sign_of_life():
    life = alive(NO_LIFE, T0, is_return=False)
    assert alive(life, T0, is_return=True) == life
    assert alive(life, T0 - 1, is_return=True) == life


def test_the_running_chargings_of_a_charger_are_bounded():
    life = NO_LIFE
    for number in range(200):
        life = with_live(life, str(number), live=True)
    assert len(life.live) == silence.LIVE_MAX
    assert with_live(life, "199", live=True) == life
    assert "199" not in with_live(life, "199", live=False).live


def test_one_that_never_was_silent_and_has_ended_says_nothing():
    over = running(ended=Kept("t", 0, 7, b""))
    assert look(over, NO_LIFE, 0, T0 + 10**9, RHYTHM) == ("heard", 0, None)


@given(st.integers(0, LONGEST_GAP_MS), st.integers(0, 10**8), st.integers(0, 10**8))
def test_silent_stays_silent_while_nothing_comes(gap_ms, wait_ms, more_ms):
    charging = running(gap_ms=gap_ms)
    first = look(charging, NO_LIFE, 0, T0 + wait_ms, RHYTHM)
    later = look(charging, NO_LIFE, 0, T0 + wait_ms + more_ms, RHYTHM)
    assert first.state == "heard" or later.state == "silent"
    assert wait_ms > RHYTHM.allowed_ms(gap_ms) if first.state == "silent" else True


@given(st.integers(0, LONGEST_GAP_MS), st.integers(0, 10**8))
def test_looked_at_again_before_it_could_have_changed(gap_ms, wait_ms):
    charging = running(gap_ms=gap_ms)
    found = look(charging, NO_LIFE, 0, T0 + wait_ms, RHYTHM)
    assert found.again_at is not None
    assert found.again_at > T0 + wait_ms
    if found.state == "heard":
        before = look(charging, NO_LIFE, 0, found.again_at - 1, RHYTHM)
        assert before.state == "heard"
