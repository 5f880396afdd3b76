"""MeterReading out of its bytes at a third of the cost: the record that comes by the million.

A charging's readings all begin with the same five texts, so these are decoded once and known again
by their bytes. What follows is five longs. Whatever is not as usual is left to the careful way of
`schemas.codec`, which alone refuses anything.
"""

from collections.abc import Callable
from sys import intern
from typing import Any

from schemas.facts import MeterReading

_HEADER = 10  # of the single-object encoding
_KNOWN_MAX = 65_536  # beginnings remembered, about 30 MB; then it starts over
_TEXTS = 5
_NUMBERS_MAX = 50  # bytes: five times the ten that a long may take
_MORE = 0x80  # on every byte of a number but its last
# An instant between 1971 and 2039 takes six bytes; this is what their five marks add up to.
_SIX_BYTES = 0x80 + (0x80 << 7) + (0x80 << 14) + (0x80 << 21) + (0x80 << 28)

# Avro keeps the sign in the lowest bit, so that a number that is not negative is there twofold.
_ENERGY_MAX = 2 * 10**12
_POWER_MAX = 2 * 10**8
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


def _rest(first: int, following: Callable[[], int]) -> int:
    """A number of several bytes: seven bits of it in each, the lowest first."""
    value, scale = first - _MORE, _MORE
    while (byte := following()) >= _MORE:
        value += (byte - _MORE) * scale
        scale <<= 7
    return value + byte * scale


_Texts = tuple[str, str, str, str, str]


class Readings:
    """Reads records with this single-object header."""

    __slots__ = ("_header", "_known")

    def __init__(self, header: bytes) -> None:
        self._header = header
        self._known: dict[bytes, _Texts] = {}

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
            texts = self._known.get(data[:at]) or self._learnt(data)
            if texts is None or len(data) - at > _NUMBERS_MAX:
                return None
            numbers = iter(data[at:])
            following = numbers.__next__
            if (seq := following()) >= _MORE:
                seq = _rest(seq, following)
            if (energy_wh := following()) >= _MORE:
                energy_wh = _rest(energy_wh, following)
            if (power_w := following()) >= _MORE:
                power_w = _rest(power_w, following)
            b0, b1, b2, b3, b4, b5, flags = numbers
        except (IndexError, StopIteration, ValueError):
            return None
        read_at = b0 + (b1 << 7) + (b2 << 14) + (b3 << 21) + (b4 << 28) + (b5 << 35) - _SIX_BYTES
        odd = (seq & 1 and seq != _MINUS_ONE) or (power_w & 1 and power_w != _MINUS_ONE)
        if odd or (energy_wh | read_at | flags) & 1 or not b0 & b1 & b2 & b3 & b4 & ~b5 & _MORE:
            return None
        high = energy_wh > _ENERGY_MAX or power_w > _POWER_MAX or seq > _LONG_MAX
        if high or flags >= _MORE:
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

    def _learnt(self, data: bytes) -> _Texts | None:
        """The five texts, if each is one, its length in one byte, as nearly always."""
        if not data.startswith(self._header):
            return None
        at = _HEADER
        found: list[str] = []
        for _ in range(_TEXTS):
            length = data[at]
            end = at + 1 + (length >> 1)
            if not 0 < length < _MORE or length & 1:
                return None
            try:
                found.append(intern(data[at + 1 : end].decode()))
            except UnicodeDecodeError:
                return None
            at = end
        if at > len(data):
            return None
        if len(self._known) >= _KNOWN_MAX:
            self._known.clear()
        tenant, network, charger_id, evse_uid, transaction_id = found
        texts = (tenant, network, charger_id, evse_uid, transaction_id)
        self._known[data[:at]] = texts
        return texts
