"""Runs one broker and outlives neither it nor its owner: no broker is left behind.

Run as a file, `python -I -S launcher.py OWNER_PID GRACE_S PROGRAM ARG...`, with the read end of a
pipe from the owner as standard input; standard library only. It stops the program when its owner
is gone, however it went, or when told to (SIGTERM, or the owner closing the pipe): SIGTERM first,
SIGKILL after GRACE_S seconds. It prints the program's pid and nothing else, and exits as the
program did, 128 + N for signal N.

How the owner's end is noticed, any of:
- the pipe closes (everywhere; late if the owner forked a child that still holds the other end);
- a pidfd of the owner becomes readable (Linux; sees the process end, not one of its threads);
- this process has another parent (everywhere; looked at each second).
PR_SET_PDEATHSIG would not do between owner and launcher: it fires when the *thread* that forked
ends. It does between launcher and program, because the launcher has one thread: should it be
killed itself, the kernel takes the program with it.
"""

import ctypes
import os
import select
import signal
import subprocess
import sys
from types import FrameType

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_LOOK_EVERY_S = 1.0
_LAUNCHER_PID = os.getpid()


class Owner:
    """The process that wants the program; asked whether it still does."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._watched = [sys.stdin.fileno()]
        if sys.platform == "linux":
            try:
                self._watched.append(os.pidfd_open(pid))
            except ProcessLookupError:
                self._watched.clear()

    def gone(self, wake_fd: int) -> bool:
        """Wait a second at most, less when something happens; whether to stop."""
        if not self._watched:
            return True
        ready, _, _ = select.select([*self._watched, wake_fd], [], [], _LOOK_EVERY_S)
        if wake_fd in ready:
            os.read(wake_fd, 64)
            ready.remove(wake_fd)
        return bool(ready) or os.getppid() != self._pid


class Program:
    """The child process, bound to this one's life."""

    def __init__(self, command: list[str]) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - running it is the purpose of this file
            command,
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr,
            preexec_fn=_die_with_launcher,  # noqa: PLW1509 - one thread here, so fork is safe
        )
        print(self._process.pid, flush=True)  # noqa: T201 - to the owner, through the pipe

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def stop(self, grace_s: float) -> None:
        self._process.terminate()
        try:
            self._process.wait(grace_s)
        except subprocess.TimeoutExpired:
            self._process.kill()

    def exit_code(self) -> int:
        code = self._process.wait()
        return code if code >= 0 else 128 - code


def _die_with_launcher() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != _LAUNCHER_PID:  # it died before the kernel was told
            os._exit(os.EX_TEMPFAIL)


def main(owner_pid: str, grace_s: str, *command: str) -> int:
    told_to_stop = False

    def on_stop(_number: int, _frame: FrameType | None) -> None:
        nonlocal told_to_stop
        told_to_stop = True

    signal.signal(signal.SIGTERM, on_stop)
    signal.signal(signal.SIGINT, on_stop)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    wake_fd, signalled_fd = os.pipe()
    os.set_blocking(signalled_fd, False)
    signal.set_wakeup_fd(signalled_fd)
    owner = Owner(int(owner_pid))
    program = Program(list(command))
    while program.running and not told_to_stop:
        if owner.gone(wake_fd):
            break
    if program.running:
        program.stop(float(grace_s))
    return program.exit_code()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
