"""When a child counts as silent and when a dead one may start again: rules without a clock.

Both are told how much time has passed and never ask, so tests need no sleeping. Durations are
seconds, as the standard library's `time.monotonic` and `subprocess` have them.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class RestartPolicy:
    """How a child that died is started again.

    The first restart comes at once; the n-th consecutive one waits `base_s * 2**(n-2)`, at most
    `cap_s`. A child that stayed up for `healthy_after_s` starts with a clean sheet. After
    `limit` consecutive restarts the child is given up; None never gives up.
    """

    base_s: float = 0.5
    cap_s: float = 30.0
    healthy_after_s: float = 30.0
    limit: int | None = 12

    def __post_init__(self) -> None:
        if self.base_s <= 0 or self.cap_s < self.base_s or self.healthy_after_s <= 0:
            raise ValueError("a restart policy needs 0 < base_s <= cap_s and healthy_after_s > 0")
        if self.limit is not None and self.limit < 0:
            raise ValueError("limit counts restarts: 0 or more, or None")

    def delay(self, consecutive: int) -> float | None:
        """Seconds before restart number `consecutive` (1 is the first); None: give up."""
        if self.limit is not None and consecutive > self.limit:
            return None
        if consecutive <= 1:
            return 0.0
        doublings = min(consecutive - 2, 32)  # far beyond any cap, and no float overflow
        return min(self.cap_s, self.base_s * 2**doublings)


class Silence:
    """How long one child has been silent.

    `grace_s` counts until its first beat, `limit_s` after it. Only time in which the watcher
    itself was awake counts: a step longer than `largest_step_s` means that the watcher, and so
    perhaps the whole machine, stood still, which is no evidence against the child.
    """

    def __init__(self, limit_s: float, grace_s: float, *, largest_step_s: float = 1.0) -> None:
        self._limit_s = limit_s
        self._grace_s = grace_s
        self._largest_step_s = largest_step_s
        self._silent_s = 0.0
        self.beaten = False

    @property
    def silent_s(self) -> float:
        return self._silent_s

    @property
    def is_too_long(self) -> bool:
        return self._silent_s >= (self._limit_s if self.beaten else self._grace_s)

    def beat(self) -> None:
        self.beaten = True
        self._silent_s = 0.0

    def pass_time(self, elapsed_s: float) -> None:
        self._silent_s += min(elapsed_s, self._largest_step_s)
