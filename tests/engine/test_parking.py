"""Parked records keep their bytes."""

from hashlib import sha256

import pytest

from streams.engine.parking import parked
from streams.engine.stage import BadRecord, Record

BAD = BadRecord("undecodable", "byte 3")


@pytest.mark.parametrize(
    ("nulls", "key", "value"),
    [(0, b"k", b"v"), (1, None, b"v"), (2, b"k", None), (3, None, None)],
)
def test_nulls_stay_nulls(nulls, key, value):
    record = Record("a", 7, 9, key or b"", value or b"", nulls=nulls)
    send = parked(record, BAD, "parked", 100)
    assert (send.topic, send.partition, send.key, send.value) == ("parked", None, key, value)


def test_a_value_too_large_to_copy_is_pointed_to():
    record = Record("a", 7, 9, b"k", b"v" * 101)
    send = parked(record, BAD, "parked", 100)
    headers = dict(send.headers)
    assert send.value == b""
    assert (headers["topic"], headers["partition"], headers["offset"]) == (b"a", b"7", b"9")
    assert headers["value-sha256"] == sha256(record.value).hexdigest().encode()
    assert headers["value-bytes"] == b"101"
