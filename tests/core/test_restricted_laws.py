"""Tariffs that ask when energy flowed: the same laws as for flat ones, on their way through a gate.

Random tariffs by local time, duration, energy tiers and power, with steps and limits; a charging
that begins near their boundaries.
"""

import random

from hypothesis import given, settings
from hypothesis import strategies as st
from sessionworld import T0, World, answered, ended, reading, request, started, tick, updated
from tariffworld import body, element
from test_gate_with_session import Road, story
from test_look_ahead_laws import ANSWER_MS, Street, check_raises, curves
from test_session_laws import full_power_ms

MINUTE = 60_000
ZONE = {"time_zone": "Europe/Berlin"}
# T0 is 16:53:20 in Berlin: these boundaries fall within the chargings below.
clocks = st.sampled_from(["16:54", "16:57", "17:10", "18:00", "00:00"])
prices = st.sampled_from(["0.20", "0.55", "0.79", "1.30"])
steps = st.sampled_from(["", "", "/100", "/1000"])
energies = st.builds(lambda price, step: price + step, prices, steps)
times = st.one_of(st.none(), st.sampled_from(["1.20", "6.00/60", "3.00"]))
bounds = st.one_of(
    st.builds(lambda start, end: {"start_time": start, "end_time": end}, clocks, clocks),
    st.sampled_from(
        [
            {"min_duration": 900},
            {"max_duration": 333},
            {"max_kwh": 7},
            {"min_kwh": "2.5"},
            {"max_kwh": "0.9"},
        ]
    ),
)


def dimensions(energy, time, parking, flat):
    found = {"energy": energy, "time": time, "parking": parking, "flat": flat}
    return {name: price for name, price in found.items() if price is not None}


parts = st.builds(dimensions, energies, times, times, st.sampled_from([None, None, "0.50"]))
restricted = st.builds(
    lambda parts, bounds: element(**parts, **bounds),
    parts,
    bounds,
)
tariffs = st.builds(
    lambda elements, rest, limits: body(*elements, element(**rest), **limits),
    st.lists(restricted, min_size=1, max_size=3),
    parts,
    st.sampled_from([{}, {}, {"least": "2.00"}, {"most": "30.00"}]),
)


@settings(max_examples=40, deadline=None)
@given(tariffs, st.lists(st.integers(0, 1_250), min_size=1, max_size=80))
def test_the_gate_keeps_nothing_back_that_the_price_needs(priced, risen):
    """What is due in the end, by the readings around the tariff's changes alone."""
    open_road = Road(priced, gated=False, limit=10**6, **ZONE)
    gated = Road(priced, gated=True, limit=10**6, **ZONE)
    for fact in story(risen):
        open_road.take(fact)
        gated.take(fact)
    assert abs(gated.world.ledger.priced_minor - open_road.world.ledger.priced_minor) <= 1


@settings(max_examples=20, deadline=None)
@given(tariffs, curves, st.sampled_from([22_000, 50_000, 150_000]), st.integers(10_000, MINUTE))
def test_what_flows_is_covered_when_it_flows(priced, curve, power_max_w, gap):
    street = Street(priced, power_max_w, curve, answers=[ANSWER_MS], **ZONE)
    street.run([gap], 60 * MINUTE)
    check_raises(street)


def facts_of(begin, risen, at):
    """Begin, readings, a state now and then, the end."""
    facts, register = [started(begin, at)], begin
    for number, step in enumerate(risen, 1):
        at, register = at + 47_000, register + step
        if number % 5:
            facts.append(reading(register, at, seq=number))
        else:
            state = "charging" if number % 10 == 0 else "suspended_ev"
            facts.append(updated(state, register, at, seq=number))
    return [*facts, ended(register, at + 10_000, complete=True)]


@settings(max_examples=40, deadline=None)
@given(tariffs, st.lists(st.integers(0, 900), max_size=40), st.integers(0, 10**6))
def test_the_price_depends_on_neither_order_nor_repetition(priced, risen, seed):
    facts = facts_of(1_000, risen, T0)
    prices = set()
    for number in range(2):
        chance = random.Random(seed + number)
        told = [*facts, *chance.sample(facts, min(5, len(facts)))]
        chance.shuffle(told)
        world = World(priced)
        world.apply(request(**ZONE), T0)
        world.apply(answered("hold/1", "done", world.commands[0].amount_minor, T0), T0)
        for fact in told:
            world.apply(fact, T0)
        prices.add((world.ledger.priced_minor, world.ledger.energy_wh, world.ledger.proof))
    assert len(prices) == 1


@settings(max_examples=40, deadline=None)
@given(tariffs, st.lists(st.sampled_from([True, False]), min_size=1, max_size=25))
def test_nothing_falls_due_before_its_watch(priced, by_time):
    world = World(priced)
    world.apply(request(power_max_w=22_000, **ZONE), T0)
    world.apply(answered("hold/1", "done", world.commands[0].amount_minor, T0), T0)
    world.apply(started(0, T0), T0)
    register, now_at, raises = 100, T0 + 1_000, 0
    world.apply(reading(register, now_at, seq=2), now_at)
    for wants_time in by_time:
        watch = world.watches[-1]
        if watch.closing or (watch.wake_energy_wh == 10**12 and not watch.wake_read_at):
            break
        flown_at = now_at + full_power_ms(watch.wake_energy_wh - register, 22_000)
        due_at = min(watch.wake_read_at or world.session.deadline, world.session.deadline)
        if watch.wake_read_at and (wants_time or flown_at + 2 > due_at):
            quiet_at = max(due_at - 1, now_at)
            assert world.apply(tick(quiet_at), quiet_at).commands == []
            now_at = quiet_at + 1
            step = world.apply(tick(now_at), now_at)
        elif flown_at + 2 <= due_at:
            before = max(watch.wake_energy_wh - 1, register)
            assert world.apply(reading(before, flown_at + 1, seq=3), flown_at + 1).commands == []
            register, now_at = max(watch.wake_energy_wh, register), flown_at + 2
            step = world.apply(reading(register, now_at, seq=4), now_at)
        else:
            continue
        for command in step.commands:
            if hasattr(command, "delta_minor"):
                raises += 1
                path = f"hold/1/raise/{raises}"
                world.apply(answered(path, "done", command.amount_minor, now_at), now_at)


def test_few_readings_pass():
    """Two hours of readings every ten seconds, most of which decide nothing."""
    priced = body(
        element(start_time="17:10", end_time="06:00", energy="0.40", time="3.00"),
        element(energy="0.80", time="6.00"),
    )
    street = Street(priced, 50_000, [(2 * 60 * MINUTE, 40_000)], **ZONE)
    street.run([10_000])
    assert len(street.points) == 721
    assert street.world.steps < 200
