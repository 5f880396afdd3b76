"""A rolling upgrade, partition by partition, over open sessions: the rules of the two differ.

Issued commands are facts: the new worker takes over what the old one said, and neither the auditor
of the old edition nor that of the new one has an alarm.
"""

import msgspec
import pytest
from auditworld import Recorded, audited
from test_link_and_sessions import T0, Day, request

from schemas import codec, ids, topics
from schemas.commands import Command
from schemas.facts import ChargingEnded, ChargingStarted, MeterReading
from streams.agents.journal import edition
from streams.agents.sessions import SessionsLogic, sessions_stage
from streams.audit.following import OTHER_EDITION
from streams.core import opening, pipe

MINUTE = 60_000
OLDER = "older"
CARS = 8
UPGRADED = {0: 12, 1: 24}  # partition: the minute at which its worker is the new one


class Rolling(Day):
    """A car every three minutes, an hour each; two workers, upgraded one after the other.

    What differs of the old rules is the `field` that a session is opened with.
    """

    def __init__(self, field):
        super().__init__()
        self.pipeline = Recorded()
        self.pipeline.decided_by(OLDER)
        self.field = field
        self.rules = OLDER

    def pin(self, *known):
        pinned = opening.pin(*known)
        if self.rules != OLDER:
            return pinned
        more = {self.field: getattr(pinned.choice, self.field) + 100}
        return msgspec.structs.replace(
            pinned, choice=msgspec.structs.replace(pinned.choice, **more)
        )

    def upgrade(self, number):
        """This partition's worker ends, and the new one restores what it had committed."""
        older = self.pipeline.logics
        made = sessions_stage(self.pipeline.partitions)
        self.pipeline.stages = tuple(
            made if one.name == "sessions" else one for one in self.pipeline.stages
        )
        self.pipeline.crash()
        kept = {place: logic for place, logic in older.items() if place != ("sessions", number)}
        self.pipeline.logics |= kept

    def car(self, number, minute):
        """What its charger says in this minute, if it is there at all."""
        since = minute - 3 * number
        at, charger = T0 + minute * MINUTE, {"charger_id": f"c{number}", "transaction_id": "x"}
        place = {"tenant": "t", "network": "n", "evse_uid": "e"} | charger
        session_id = ids.session_id("t", "p", f"ref-{number}")
        key = ids.charger_key("t", "n", f"c{number}")
        energy = {"seq": since, "energy_wh": 1000 + 1000 * since}
        if since == 0:
            asked = request(
                self.pipeline, session_id=session_id, authorization_reference=f"ref-{number}",
                charger_id=f"c{number}", requested_at=at, funding="debit",
                card_token=f"tok{number}",
            )  # fmt: skip
            self.pipeline.send(topics.REQUESTS, session_id, asked)
        elif since == 1:
            began = ChargingStarted(
                **place, **energy, remote_start_id=ids.remote_start_id(session_id),
                payment_kind="card", offline=False, started_at=at,
            )  # fmt: skip
            self.pipeline.send(topics.TRANSACTIONS, key, began)
        elif since in range(2, 60):
            told = MeterReading(**place, **energy, power_w=60_000, read_at=at)
            self.pipeline.send(topics.READINGS, key, told)
        elif since == 60:
            ended = ChargingEnded(
                **place, **energy, reason="Local", offline=False, ended_at=at
            )  # fmt: skip
            self.pipeline.send(topics.TRANSACTIONS, key, ended)

    def roll(self, *, upgraded=True):
        for minute in range(3 * CARS + 64):
            for number, at in UPGRADED.items():
                if upgraded and at == minute:
                    self.upgrade(number)
            for number in range(CARS):
                self.car(number, minute)
            self.tick(T0 + minute * MINUTE)


@pytest.fixture
def rolled(monkeypatch):
    """Rolled days by the field that differs; the rules of a partition are its worker's."""
    plain = SessionsLogic.step

    def day(field, **how):
        one = Rolling(field)

        def step(logic, record, view):
            one.rules = logic._journal._rules
            return plain(logic, record, view)

        monkeypatch.setattr(SessionsLogic, "step", step)
        monkeypatch.setattr(pipe, "pin", one.pin)
        one.roll(**how)
        return one

    return day


def commands(day):
    """What was issued, by id: the bodies, but for the edition there is nothing else to differ."""
    said = [codec.decode(one.value) for one in day.pipeline.records if one.topic == topics.COMMANDS]
    return [one for one in said if isinstance(one, Command)]


FIELDS = pytest.mark.parametrize("field", ["first_minor", "step_minor"])


@FIELDS
def test_what_the_old_worker_issued_is_neither_repeated_nor_changed(rolled, field):
    day = rolled(field)
    issued = [one.command_id for one in commands(day)]
    assert len(issued) == len({*issued}) > 3 * CARS
    phases = {
        one.session_id: one.phase for one in day.pipeline.said[topics.LEDGER]
    }  # the newest of each
    assert [*phases.values()] == ["closed"] * CARS
    left = rolled(field, upgraded=False)
    opened_by_older = {one.session_id for one in commands(left)[:4]}
    ours, theirs = (
        [one for one in commands(each) if one.session_id in opened_by_older] for each in (day, left)
    )
    assert ours == theirs


@FIELDS
def test_the_auditor_of_the_new_edition_has_no_alarm_and_counts_what_it_only_follows(rolled, field):
    day = rolled(field)
    day.rules = edition()
    report = audited(day.pipeline)
    assert report.findings == []
    assert 0 < report.only_followed[OTHER_EDITION] < CARS == report.sessions
    assert 0 < report.commands_of_others < len(commands(day))


@FIELDS
def test_the_auditor_of_the_old_edition_left_running_has_none_either(rolled, field):
    day = rolled(field)
    day.rules = OLDER
    report = audited(day.pipeline, rules=OLDER)
    assert report.findings == []
    assert report.only_followed[OTHER_EDITION] < CARS
