"""Two workers under load, killed and stopped at random: every book balances."""

import asyncio
import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

EVENTS = 14


@pytest.fixture
def soak_run() -> ModuleType:
    """`soak/run.py`, which is also a script for longer runs."""
    path = Path(__file__).parent / "soak" / "run.py"
    spec = importlib.util.spec_from_file_location("soak_run", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.broker
@pytest.mark.kill
@pytest.mark.timeout(600)
def test_kills_and_stops_lose_and_repeat_nothing(kafka, unique, tmp_path, soak_run, capsys):
    seed = int(os.environ.get("HOLDFAST_SOAK_SEED", "20261121"))
    log = tmp_path / "workers.log"
    report = asyncio.run(soak_run.soak(kafka.bootstrap, unique, seed=seed, events=EVENTS, log=log))
    with capsys.disabled():
        sys.stdout.write("\n".join(["", *report.events, report.line(), ""]))
    assert report.problems == [], log.read_text()[-20_000:]
    assert report.kills + report.stops == EVENTS
    assert report.records > 10_000
