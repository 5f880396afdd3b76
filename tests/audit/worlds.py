"""Worlds of the simulation whose topics are kept as records, faults and crashes and all."""

import random

from auditworld import FIRST, references_of

from schemas import topics
from streams.agents.fiscal import fiscal_stage
from streams.agents.journal import edition
from streams.agents.link import link_stage
from streams.agents.sessions import sessions_stage
from streams.audit.auditor import Auditor
from streams.audit.shelf import Shelf
from streams.engine.stage import Record
from streams.reading import partition_of
from streams.simulation.plans import plan_of
from streams.simulation.world import World, tables_of

_READ = {name for make in (link_stage, sessions_stage, fiscal_stage) for name in make(1).inputs}


class RecordedWorld(World):
    """`records`: everything that was ever on any topic, in the order of its being written.

    `rests`: how many there were each time that nothing waited anywhere.
    """

    def __init__(self, seed):
        super().__init__(plan_of(seed))
        self.records = []
        self._next = {}
        self.rests = []
        self._parked = 0
        self._send = self.turns.send_bytes
        self.turns.send_bytes = self._sent

    def _run(self):
        super()._run()
        for one in self.turns.parked[self._parked :]:
            place = {
                "reason": one.reason, "topic": one.topic,
                "partition": str(one.partition), "offset": str(one.offset),
            }  # fmt: skip
            headers = tuple((name, value.encode()) for name, value in place.items())
            self._keep(topics.PARKED, one.partition, one.key, b"", headers)
        self._parked = len(self.turns.parked)
        self.rests.append(len(self.records))

    def lived(self):
        self.live()
        self._run()
        return self

    @property
    def partitions(self):
        return self.plan.partitions

    @property
    def references(self):
        return tables_of(self.plan.operator, self.plan.receipts)

    def _sent(self, topic, key, value, partition=None):
        place = self._send(topic, key, value, partition)
        self.records.append(Record(*place, key, value))
        return place

    def _said(self, output):
        if output.topic not in _READ:
            key = output.key or b""
            number = partition_of(key, self.partitions)
            number = number if output.partition is None else output.partition
            self._keep(output.topic, number, key, output.value, output.headers)
        if output.topic not in (topics.PARKED, topics.APPLIED):
            super()._said(output)

    def _keep(self, topic, number, key, value, headers=()):
        offset = self._next.get((topic, number), 0)
        self._next[topic, number] = offset + 1
        self.records.append(Record(topic, number, offset, key, value, headers))


_OF_LINK = (topics.READINGS, topics.TRANSACTIONS)


class Followed:
    """An auditor beside a world that lives: pass after pass, link standing now and then behind."""

    def __init__(self, world, passes):
        self.world = world
        self.chance = random.Random(world.plan.seed)
        rests = self.chance.sample(world.rests, min(passes, len(world.rests)))
        self.cuts = [*sorted(rests), len(world.records), len(world.records)]
        self.auditor = Auditor(Shelf(), edition())
        for record in references_of(world):
            self.auditor.take(record)

    def findings(self):
        """Whatever was found in any pass."""
        begin, waiting, before, found = 0, [], {}, set()
        for end in self.cuts:
            fresh = self.world.records[begin:end]
            ends = before | {(one.topic, one.partition): one.offset + 1 for one in fresh}
            is_behind = end < len(self.world.records) and self.chance.random() < 0.5
            link = before if is_behind else ends
            waiting = self._pass([*waiting, *fresh], link)
            found |= {*self.auditor.settle(link, link).findings}
            begin, before = end, ends
        return found

    def _pass(self, records, link):
        """What link has not applied is not read yet."""
        later = [
            one
            for one in records
            if one.topic in _OF_LINK and one.offset >= link.get((one.topic, one.partition), 0)
        ]
        held = {id(one) for one in later}
        known = [one for one in records if one.topic in self.auditor._take and id(one) not in held]
        for order in (FIRST, (topics.TRANSACTIONS,)):
            for record in known:
                if record.topic in order:
                    self.auditor.take(record)
        for record in known:
            if record.topic not in (*FIRST, topics.TRANSACTIONS):
                self.auditor.take(record)
                self.auditor.advance()
        return later
