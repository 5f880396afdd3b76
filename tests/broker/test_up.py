"""`holdfast up` as a user runs it: one owner, bad input set aside and sent again, a clean end."""

import asyncio
import json
import signal
import time

import psutil
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from shell import Shell

from schemas import codec, ids, topics
from schemas.facts import AcquirerAnswered
from streams.cli import answers
from streams.reading import records_of

pytestmark = [pytest.mark.broker, pytest.mark.timeout(600)]

DAY = (
    "session,evse,power_type,arrival,charging_end,departure,energy_wh,power_max_w,readings\n"
    "s-1,E1,DC,2026-01-05T08:00:00,,2026-01-05T08:12:00,15000,90000,\n"
    "s-2,E2,DC,2026-01-05T08:01:00,,2026-01-05T08:20:00,25000,90000,\n"
)


@pytest.fixture(scope="module")
def shell(tmp_path_factory):
    return Shell(tmp_path_factory.mktemp("state"), HOLDFAST_CLOCK__SOURCE="replay")


@pytest.fixture
def day(tmp_path):
    file = tmp_path / "day.csv"
    file.write_text(DAY)
    return file


@pytest.fixture(scope="module")
def up(shell):
    process = shell.start("up")
    bootstrap = shell.state_dir / "kafka.bootstrap"
    deadline = time.monotonic() + 180
    while not bootstrap.exists():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.2)
    yield process
    if process.poll() is None:
        process.kill()
    process.stderr.close()
    process.wait()


async def _send(bootstrap, *records):
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all")
    await producer.start()
    try:
        for topic, key, value in records:
            await producer.send_and_wait(topic, value, key.encode())
    finally:
        await producer.stop()


def _waits_for(condition, seconds=180):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.5)
    raise AssertionError("it did not come to pass")


def test_recorded_sessions_are_replayed_into_the_running_pipeline(shell, up, day):
    assert shell.json("replay", str(day), "--window-minutes", "0")["closed"] == 2
    answer = _waits_for(
        lambda: [
            row
            for row in shell.json("query", "SELECT phase, priced_minor FROM v_session_money")[
                "rows"
            ]
            if row[0] == "closed"
        ]
    )
    assert len(answer) == 2
    assert any(int(priced) > 0 for _, priced in answer), "the other card may be declined"


def test_the_same_file_can_be_replayed_again_later(shell, up, day):
    assert shell.json("replay", str(day), "--window-minutes", "0")["closed"] == 2


async def _newest(bootstrap, topic):
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, isolation_level="read_committed")
    await consumer.start()
    try:
        return {
            record.key.decode(): codec.decode(record.value)
            async for record in records_of(consumer, topic, [0])
        }
    finally:
        await consumer.stop()


def test_how_acquirers_answer_is_told(shell, up):
    bootstrap = (shell.state_dir / "kafka.bootstrap").read_text()
    told = _waits_for(lambda: asyncio.run(_newest(bootstrap, topics.HEALTH)))
    for key, record in told.items():
        assert key == ids.acquirer_key(record.tenant, record.acquirer_id)
        assert record.answers >= record.approved + record.declined + record.technical > 0


def test_bad_input_is_set_aside_with_its_bytes_and_its_neighbours_go_on(shell, up):
    bootstrap = (shell.state_dir / "kafka.bootstrap").read_text()
    stranger = ids.session_id("demo", "p", "nobody")
    answer = codec.encode(
        AcquirerAnswered(
            tenant="demo", session_id=stranger, command_id=f"{stranger}/hold/1", kind="hold",
            hold_id=f"{stranger}/hold/1", acquirer_id="sim-total", outcome="done",
            amount_minor=100, currency="CHF", source="webhook", answered_at=1_767_600_000_000,
        )
    )  # fmt: skip
    bad = [
        (topics.REQUESTS, "k1", b"\x01\x02no avro"),
        (topics.RESPONSES, stranger, answer[:-4]),
        (topics.RESPONSES, stranger, answer.replace(b"CHF", b"QQQ")),
        (topics.READINGS, "a/b/c", b"\xc3\x01" + b"\x00" * 20),
    ]
    asyncio.run(_send(bootstrap, *bad, (topics.RESPONSES, stranger, answer)))
    listed = _waits_for(
        lambda: found if len(found := shell.json("parked", "list")["parked"]) >= 4 else None
    )
    assert sorted(one["reason"] for one in listed) == [
        "undecodable",
        "undecodable",
        "unknown-currency",
        "unknown-record",
    ]
    shown = {
        one["ref"]: bytes.fromhex(shell.json("parked", "show", one["ref"])["value_hex"])
        for one in listed
    }
    assert sorted(shown.values()) == sorted(value for _, _, value in bad)
    ref = next(one["ref"] for one in listed if one["reason"] == "unknown-currency")
    assert shell.json("parked", "retry", ref) == {"ref": ref, "sent": False}
    assert shell.json("parked", "retry", ref, "--yes") == {"ref": ref, "sent": True}
    again = _waits_for(
        lambda: found if len(found := shell.json("parked", "list")["parked"]) >= 5 else None
    )
    assert [one["ref"] for one in again if one["retried"]] == [ref]


