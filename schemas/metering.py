"""MeterReading out of its bytes at a third of the cost: the record that comes by the million.

A charging's readings all begin with the same five texts, so these are decoded and checked once,
by the careful way of `schemas.codec`, and known again by their bytes. What follows is five longs.
Whatever is not as usual is left to the careful way, which alone refuses anything.
"""

from typing import Any

from schemas.facts import MeterReading

_HEADER = 10  # of the single-object encoding
_KNOWN_MAX = 65_536  # beginnings remembered, about 30 MB; then it starts over
_TEXT_MAX = 64  # bytes of a text whose length takes one byte
_LONGS = 5
_MORE = 0x80  # on every byte of a long but its last

# Avro keeps the sign in the lowest bit, so that a number that is not negative is there twofold.
_ENERGY_MAX = 2 * 10**12
_POWER_MAX = 2 * 10**8
_INSTANT_MAX = 2 * 4_102_444_800_000
_LONG_MAX = 2 * (2**63 - 1)
_MINUS_ONE = 1

FIELDS = [
    *((name, "string") for name in MeterReading.__struct_fields__[:5]),
    *((name, "long") for name in MeterReading.__struct_fields__[5:]),
]
"""Names and Avro types, in order, of the one version of the record that is read here."""


def is_readable(schema: dict[str, Any]) -> bool:
    """Whether this is the version of MeterReading that `Readings` knows."""
    return [(field["name"], field["type"]) for field in schema["fields"]] == FIELDS


class Readings:
    """Reads what is usual, and learns what that is from what the careful way has read."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[bytes, tuple[str, str, str, str, str]] = {}

    def read(self, data: bytes) -> MeterReading | None:
        """The record in these bytes, header included; None: ask the careful way.

        One function, for each call in it would cost as much as a step of the loop.
        """
        try:
            at = _HEADER + 1 + (data[_HEADER] >> 1)
            at += 1 + (data[at] >> 1)
            at += 1 + (data[at] >> 1)
            at += 1 + (data[at] >> 1)
            at += 1 + (data[at] >> 1)
        except IndexError:
            return None
        texts = self._known.get(data[:at])
        if texts is None:
            return None
        longs: list[int] = []
        value, scale = 0, 1
        for byte in data[at:]:  # seven bits a byte, the lowest first
            if byte < _MORE:
                longs.append(value + byte * scale)
                value, scale = 0, 1
            else:
                value += (byte - _MORE) * scale
                scale <<= 7
        if scale != 1 or len(longs) != _LONGS:
            return None
        seq, energy_wh, power_w, read_at, flags = longs
        odd = (energy_wh | read_at | flags) & 1
        odd = odd or (seq & 1 and seq != _MINUS_ONE) or (power_w & 1 and power_w != _MINUS_ONE)
        high = energy_wh > _ENERGY_MAX or read_at > _INSTANT_MAX or power_w > _POWER_MAX
        if odd or high or seq > _LONG_MAX or flags > _LONG_MAX:
            return None
        tenant, network, charger_id, evse_uid, transaction_id = texts
        return MeterReading(
            tenant=tenant,
            network=network,
            charger_id=charger_id,
            evse_uid=evse_uid,
            transaction_id=transaction_id,
            seq=-1 if seq == _MINUS_ONE else seq >> 1,
            energy_wh=energy_wh >> 1,
            power_w=-1 if power_w == _MINUS_ONE else power_w >> 1,
            read_at=read_at >> 1,
            flags=flags >> 1,
        )

    def learn(self, data: bytes, reading: MeterReading) -> None:
        """From bytes that the careful way has read as this record."""
        texts = (
            reading.tenant,
            reading.network,
            reading.charger_id,
            reading.evse_uid,
            reading.transaction_id,
        )
        encoded = [text.encode() for text in texts]
        if max(map(len, encoded)) >= _TEXT_MAX:
            return
        head = data[:_HEADER] + b"".join(bytes([2 * len(text)]) + text for text in encoded)
        if data.startswith(head):  # Avro allows other ways to write a length
            if len(self._known) >= _KNOWN_MAX:
                self._known.clear()
            self._known[head] = texts
