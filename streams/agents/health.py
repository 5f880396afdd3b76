"""Health: the answers of acquirers in, how each of them is doing out. A shell of `core.health`.

A partition reads the answers of its sessions and sends samples to where their acquirer is kept,
over this stage's own topic; there they become the record that sessions are opened by.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from schemas import codec, topics
from schemas.facts import AcquirerAnswered, AcquirerSampled, AnswerSample
from streams.agents.received import received
from streams.agents.routes import output
from streams.core.health import AcquirerWindow, sampled, to_tell, with_sample
from streams.engine.stage import (
    Logic,
    Output,
    Record,
    References,
    Stage,
    StateKind,
    View,
)

ACQUIRER = b"a"
_SAMPLES_MAX = 500  # in one record: some 10 kB


class HealthLogic(Logic):
    """One partition of health."""

    def __init__(self) -> None:
        self._samples: dict[tuple[str, str], list[AnswerSample]] = {}
        self._touched: set[bytes] = set()

    def step(self, record: Record, view: View) -> Iterable[Output]:
        if record.topic == topics.RESPONSES:
            self._answer(record)
        else:
            self._sample(record, view)
        return ()

    def _answer(self, record: Record) -> None:
        try:
            fact = codec.decode(record.value)
        except codec.NotReadable:
            return  # sessions parks it
        sample = sampled(fact) if isinstance(fact, AcquirerAnswered) else None
        if sample is not None and isinstance(fact, AcquirerAnswered):
            self._samples.setdefault((fact.tenant, fact.acquirer_id), []).append(sample)

    def _sample(self, record: Record, view: View) -> None:
        fact = received(record, AcquirerSampled)
        key = ACQUIRER + record.key
        window: AcquirerWindow = view.get(key) or AcquirerWindow(fact.tenant, fact.acquirer_id)
        for sample in fact.answers:
            window = with_sample(window, sample)
        view.put(key, window)
        self._touched.add(key)

    def finish(self, view: View) -> Iterable[Output]:
        said = [output(one) for one in self._sampled()]
        for key in sorted(self._touched):
            window: AcquirerWindow = view.get(key)
            new = to_tell(window)
            if new is not None:
                view.put(key, replace(window, told=new))
                said.append(output(new))
        return said

    def _sampled(self) -> Iterable[AcquirerSampled]:
        for (tenant, acquirer_id), samples in self._samples.items():
            for first in range(0, len(samples), _SAMPLES_MAX):
                answers = samples[first : first + _SAMPLES_MAX]
                yield AcquirerSampled(tenant=tenant, acquirer_id=acquirer_id, answers=answers)

    def committed(self, touched: Mapping[bytes, Any]) -> None:  # noqa: ARG002 - nothing is derived
        self._forget()

    def aborted(self) -> None:
        self._forget()

    def _forget(self) -> None:
        self._samples.clear()
        self._touched.clear()


@dataclass(frozen=True, kw_only=True)
class HealthStage(Stage):
    """Health as the engine runs it."""

    def open(self, partition: int, references: References) -> HealthLogic:  # noqa: ARG002 - none
        return HealthLogic()


def health_stage(partitions: int) -> HealthStage:
    return HealthStage(
        name="health",
        version=1,
        inputs=(topics.RESPONSES, topics.HEALTH_SAMPLES),
        state_topic=topics.HEALTH_STATE,
        parked_topic=topics.PARKED,
        partitions=partitions,
        kinds=(StateKind(prefix=ACQUIRER, type=AcquirerWindow),),
        barrier_topics=frozenset(),
    )
