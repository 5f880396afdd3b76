"""Named places where a process kills itself when a test asks it to. Off unless told; never in use.

`HOLDFAST_CRASH_AT` names a folder. A file in it that is called PROCESS.POINT
(`sessions.before_commit`) asks the process that next comes to this point to die there of SIGKILL;
what stands in the file is how often it must come there first (empty: once). The file is renamed to
PROCESS.POINT.done just before, so each request is met once, by one process, and what the supervisor
starts in its place goes on. A folder, so that a test can ask a pipeline that runs.

Engine, connectors and sink know no variable and no folder: whoever composes a process hands them
`reached`, a function of the point's name, and what they have by default does nothing.
"""

import os
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path

VARIABLE = "HOLDFAST_CRASH_AT"

STAGE_POINTS = (
    "poll", "decode", "before_send", "after_send", "before_commit", "after_commit", "assignment",
    "restore",
)  # fmt: skip
EXECUTOR_POINTS = ("before_call", "after_call")
SINK_POINTS = ("before_insert", "after_insert")

Reached = Callable[[str], None]


def crash_points(process: str) -> Reached:
    """What `process` (a stage's name, `executor`, `fiscal`, `sink`) calls at its points."""
    folder = os.environ.get(VARIABLE)
    return CrashPoints(Path(folder), process) if folder else _go_on


def _go_on(_point: str) -> None:
    return None


class CrashPoints:
    """Looks for a request at each point; `kill` is replaced by its tests only."""

    def __init__(self, folder: Path, process: str, kill: Callable[[], None] | None = None) -> None:
        self._folder = folder
        self._process = process
        self._kill = kill or _kill_self
        self._came: Counter[str] = Counter()

    def __call__(self, point: str) -> None:
        request = self._folder / f"{self._process}.{point}"
        try:
            wanted = int(request.read_text() or 1)
        except FileNotFoundError:
            self._came.pop(point, None)
            return
        self._came[point] += 1
        if self._came[point] < wanted:
            return
        try:
            request.rename(request.with_name(f"{request.name}.done"))
        except FileNotFoundError:  # another process of this name was first
            return
        self._kill()


def _kill_self() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
