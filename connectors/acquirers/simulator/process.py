"""The simulator as a child process, for tests and the demo; its ledger read as an oracle."""

import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Self, TypeVar

import httpx
import msgspec

from connectors.acquirers.simulator.config import Config
from connectors.acquirers.simulator.messages import (
    Answer,
    Clock,
    ClockRequest,
    HoldView,
    LedgerPage,
    OperationsPage,
    Summary,
)

_READY_WITHIN_S = 60.0
_STOP_WITHIN_S = 5.0
_PAGE = "2000"
_Answer = TypeVar("_Answer")


class NotStarted(RuntimeError):
    """The simulator ended or stayed silent; the message has what it wrote."""


class SimulatorProcess:
    """Starts the simulator on a database in `directory`; a second start finds the same ledger.

    The child watches a pipe that this process holds, so it ends with us even under SIGKILL.
    `environment` is what the child sees: secrets go there. All calls block.
    """

    def __init__(
        self, config: Config, directory: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self._config = config
        self._directory = directory
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def base_url(self) -> str:
        """Without an account: `{base_url}/v1/{account}/holds`. The port stays over restarts."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def pid(self) -> int:
        assert self._process is not None, "not started"
        return self._process.pid

    @property
    def database(self) -> Path:
        return self._directory / "ledger.sqlite"

    def start(self) -> None:
        """Returns when it answers. Raises NotStarted."""
        self._directory.mkdir(parents=True, exist_ok=True)
        config_file = self._directory / "config.json"
        config_file.write_text(self._config.model_dump_json())
        port_file = self._directory / "port"
        port_file.unlink(missing_ok=True)
        command = [
            sys.executable, "-m", "connectors.acquirers.simulator", "--until-stdin-closes",
            "--config", str(config_file), "--db", str(self.database),
            "--port", str(self._port), "--port-file", str(port_file),
        ]  # fmt: skip
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own module, no shell
                command, stdin=subprocess.PIPE, stdout=log, stderr=log, env=self._environment
            )
        self._port = self._wait_for(port_file)

    def stop(self) -> None:
        """End it in order; kill it when it does not."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(_STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._end()

    def kill(self) -> None:
        """End it as a crash would (SIGKILL)."""
        if self._process is not None:
            self._process.kill()
            self._end()

    def _end(self) -> None:
        assert self._process is not None
        self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process = None

    # --- the oracle -----------------------------------------------------------------------------

    def holds(self, account: str = "") -> Iterator[HoldView]:
        """Every hold with its sums, oldest first."""
        after = 0
        while True:
            page = self._get(LedgerPage, "/ledger", account=account, after=str(after))
            yield from page.holds
            after = page.next_after
            if not after:
                return

    def operations(self, **wanted: str) -> Iterator[Answer]:
        """Ledger lines by account, merchant_reference, payment_reference or session_id."""
        after = 0
        while True:
            page = self._get(OperationsPage, "/operations", after=str(after), **wanted)
            yield from page.operations
            after = page.next_after
            if not after:
                return

    def summary(self, account: str = "") -> Summary:
        return self._get(Summary, "/ledger/summary", account=account)

    def move_clock(self, at: int, account: str = "") -> Clock:
        """Virtual time, epoch milliseconds; holds lapse as it passes."""
        order = msgspec.json.encode(ClockRequest(at=at, account=account))
        response = httpx.post(f"{self.base_url}/clock", content=order, trust_env=False)
        response.raise_for_status()
        return msgspec.json.decode(response.content, type=Clock)

    def _get(self, form: type[_Answer], path: str, **query: str) -> _Answer:
        response = httpx.get(
            self.base_url + path,
            params={"limit": _PAGE, **query},
            timeout=60.0,
            trust_env=False,
        )
        response.raise_for_status()
        return msgspec.json.decode(response.content, type=form)

    @property
    def _log(self) -> Path:
        return self._directory / "simulator.log"

    def _wait_for(self, port_file: Path) -> int:
        assert self._process is not None
        deadline = time.monotonic() + _READY_WITHIN_S
        while not port_file.exists():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise NotStarted(self._log.read_text(errors="replace")[-2000:])
            time.sleep(0.02)
        return int(port_file.read_text())
