"""Simulated counterparties beside a pipeline: their processes, accounts and secrets."""

import os
import secrets
import socket
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import msgspec
from pydantic import SecretStr

from connectors.acquirers.simulator.process import SimulatorProcess
from connectors.fiscal.simulator.process import FiscalProcess
from streams.core.strategy import parse_policy
from streams.demo.scenery import (
    acquirer_config,
    executor_accounts,
    fiscal_accounts,
    fiscal_config,
)
from streams.settings import Settings


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def simulated_acquirer(
    settings: Settings, seed: int, bad_days: Sequence[str]
) -> Iterator[tuple[SimulatorProcess, Settings]]:
    """Run it under the state directory; the settings given back name its accounts."""
    port, secret = _free_port(), "whsec_" + b64encode(secrets.token_bytes(24)).decode()
    environment = {**os.environ, "HOLDFAST_SIMULATOR_WEBHOOK_SECRET": secret}
    config = acquirer_config(seed, list(bad_days), port)
    with SimulatorProcess(config, settings.state_dir / "acquirer", environment) as simulator:
        accounts = settings.state_dir / "accounts.json"
        accounts.write_bytes(msgspec.json.encode(executor_accounts(simulator.base_url)))
        executor = settings.executor.model_copy(
            update={
                "accounts_file": accounts,
                "api_keys": SecretStr(""),
                "webhook_secret": SecretStr(secret),
                "webhook_port": port,
                # Faster than the clock, its delays must be virtual too.
                "virtual_time": settings.clock.source == "replay",
            }
        )
        yield simulator, settings.model_copy(update={"executor": executor})


def chains_of(settings: Settings) -> list[str]:
    """The fiscal chains that the policy names. Raises PolicyInvalid, OSError."""
    policy = parse_policy(settings.policy_file.read_text())
    return sorted({one.chain for one in policy.fiscal.values() if one.chain})


@contextmanager
def simulated_fiscal(
    settings: Settings, chains: Sequence[str], *, bad_days: bool
) -> Iterator[tuple[FiscalProcess, Settings]]:
    """Run a service for these chains under the state directory, and name their accounts."""
    config = fiscal_config(bad_days=bad_days)
    with FiscalProcess(config, settings.state_dir / "fiscal") as service:
        accounts = settings.state_dir / "fiscal-accounts.json"
        accounts.write_bytes(msgspec.json.encode(fiscal_accounts(service.base_url, chains)))
        fiscal = settings.fiscal.model_copy(
            update={"accounts_file": accounts, "tokens": SecretStr("")}
        )
        yield service, settings.model_copy(update={"fiscal": fiscal})
