"""What a station tells of itself beside its transactions: meters' keys, and that it takes limits.

Reports and configurations are no facts and are never refused: what cannot be read is not told.
OCPP 2.x: NotifyReport and the result of GetVariables (FiscalMetering.PublicKey, TxCtrlr's
SupportedLimits, E16.FR.12); 1.6: the result of GetConfiguration (MeterPublicKey<connectorId>; OCA,
Signed Meter Values 1.0, 3).
"""

import re
from collections.abc import Iterator

import msgspec

from connectors.ocpp.turn import Turn

MOST_BYTES = 1 << 20
_MOST_KEY_CHARS = 4096
_KEY, _LIMITS = "publickey", "supportedlimits"
_METERS = frozenset(("fiscalmetering", "sampleddatactrlr", "aligneddatactrlr"))
_KEY_16 = re.compile(r"MeterPublicKey\[?(\d{0,6})\]?", re.IGNORECASE)
_ENERGY = "maxenergy"
_MARKS = re.compile(rb"PublicKey|SupportedLimits|publickey|supportedlimits")

Told = tuple[str, str, str]


class _Evse(msgspec.Struct, frozen=True):
    id: int = 0


class _Named(msgspec.Struct, frozen=True):
    name: str = ""
    evse: _Evse | None = None


class _Attribute(msgspec.Struct, frozen=True):
    value: str = ""
    type: str = "Actual"


class _Row(msgspec.Struct, rename="camel"):
    """Of a report, with attributes, or of a result, with its value."""

    component: _Named = _Named()
    variable: _Named = _Named()
    variable_attribute: list[_Attribute] = []
    attribute_value: str = ""
    attribute_type: str = "Actual"


class _Setting(msgspec.Struct, frozen=True):
    key: str = ""
    value: str | None = None


class _Said(msgspec.Struct, rename="camel"):
    report_data: list[_Row] = []
    get_variable_result: list[_Row] = []
    configuration_key: list[_Setting] = []


_decoded = msgspec.json.Decoder(_Said, strict=False).decode


def tells(raw: bytes) -> bool:
    """Whether it may be one of these, by a look at its bytes."""
    return len(raw) <= MOST_BYTES and _MARKS.search(raw) is not None


def take(turn: Turn, raw: bytes) -> None:
    """Remembers what the station says of itself in this report or result."""
    try:
        said = _decoded(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return
    for evse, name, value in _each(said):
        if name == _LIMITS:
            turn.takes_limit(takes=_ENERGY in value.casefold())
        elif len(value) <= _MOST_KEY_CHARS:
            turn.meter_key(evse, value)
            turn.note("meter-key-told", f"EVSE {evse or 'any'}")


def _each(said: _Said) -> Iterator[Told]:
    """EVSE ('': the station), name and value of what counts."""
    for row in (*said.report_data, *said.get_variable_result):
        names = row.component.name.casefold(), row.variable.name.casefold()
        place = row.component.evse
        evse = str(place.id) if place is not None and place.id > 0 else ""
        told = [one.value for one in row.variable_attribute if one.type == "Actual"]
        value = next(filter(None, [*told, row.attribute_value]), "")
        if value and ((names[0] in _METERS and names[1] == _KEY) or names == ("txctrlr", _LIMITS)):
            yield evse, names[1], value
    for one in said.configuration_key:
        found = _KEY_16.fullmatch(one.key)
        if found and one.value:
            yield found[1].lstrip("0"), _KEY, one.value
