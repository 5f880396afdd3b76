"""A child's sign of life to its supervisor, and its sign that the supervisor is gone.

One pipe a child does both: a byte is a beat, and a write that finds no reader means that the
parent died. The write end's number travels in the environment together with the process id it is
meant for, because a grandchild inherits the variable but not the descriptor.
"""

import asyncio
import os
from collections.abc import Mapping
from typing import Self

HEART_VARIABLE = "STREAMS_HEART"
"""`<fd>` as the supervisor sets it, `<fd>:<pid>` once the leash has bound it to a process."""

ORPHANED = os.EX_TEMPFAIL
"""Exit code of a process that finds its supervisor gone."""

BEAT_EVERY_S = 0.5
"""Well inside the five seconds after which a silent child is killed."""


class Heart:
    """Beats for this process; without a supervisor (`fd` None) every beat is a no-op.

    Beat from the event loop or thread whose standing still should count as hanging: a beat from
    a helper thread would prove only that the helper thread lives. Safe from any thread.
    """

    def __init__(self, fd: int | None) -> None:
        self._fd = fd
        if fd is not None:
            os.set_blocking(fd, False)
            os.set_inheritable(fd, False)  # noqa: FBT003 - takes no keyword

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Self:
        value = (os.environ if environ is None else environ).get(HEART_VARIABLE, "")
        fd, _, pid = value.partition(":")
        return cls(int(fd) if pid == str(os.getpid()) else None)

    @property
    def is_watched(self) -> bool:
        return self._fd is not None

    def beat(self) -> None:
        """One sign of life, never blocking. Ends the process at once if nobody listens any more.

        Ending is not an exception because nothing may catch it: a worker without its parent has
        been or will be replaced, and its clean-up is the next owner's fencing.
        """
        if self._fd is None:
            return
        try:
            os.write(self._fd, b".")
        except BlockingIOError:
            pass  # the reader is slow or stopped; what already waits for it is proof enough
        except BrokenPipeError:
            os._exit(ORPHANED)

    async def keep_beating(self, every_s: float = BEAT_EVERY_S) -> None:
        """Beat until cancelled: proves that this event loop turns."""
        while True:
            self.beat()
            await asyncio.sleep(every_s)
