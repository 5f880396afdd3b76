"""A simulated counterparty as a child process, for tests and the demo: started, stopped, killed."""

import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from pydantic import BaseModel

_READY_WITHIN_S = 60.0
_STOP_WITHIN_S = 5.0


class NotStarted(RuntimeError):
    """The process ended or stayed silent; the message has what it wrote."""


class ChildServer:
    """Runs `python -m module` on a database in `directory`; a second start finds the same one.

    The module takes --config, --db, --port, --port-file (written once it answers) and
    --until-stdin-closes: the child watches a pipe that this process holds, so it ends with us even
    under SIGKILL. `environment` is what the child sees: secrets go there. All calls block.
    """

    def __init__(
        self,
        module: str,
        config: BaseModel,
        database: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._module = module
        self._config = config
        self._directory = database.parent
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0
        self.database = database

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def base_url(self) -> str:
        """The port stays over restarts."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def pid(self) -> int:
        assert self._process is not None, "not started"
        return self._process.pid

    def start(self) -> None:
        """Returns when it answers. Raises NotStarted."""
        self._directory.mkdir(parents=True, exist_ok=True)
        config_file, port_file = self._directory / "config.json", self._directory / "port"
        config_file.write_text(self._config.model_dump_json())
        port_file.unlink(missing_ok=True)
        command = [
            sys.executable, "-m", self._module, "--until-stdin-closes",
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
