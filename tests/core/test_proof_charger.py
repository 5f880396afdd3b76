"""Rungs 1 and 2: what one charging's own data proves, and what it does not."""

import pytest
from msgspec.structs import replace
from sessionworld import POLICY

from streams.core.charging import quantities
from streams.core.pricing import Quantities
from streams.core.proof_charger import Asks, by_charger, floor_wh, is_zombie
from streams.core.session import Begun, Charging, End, Signed

MINUTE = 60_000
BEGUN = Begun(10 * MINUTE, 5_000)
ENERGY, TIME = Asks(times=False, split=False), Asks(times=True, split=True)


def charging(tx="tx", **slots):
    return Charging(f"t/n/c/{tx}", "n", "c", "e", tx, **{"begun": BEGUN, **slots})


def end(minute=30, wh=6_000, *, whole=True, doubtful=False, seq=9):
    return End(whole and not doubtful, seq, minute * MINUTE, wh, "Local", whole, doubtful)


def pair(wh=1_000, from_minute=10, to_minute=30, key="registry", outcome="valid"):
    rank = 0 if outcome == "valid" else 1
    return Signed(rank, outcome, key, "M", wh, from_minute * MINUTE, to_minute * MINUTE)


def rung(one, asks=ENERGY, now=31, **rules):
    policy = replace(POLICY, proof=replace(POLICY.proof, **rules))
    return by_charger(one, asks, policy, now * MINUTE).rung


@pytest.mark.parametrize(
    ("slots", "expected"),
    [
        ({"end": end()}, "COMPLETE_TRANSACTION"),
        ({"end": end(whole=False)}, ""),
        ({"end": end(doubtful=True)}, ""),
        ({"end": end(), "fell": True}, ""),
        ({"end": end(), "begun": None}, ""),
        ({}, ""),
        ({"end": end(wh=4_000)}, ""),
        ({"end": end(), "top_wh": 6_001}, ""),
        ({"end": end(9)}, ""),
        ({"end": end(), "tx": "-1"}, ""),
        ({"end": end(), "tx": "-417"}, ""),
        ({"end": end(), "tx": "a-1"}, "COMPLETE_TRANSACTION"),
    ],
)
def test_a_whole_plausible_transaction_proves(slots, expected):
    assert rung(charging(**slots)) == expected


@pytest.mark.parametrize(
    ("slots", "rules", "expected"),
    [
        ({"end": end(whole=False)}, {}, "SIGNED_END"),
        ({"end": end()}, {}, "SIGNED_END"),
        ({"end": end(doubtful=True, wh=99_999)}, {}, "SIGNED_END"),
        ({"end": end(wh=5_500), "fell": True}, {}, "SIGNED_END"),
        ({"end": end(), "signed": (pair(key="enclosed"),)}, {}, "COMPLETE_TRANSACTION"),
        ({"end": end(), "signed": (pair(key="enclosed"),)}, {"enclosed_keys": True}, "SIGNED_END"),
        ({"end": end(), "signed": (pair(700),)}, {}, ""),
        ({"end": end(), "signed": (pair(700, key="enclosed"),)}, {}, ""),
        ({"end": end(), "signed": (pair(), pair(999))}, {}, ""),
        (
            {"end": end(), "signed": (pair(from_minute=40, to_minute=60),)},
            {},
            "COMPLETE_TRANSACTION",
        ),
        ({"end": end(whole=False), "signed": (pair(from_minute=40, to_minute=60),)}, {}, ""),
        ({"end": end(whole=False), "signed": (pair(to_minute=41),)}, {}, ""),
        ({"end": end(whole=False), "signed": (pair(from_minute=0),)}, {}, ""),
        ({"end": end(whole=False), "signed": (pair(outcome="no-key"),)}, {}, ""),
        ({"end": end(), "signed": (pair(0, outcome="tampered"),)}, {}, "COMPLETE_TRANSACTION"),
        ({"end": end(whole=False), "signed": (pair(to_minute=15),)}, {}, "SIGNED_END"),
    ],
)
def test_a_signed_pair_of_this_charging_proves_its_energy(slots, rules, expected):
    assert rung(charging(**{"signed": (pair(),), **slots}), **rules) == expected


