"""Binds a process to its parent's life, then becomes the program it was asked to run.

Run as a file, never imported by its users: `python -I -S leash.py PARENT_PID PROGRAM ARG...`.
It is an exec wrapper because code between fork and exec (`preexec_fn`) may deadlock in a parent
with threads, and because the program need not know of it. Standard library only.

On Linux the kernel is told to SIGKILL this process when the thread that started it ends, which
works for a stopped or hung process too; the setting outlives `exec`. Elsewhere a child learns of
its parent's death from `heartbeat.Heart`.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h
HEART_VARIABLE = "STREAMS_HEART"  # as heartbeat.HEART_VARIABLE; no import, see the docstring


def bind_to_parent(parent_pid: int) -> None:
    """Die with the parent; at once if it died before this could be said.

    Raises OSError if the kernel refuses.
    """
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent_pid:
        os._exit(os.EX_TEMPFAIL)


def main(parent_pid: str, program: str, *arguments: str) -> None:
    bind_to_parent(int(parent_pid))
    if HEART_VARIABLE in os.environ:
        os.environ[HEART_VARIABLE] += f":{os.getpid()}"
    try:
        os.execvp(program, [program, *arguments])  # noqa: S606 - the purpose of this file
    except OSError as problem:
        sys.stderr.write(f"cannot run {program}: {problem}\n")
        os._exit(os.EX_UNAVAILABLE)


if __name__ == "__main__":
    main(*sys.argv[1:])
