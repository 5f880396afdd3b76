"""One worker of the soak: counts per key, and says once per record where it came from.

`python worker.py BOOTSTRAP APP_ID SLOT` on the topics `{APP_ID}.a|b|out|state|parked`.
"""

import sys

import msgspec

from streams.engine.settings import EngineSettings
from streams.engine.stage import Logic, Output, Record, Stage, StateKind
from streams.engine.worker import run_stage

PARTITIONS = 4


class Count(msgspec.Struct, array_like=True, frozen=True):
    """How many records of each input were applied."""

    a: int = 0
    b: int = 0


class Counting(Logic):
    """A value of `!N` on `b` is a barrier: N records of `a` were acknowledged before it."""

    def __init__(self, app_id: str) -> None:
        self._a = f"{app_id}.a"
        self._out = f"{app_id}.out"

    def is_barrier(self, record: Record, view) -> bool:
        return record.value.startswith(b"!")

    def step(self, record: Record, view):
        of_key = self._count(record, view, b"k" + record.key)
        in_all = self._count(record, view, b"p")
        place = f"{record.topic[-1]}:{record.partition}:{record.offset}"
        yield Output(self._out, record.key, f"{place}:{of_key.a}:{of_key.b}".encode())
        if record.value.startswith(b"!") and in_all.a < int(record.value[1:]):
            late = f"late:{place}:{in_all.a}<{record.value[1:].decode()}"
            yield Output(self._out, record.key, late.encode())

    def _count(self, record: Record, view, key: bytes) -> Count:
        old = view.get(key) or Count()
        of_a = record.topic == self._a
        new = Count(old.a + 1, old.b) if of_a else Count(old.a, old.b + 1)
        view.put(key, new)
        return new


class Soak(Stage):
    def open(self, partition, references):
        return Counting(self.inputs[0].removesuffix(".a"))

    def keys_of(self, record: Record) -> tuple[bytes, ...]:
        """Not all of them: some are found out in the middle of a turn."""
        return (b"k" + record.key,) if record.offset % 64 else ()


def soak_stage(app_id: str) -> Stage:
    return Soak(
        name="soak",
        version=1,
        inputs=(f"{app_id}.a", f"{app_id}.b"),
        state_topic=f"{app_id}.state",
        parked_topic=f"{app_id}.parked",
        partitions=PARTITIONS,
        kinds=(
            StateKind(
                prefix=b"k", type=Count, is_cold=lambda count: (count.a + count.b) % 256 == 0
            ),
            StateKind(prefix=b"p", type=Count),
        ),
        barrier_topics=frozenset({f"{app_id}.b"}),
        check_keys=frozenset({f"{app_id}.a", f"{app_id}.b"}),
    )


if __name__ == "__main__":
    bootstrap, app_id, slot = sys.argv[1:]
    settings = EngineSettings(
        bootstrap=bootstrap, app_id=app_id, slot=int(slot), strict_views=True, max_records=500
    )
    sys.exit(run_stage(soak_stage(app_id), settings))
