"""The auditor beside the real stages: in order, and every command that it is not shown, found."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from shell import Shell

from schemas import codec, topics
from streams.audit.auditor import ORDERS
from streams.audit.reading import Scope
from streams.audit.run import once

pytestmark = [pytest.mark.broker, pytest.mark.timeout(400)]

# The tests' own: operators change the shipped one.
POLICY_FILE = Path(__file__).parents[1] / "policies" / "matrix.toml"
HEADER = "session,evse,power_type,arrival,charging_end,departure,energy_wh,power_max_w,readings"
BEGIN = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
SESSIONS = 12


def _row(number):
    arrival = BEGIN + timedelta(seconds=20 * number)
    left = arrival + timedelta(minutes=9 + number)
    return f"s-{number},E{number},DC,{arrival.isoformat()},,{left.isoformat()},15000,90000,"


@pytest.fixture(scope="module")
def shell(tmp_path_factory):
    return Shell(
        tmp_path_factory.mktemp("state"),
        HOLDFAST_CLOCK__SOURCE="replay",
        HOLDFAST_POLICY_FILE=str(POLICY_FILE),
        HOLDFAST_AUDIT__PERIOD_S="2",
    )


@pytest.fixture(scope="module")
def bootstrap(shell):
    """`up` with the auditor beside it, and a day replayed."""
    process = shell.start("up")
    file = shell.state_dir / "kafka.bootstrap"
    deadline = time.monotonic() + 120
    while not file.exists():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.2)
    day = shell.state_dir / "day.csv"
    day.write_text("\n".join([HEADER, *map(_row, range(SESSIONS))]) + "\n")
    assert shell.json("replay", str(day), "--window-minutes", "0")["closed"] == SESSIONS
    yield file.read_text()
    process.terminate()
    process.wait(60)
    process.stderr.close()


def _audited(bootstrap, view=None):
    scope = Scope(bootstrap=bootstrap, app_id="holdfast", partitions=4)
    return asyncio.run(once(scope, view))


def test_what_the_real_stages_did_is_in_order(shell, bootstrap):
    report = shell.json("audit", "--once")
    assert report["findings"] == []
    assert report["in_order"]
    assert report["sessions"] == SESSIONS
    assert report["only_followed"] == {}
    for flow in report["flows"].values():
        assert flow["taken"] == flow["applied"] + flow["parked"] + flow["waiting"]


def test_the_one_beside_the_pipeline_has_nothing_to_say(shell, bootstrap):
    log = (shell.state_dir / "logs" / "audit.log").read_text()
    assert "audit finding" not in log
    assert "Traceback" not in log


def test_every_command_that_is_hidden_or_changed_in_its_view_is_found(bootstrap):
    hidden, changed = set(), set()

    def view(record):
        if record.topic not in ORDERS:
            return record
        fact = codec.decode(record.value)
        number = sum(fact.command_id.encode()) % 7
        if number == 0:
            hidden.add(fact.command_id)
            return None
        if number == 1 and record.topic == topics.COMMANDS:
            changed.add(fact.command_id)
            other = msgspec.structs.replace(fact, amount_minor=fact.amount_minor + 1)
            return msgspec.structs.replace(record, value=codec.encode(other))
        return record

    report = _audited(bootstrap, view)
    assert hidden
    assert changed
    assert {one.what for one in report.findings if one.kind == "missing"} == hidden
    assert {one.what for one in report.findings if one.kind == "changed"} == changed
    assert len(report.findings) == len(hidden) + len(changed)


def test_a_command_is_said_again_by_its_id_and_then_is_one_too_many(shell, bootstrap):
    """Last: it leaves the topics with a finding."""
    seen = []

    def view(record):
        if record.topic == topics.COMMANDS:
            seen.append(codec.decode(record.value).command_id)
        return record

    _audited(bootstrap, view)
    assert not shell.json("audit", "--emit", seen[0])["sent"]
    assert shell.json("audit", "--emit", seen[0], "--yes")["topic"] == topics.COMMANDS
    (found,) = shell.json("audit", "--once", expect=1)["findings"]
    assert (found["kind"], found["what"]) == ("extra", seen[0])
    nothing = shell.json("audit", "--emit", "f" * 32 + "/hold/1", expect=1)
    assert "has no" in nothing["error"]
