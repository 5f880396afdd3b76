"""Bugs planted one at a time, and how many seeds it takes until the simulation notices each.

    python tests/simulation/planted.py [--most 400] [--only WORDS]

Each is a small change of a function of ours, as somebody might make it; the world runs around it as
ever. The table in streams/simulation/README.md is what this prints.
"""

import argparse
import sys
from typing import NamedTuple

import planted_money
import planted_proof
import planted_receipts
import planted_unknown
from planting import PLANTED

from streams.simulation.run import lived

ALL = (planted_money, planted_proof, planted_receipts, planted_unknown)


class Found(NamedTuple):
    """`seeds` until it was noticed and `sessions` in them, 0: it was not; and its first words."""

    name: str
    seeds: int
    sessions: int
    words: str


def seeds_until_found(name: str, most: int) -> Found:
    sessions = 0
    with PLANTED[name]():
        for seed in range(most):
            world = lived(seed)
            sessions += len(world.plan.sessions)
            if world.checker.found:
                return Found(name, seed + 1, sessions, world.checker.found[0])
    return Found(name, 0, 0, "")


def say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - a command: what it prints is what it is for


def main() -> int:
    options = argparse.ArgumentParser()
    options.add_argument("--most", type=int, default=400)
    options.add_argument("--only", default="")
    given = options.parse_args()
    missed = 0
    say("| planted | seeds until found | sessions | by |\n|---|---|---|---|")
    for name in PLANTED:
        if given.only in name:
            found = seeds_until_found(name, given.most)
            missed += not found.seeds
            by = found.words.split(" ")[0]
            seeds = found.seeds or f"not in {given.most}"
            say(f"| {name} | {seeds} | {found.sessions} | {by} |")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
