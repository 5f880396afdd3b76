"""The simulator as a child process."""

import os
import signal
import subprocess
import sys
import textwrap
import time

import httpx
import psutil
import pytest

from connectors.acquirers.simulator.config import Account, Config
from connectors.acquirers.simulator.process import SimulatorProcess
from connectors.child_server import NotStarted

AT = 1_767_225_600_000


def post(process, path, body, key=None):
    headers = {
        "Idempotency-Key": key or body["merchant_reference"],
        "Holdfast-Virtual-At": str(AT),
    }
    return httpx.post(f"{process.base_url}/v1/main/{path}", json=body, headers=headers)


def authorise(process, reference="h1"):
    card = {"card_token": "tok", "scheme": "visa"}
    body = {"merchant_reference": reference, "amount_minor": 5000, "currency": "EUR", "card": card}
    return post(process, "holds", body)


def test_a_restart_keeps_ledger_keys_clock_and_script_counts(tmp_path):
    script = {"fault": "error500_after", "operation": "authorise", "nth": 2}
    config = Config(accounts={"main": Account(fault_scripts=[script])})
    with SimulatorProcess(config, tmp_path) as process:
        first = authorise(process)
        assert authorise(process, "h2").status_code == 500
        base_url, summary = process.base_url, process.summary()
        process.kill()
        process.start()
        assert process.base_url == base_url
        assert process.summary() == summary
        again = authorise(process)
        assert again.content == first.content
        assert again.headers["Idempotent-Replayed"] == "true"
        assert authorise(process, "h2").headers["Idempotent-Replayed"] == "true"
        assert authorise(process, "h3").status_code == 201, "the script struck before the restart"
        assert process.move_clock(AT - 1).at == AT, "time does not go back"
        assert [hold.open_minor for hold in process.holds()] == [5000] * 3
        assert len(list(process.operations(merchant_reference="h1"))) == 1


def test_it_ends_when_its_parent_is_killed(tmp_path):
    parent = textwrap.dedent(
        f"""
        import time
        from pathlib import Path
        from connectors.acquirers.simulator.config import Account, Config
        from connectors.acquirers.simulator.process import SimulatorProcess
        process = SimulatorProcess(Config(accounts={{"main": Account()}}), Path({str(tmp_path)!r}))
        process.start()
        print(process.pid, flush=True)
        time.sleep(60)
        """
    )
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE) as started:
        child = psutil.Process(int(started.stdout.readline()))
        assert child.is_running()
        os.kill(started.pid, signal.SIGKILL)
    deadline = time.monotonic() + 20
    while child.is_running() and child.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, "an orphan"
        time.sleep(0.05)


def test_it_listens_on_loopback_only(tmp_path):
    with SimulatorProcess(Config(accounts={"main": Account()}), tmp_path) as process:
        listening = [
            connection.laddr.ip
            for connection in psutil.Process(process.pid).net_connections()
            if connection.status == psutil.CONN_LISTEN
        ]
        assert listening == ["127.0.0.1"]


def test_a_ledger_in_use_stops_the_start(tmp_path):
    config = Config(accounts={"main": Account()})
    with (
        SimulatorProcess(config, tmp_path),
        pytest.raises(NotStarted, match="written by another simulator"),
    ):
        SimulatorProcess(config, tmp_path).start()


def test_wrong_settings_are_all_named():
    config = '{"accounts": {"main": {"remainder": "SOMETIMES", "sead": 1}}}'
    ended = subprocess.run(
        [sys.executable, "-m", "connectors.acquirers.simulator", "--config", config, "--db", "x"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2
    assert "accounts.main.remainder" in ended.stderr
    assert "accounts.main.sead" in ended.stderr
