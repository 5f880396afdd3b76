"""A watch is never late: up to its points nothing falls due, and each crossing gets an answer.

Nor is the session's own deadline, at which a stop between two readings may fall due first.
"""

from hypothesis import given, settings
from hypothesis import strategies as st
from sessionworld import T0, World, answered, reading, request, started, tariff, tick, updated
from test_session_laws import full_power_ms

from streams.core.cover import cover_minor, goal_of
from streams.core.rules import decide

NEVER_WH = 10**12
YES = st.sampled_from([True, False])


def opened(body, power_type, *, parked):
    """A running charging under a tariff, and its newest watch."""
    world = World(body)
    world.apply(request(power_type=power_type, power_max_w=22_000), T0)
    world.apply(answered("hold/1", "done", world.commands[0].amount_minor), T0)
    world.apply(started(1_000, T0), T0)
    if parked:
        world.apply(updated("suspended_ev", 1_000, T0 + 1, seq=1), T0 + 1)
    world.apply(reading(1_100, T0 + 1_000, seq=2), T0 + 1_000)
    return world


tariffs = st.builds(
    tariff,
    st.sampled_from(["0.20", "0.79"]),
    st.sampled_from([None, "1.20", "6.00"]),
    st.sampled_from([None, "3.00", "12.00"]),
    st.sampled_from([None, "1.00"]),
)


@settings(max_examples=150, deadline=None)
@given(tariffs, st.sampled_from(["AC", "DC"]), YES, st.lists(YES, min_size=1, max_size=40))
def test_nothing_falls_due_before_its_watch(body, power_type, parked, by_time):
    world = opened(body, power_type, parked=parked)
    register, now_at, raises = 1_100, T0 + 1_000, 0
    for wants_time in by_time:
        watch = world.watches[-1]
        timed = watch.wake_read_at > 0
        if watch.closing or (watch.wake_energy_wh == NEVER_WH and not timed):
            break
        flown_at = now_at + full_power_ms(watch.wake_energy_wh - register, 22_000)
        due_at = min(watch.wake_read_at or world.session.deadline, world.session.deadline)
        if timed and (wants_time or flown_at > due_at):
            now_at = quiet_until(world, max(due_at - 1, now_at))
            step = world.apply(tick(now_at + 1), now_at + 1)
        elif flown_at <= due_at:
            now_at, before = flown_at, max(watch.wake_energy_wh - 1, register)
            assert world.apply(reading(before, now_at, seq=3), now_at).commands == []
            register = watch.wake_energy_wh
            step = world.apply(reading(register, now_at, seq=4), now_at)
        else:
            continue
        timely = watch.wake_read_at and world.session.now_at < watch.wake_read_at
        assert step.commands or step.watches or timely  # never woken for nothing
        now_at = world.session.now_at
        for command in step.commands:
            if hasattr(command, "delta_minor"):
                raises += 1
                path = f"hold/1/raise/{raises}"
                world.apply(answered(path, "done", command.amount_minor, now_at), now_at)
    assert world.ledger.phase == "charging"


def quiet_until(world, at):
    assert world.session.deadline is not None  # time alone must not pass a threshold unseen
    assert world.apply(tick(at), at).commands == []
    return at


@settings(max_examples=150, deadline=None)
@given(tariffs, st.sampled_from(["AC", "DC"]), st.integers(1_100, 200_000), st.integers(0, 600))
def test_what_has_passed_its_goal_was_acted_on(body, power_type, register, minutes):
    world = opened(body, power_type, parked=False)
    at = T0 + 1_000 + minutes * 60_000 + full_power_ms(register, 22_000)
    world.apply(reading(register, at, seq=3), at)
    case = decide(world.session, world.pins.newest).case
    goal = goal_of(case, case.chargings[0])
    assert goal.minor is None or case.price_minor <= goal.minor
    if goal.minor is not None:
        assert goal.minor == cover_minor(case)


@settings(max_examples=100, deadline=None)
@given(tariffs, st.lists(st.integers(0, 3_000), max_size=8))
def test_versions_rise_and_repeats_say_nothing(body, steps):
    world = opened(body, "DC", parked=False)
    register, at = 1_100, T0 + 1_000
    for number, step in enumerate(steps):
        register, at = register + step, at + 60_000
        fact = reading(register, at, seq=number + 3)
        world.apply(fact, at)
        assert world.apply(fact, at).watches == []
    versions = [watch.version for watch in world.watches]
    assert versions == list(range(1, len(versions) + 1))


def test_two_running_chargings_share_what_is_left():
    world = opened(tariff(), "AC", parked=False)
    alone = world.watches[-1].wake_energy_wh
    world.apply(started(0, T0 + 2_000, tx="tx2"), T0 + 2_000)
    first, second = world.watches[-2:]
    assert first.wake_energy_wh < alone
    left = first.wake_energy_wh - 1_100 + second.wake_energy_wh
    assert left <= alone - 1_100


def test_aliases_are_told_once_and_for_good():
    world = opened(tariff(), "DC", parked=False)
    of_chargers = [one.alias.split("/") for one in world.aliases if "/c/" in one.alias]
    assert [one[3] for one in of_chargers] == ["remote_start", "transaction"]
    assert len(world.aliases) == len(of_chargers) + 3  # two of the payment, the reference
    assert all(one.session_id == world.session.session_id for one in world.aliases)
