"""The auditor's own restarts: it goes on as if nothing had been, or begins from the beginning."""

import random
import sqlite3

import pytest
from auditworld import FIRST, AuditedDay, references_of

from schemas import topics
from streams.agents.journal import edition
from streams.audit.auditor import ORDERS, Auditor
from streams.audit.checkpoint import Checkpoints, discard, open_shelf
from streams.audit.shelf import Shelf, ShelfDamaged


@pytest.fixture(scope="module")
def day():
    day = AuditedDay(funding="debit")
    day.charge(minutes=60)
    return day


def in_order(pipeline, known):
    shown = [one for one in pipeline.records if one.topic in known]
    first = [one for one in shown if one.topic in FIRST]
    second = [one for one in shown if one.topic == topics.TRANSACTIONS]
    return [*first, *second, *(one for one in shown if one.topic not in (*FIRST, second[0].topic))]


class Killable:
    """An auditor over a file, which can be forgotten at any record and begun again."""

    def __init__(self, path, day, cluster="ours"):
        self.path = path
        self.pipeline = day.pipeline
        self.cluster = cluster
        self.rules = edition()
        self.begin()

    def begin(self):
        self.shelf = open_shelf(self.path)
        self.checkpoints = Checkpoints(self.shelf, self.cluster)
        found = self.checkpoints.read()
        self.positions = found.positions
        self.auditor = Auditor(self.shelf, self.rules, found.memory)
        for record in references_of(self.pipeline):
            self.auditor.take(record)

    def kill(self):
        """Nothing is flushed, nothing is said: the file is as the last commit left it."""
        self.shelf.close()
        self.begin()

    def take(self, record):
        place = (record.topic, record.partition)
        if record.offset >= self.positions.get(place, 0):
            self.auditor.take(record)
            self.auditor.advance()
            self.positions[place] = record.offset + 1

    def keep(self):
        self.auditor.flush()
        self.checkpoints.keep(self.positions, self.auditor.memory)

    def settle(self):
        ends = {(one.topic, one.partition): one.offset + 1 for one in self.pipeline.records}
        return self.auditor.settle(ends, ends)


def audited(world, records, chance=None):
    """The report of two passes. With `chance`, kept now and then, and killed twice as often."""
    for record in [*records]:
        world.take(record)
        if chance is not None and chance.random() < 0.1:
            world.keep()
        if chance is not None and chance.random() < 0.2:
            world.kill()
            for again in records:  # whoever reads goes on from the place that was kept
                if again is record:
                    break
                world.take(again)
            world.take(record)
    world.settle()
    if chance is not None:
        world.keep()
        world.kill()
    return world.settle()


@pytest.mark.parametrize("seed", range(4))
def test_killed_at_any_record_it_says_what_an_unbroken_one_says(tmp_path, day, seed):
    records = in_order(day.pipeline, Auditor(Shelf(), "")._take)
    chance = random.Random(seed)
    hidden = chance.choice([one for one in records if one.topic in ORDERS])
    shown = [one for one in records if one is not hidden]
    unbroken = audited(Killable(tmp_path / "unbroken", day), shown)
    broken = audited(Killable(tmp_path / "broken", day), shown, chance)
    assert broken == unbroken
    assert [one.kind for one in unbroken.findings] == ["missing"]


def kept(tmp_path, day):
    world = Killable(tmp_path / "audit", day)
    for record in in_order(day.pipeline, world.auditor._take):
        world.take(record)
    world.settle()
    world.keep()
    world.shelf.close()
    return world


def test_a_flipped_bit_anywhere_in_what_is_kept_is_found(tmp_path, day):
    world = kept(tmp_path, day)
    with sqlite3.connect(world.path) as database:
        for name, key, value in database.execute("SELECT * FROM kept").fetchall():
            at = len(value) // 2
            other = value[:at] + bytes([value[at] ^ 4]) + value[at + 1 :]
            row = (other, name, key)
            database.execute("UPDATE kept SET value = ? WHERE name = ? AND key = ?", row)
    database.close()
    shelf = open_shelf(world.path)
    with pytest.raises(ShelfDamaged):
        Checkpoints(shelf, "ours").read()
    with pytest.raises(ShelfDamaged):
        through(Auditor(shelf, edition()), day)
    shelf.close()


def through(auditor, day):
    for record in in_order(day.pipeline, auditor._take):
        auditor.take(record)
        auditor.advance(final=True)


def test_what_is_no_database_any_more_is_begun_anew(tmp_path, day):
    world = kept(tmp_path, day)
    world.path.write_bytes(b"\x00nothing of SQLite's" * 400)
    world.begin()
    assert world.positions == {}
    report = audited(world, in_order(day.pipeline, world.auditor._take))
    assert report.in_order
    assert report.sessions == 1


def test_of_another_cluster_it_is_not_believed(tmp_path, day):
    world = kept(tmp_path, day)
    world.cluster = "theirs"
    with pytest.raises(ShelfDamaged, match="ours"):
        world.begin()
    world.shelf.close()
    discard(world.path)
    world.begin()
    assert world.positions == {}
    world.shelf.close()


def test_one_auditor_at_a_time_has_it_and_the_other_keeps_none(tmp_path, day):
    world = kept(tmp_path, day)
    world.begin()
    other = open_shelf(world.path)
    assert other.path is None
    other.close()
    world.shelf.close()


def test_after_an_upgrade_it_goes_on_and_what_the_old_one_verified_stays_so(tmp_path, day):
    """The state that it goes on from is an older edition's: a difference is no alarm."""
    records = in_order(day.pipeline, Auditor(Shelf(), "")._take)
    world = Killable(tmp_path / "audit", day)
    half = len(records) // 2
    for record in records[:half]:
        world.take(record)
    world.keep()
    world.rules = "newer"
    world.kill()
    for record in records[half:]:
        world.take(record)
    world.settle()
    report = world.settle()
    assert report.findings == []
    assert report.only_followed == {}
