"""The auditor beside the real stages: in order, and every command that it is not shown, found."""

import asyncio
import json
import re
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import msgspec
import psutil
import pytest
from shell import Shell

from schemas import codec, topics
from streams.audit.auditor import ORDERS
from streams.audit.checkpoint import Checkpoints, open_shelf
from streams.audit.reading import Scope
from streams.audit.run import follow, once
from streams.demo.scenery import CHAIN, RECEIPTS

pytestmark = [pytest.mark.broker, pytest.mark.timeout(600)]

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
    policy = tmp_path_factory.mktemp("policy") / "policy.toml"
    policy.write_text(POLICY_FILE.read_text() + RECEIPTS)
    return Shell(
        tmp_path_factory.mktemp("state"),
        HOLDFAST_CLOCK__SOURCE="replay",
        HOLDFAST_POLICY_FILE=str(policy),
        HOLDFAST_AUDIT__PERIOD_S="2",
    )


@pytest.fixture(scope="module")
def bootstrap(shell):
    """`up` with the auditor beside it, and a day replayed."""
    process = shell.start("up")
    file = shell.state_dir / "kafka.bootstrap"
    deadline = time.monotonic() + 180
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


def _scope(bootstrap):
    return Scope(bootstrap=bootstrap, app_id="holdfast", partitions=4)


def _audited(bootstrap, view=None):
    return asyncio.run(once(_scope(bootstrap), view))


class AfterOnePass(asyncio.Event):
    """Set as soon as it is waited for, which is after a whole pass."""

    async def wait(self):
        self.set()
        return True


def _one_pass(bootstrap, file):
    following = follow(_scope(bootstrap), 600, AfterOnePass(), checkpoint=file)
    return asyncio.run(following)


def test_what_the_real_stages_did_is_in_order(shell, bootstrap):
    report = shell.json("audit", "--once")
    assert report["findings"] == []
    assert report["in_order"]
    assert report["sessions"] == SESSIONS
    assert report["only_followed"] == {}
    for flow in report["flows"].values():
        told = flow["applied"] + flow["repeated"] + flow["parked"] + flow["waiting"]
        assert flow["taken"] == told


def test_the_one_beside_the_pipeline_has_nothing_to_say(shell, bootstrap):
    log = (shell.state_dir / "logs" / "audit.log").read_text()
    assert "audit finding" not in log
    assert "Traceback" not in log


def test_up_simulates_a_fiscal_service_for_the_chains_of_the_policy(shell, bootstrap):
    accounts = json.loads((shell.state_dir / "fiscal-accounts.json").read_text())
    assert list(accounts) == [CHAIN]
    assert httpx.get(f"{accounts[CHAIN]['base_url']}/journal", trust_env=False).json() == []
    assert "fiscal executor ready" in (shell.state_dir / "logs" / "fiscal.log").read_text()


def _begun(shell):
    log = (shell.state_dir / "logs" / "audit.log").read_text()
    return [int(passes) for passes in re.findall(r"audit begins.*passes\S*?(\d+)\x1b?", log)]


def test_the_one_beside_the_pipeline_is_killed_and_goes_on(shell, bootstrap):
    (running,) = [
        one
        for one in psutil.process_iter(["cmdline", "environ"])
        if "audit" in (one.info["cmdline"] or ())
        and (one.info["environ"] or {}).get("HOLDFAST_STATE_DIR") == str(shell.state_dir)
    ]
    before = _begun(shell)
    running.kill()
    deadline = time.monotonic() + 180
    while _begun(shell) == before:
        assert time.monotonic() < deadline
        time.sleep(0.5)
    assert before[0] == 0 < _begun(shell)[-1]


def _beyond(file, bootstrap):
    """Where the topics of this name are shorter than what was read of them."""
    shelf = open_shelf(file)
    cluster = msgspec.msgpack.decode(shelf.read("checkpoint", ""))["cluster"]
    checkpoints = Checkpoints(shelf, cluster)
    found = checkpoints.read()
    positions = {place: at + 1_000_000 for place, at in found.positions.items()}
    checkpoints.keep(positions, found.memory)
    shelf.close()


DAMAGES = {
    "no database": lambda file, _: file.write_bytes(b"garbage" * 1000),
    "gone": lambda file, _: file.unlink(),
    "another place": _beyond,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_from_its_checkpoint_it_goes_on_and_without_it_from_the_beginning(
    bootstrap, tmp_path, damage
):
    file = tmp_path / "audit" / "checkpoint.sqlite"
    first = _one_pass(bootstrap, file)
    assert (first.passes, first.sessions, first.in_order) == (1, SESSIONS, True)
    again = _one_pass(bootstrap, file)
    assert again == msgspec.structs.replace(first, passes=2)
    DAMAGES[damage](file, bootstrap)
    anew = _one_pass(bootstrap, file)
    # Which watch a reading was compared with goes by the order in which topics were read.
    assert msgspec.structs.replace(anew, crossings=first.crossings) == first


def test_every_command_that_is_hidden_or_changed_in_its_view_is_found(bootstrap):
    hidden, changed, named = set(), set(), set()

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
        if number == 2 and record.topic == topics.COMMANDS:  # and is missing under its own name
            named.add(fact.command_id)
            other = msgspec.structs.replace(fact, command_id=f"{fact.command_id}9")
            other = msgspec.structs.replace(other, body_hash=codec.body_hash(other))
            return msgspec.structs.replace(record, value=codec.encode(other))
        return record

    report = _audited(bootstrap, view)
    assert hidden
    assert changed
    assert named
    extra = {one.what for one in report.findings if one.kind == "extra"}
    assert extra == {f"{one}9" for one in named}
    assert {one.what for one in report.findings if one.kind == "missing"} == hidden | named
    assert {one.what for one in report.findings if one.kind == "changed"} == changed
    assert len(report.findings) == len(hidden) + len(changed) + 2 * len(named)


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
