"""Many worlds one after the other; whatever is wrong with its seed, to be had again."""

import gc
import multiprocessing
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager

import msgspec

from streams.simulation.ending import check_end
from streams.simulation.world import World, world_of

_BLOCK = 10
"""So many worlds are handed to a process at once: a second or so."""


class Violation(msgspec.Struct, frozen=True):
    """One thing that must not be: in the world of this seed."""

    seed: int
    words: str


class Simulated(msgspec.Struct, kw_only=True):
    """What `holdfast simulate --json` prints. `events`: facts told, records taken, commands said.

    `records`: those of them that a stage took and that do not only tell the time; `crashes`:
    transactions that a crash struck; `outcomes`: sessions by how they ended; `cpu_seconds` of all
    processes, and `events_per_minute` of that: what one core does.
    """

    seeds: int = 0
    sessions: int = 0
    events: int = 0
    records: int = 0
    crashes: int = 0
    parked: int = 0
    captured: int = 0
    outcomes: dict[str, int] = {}
    violations: list[Violation] = []
    seconds: float = 0
    cpu_seconds: float = 0
    events_per_minute: int = 0

    def __add__(self, other: "Simulated") -> "Simulated":
        """Both, but for `seconds`, which pass for both at once."""
        cpu_seconds = self.cpu_seconds + other.cpu_seconds
        events = self.events + other.events
        return Simulated(
            seeds=self.seeds + other.seeds,
            sessions=self.sessions + other.sessions,
            events=events,
            records=self.records + other.records,
            crashes=self.crashes + other.crashes,
            parked=self.parked + other.parked,
            captured=self.captured + other.captured,
            outcomes=dict(sorted((Counter(self.outcomes) + Counter(other.outcomes)).items())),
            violations=[*self.violations, *other.violations],
            cpu_seconds=round(cpu_seconds, 3),
            events_per_minute=int(events / cpu_seconds * 60) if cpu_seconds else 0,
        )


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


def _of_one(seed: int) -> Simulated:
    began = time.process_time()
    world = lived(seed)
    return Simulated(
        seeds=1,
        sessions=len(world.plan.sessions),
        events=world.events,
        records=world.turns.events,
        crashes=world.turns.crashed,
        parked=len(world.turns.parked),
        captured=sum(one.captures for one in world.bank.holds.values()),
        outcomes=Counter(one.closed_reason or one.phase for one in world.ledgers.values()),
        violations=[Violation(seed, words) for words in world.checker.found],
        cpu_seconds=time.process_time() - began,
    )


def _of_block(seeds: Sequence[int]) -> Simulated:
    with _nothing_old_collected():
        return sum(map(_of_one, seeds), Simulated())


def simulate(
    seeds: Sequence[int], show: Callable[[Simulated], None] | None = None, *, jobs: int = 1
) -> Simulated:
    """Live the worlds of these seeds, in so many processes.

    `show` is called with what there is after each few, in the order of the seeds: what it was shown
    is whole up to there, and the rest can be had by itself.
    """
    began = time.perf_counter()
    found = Simulated()
    blocks = [seeds[at : at + _BLOCK] for at in range(0, len(seeds), _BLOCK)]
    for one in _lived(blocks, jobs):
        found += one
        found.seconds = round(time.perf_counter() - began, 3)
        if show is not None:
            show(found)
    return found


def _lived(blocks: Sequence[Sequence[int]], jobs: int) -> Iterator[Simulated]:
    if jobs == 1:
        yield from map(_of_block, blocks)
        return
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=spawn) as processes:
        yield from processes.map(_of_block, blocks)
