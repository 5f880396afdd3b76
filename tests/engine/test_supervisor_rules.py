"""The supervisor's rules about time, without processes and without waiting."""

import pytest

from streams.engine.watchdog import RestartPolicy, Silence


def test_first_restart_is_at_once_then_delays_double_up_to_the_cap():
    policy = RestartPolicy(base_s=0.5, cap_s=3.0, limit=None)
    assert [policy.delay(n) for n in range(1, 7)] == [0.0, 0.5, 1.0, 2.0, 3.0, 3.0]


def test_delay_of_a_child_that_never_settles_stays_finite():
    assert RestartPolicy(limit=None).delay(10_000) == 30.0


def test_limit_counts_restarts():
    policy = RestartPolicy(limit=2)
    assert [policy.delay(n) is None for n in (1, 2, 3)] == [False, False, True]
    assert RestartPolicy(limit=0).delay(1) is None


@pytest.mark.parametrize(
    "wrong", [{"base_s": 0}, {"base_s": 5, "cap_s": 1}, {"healthy_after_s": 0}, {"limit": -1}]
)
def test_policy_without_sense_is_refused(wrong):
    with pytest.raises(ValueError, match=r"restart policy|limit"):
        RestartPolicy(**wrong)


def test_silence_is_measured_from_the_last_beat():
    silence = Silence(limit_s=5, grace_s=60)
    silence.beat()
    for _ in range(49):
        silence.pass_time(0.1)
    assert not silence.is_too_long
    silence.pass_time(0.2)
    assert silence.is_too_long
    silence.beat()
    assert not silence.is_too_long


def test_before_the_first_beat_the_grace_counts():
    silence = Silence(limit_s=5, grace_s=60)
    for _ in range(59):
        silence.pass_time(1)
    assert not silence.is_too_long
    silence.pass_time(1)
    assert silence.is_too_long


def test_a_watcher_that_stood_still_itself_blames_nobody():
    silence = Silence(limit_s=5, grace_s=60)
    silence.beat()
    silence.pass_time(600)  # the machine was paused
    assert not silence.is_too_long
    assert silence.silent_s == 1.0
