"""The simulated fiscal service as a child process, for tests and the demo; its journal read."""

import subprocess
import sys
import time
from pathlib import Path
from typing import Self

import httpx
import msgspec

from connectors.fiscal.simulator.books import Signed
from connectors.fiscal.simulator.server import Config

_READY_WITHIN_S = 60.0
_STOP_WITHIN_S = 5.0


class NotStarted(RuntimeError):
    """The service ended or stayed silent; the message has what it wrote."""


class FiscalProcess:
    """Starts on a journal in `directory`; a second start finds the same one. All calls block.

    The child watches a pipe that this process holds, so it ends with us even under SIGKILL.
    """

    def __init__(self, config: Config, directory: Path) -> None:
        self._config = config
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def base_url(self) -> str:
        """The port stays over restarts."""
        return f"http://127.0.0.1:{self._port}"

    def start(self, config: Config | None = None) -> None:
        """Returns when it answers. `config`: another one from now on. Raises NotStarted."""
        self._config = config or self._config
        self._directory.mkdir(parents=True, exist_ok=True)
        config_file, port_file = self._directory / "config.json", self._directory / "port"
        config_file.write_text(self._config.model_dump_json())
        port_file.unlink(missing_ok=True)
        command = [
            sys.executable, "-m", "connectors.fiscal.simulator", "--until-stdin-closes",
            "--config", str(config_file), "--db", str(self._directory / "journal.sqlite"),
            "--port", str(self._port), "--port-file", str(port_file),
        ]  # fmt: skip
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own module, no shell
                command, stdin=subprocess.PIPE, stdout=log, stderr=log
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
        self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process = None

    def journal(self) -> list[Signed]:
        """Everything that was ever signed, queue by queue in order."""
        response = httpx.get(f"{self.base_url}/journal", timeout=60.0, trust_env=False)
        response.raise_for_status()
        return msgspec.json.decode(response.content, type=list[Signed])

    @property
    def _log(self) -> Path:
        return self._directory / "simulator.log"

    def _wait_for(self, port_file: Path) -> int:
        assert self._process is not None
        deadline = time.monotonic() + _READY_WITHIN_S
        while not port_file.exists():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise NotStarted(self._log.read_text(errors="replace")[-2000:])
            time.sleep(0.02)
        return int(port_file.read_text())