@pytest.mark.parametrize(
    ("slots", "expected"),
    [
        ({"end": end(whole=False)}, 1_000),
        ({"end": end(whole=False), "fell": True}, 0),
        ({"end": end(whole=False, doubtful=True)}, 0),
        ({"end": end(whole=False), "top_wh": 6_001}, 0),
        ({"end": end(90, whole=False, seq=-1), "top_wh": 6_000}, 0),
        ({}, 0),
    ],
)
def test_what_its_own_ends_show_at_the_least(slots, expected):
    assert floor_wh(charging(**slots), POLICY.proof) == expected


def test_the_signed_energy_is_what_is_proven():
    one = charging(end=end(wh=6_050), signed=(pair(1_000),), top_wh=6_050)
    shown = by_charger(one, ENERGY, POLICY, 0)
    assert quantities(shown.charging) == Quantities(1_000, 20 * MINUTE, 0)


@pytest.mark.parametrize(
    ("slots", "expected"),
    [
        ({"end": end()}, "COMPLETE_TRANSACTION"),
        ({"end": end(), "doubtful_time": True}, ""),
        ({"end": end(), "signed": (pair(),)}, "SIGNED_END"),
        ({"end": end(whole=False), "signed": (pair(),)}, ""),
        ({"end": end(), "signed": (pair(),), "doubtful_time": True}, ""),
    ],
)
def test_time_that_is_priced_has_to_be_proven_too(slots, expected):
    assert rung(charging(**slots), TIME) == expected


def test_an_end_without_a_number_waits_for_a_quiet_time():
    one = charging(end=end(whole=False, seq=-1), heard_at=28 * MINUTE)
    assert by_charger(one, ENERGY, POLICY, 34 * MINUTE)[::3] == ("", 35 * MINUTE)
    assert rung(one, now=35) == "COMPLETE_TRANSACTION"
    assert rung(replace(one, numbered=True), now=10**6) == ""
    assert rung(one, now=32, quiet_ms=2 * MINUTE) == "COMPLETE_TRANSACTION"


@pytest.mark.parametrize(
    ("top_wh", "heard_minute", "zombie"),
    [(6_000, 45, False), (6_000, 29, True), (5_990, 29, True), (5_989, 29, False), (-1, 29, False)],
)
def test_an_end_that_shows_only_the_last_reading_of_long_ago_is_a_zombies(
    top_wh, heard_minute, zombie
):
    one = charging(end=end(60, whole=False, seq=-1), top_wh=top_wh, heard_at=heard_minute * MINUTE)
    assert is_zombie(one, POLICY.proof) is zombie
    assert (rung(one, now=10**6) == "") is zombie


@pytest.mark.parametrize(
    ("dark_minute", "top_wh", "whole", "zombie"),
    [(29, 6_000, False, True), (28, 6_000, False, False), (29, 5_900, False, False),
     (29, 6_000, True, False), (0, 6_000, False, False)],
)  # fmt: skip
def test_an_end_after_a_dark_time_that_shows_nothing_more_is_a_zombies_whatever_its_instant(
    dark_minute, top_wh, whole, zombie
):
    """A CSMS dates it back to the last reading; what a charger kept is later than its silence."""
    seq = 9 if whole else -1
    one = charging(end=end(29, whole=whole, seq=seq), top_wh=top_wh, heard_at=29 * MINUTE)
    assert is_zombie(one, POLICY.proof, dark_minute * MINUTE) is zombie
    shown = by_charger(one, ENERGY, POLICY, 10**6 * MINUTE, dark_minute * MINUTE)
    assert (shown.rung == "") is zombie
