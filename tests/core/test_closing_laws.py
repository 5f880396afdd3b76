"""Whatever a charger never tells, each session comes to its end: nothing stays open for ever.

Seeded and without shrinking: `lived(seed)` lives a failing one again.
"""

import random

import pytest
from sessionworld import T0, World, answered, ended, request, started, tick
from test_adversary_lives import story
from test_session_laws import LIFE, MINUTE, REMAINDERS, Life

from schemas.commands import StopCharging

DAY = 24 * 60 * MINUTE


def lived(seed):
    """One or two chargings, of whose facts any may be missing: begins, ends, all of them."""
    chance = random.Random(seed)
    _, facts = story(chance, "tx1", T0)
    if chance.random() < 0.5:
        _, later = story(chance, "tx2", T0 + chance.randrange(3 * 60) * MINUTE)
        facts += later
    kept = [one for one in facts if chance.random() < chance.choice([0, 0.5, 0.9])]
    acquirer_id = chance.choice(sorted(REMAINDERS))
    available = chance.choice([0, 700, 3_000, 5_500, 10**6])
    life = Life(chance, acquirer_id, available, chance.choice([0, 0.2]))
    life.run(kept)
    return life


@pytest.mark.parametrize("hundred", range(6))
def test_every_session_closes_in_the_time_of_its_hold(hundred):
    for seed in range(100 * hundred, 100 * (hundred + 1)):
        life = lived(seed)
        ledger = life.world.ledger
        assert ledger.phase == "closed", seed
        assert life.now_at <= T0 + LIFE + 8 * DAY, seed
        assert ledger.open_minor == 0, seed


@pytest.mark.parametrize("late_ms", [0, 4 * DAY, 30 * DAY, 200 * DAY])
def test_a_charging_after_the_capture_is_stopped_and_waited_for_no_longer(late_ms):
    world, at = World(), T0
    for fact in (request(), answered("hold/1", "done", 2_000), started(0), ended(9_000)):
        world.apply(fact, at)
    world.apply(answered("capture/1", "done", 711), at)
    assert world.ledger.phase == "closed"
    at = T0 + late_ms
    (stop,) = world.apply(started(0, at, tx="tx2"), at).commands
    assert isinstance(stop, StopCharging)
    for _ in range(20):
        if world.session.deadline is None:
            break
        at = world.session.deadline
        world.apply(tick(at), at)
    assert (world.ledger.phase, world.session.deadline) == ("closed", None)
    assert at <= T0 + max(late_ms, 7 * DAY) + 10 * MINUTE
    assert world.ledger.captured_minor == 711
    told = [one.kind for one in world.session.published.differences.values() if one.open]
    assert told == ["uncovered-charging"]
    late = ended(1_000, at, tx="tx2", complete=True)
    assert world.apply(late, at).commands == []
    assert (world.ledger.phase, world.ledger.arrears_minor) == ("closed", 79)
