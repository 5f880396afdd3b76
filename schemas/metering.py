"""MeterReading out of its bytes at a third of the cost: the record that comes by the million.

A charging's readings all begin with the same five texts, so these are decoded once and known again
by their bytes. What follows is five longs, and the readings of the same eight seconds end alike.
Whatever is not as usual is left to the careful way of `schemas.codec`, which alone refuses
anything.
"""

from collections.abc import Callable, Sequence
from sys import intern
from typing import Any, Generic, TypeVar

from schemas.facts import MeterReading

_SINGLE = 10  # bytes before the body in the single-object encoding, which begins with C3
_CONFLUENT = 5  # and in Confluent's wire format, which begins with 0
_KNOWN_MAX = 65_536  # beginnings remembered, about 30 MB; then it starts over
_TEXTS = 5
_NUMBERS_MAX = 50  # bytes: five times the ten that a long may take
_MORE = 0x80  # on every byte of a number but its last
_MARKS = 0x80 + (0x80 << 7)  # what the marks of a number's first two bytes add up to
# An instant between 1971 and 2039 takes six bytes, and the flags one: the last four of the instant
# and the flags are the ending. This is what the five marks of the instant add up to.
_ENDING = 5
_SIX_BYTES = _MARKS + (0x80 << 14) + (0x80 << 21) + (0x80 << 28)
_ENDINGS_MAX = 4_096  # remembered, nine hours of readings; then it starts over

# Avro keeps the sign in the lowest bit, so that a number that is not negative is there twofold.
_ENERGY_MAX = 2 * 10**12
_POWER_MAX = 2 * 10**8
_LONG_MAX = 2 * (2**63 - 1)
_SEQUENCE_MAX = 2**31 - 1  # of what is written quickly
_LOW = 0x7F
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
T = TypeVar("T")


class Quick(Generic[T]):
    """Reads records with one of these headers into numbers; `headers` may grow meanwhile.

    `place` makes of tenant, network, charger, EVSE and transaction what each reading of that
    charging is to bring along; it is called once a charging, or seldom more.
    """

    __slots__ = ("_endings", "_headers", "_known", "_place")

    def __init__(
        self, headers: Sequence[bytes], place: Callable[[str, str, str, str, str], T]
    ) -> None:
        self._headers = headers
        self._place = place
        self._known: dict[bytes, T] = {}
        self._endings: dict[bytes, tuple[int, int]] = {}

    def read(  # noqa: C901 - each call that would split it costs as much as a step of the loop
        self, data: bytes
    ) -> tuple[T, int, int, int, int, int] | None:
        """The charging's `place`, then seq, energy_wh, power_w, read_at and flags.

        None: ask the careful way.
        """
        try:
            at = _SINGLE if data[0] else _CONFLUENT
            at += 1 + (data[at] >> 1)
            at += 1 + (data[at] >> 1)
            at += 1 + (data[at] >> 1)
            at += 1 + (data[at] >> 1)
            at += 1 + (data[at] >> 1)
            place = self._known.get(data[:at]) or self._learnt(data)
            ending = self._endings.get(data[-_ENDING:]) or self._learnt_ending(data)
            if place is None or ending is None or len(data) - at > _NUMBERS_MAX:
                return None
            numbers = iter(data[at:-_ENDING])
            following = numbers.__next__
            if (seq := following()) >= _MORE:
                seq = _rest(seq, following)
            if (energy_wh := following()) >= _MORE:
                if (second := following()) < _MORE:
                    energy_wh += (second << 7) - _MORE
                elif (third := following()) < _MORE:
                    energy_wh += (second << 7) + (third << 14) - _MARKS
                else:
                    energy_wh += (second << 7) + (_rest(third, following) << 14) - _MARKS
            if (power_w := following()) >= _MORE:
                if (second := following()) < _MORE:
                    power_w += (second << 7) - _MORE
                elif (third := following()) < _MORE:
                    power_w += (second << 7) + (third << 14) - _MARKS
                else:
                    power_w += (second << 7) + (_rest(third, following) << 14) - _MARKS
            b0, b1 = numbers
        except (IndexError, StopIteration, ValueError):
            return None
        odd = (seq & 1 and seq != _MINUS_ONE) or (power_w & 1 and power_w != _MINUS_ONE)
        high = energy_wh > _ENERGY_MAX or power_w > _POWER_MAX or seq > _LONG_MAX
        if odd or high or (energy_wh | b0) & 1 or not b0 & b1 & _MORE:
            return None
        seq = -1 if seq == _MINUS_ONE else seq >> 1
        power_w = -1 if power_w == _MINUS_ONE else power_w >> 1
        late, flags = ending
        return place, seq, energy_wh >> 1, power_w, (b0 + (b1 << 7) + late) >> 1, flags

    def _learnt(self, data: bytes) -> T | None:
        """The charging's place, if each text is one, its length in one byte, as nearly always."""
        if not data.startswith(tuple(self._headers)):
            return None
        at = _SINGLE if data[0] else _CONFLUENT
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
        place = self._place(tenant, network, charger_id, evse_uid, transaction_id)
        self._known[data[:at]] = place
        return place

    def _learnt_ending(self, data: bytes) -> tuple[int, int] | None:
        """What the ending adds to the instant, marks taken off but twofold still; the flags."""
        ending = data[-_ENDING:]
        b2, b3, b4, b5, flags = ending
        if not b2 & b3 & b4 & ~b5 & _MORE or flags >= _MORE or flags & 1:
            return None
        if len(self._endings) >= _ENDINGS_MAX:
            self._endings.clear()
        late = (b2 << 14) + (b3 << 21) + (b4 << 28) + (b5 << 35) - _SIX_BYTES
        self._endings[ending] = found = (late, flags >> 1)
        return found


