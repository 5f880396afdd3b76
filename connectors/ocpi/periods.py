"""Charging periods: nine tenths of a CDR, so what is as it should be is read without detours.

protocols.md section 4. ENERGY is what flowed in the period, kWh, and may be negative (to the grid);
time is not. A dimension whose name is not known is kept and counted.
"""

from collections.abc import Iterator, Sized
from decimal import Decimal
from typing import Any, Literal, NamedTuple, get_args

import msgspec

from connectors.ocpi.reading import (
    AS_TOLD,
    JSON,
    PLAIN_ID,
    TEXT_MAX,
    Reader,
    Unreadable,
    identifier,
    instant,
    number,
    number_read,
    usual_instant,
)
from connectors.ocpi.shapes import ITEMS_MAX, Shape, many, word

Number = int | Decimal
BILLED = frozenset({"ENERGY", "TIME", "PARKING_TIME", "RESERVATION_TIME"})
_Word = Literal[
    "CURRENT",
    "ENERGY",
    "ENERGY_EXPORT",
    "ENERGY_IMPORT",
    "FLAT",
    "MAX_CURRENT",
    "MAX_POWER",
    "MIN_CURRENT",
    "MIN_POWER",
    "PARKING_TIME",
    "POWER",
    "RESERVATION_TIME",
    "STATE_OF_CHARGE",
    "TIME",
]
DIMENSIONS = frozenset(get_args(_Word))
_DIMENSION = Shape(
    "CdrDimension",
    {"type": word(DIMENSIONS, "dimensions.type"), "volume": number},
    must=("type", "volume"),
)
PERIOD = Shape(
    "ChargingPeriod",
    {"start_date_time": instant, "dimensions": many(_DIMENSION), "tariff_id": identifier},
    required=("dimensions",),
    must=("start_date_time",),
)
_EVERY = many(PERIOD)
_BOUND = 10**9
_ZERO = Decimal(0)


class Tally(NamedTuple):
    """Over all periods: the ENERGY in kWh as told, and whether some of it flowed back."""

    energy: Number
    flows_back: bool


# Fields in the order of their names, so that what is encoded is the canonical form.
class Dimension(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    type: _Word
    volume: Any


class Period(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    dimensions: list[Dimension]
    start_date_time: str
    tariff_id: str | msgspec.UnsetType = msgspec.UNSET


_PERIODS = msgspec.json.Decoder(list[Period], float_hook=number_read)


class Usual(Sized):
    """Periods without anything odd, in order of time and in canonical form already.

    Iterated, they are what `periods` makes of them.
    """

    __slots__ = ("canonical", "count", "tallied")

    def __init__(self, canonical: bytes, count: int, tallied: Tally) -> None:
        self.canonical = canonical
        self.count = count
        self.tallied = tallied

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(JSON.decode(self.canonical))


def usual(told: msgspec.Raw) -> Usual | None:
    """The list without detours; None: something of it is not usual, so `periods` is to read it."""
    try:
        return usual_of(_PERIODS.decode(told))
    except (ValueError, ArithmeticError, RecursionError):
        return None


def usual_of(listed: list[Period]) -> Usual | None:
    """As `usual`, of what is decoded already; the periods are put into their form."""
    if not 0 < len(listed) <= ITEMS_MAX:
        return None
    energy: Number = 0
    before = ""
    tariff_id: str | msgspec.UnsetType = msgspec.UNSET
    for period in listed:
        start = usual_instant(period.start_date_time)
        if not start or start[:-1] < before:
            return None
        before = start[:-1]  # without its Z, 12:00:00.5 comes after 12:00:00
        period.start_date_time = start
        if period.tariff_id != tariff_id:
            tariff_id = period.tariff_id
            if tariff_id is not msgspec.UNSET and not is_plain(tariff_id):
                return None
        flowed = _flowed(period.dimensions)
        if flowed is None:
            return None
        energy += flowed
    return Usual(AS_TOLD.encode(listed), len(listed), Tally(energy, flows_back=False))


def is_plain(told: str) -> bool:
    """An identifier that needs no second look."""
    return len(told) <= TEXT_MAX and PLAIN_ID(told) is not None


def _flowed(dimensions: list[Dimension]) -> Number | None:
    """The ENERGY of a period; None: a volume is not usual."""
    energy: Number = 0
    for one in dimensions:
        volume = one.volume
        if type(volume) is Decimal:  # bounded by `number_read`; beyond that it is Odd
            if volume < _ZERO:
                return None
        elif type(volume) is not int or not 0 <= volume < _BOUND:
            return None
        if one.type == "ENERGY":
            energy += volume
    return energy


def periods(value: Any, reader: Reader) -> Any:
    """The list in its form: nearly as it came, where all of it is usual; else by its table."""
    if type(value) is Usual:
        return value
    if type(value) is not list or len(value) > ITEMS_MAX:
        return _EVERY(value, reader)
    out: list[dict[str, Any]] = []
    for period in value:
        form = _in_form(period)
        if form is None:
            return _EVERY(value, reader)
        out.append(form)
    return out


def _in_form(period: Any) -> dict[str, Any] | None:
    """None: it is not usual."""
    if type(period) is not dict:
        return None
    start, dimensions = period.get("start_date_time"), period.get("dimensions")
    if type(start) is not str or type(dimensions) is not list:
        return None
    if len(period) != 2:  # noqa: PLR2004 - start and dimensions
        tariff_id = period.get("tariff_id")
        named = type(tariff_id) is str and is_plain(tariff_id)
        if len(period) != 3 or not named:  # noqa: PLR2004 - and tariff_id
            return None
    form = usual_instant(start)
    if not form or not all(map(_is_plain_dimension, dimensions)):
        return None
    return period if form == start else {**period, "start_date_time": form}


def _is_plain_dimension(one: Any) -> bool:
    if type(one) is not dict or len(one) != 2:  # noqa: PLR2004 - type and volume
        return False
    kind, volume = one.get("type"), one.get("volume")
    if type(kind) is not str or kind not in DIMENSIONS:
        return False
    return type(volume) is Decimal or (type(volume) is int and 0 <= volume < _BOUND)


Periods = list[dict[str, Any]] | Usual


def in_order(listed: Periods) -> Periods:
    """By their start."""
    return listed if isinstance(listed, Usual) else sorted(listed, key=_start)


def _start(period: dict[str, Any]) -> str:
    start: str = period["start_date_time"]
    return start.removesuffix("Z")  # so that 12:00:00.5 comes after 12:00:00


def tally(listed: Periods) -> Tally:
    """Raises Unreadable where time runs backwards."""
    if isinstance(listed, Usual):
        return listed.tallied
    energy: Number = 0
    flows_back = False
    for number_of, period in enumerate(listed):
        for one in period.get("dimensions", ()):
            volume, kind = one["volume"], one["type"]
            if kind == "ENERGY":
                energy += volume
            if volume < 0:
                if kind != "ENERGY" and kind in BILLED:
                    where = ("dimensions", f"[{number_of}]", "charging_periods")
                    raise Unreadable("negative", f"{kind} {volume}", *where)
                flows_back = flows_back or kind == "ENERGY"
    return Tally(energy, flows_back)
