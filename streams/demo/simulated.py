"""A simulated acquirer beside a pipeline: its process, its accounts, its secret."""

import os
import secrets
import socket
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import msgspec
from pydantic import SecretStr

from connectors.acquirers.simulator.process import SimulatorProcess
from streams.demo.scenery import acquirer_config, executor_accounts
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
