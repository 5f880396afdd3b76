"""Many worlds one after the other; whatever is wrong with its seed, to be had again."""

import gc
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import msgspec

from streams.simulation.ending import check_end
from streams.simulation.world import World, world_of


class Violation(msgspec.Struct, frozen=True):
    """One thing that must not be: in the world of this seed."""

    seed: int
    words: str


class Simulated(msgspec.Struct, kw_only=True):
    """What `holdfast simulate --json` prints. `events`: records that link and sessions took.

    `crashes`: transactions that a crash struck; `outcomes`: sessions by how they ended;
    `events_per_second`: of the time that one core spent on it.
    """

    seeds: int = 0
    sessions: int = 0
    events: int = 0
    crashes: int = 0
    parked: int = 0
    captured: int = 0
    outcomes: dict[str, int] = {}
    violations: list[Violation] = []
    seconds: float = 0
    events_per_second: int = 0


def lived(seed: int, *, told: bool = False) -> World:
    """The world of this seed at its end, checked; `told`: with its story."""
    world = world_of(seed)
    if told:
        world.story = []
    try:
        world.live()
    except Exception as error:  # whatever the program raises is what we look for
        if told:
            raise
        world.checker.wrong("raised", "", f"{type(error).__name__}: {error}")
    check_end(world)
    return world


@contextmanager
def _nothing_old_collected() -> Iterator[None]:
    """What the program itself is made of is not looked through again for garbage: a tenth less."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


@_nothing_old_collected()
def simulate(seeds: Iterable[int], show: Callable[[Simulated], None] | None = None) -> Simulated:
    """Live the worlds of these seeds. `show` is called with what there is after each."""
    began, worked = time.perf_counter(), time.process_time()
    found = Simulated()
    outcomes: Counter[str] = Counter()
    for seed in seeds:
        world = lived(seed)
        found.seeds += 1
        found.sessions += len(world.plan.sessions)
        found.events += world.turns.events
        found.crashes += world.turns.crashed
        found.parked += len(world.turns.parked)
        found.captured += sum(one.captures for one in world.bank.holds.values())
        outcomes.update(one.closed_reason or one.phase for one in world.ledgers.values())
        found.violations += [Violation(seed, words) for words in world.checker.found]
        found.seconds = round(time.perf_counter() - began, 3)
        spent = max(time.process_time() - worked, 0.001)
        found.events_per_second = int(found.events / spent)
        if show is not None:
            show(found)
    found.outcomes = dict(sorted(outcomes.items()))
    return found
