"""Flags: bits that never change their meaning, each with words, small enough for a reading."""

import pytest

from schemas.flags import ENERGY_DOUBTFUL, TIME_DOUBTFUL, Flag

# Written down once: a bit is on facts in topics for 400 days.
BITS = {
    "CLOCK_AHEAD": 0,
    "ZONE_ASSUMED": 1,
    "SUMMED_PHASES": 2,
    "FROM_INTERVALS": 3,
    "PER_TRANSACTION": 4,
    "RESTARTED": 5,
    "BEGIN_ZERO": 6,
    "BEGIN_ASSUMED": 7,
    "START_UNKNOWN": 8,
    "ID_ASSUMED": 9,
    "ENERGY_NOT_TOLD": 10,
    "ROUNDED": 11,
    "SCALE_DOUBTFUL": 12,
    "DECIMAL_COMMA": 13,
    "DISAGREEING": 14,
    "SIGNED_DROPPED": 15,
    "EVSE_UNKNOWN": 16,
    "NOT_AT_OUTLET": 17,
}


def test_bits_keep_their_meaning():
    assert {flag.name: flag.value.bit_length() - 1 for flag in Flag} == BITS


@pytest.mark.parametrize(
    "doubtful", ["RESTARTED", "BEGIN_ASSUMED", "ENERGY_NOT_TOLD", "NOT_AT_OUTLET"]
)
def test_what_makes_an_energy_doubtful(doubtful):
    assert Flag[doubtful] in ENERGY_DOUBTFUL


def test_no_flag_doubts_both_energy_and_time():
    assert not ENERGY_DOUBTFUL & TIME_DOUBTFUL


@pytest.mark.parametrize("name", ["ROUNDED", "SUMMED_PHASES", "ID_ASSUMED", "DISAGREEING"])
def test_what_is_odd_and_no_doubt(name):
    assert Flag[name] not in ENERGY_DOUBTFUL | TIME_DOUBTFUL
