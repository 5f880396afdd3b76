"""The same job as naive/stock.py on our engine: counts its records and hands each of them on."""

import os
import sys
from pathlib import Path

import msgspec

from streams.engine.heartbeat import Heart
from streams.engine.settings import EngineSettings
from streams.engine.stage import BadRecord, Logic, Output, Stage, StateKind
from streams.engine.worker import run_stage

PREFIX = os.environ["PREFIX"]


class Count(msgspec.Struct, array_like=True):
    records: int = 0


class Counting(Logic):
    def step(self, record, view):
        if record.value == b"bad":
            raise BadRecord("bad", repr(record.value))
        count = view.get(b"n") or Count()
        view.put(b"n", Count(count.records + 1))
        if record.value == b"big":
            return [Output(f"{PREFIX}.narrow", record.key, b"x" * 5000)]
        return [Output(f"{PREFIX}.output", record.key, record.value, 0)]


class Contract(Stage):
    def open(self, partition, references):
        return Counting()


if __name__ == "__main__":
    stage = Contract(
        name="contract",
        version=1,
        inputs=(f"{PREFIX}.input",),
        state_topic=f"{PREFIX}.state",
        parked_topic=f"{PREFIX}.parked",
        partitions=1,
        kinds=(StateKind(prefix=b"n", type=Count),),
    )
    settings = EngineSettings(
        bootstrap=os.environ["BOOTSTRAP"],
        app_id=PREFIX,
        datadir=Path(os.environ["DATADIR"]),
        beat=Heart.from_environment().beat,
    )
    sys.exit(run_stage(stage, settings))