def test_a_replay_says_which_requests_were_set_aside_and_ends(shell, up, day):
    done = shell.done(
        "replay", str(day), "--window-minutes", "0", "--json", HOLDFAST_TENANT="nobody"
    )
    assert done.returncode == 1, done.stderr
    body = json.loads(done.stdout.splitlines()[-1])
    assert body["closed"] == 0
    assert len(body["parked"]) == 2
    assert all(": no-policy tenant: " in one for one in body["parked"])
    assert done.stderr.count("parked: ") == 2


def test_garbage_among_tariffs_and_policies_stops_nobody(shell, up, day):
    bootstrap = (shell.state_dir / "kafka.bootstrap").read_text()
    garbage = [(topic, "demo/x/1", b"\x00garbage") for topic in (topics.POLICIES, topics.TARIFFS)]
    asyncio.run(_send(bootstrap, *garbage))
    assert shell.json("replay", str(day), "--window-minutes", "0")["closed"] == 2
    sessions = shell.json("query", "SELECT session_id FROM v_session_money LIMIT 2")["rows"]
    for (session,) in sessions:
        body = shell.json("explain", session)
        assert set(body) == set(answers.keys("`explain`"))
        assert body["ledger"]["phase"] == "closed"
    log = (shell.state_dir / "logs" / "sessions-0.log").read_text()
    assert "policies.v1: the record of b'demo/x/1' is no policy: skipped" in log


def test_what_commands_print_has_the_keys_that_are_documented(shell, up):
    printed = {
        "`query`": shell.json("query", "SHOW TABLES"),
        "`verify`": shell.json("verify"),
        "`orphans`": shell.json("orphans"),
        "`topics`": shell.json("topics", "--check"),
        "`parked list`": (parked := shell.json("parked", "list")),
        "`parked list`, each": parked["parked"][0],
        "`parked show`": shell.json("parked", "show", parked["parked"][0]["ref"]),
        "`parked retry`": shell.json("parked", "retry", parked["parked"][0]["ref"]),
    }
    assert {name: set(body) for name, body in printed.items()} == {
        name: set(answers.keys(name)) for name in printed
    }


def test_a_second_up_on_the_same_directory_is_refused_clearly(shell, up):
    done = shell.done("up")
    assert done.returncode == 1
    assert str(shell.state_dir) in done.stderr
    assert str(up.pid) in done.stderr


def test_topics_of_another_shape_are_refused_with_the_difference(shell, up):
    bootstrap = (shell.state_dir / "kafka.bootstrap").read_text()
    done = shell.done(
        "up",
        HOLDFAST_KAFKA__BOOTSTRAP=bootstrap,
        HOLDFAST_KAFKA__PARTITIONS="7",
        HOLDFAST_STATE_DIR=str(shell.state_dir / "other"),
    )
    assert done.returncode == 1
    assert "payment.commands.v1 has 4 partitions, wanted 7" in done.stderr


def test_ctrl_c_ends_everything(shell, up):
    """It comes twice: from the terminal, and from `uv run`, which passes it on."""
    children = _waits_for(
        lambda: found if len(found := psutil.Process(up.pid).children(recursive=True)) > 5 else None
    )
    up.send_signal(signal.SIGINT)
    time.sleep(0.05)
    up.send_signal(signal.SIGINT)
    assert up.wait(timeout=120) == 0
    said = up.stderr.read()
    assert "Traceback" not in said
    assert "SIGKILL" not in said
    stopped = [line for line in said.splitlines() if line.startswith("child stopped: ")]
    assert len(stopped) == 4, "worker, executor, sink and auditor"
    _, alive = psutil.wait_procs(children, timeout=120)
    assert alive == []


def test_ctrl_c_while_it_starts_ends_it_too(shell):
    process = shell.start("up")
    _waits_for(lambda: len(psutil.Process(process.pid).children(recursive=True)) > 1)
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=120) == 0
    said = process.stderr.read()
    process.stderr.close()
    assert "Traceback" not in said
    _, alive = psutil.wait_procs(children, timeout=120)
    assert alive == []


def test_a_killed_up_leaves_nothing_behind_and_the_next_one_goes_on(shell, up):
    again = shell.start("up")
    _waits_for((shell.state_dir / "kafka.bootstrap").exists)
    children = _waits_for(
        lambda: (
            found if len(found := psutil.Process(again.pid).children(recursive=True)) > 5 else None
        )
    )
    again.kill()
    again.wait()
    again.stderr.close()
    _, alive = psutil.wait_procs(children, timeout=120)
    assert alive == []
