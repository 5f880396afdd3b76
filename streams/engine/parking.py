"""Parked records: the untouched bytes of a bad record, and why, on the stage's parked topic."""

from hashlib import sha256

from streams.engine.stage import BadRecord, Record
from streams.engine.transactions import Send

_NULL_KEY, _NULL_VALUE = 1, 2
_DETAIL_CHARACTERS = 2_000


def parked(record: Record, bad: BadRecord, topic: str, max_bytes: int) -> Send:
    """Key and value as read, their nulls included, and headers that say where and why.

    What has no key goes where an empty one would: an input's partitions are not this topic's.
    Above `max_bytes` the value is left where it is: topic, partition and offset point to it and
    `value-sha256` and `value-bytes` tell whether it is still the same.
    """
    headers = [
        ("reason", bad.reason.encode()),
        ("detail", bad.detail[:_DETAIL_CHARACTERS].encode()),
        ("topic", record.topic.encode()),
        ("partition", str(record.partition).encode()),
        ("offset", str(record.offset).encode()),
    ]
    value: bytes | None = record.value
    if len(record.value) > max_bytes:
        headers.append(("value-sha256", sha256(record.value).hexdigest().encode()))
        headers.append(("value-bytes", str(len(record.value)).encode()))
        value = b""
    elif record.nulls & _NULL_VALUE:
        value = None
    key = None if record.nulls & _NULL_KEY else record.key
    return Send(topic, None, key, value, headers)
