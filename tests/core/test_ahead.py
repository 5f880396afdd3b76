"""How far ahead: by the policy, and by what charger and acquirer have shown."""

import pytest
from msgspec.structs import replace
from sessionworld import POLICY

from streams.core.ahead import ahead_of
from streams.core.session import NOT_SHOWN, Charging, End, Pinned, Power

POLICY = POLICY.look_ahead  # 3 s + 12 s, 60 s, 15 s, 400 kW
PINNED = Pinned(tariff_body="", tariff_hash="", policy_id="", policy_version="")


def ahead(told_w=150_000, p95_ms=0, **shown):
    charging = Charging("t/n/c/tx", "n", "c", "e", "tx", **shown)
    return ahead_of(POLICY, replace(PINNED, acquirer_p95_ms=p95_ms), told_w, [charging])


def test_with_nothing_shown_it_is_the_policy_at_full_power():
    assert ahead() == (150_000, 90_000, 150_000, 75_000, 1, 15_000)
    assert ahead_of(POLICY, None, 0, []).raise_w == 400_000


@pytest.mark.parametrize(
    ("p95_ms", "raise_ms"), [(1_000, 88_000), (20_000, 107_000), (10**9, 207_000)]
)
def test_the_acquirers_own_latency_counts_where_it_is_known(p95_ms, raise_ms):
    assert ahead(p95_ms=p95_ms).raise_ms == raise_ms


@pytest.mark.parametrize(
    ("gap_ms", "raise_ms", "stop_ms"),
    [(10_000, 90_000, 25_000), (120_000, 150_000, 135_000), (10**9, 330_000, 315_000)],
)
def test_a_raise_reckons_with_the_longest_gap_and_a_stop_with_those_seen(gap_ms, raise_ms, stop_ms):
    found = ahead(gap_ms=gap_ms)
    assert (found.raise_ms, found.stop_ms) == (raise_ms, stop_ms)


@pytest.mark.parametrize(
    ("told_w", "top_w", "raise_w"),
    [(50_000, 20_000, 50_000), (50_000, 60_000, 60_000), (50_000, 10**8, 400_000), (0, 5, 400_000)],
)
def test_more_than_was_told_counts_when_it_is_seen(told_w, top_w, raise_w):
    assert ahead(told_w, top_power_w=top_w).raise_w == raise_w


def test_a_stop_reckons_with_the_power_shown_and_a_margin():
    assert ahead(power=Power(1, 40_000)).stop_w == 50_000
    assert ahead(power=Power(1, 140_000)).stop_w == 150_000
    assert ahead(power=NOT_SHOWN).stop_w == 150_000


def test_of_several_that_run_the_powers_add_up_and_what_has_ended_counts_no_more():
    shown = Charging("t/n/c/tx", "n", "c", "e", "tx", power=Power(1, 40_000), top_power_w=40_000)
    other = replace(shown, charging_id="t/n/c/tx2", power=NOT_SHOWN)
    found = ahead_of(POLICY, PINNED, 150_000, [shown, other])
    assert (found.raise_w, found.stop_w, found.running) == (300_000, 200_000, 2)
    over = replace(other, end=End(True, 1, 1, 1, "x"))
    alone = ahead_of(POLICY, PINNED, 150_000, [shown, over])
    assert (alone.raise_w, alone.stop_w, alone.running) == (150_000, 50_000, 1)