def _as_they_are(tenant: str, network: str, charger: str, evse: str, transaction: str) -> _Texts:
    return tenant, network, charger, evse, transaction


class Readings:
    """The quick way to whole records."""

    __slots__ = ("_quick",)

    def __init__(self, headers: Sequence[bytes]) -> None:
        self._quick = Quick(headers, _as_they_are)

    def read(self, data: bytes) -> MeterReading | None:
        """The record in these bytes, header included; None: ask the careful way."""
        found = self._quick.read(data)
        if found is None:
            return None
        texts, seq, energy_wh, power_w, read_at, flags = found
        tenant, network, charger_id, evse_uid, transaction_id = texts
        return MeterReading(
            tenant=tenant,
            network=network,
            charger_id=charger_id,
            evse_uid=evse_uid,
            transaction_id=transaction_id,
            seq=seq,
            energy_wh=energy_wh,
            power_w=power_w,
            read_at=read_at,
            flags=flags,
        )


_FIRST_AT, _LAST_AT = 31_536_000_000, 2_177_452_800_000  # 1971 to 2039: within every bound
_BARE = 10  # bytes of the numbers of a reading at `_FIRST_AT` with zeros: six are the instant's
_SMALL = 64  # flags and numbers below take one byte, as nearly always


class Writer:
    """Readings into bytes at half the cost: a charging's readings all begin with the same bytes.

    Only what a careful encoder would take, too; whatever is not as usual is left to it.
    """

    __slots__ = ("_careful", "_known")

    def __init__(self, careful: Callable[[MeterReading], bytes]) -> None:
        self._careful = careful
        self._known: dict[_Texts, bytes] = {}

    def write(self, record: MeterReading) -> bytes:
        """The record, header included. Raises what the careful encoder raises."""
        texts = (
            record.tenant,
            record.network,
            record.charger_id,
            record.evse_uid,
            record.transaction_id,
        )
        head = self._known.get(texts)
        seq, energy_wh, power_w = record.seq, record.energy_wh, record.power_w
        read_at, flags = record.read_at, record.flags
        if head is None or not (
            type(seq) is type(energy_wh) is type(power_w) is type(read_at) is type(flags) is int
            and -1 <= seq <= _SEQUENCE_MAX  # -1: OCPP 1.6 has none
            and 0 <= energy_wh << 1 <= _ENERGY_MAX
            and power_w >= -1
            and power_w << 1 <= _POWER_MAX
            and _FIRST_AT <= read_at <= _LAST_AT
            and 0 <= flags < _SMALL
        ):
            return self._learnt(texts, record)
        out = bytearray(head)
        append = out.append
        for number in (seq, energy_wh, power_w, read_at, flags):
            left = number << 1 if number >= 0 else _MINUS_ONE
            while left >= _MORE:
                append(left & _LOW | _MORE)
                left >>= 7
            append(left)
        return bytes(out)

    def _learnt(self, texts: _Texts, record: MeterReading) -> bytes:
        """As the careful encoder has it; where the numbers begin is where a bare record ends."""
        data = self._careful(record)
        if texts in self._known:
            return data  # its numbers are odd
        if len(self._known) >= _KNOWN_MAX:
            self._known.clear()
        bare = MeterReading(
            tenant=record.tenant,
            network=record.network,
            charger_id=record.charger_id,
            evse_uid=record.evse_uid,
            transaction_id=record.transaction_id,
            seq=0,
            energy_wh=0,
            power_w=0,
            read_at=_FIRST_AT,
        )
        self._known[texts] = self._careful(bare)[:-_BARE]
        return data

    def forget(self) -> None:
        """The framing has changed."""
        self._known.clear()
