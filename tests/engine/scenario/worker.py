"""A stage that does what its records say: `python worker.py BOOTSTRAP APP_ID SLOT [key=value ...]`.

Options change the stage: `version=2` its version, `inputs=a,b,c` its inputs, `kind=2` the
version of its state, `ticks=1` its ticker; with `cold=2` counts from 2 on leave memory, and with
`blind=1` nobody is told beforehand which of them a record will ask for. Inputs `{APP_ID}.a`,
`.b`; references `{APP_ID}.ref`.
"""

import sys

import msgspec

from streams.engine.settings import EngineSettings
from streams.engine.stage import (
    BadRecord,
    Logic,
    Output,
    Record,
    References,
    Stage,
    StateKind,
    Ticker,
)
from streams.engine.worker import run_stage

PARTITIONS = 2


class Count(msgspec.Struct, array_like=True, frozen=True):
    n: int


class Obeying(Logic):
    def __init__(self, app_id: str, references: References) -> None:
        self._app_id = app_id
        self._references = references
        self._restored = 0

    def restored(self, states):
        self._restored = sum(1 for _ in states)

    def is_barrier(self, record: Record, view) -> bool:
        return record.value == b"barrier"

    def step(self, record: Record, view):
        value = record.value.decode()
        if value == "bad":
            raise BadRecord("no-good", "as told")
        if value == "nothing":
            return ()
        key = b"c" + record.key
        old = view.get(key)
        new = Count((old.n if old else 0) + 1)
        if value == "too large for msgpack":
            new = Count(2**70)
        view.put(key, new)
        if value == "bad later":
            raise BadRecord("no-good", "as told, later")
        if value == "boom":
            raise ZeroDivisionError("as told")
        if value.startswith("ref "):
            known = self._references.require(f"{self._app_id}.ref", value[4:].encode())
            value = f"{value} is {known}"
        if value == "large":
            return self._say(record, "x" * 1_000_000)
        return self._say(record, f"{value} #{new.n} restored {self._restored}")

    def quarantine(self, record: Record, reason: str, view):
        view.put(b"c" + record.key, Count(-1))
        return self._say(record, f"quarantined: {reason}")

    def _say(self, record: Record, text: str):
        said = f"{record.topic[-1]}{record.partition}:{record.offset} {text}"
        out = f"{self._app_id}.out"
        return (Output(out, record.key, said.encode(), partition=record.partition),)


class Scenario(Stage):
    def keys_of(self, record: Record) -> tuple[bytes, ...]:
        return (b"c" + record.key,)

    def open(self, partition, references):
        return Obeying(self.state_topic.removesuffix(".state"), references)


class Blind(Scenario):
    def keys_of(self, record: Record) -> tuple[bytes, ...]:
        return ()


def scenario(app_id: str, options: dict[str, str]) -> Stage:
    inputs = options.get("inputs", "a,b").split(",")
    ticker = Ticker(
        topic=f"{app_id}.b",
        period_ms=200,
        encode=lambda partition, now_at: (b"tick", b"tick of partition %d" % partition),
    )
    coldest = int(options.get("cold", "0"))
    kind = StateKind(
        prefix=b"c",
        type=Count,
        version=int(options.get("kind", "1")),
        is_cold=(lambda count: count.n >= coldest) if coldest else None,
    )
    return (Blind if "blind" in options else Scenario)(
        name="scenario",
        version=int(options.get("version", "1")),
        inputs=tuple(f"{app_id}.{name}" for name in inputs),
        state_topic=f"{app_id}.state",
        parked_topic=f"{app_id}.parked",
        partitions=PARTITIONS,
        kinds=(kind,),
        references=(f"{app_id}.ref",),
        ticker=ticker if "ticks" in options else None,
    )


if __name__ == "__main__":
    bootstrap, app_id, slot, *rest = sys.argv[1:]
    settings = EngineSettings(
        bootstrap=bootstrap,
        app_id=app_id,
        slot=int(slot),
        strict_views=True,
        positions_every_ms=500,
    )
    chosen = dict(option.split("=") for option in rest)
    sys.exit(run_stage(scenario(app_id, chosen), settings))
