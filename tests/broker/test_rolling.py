"""A rolling upgrade as real processes: two programs of different rules over the same open sessions.

The older program is a copy of this one with one rule changed, so that its edition is another, too:
a second process of sessions runs it, owns half of the partitions, and halfway through the day it
makes way for today's.
"""

import asyncio
import json
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiokafka import TopicPartition
from shell import Shell

from schemas import codec, topics
from schemas.commands import PlaceHold
from streams.agents.journal import edition
from streams.audit.following import OTHER_EDITION
from streams.reading import reader

pytestmark = [pytest.mark.broker, pytest.mark.timeout(600)]

ROOT = Path(__file__).parents[2]
POLICY_FILE = ROOT / "tests" / "policies" / "matrix.toml"
PARTITIONS = 4
SESSIONS = 16
MORE_MINOR = 100
# Older rules asked for more at the first hold, and raised by more.
OLDER_RULE = f"""

_todays_pin = pin


def pin(request, tariff_body, policy, health):
    pinned = _todays_pin(request, tariff_body, policy, health)
    if pinned.choice is None:
        return pinned
    names = ("first_minor", "step_minor")
    more = {{one: getattr(pinned.choice, one) + {MORE_MINOR} for one in names}}
    return replace(pinned, choice=replace(pinned.choice, **more))
"""
HEADER = "session,evse,power_type,arrival,charging_end,departure,energy_wh,power_max_w,readings"
BEGIN = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
REPLAY = ("replay", "--window-minutes", "0", "--json")
_PATIENCE_S = 120


def _row(number):
    arrival = BEGIN + timedelta(minutes=number)
    left = arrival + timedelta(minutes=12)
    return f"s-{number},E{number},DC,{arrival.isoformat()},,{left.isoformat()},25000,90000,"


@pytest.fixture(scope="module")
def older(tmp_path_factory):
    """The program as it was: the same but for one rule."""
    folder = tmp_path_factory.mktemp("older")
    for name in ("streams", "schemas", "connectors"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    with (folder / "streams" / "core" / "opening.py").open("a") as rules:
        rules.write(OLDER_RULE)
    return folder


def _until(ask, otherwise):
    until_s = time.monotonic() + _PATIENCE_S
    while not (found := ask()):
        assert time.monotonic() < until_s, otherwise
        time.sleep(1)
    return found


class Roll:
    """`up` of today's rules, and beside it a process of sessions that changes its program."""

    def __init__(self, folder):
        self.shell = Shell(
            folder,
            HOLDFAST_CLOCK__SOURCE="replay",
            HOLDFAST_POLICY_FILE=str(POLICY_FILE),
            HOLDFAST_AUDIT__PERIOD_S="2",
        )
        self.up = self.shell.start("up")
        file = folder / "kafka.bootstrap"
        _until(file.exists, "no broker")
        self.bootstrap = file.read_text()
        self.shell.environment["HOLDFAST_KAFKA__BOOTSTRAP"] = self.bootstrap

    def work(self, program):
        """A second process of sessions, of the program in this folder, until it has partitions."""
        log = self.shell.state_dir / f"sessions-1-of-{program.name}.log"
        with log.open("wb") as told:
            worker = subprocess.Popen(
                [sys.executable, "-m", "streams", "worker", "--stage", "sessions", "--slot", "1"],
                env=self.shell.environment, cwd=program, stdout=told, stderr=told,
            )  # fmt: skip
        _until(lambda: _has_partitions(log), "sessions-1 gets no partitions")
        return worker

    def told(self, topic):
        return asyncio.run(_told(self.bootstrap, topic))

    def end(self):
        self.up.terminate()
        self.up.wait(60)
        self.up.stderr.close()


def _has_partitions(log):
    told = re.findall(r"assigned partitions \[(.*)\]", log.read_text(errors="replace"))
    return bool(told and told[-1])


async def _told(bootstrap, topic):
    parts = [TopicPartition(topic, number) for number in range(PARTITIONS)]
    facts = []
    async with reader(bootstrap) as consumer:
        ends = await consumer.end_offsets(parts)
        consumer.assign(parts)
        await consumer.seek_to_beginning(*parts)
        for part in parts:
            while await consumer.position(part) < ends[part]:
                found = await consumer.getmany(part, timeout_ms=500)
                facts += [codec.decode(one.value) for ones in found.values() for one in ones]
    return facts


@pytest.fixture(scope="module")
def rolled(older, tmp_path_factory):
    folder = tmp_path_factory.mktemp("state")
    day = folder / "day.csv"
    day.write_text("\n".join([HEADER, *map(_row, range(SESSIONS))]) + "\n")
    roll = Roll(folder)
    try:
        worker = roll.work(older)
        with (folder / "replay.json").open("w") as told:
            replay = subprocess.Popen(
                [sys.executable, "-m", "streams", *REPLAY, str(day)],
                env=roll.shell.environment, stdout=told, stderr=subprocess.DEVNULL,
            )  # fmt: skip
            _until(lambda: _opened(roll) > SESSIONS // 2, "no sessions")
            worker.terminate()
            worker.wait(60)
            worker = roll.work(ROOT)
            assert replay.wait(300) == 0
        roll.closed = json.loads((folder / "replay.json").read_text().splitlines()[-1])["closed"]
        yield roll
        worker.terminate()
        worker.wait(60)
    finally:
        roll.end()


def _opened(roll):
    return sum(isinstance(one, PlaceHold) for one in roll.told(topics.COMMANDS))


def test_every_session_ends_and_no_command_is_said_twice_or_in_two_ways(rolled):
    assert rolled.closed == SESSIONS
    commands = [one for one in rolled.told(topics.COMMANDS) if hasattr(one, "command_id")]
    assert set(Counter(one.command_id for one in commands).values()) == {1}
    issued = [one for journal in rolled.told(topics.JOURNAL) for one in journal.issued]
    assert {one.command_id for one in commands} <= {*issued}
    assert len(issued) == len({*issued})


def test_both_programs_decided_and_what_the_older_one_had_opened_stayed_as_it_was(rolled):
    journals = rolled.told(topics.JOURNAL)
    rules = {}
    for one in journals:
        rules.setdefault(one.session_id, []).append(one.rules)
    (before,) = {one for ones in rules.values() for one in ones} - {edition()}
    mixed = [one for one, ones in rules.items() if ones[0] == before and ones[-1] == edition()]
    assert mixed
    holds = {
        one.session_id: one.amount_minor
        for one in rolled.told(topics.COMMANDS)
        if isinstance(one, PlaceHold)
    }
    opened = {
        rule: {holds[one] for one, ones in rules.items() if ones[0] == rule}
        for rule in (before, edition())
    }
    assert not opened[before] & opened[edition()]
    assert opened[edition()] & {one - MORE_MINOR for one in opened[before]}


def test_the_auditor_beside_it_has_no_alarm_and_neither_has_one_look(rolled):
    report = rolled.shell.json("audit", "--once")
    assert report["findings"] == []
    assert report["sessions"] == SESSIONS
    assert 0 < report["only_followed"][OTHER_EDITION] < SESSIONS
    assert report["commands_of_others"] > 0
    log = (rolled.shell.state_dir / "logs" / "audit.log").read_text()
    assert "audit begins" in log
    assert "audit finding" not in log
    assert "Traceback" not in log
