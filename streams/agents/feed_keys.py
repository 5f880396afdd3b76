"""Whether a charger's messages must come on one partition of theirs, by the keys they have.

What one message leaves for the next is state of its partition, and two processes of a feed do not
see each other's. But Kafka places by key: a charger whose messages have none, or several, is or
may be on several partitions, which shows on each of them.
"""

from connectors.feeding import Note
from streams.engine.stage import Record

_KEY_IS_NULL = 1
_KNOWN_MAX = 200_000  # chargers; then it starts over

WITHOUT = Note("without-a-key")
SEVERAL = Note("under-several-keys")


class Keys:
    """The first key of theirs that each charger came under. `of_chargers` no: objects of OCPI.

    Those that share a key of ours (a session and its CDRs) may have keys of their own.
    """

    def __init__(self, *, of_chargers: bool) -> None:
        self._of_chargers = of_chargers
        self._first: dict[bytes, bytes] = {}

    def odd(self, record: Record, ours: bytes) -> Note | None:
        """Of a record that became facts under our key `ours`."""
        if record.nulls & _KEY_IS_NULL:
            return WITHOUT
        if not self._of_chargers:
            return None
        first = self._first.get(ours)
        if first is None:
            if len(self._first) >= _KNOWN_MAX:
                self._first.clear()
            self._first[ours] = record.key
            return None
        return None if first == record.key else SEVERAL
