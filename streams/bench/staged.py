"""The engine's side: a stage as it runs in production, on topics of the benchmark's own."""

import dataclasses
import os
import signal
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from streams.bench.measure import Measured, Meter, max_rss_mb
from streams.engine.settings import Commit, EngineSettings
from streams.engine.stage import Logic, Output, Record, References, Stage, View
from streams.engine.worker import run_stage


class StagedRun(msgspec.Struct, frozen=True, kw_only=True):
    """`topics` names the benchmark's own topic for each of the stage's; ends after `records`."""

    bootstrap: str
    app_id: str
    topics: dict[str, str]
    records: int


def run_staged(stage: Stage, run: StagedRun) -> Measured:
    """Run `stage` until so many records are committed. Raises RuntimeError where it ends before.

    The clock starts when the first partition is restored: what the others still restore by then
    counts as the stage's time.
    """
    tally = _Tally(run.records)
    settings = EngineSettings(
        bootstrap=run.bootstrap, app_id=run.app_id, observe=tally.note, log_level="WARNING"
    )
    code = run_stage(_Elsewhere.of(stage, run.topics, tally.meter), settings)
    if code or tally.left > 0:
        raise RuntimeError(f"stage {stage.name} ended with {code}, {tally.left} records to go")
    return tally.measured()


class _Tally:
    """Adds up what the engine tells of each turn; asks the process to stop after the last."""

    def __init__(self, records: int) -> None:
        self.left = records
        self.meter = Meter()
        self._commits: list[Commit] = []

    def note(self, commit: Commit) -> None:
        self._commits.append(commit)
        self.left -= commit.records
        if self.left == 0:
            self.meter.stop()
            os.kill(os.getpid(), signal.SIGTERM)

    def measured(self) -> Measured:
        commits = self._commits
        return Measured(
            records=sum(one.records for one in commits),
            cpu_s=self.meter.cpu_s,
            wall_s=self.meter.wall_s,
            transactions=sum(one.transaction for one in commits),
            state_records=sum(one.state_records for one in commits),
            outputs=sum(one.outputs for one in commits),
            slices=sorted(one.records for one in commits),
            max_rss_mb=max_rss_mb(),
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Elsewhere(Stage):
    """A stage on other topics than its own: what it says must reach nobody."""

    stage: Stage
    renamed: Mapping[str, str]
    meter: Meter

    @classmethod
    def of(cls, stage: Stage, renamed: Mapping[str, str], meter: Meter) -> "_Elsewhere":
        own = {one.name: getattr(stage, one.name) for one in dataclasses.fields(Stage)}
        own |= {
            "inputs": tuple(renamed[one] for one in stage.inputs),
            "state_topic": renamed[stage.state_topic],
            "parked_topic": renamed[stage.parked_topic],
            "check_keys": frozenset(renamed[one] for one in stage.check_keys),
            "barrier_topics": frozenset(renamed[one] for one in stage.barrier_topics or ()),
            "ticker": None,
        }
        return cls(stage=stage, renamed=renamed, meter=meter, **own)

    def open(self, partition: int, references: References) -> Logic:
        return _Renaming(self.stage.open(partition, references), self.renamed, self.meter)


class _Renaming(Logic):
    """The stage's logic, its outputs addressed to the benchmark's topics."""

    def __init__(self, logic: Logic, renamed: Mapping[str, str], meter: Meter) -> None:
        self._logic = logic
        self._step = logic.step
        self._renamed = renamed
        self._meter = meter

    def restored(self, states: Iterator[tuple[bytes, Any]]) -> None:
        self._logic.restored(states)
        self._meter.start()

    def is_barrier(self, record: Record, view: View) -> bool:
        return self._logic.is_barrier(record, view)

    def committed(self, touched: Mapping[bytes, Any]) -> None:
        self._logic.committed(touched)

    def aborted(self) -> None:
        self._logic.aborted()

    def step(self, record: Record, view: View) -> Iterable[Output]:
        outputs = self._step(record, view)
        return self._elsewhere(outputs) if outputs else outputs

    def finish(self, view: View) -> Iterable[Output]:
        return self._elsewhere(self._logic.finish(view))

    def quarantine(self, record: Record, reason: str, view: View) -> Iterable[Output]:
        return self._elsewhere(self._logic.quarantine(record, reason, view))

    def _elsewhere(self, outputs: Iterable[Output]) -> list[Output]:
        return [
            Output(self._renamed[one.topic], one.key, one.value, one.partition, one.headers)
            for one in outputs
        ]
