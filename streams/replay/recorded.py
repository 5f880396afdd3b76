"""Recorded charging sessions out of files: what really happened, before anything is filled in.

Three forms are read; the first bytes decide which it is.

1. Our CSV, header `session,evse,power_type,arrival,charging_end,departure,energy_wh,power_max_w,
   readings`: instants in ISO 8601 (no zone: UTC); `charging_end` may be empty (then departure);
   `readings` may be empty or `ISO=WH;ISO=WH;...`, energies since arrival.
2. The EPFL DC file (`ccs` in the header): minutes, Wh with decimals, peak W.
3. ACN-Data JSON: connection, end of charging, disconnection, kWh with decimals. AC; no peak power
   is recorded, so the least power that delivers the energy in time, at least 6.6 kW, is assumed.

Energies are rounded half up to whole Wh here, the only place.
"""

import csv
import datetime as dt
import io
from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Literal

import msgspec

AC_POWER_W = 6600
HEADER = (
    "session", "evse", "power_type", "arrival", "charging_end", "departure", "energy_wh",
    "power_max_w", "readings",
)  # fmt: skip


class RecordingWrong(ValueError):
    """The file or a row of it cannot be read; the message names row and field."""


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """One session as recorded. `readings`: (instant, Wh since arrival), may be empty."""

    session: str
    evse: str
    power_type: Literal["AC", "DC"]
    arrival_at: int
    charging_end_at: int
    departure_at: int
    energy_wh: int
    power_max_w: int
    readings: tuple[tuple[int, int], ...] = ()


def read_file(path: Path) -> list[Recorded]:
    """All sessions of the file in order of arrival. Raises RecordingWrong."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise RecordingWrong(f"{path}: {error}") from error
    sessions = list(_parsed(text))
    if not sessions:
        raise RecordingWrong(f"{path}: no session in it")
    seen: set[str] = set()
    for one in sessions:
        if one.session in seen:
            raise RecordingWrong(f"session: {one.session!r} stands twice")
        seen.add(one.session)
    return sorted(sessions, key=lambda one: (one.arrival_at, one.session))


def _parsed(text: str) -> Iterator[Recorded]:
    if text.lstrip()[:1] == "{":
        return _acn(text)
    rows = csv.DictReader(io.StringIO(text))
    names = tuple(rows.fieldnames or ())
    if "ccs" in names:
        return _rows(rows, _epfl)
    missing = [name for name in HEADER if name not in names and name != "readings"]
    if missing:
        raise RecordingWrong(f"header: {', '.join(missing)} missing")
    return _rows(rows, _own)


def _rows(rows: Any, parse: Any) -> Iterator[Recorded]:
    for row in rows:
        try:
            yield _sound(parse(row))
        except (ValueError, InvalidOperation, KeyError, TypeError) as error:
            raise RecordingWrong(f"line {rows.line_num}: {error}") from error


def _field(row: dict[str, str], name: str, parse: Any) -> Any:
    try:
        return parse(row[name].strip())
    except (ValueError, InvalidOperation, KeyError, AttributeError) as error:
        raise RecordingWrong(f"{name}: {row.get(name)!r} is not readable") from error


def _instant(text: str) -> int:
    moment = dt.datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    return int(moment.timestamp()) * 1000


def _whole(text: str) -> int:
    return int(Decimal(text).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def _timed(text: str) -> tuple[tuple[int, int], ...]:
    pairs = (pair.split("=", 1) for pair in text.split(";") if pair)
    return tuple(sorted((_instant(at), _whole(energy)) for at, energy in pairs))


def _own(row: dict[str, str]) -> Recorded:
    departure = _field(row, "departure", _instant)
    charging_end = (row.get("charging_end") or "").strip()
    power_type = row["power_type"].strip().upper()
    if power_type not in ("AC", "DC"):
        raise RecordingWrong(f"power_type: {power_type!r} is neither AC nor DC")
    return Recorded(
        session=_field(row, "session", str),
        evse=_field(row, "evse", str),
        power_type="AC" if power_type == "AC" else "DC",
        arrival_at=_field(row, "arrival", _instant),
        charging_end_at=_field(row, "charging_end", _instant) if charging_end else departure,
        departure_at=departure,
        energy_wh=_field(row, "energy_wh", _whole),
        power_max_w=_field(row, "power_max_w", _whole),
        readings=_field(row, "readings", _timed) if row.get("readings") else (),
    )


def _epfl(row: dict[str, str]) -> Recorded:
    departure = _field(row, "departure", _instant)
    return Recorded(
        session=f"epfl-{_field(row, 'session', str)}",
        evse=_field(row, "ccs", str),
        power_type="DC",
        arrival_at=_field(row, "arrival", _instant),
        charging_end_at=departure,
        departure_at=departure,
        energy_wh=_field(row, "energy_wh", _whole),
        power_max_w=_field(row, "power_max_w", _whole),
    )


def _acn(text: str) -> Iterator[Recorded]:
    try:
        # Numbers as Decimal: a kWh must not pass through a float on its way to money.
        items = msgspec.json.Decoder(float_hook=Decimal).decode(text)["_items"]
    except (msgspec.DecodeError, KeyError, TypeError) as error:
        raise RecordingWrong(f"_items: {error!r}") from error
    for number, item in enumerate(items):
        try:
            yield _sound(_acn_item(item))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise RecordingWrong(f"_items[{number}]: {error!r}") from error


def _acn_item(item: dict[str, Any]) -> Recorded:
    arrival, departure = _rfc(item["connectionTime"]), _rfc(item["disconnectTime"])
    done = item["doneChargingTime"]
    charging_end = min(_rfc(done), departure) if done else departure
    energy_wh = _whole(str(Decimal(item["kWhDelivered"]) * 1000))
    hours_ms = max(charging_end - arrival, 1)
    least_w = -(-energy_wh * 3_600_000 // hours_ms)
    return Recorded(
        session=f"acn-{item['_id']}",
        evse=item["stationID"],
        power_type="AC",
        arrival_at=arrival,
        charging_end_at=charging_end,
        departure_at=departure,
        energy_wh=energy_wh,
        power_max_w=max(least_w, AC_POWER_W),
    )


def _rfc(text: str) -> int:
    return int(parsedate_to_datetime(text).timestamp()) * 1000


def _sound(one: Recorded) -> Recorded:
    if one.energy_wh < 0:
        raise RecordingWrong(f"energy_wh: {one.energy_wh} is negative")
    if one.power_max_w <= 0:
        raise RecordingWrong(f"power_max_w: {one.power_max_w} is not above 0")
    if not one.arrival_at < one.departure_at:
        raise RecordingWrong("departure: not after arrival")
    if not one.arrival_at <= one.charging_end_at <= one.departure_at:
        raise RecordingWrong("charging_end: not between arrival and departure")
    energies = [energy for _, energy in one.readings]
    if energies != sorted(energies) or (energies and energies[-1] > one.energy_wh):
        raise RecordingWrong("readings: energies fall or pass energy_wh")
    return one
