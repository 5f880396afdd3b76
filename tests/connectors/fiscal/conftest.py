"""Receipts as sessions ask for them, and a fiscal service that really chains them."""

import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from connectors.fiscal.settings import FiscalAccount
from connectors.fiscal.simulator.config import Config
from connectors.fiscal.simulator.process import FiscalProcess

sys.path.insert(0, str(Path(__file__).parents[1] / "acquirers"))  # for `commandworld`
sys.path.insert(0, str(Path(__file__).parents[2] / "core"))  # for `receiptworld`

TOKEN = "sesame-of-the-cashbox"


@pytest.fixture
def fiscal(tmp_path):
    """`fiscal(scripts=(...))`: a service process; `.account` to sign at it."""
    running = []

    def start(**config) -> FiscalProcess:
        process = FiscalProcess(
            Config(access_token=TOKEN, **config), tmp_path / f"fiscal-{len(running)}"
        )
        process.start()
        process.account = account_at(process.base_url)
        running.append(process)
        return process

    yield start
    for process in running:
        process.stop()


def account_at(base_url):
    return FiscalAccount(
        base_url=base_url, cashbox_id="box-1", pos_system_id="pos-1", access_token=SecretStr(TOKEN)
    )


@pytest.fixture
def token():
    return TOKEN
