"""How far a partition has come when its records end out of order. Pure."""


class Progress:
    """One partition during one assignment.

    `commit_offset` is the first offset that is not done: everything before it is, without a hole.
    Offsets may have gaps (transaction markers, aborted records), hence the set of what is under
    way instead of a count. Records below `maybe_sent_below` may have been acted on by whoever
    owned the partition before.
    """

    def __init__(self, maybe_sent_below: int) -> None:
        self.maybe_sent_below = maybe_sent_below
        self.is_open = True
        self._under_way: dict[int, None] = {}  # in the order of offsets, as they were begun
        self._next = -1

    def begin(self, offset: int) -> None:
        """Raises AssertionError for an offset that does not rise: then a record came twice."""
        assert offset >= self._next, f"offset {offset} after {self._next - 1}"
        self._under_way[offset] = None
        self._next = offset + 1

    def done(self, offset: int) -> None:
        del self._under_way[offset]

    def close(self) -> None:
        """The partition is somebody else's now: nothing more is begun or committed."""
        self.is_open = False

    @property
    def is_idle(self) -> bool:
        return not self._under_way

    @property
    def commit_offset(self) -> int | None:
        """None while nothing has been read."""
        if self._next < 0:
            return None
        return next(iter(self._under_way), self._next)
