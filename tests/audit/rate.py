"""One command in 1,000 taken from what the auditor sees, changed, said twice or under another id.

python tests/audit/rate.py 10000    at least so many commands, of worlds with every fault
"""

import itertools
import sys
from collections import Counter
from pathlib import Path

if __name__ == "__main__":
    HERE = Path(__file__).parent
    sys.path[:0] = [str(HERE), str(HERE.parent / "agents")]

import msgspec
from auditworld import audited
from worlds import RecordedWorld

from schemas import codec, topics
from streams.audit.auditor import ORDERS

OF = 1_000
CHOICES = 100  # of the thousandth: every so many commands is the one of some choice


def hidden(record, _):
    return []


def changed(record, fact):
    field = "amount_minor" if hasattr(fact, "amount_minor") else "issued_at"
    other = msgspec.structs.replace(fact, **{field: getattr(fact, field) + 1})
    return [msgspec.structs.replace(record, value=codec.encode(other))]


def twice(record, _):
    return [record, msgspec.structs.replace(record, offset=10**9)]


def renamed(record, fact):
    other = msgspec.structs.replace(fact, command_id=f"{fact.command_id}9")
    if getattr(other, "body_hash", ""):
        other = msgspec.structs.replace(other, body_hash=codec.body_hash(other))
    return [msgspec.structs.replace(record, value=codec.encode(other))]


LIES = {
    hidden: (("missing", ""),),
    changed: (("changed", ""),),
    twice: (("extra", ""),),
    renamed: (("missing", ""), ("extra", "9")),
}


class Shown:
    """A world as somebody shows it who lies about some of its commands."""

    def __init__(self, world, lies):
        self.references = world.references
        self.partitions = world.partitions
        self.records = [
            told
            for one in world.records
            for told in (lies[id(one)](one, codec.decode(one.value)) if id(one) in lies else [one])
        ]


def tried(commands, first_seed):
    """Counts of what was shown and found; of `wrong`, what was found and not done, or not found."""
    count, lies, seed = Counter(), itertools.cycle(LIES), first_seed
    while count["commands"] < commands:
        world = RecordedWorld(seed).lived()
        count["wrong"] += len(audited(world).findings)
        orders = [one for one in world.records if one.topic in ORDERS]
        victims = {}
        for number, one in enumerate(orders, count["commands"]):
            if number % CHOICES == CHOICES // 2:
                victims.setdefault(number % OF, []).append(one)
        count["commands"] += len(orders)
        count["payments"] += sum(one.topic == topics.COMMANDS for one in orders)
        for chosen in victims.values():
            count.update(_of_one_choice(world, chosen, next(lies)))
        count["worlds"], seed = count["worlds"] + 1, seed + 1
    return count


def _of_one_choice(world, victims, lie):
    report = audited(Shown(world, {id(one): lie for one in victims}))
    found = {(one.kind, one.what) for one in report.findings}
    ids = [codec.decode(one.value).command_id for one in victims]
    expected = {(kind, f"{name}{more}") for name in ids for kind, more in LIES[lie]}
    return {lie.__name__: len(victims), "wrong": len(found ^ expected)}


if __name__ == "__main__":
    sys.stdout.write(f"{dict(tried(int(sys.argv[1]), 1_000))}\n")
