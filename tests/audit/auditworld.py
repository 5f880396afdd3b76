"""A pipeline in memory whose topics are kept as records, and an auditor that reads them."""

from pipeline import Pipeline
from test_link_and_sessions import Day

from schemas import topics
from streams.agents.journal import edition
from streams.agents.sessions import sessions_stage
from streams.audit.auditor import Auditor
from streams.audit.shelf import Shelf
from streams.engine.stage import Record
from streams.reading import partition_of


class Recorded(Pipeline):
    """Everything that was ever on any topic, in the order of its being written."""

    def __init__(self, partitions=2, more_policy=""):
        self.records = []
        self._next = {}
        super().__init__(partitions, more_policy)

    def decided_by(self, rules):
        """From now on another edition decides; derived memory is lost, as in a deploy."""
        stage = sessions_stage(self.partitions)
        made = type(stage)(**{
            name: getattr(stage, name) for name in stage.__dataclass_fields__
        } | {"rules": rules})  # fmt: skip
        self.stages = tuple(made if one.name == "sessions" else one for one in self.stages)
        self.crash()

    def keep(self, topic, number, key, value, headers=()):
        offset = self._next.get((topic, number), 0)
        self._next[topic, number] = offset + 1
        self.records.append(Record(topic, number, offset, key, value, headers))

    def send_bytes(self, topic, key, value, partition=None, headers=()):
        raw = key.encode()
        number = partition_of(raw, self.partitions) if partition is None else partition
        self.keep(topic, number, raw, value, headers)
        super().send_bytes(topic, key, value, partition, headers)

    def _apply(self, place, logic, store, record):
        before = len(self.parked)
        super()._apply(place, logic, store, record)
        for refused, bad in self.parked[before:]:
            headers = {
                "reason": bad.reason, "topic": refused.topic,
                "partition": str(refused.partition), "offset": str(refused.offset),
            }  # fmt: skip
            told = tuple((name, value.encode()) for name, value in headers.items())
            self.keep(topics.PARKED, record.partition, refused.key, refused.value, told)


class AuditedDay(Day):
    def __init__(self, answers=True, more_policy="", **requested):
        super().__init__(answers, more_policy, **requested)
        self.pipeline = Recorded(more_policy=more_policy)


FIRST = (topics.PARKED, topics.TARIFFS, topics.POLICIES)


def references_of(pipeline):
    for topic in (topics.TARIFFS, topics.POLICIES):
        for offset, (key, value) in enumerate(pipeline.references.items(topic).items()):
            yield Record(topic, 0, offset, key, value)


def audited(pipeline, view=lambda record: record, passes=2, rules=None):
    """The report of the last pass over all that there is, as `view` shows it (None: not at all)."""
    auditor = Auditor(Shelf(), rules or edition())
    ends = {(one.topic, one.partition): one.offset + 1 for one in pipeline.records}
    shown = [one for one in map(view, pipeline.records) if one is not None]
    known = [one for one in shown if one.topic in auditor._take]
    ordered = [one for one in known if one.topic in FIRST]
    ordered += [one for one in known if one.topic == topics.TRANSACTIONS]
    ordered += [one for one in known if one.topic not in (*FIRST, topics.TRANSACTIONS)]
    for record in (*references_of(pipeline), *ordered):
        auditor.take(record)
        auditor.advance()
    for _ in range(passes):
        report = auditor.settle(ends, ends)
    return report
