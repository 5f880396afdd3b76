"""How often to commit: a transaction costs 3 ms of CPU here and 4 to 6 ms in the broker."""

_SHORTEST = 0.020
_LONGEST = 0.100
_WINDOW = 1.0


class Pacer:
    """Spreads a process's budget of transactions a second over the partitions that use it.

    With one busy partition a commit every 20 ms is within 60 a second, with more the interval
    grows, to 100 ms at most. All times are seconds of the event loop's clock.
    """

    def __init__(self, transactions_per_second: int) -> None:
        self._budget = transactions_per_second
        self._last_commit: dict[int, float] = {}

    def wait(self, partition: int, now: float) -> float:
        """How long `partition` should collect before its next transaction."""
        last = self._last_commit.get(partition)
        if last is None:
            return 0.0
        busy = sum(1 for at in self._last_commit.values() if now - at < _WINDOW)
        interval = min(max(_SHORTEST, busy / self._budget), _LONGEST)
        return max(0.0, last + interval - now)

    def committed(self, partition: int, now: float) -> None:
        self._last_commit[partition] = now

    def forget(self, partition: int) -> None:
        self._last_commit.pop(partition, None)
