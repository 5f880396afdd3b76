"""How many answers a partition waits for: kept beside the state, safe under aborts."""

_SHOWN = 8


class Tally:
    """Counts by key; what a transaction plans counts at once and is forgotten on abort."""

    def __init__(self) -> None:
        self._fixed: dict[bytes, int] = {}
        self._planned: dict[bytes, int] = {}
        self._said: tuple[int, int] | None = None
        self._saying: tuple[int, int] | None = None
        self.total = 0
        self._fixed_total = 0

    def plan(self, key: bytes, count: int) -> None:
        before = self._planned.get(key, self._fixed.get(key, 0))
        if count != before:
            self._planned[key] = count
            self.total += count - before

    def changed(self, at: int) -> bool:
        """Whether time or total differ from what was said last; asking means saying it."""
        self._saying = (at, self.total)
        return self._saying != self._said

    def some(self) -> list[str]:
        """A few of the sessions that wait, for people."""
        counts = {**self._fixed, **self._planned}
        return [key[1:].decode() for key, count in counts.items() if count][:_SHOWN]

    def committed(self) -> None:
        for key, count in self._planned.items():
            if count:
                self._fixed[key] = count
            else:
                self._fixed.pop(key, None)
        self._planned.clear()
        self._fixed_total = self.total
        self._said = self._saying

    def aborted(self) -> None:
        self._planned.clear()
        self.total = self._fixed_total
        self._saying = self._said
