"""One supervised process: started on its leash, heard, signalled, seen to die, all without waiting.

Not thread-safe; the supervisor's one thread owns it.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

from streams.engine import leash
from streams.engine.heartbeat import HEART_VARIABLE
from streams.engine.watchdog import RestartPolicy, Silence


@dataclass(frozen=True, kw_only=True)
class ChildSpec:
    """A process to keep running. Durations in seconds.

    `env` is laid over the supervisor's own environment; None as a value removes a name. Output
    goes to `log` (appended, made if missing) or where the supervisor's own goes.
    `silence_s` is the longest silence before a kill, `startup_s` the same before the first beat;
    `silence_s=None` is for programs that know no `Heart`. An exit with one of `hopeless` is not
    followed by a restart: the program says that it cannot run as it is configured.
    """

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str | None] = field(default_factory=dict)
    log: Path | None = None
    silence_s: float | None = 5.0
    startup_s: float = 60.0
    restart: RestartPolicy = field(default_factory=RestartPolicy)
    hopeless: frozenset[int] = frozenset({os.EX_CONFIG})

    def __post_init__(self) -> None:
        if not self.name or not self.argv:
            raise ValueError("a child needs a name and a program to run")


@dataclass(frozen=True, slots=True)
class Death:
    """How a child ended: exactly one of `exit_code` and `signal` is set."""

    exit_code: int | None
    signal: signal.Signals | None


class Child:
    """A running process of a `ChildSpec`; a restart makes a new one."""

    def __init__(self, spec: ChildSpec) -> None:
        self.spec = spec
        self.heart_fd: int | None = None
        self.silence: Silence | None = None
        self._started_s = time.monotonic()
        self._process = self._start()

    def _start(self) -> "subprocess.Popen[bytes]":
        environ = {**os.environ, **self.spec.env}
        environ.pop(HEART_VARIABLE, None)  # our own, if we are a child ourselves
        with ExitStack() as ours:
            passed: tuple[int, ...] = ()
            if self.spec.silence_s is not None:
                self.heart_fd, write_end = os.pipe()
                ours.callback(os.close, write_end)
                os.set_blocking(self.heart_fd, False)
                passed = (write_end,)
                environ[HEART_VARIABLE] = str(write_end)
                self.silence = Silence(self.spec.silence_s, self.spec.startup_s)
            output = None
            if self.spec.log is not None:
                self.spec.log.parent.mkdir(parents=True, exist_ok=True)
                output = ours.enter_context(self.spec.log.open("ab"))
            wrapper = (sys.executable, "-I", "-S", leash.__file__, str(os.getpid()))
            return subprocess.Popen(  # noqa: S603 - running what it is given is its purpose
                [*wrapper, *self.spec.argv],
                env={name: value for name, value in environ.items() if value is not None},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT if output is not None else None,
                pass_fds=passed,
                start_new_session=True,  # Ctrl-C reaches the supervisor only, which stops in order
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def up_s(self) -> float:
        return time.monotonic() - self._started_s

    def listen(self) -> bool:
        """Take the beats that wait; True if there were any. At its end of file, stop listening."""
        if self.heart_fd is None or self.silence is None:
            return False
        try:
            beats = os.read(self.heart_fd, 4096)
        except BlockingIOError:
            return False
        if not beats:
            self._close_heart()
            return False
        self.silence.beat()
        return True

    def signal(self, number: signal.Signals) -> None:
        """Signal the process itself; nothing happens if it is gone."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)  # not yet reaped, so the number is still its own

    def kill(self) -> None:
        """SIGKILL the process and whatever it left in its process group."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)

    def death(self) -> Death | None:
        """How it ended, None while it runs. Kills what is left of its group before reaping it."""
        seen = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if seen is None:
            return None
        self.kill()  # before the reaping frees the number for somebody else
        code = self._process.wait()
        self._close_heart()
        return Death(None, signal.Signals(-code)) if code < 0 else Death(code, None)

    def _close_heart(self) -> None:
        if self.heart_fd is not None:
            os.close(self.heart_fd)
            self.heart_fd = None
