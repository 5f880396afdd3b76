"""One measured run as a value: what a side's process prints, and the clock that it holds."""

import resource
import time
from collections.abc import Callable

import msgspec


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """A side's own figures over `records` records.

    `cpu_s` and `wall_s` are seconds; the CPU is that of the whole process, threads included.
    `transactions` are those committed, `state_records` and `outputs` what they wrote. `slices` are
    records applied at a time, smallest first; `digest` is `scene.digest` of what the side holds at
    the end, '' where it is read from outside; `max_rss_mb` the most memory that it ever held.
    """

    records: int
    cpu_s: float
    wall_s: float
    transactions: int = 0
    state_records: int = 0
    outputs: int = 0
    slices: list[int] = []
    digest: str = ""
    max_rss_mb: int = 0


class Meter:
    """Counts CPU and wall time between `start` and `stop`; only the first `start` counts."""

    def __init__(self) -> None:
        self.is_running = False
        self.cpu_s = 0.0
        self.wall_s = 0.0
        self._cpu: Callable[[], float] = time.process_time
        self._wall: Callable[[], float] = time.perf_counter

    def start(self) -> None:
        if not self.is_running:
            self.is_running = True
            self.cpu_s, self.wall_s = -self._cpu(), -self._wall()

    def stop(self) -> None:
        self.cpu_s += self._cpu()
        self.wall_s += self._wall()


def max_rss_mb() -> int:
    """The most memory that this process ever held; Linux counts it in KiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
