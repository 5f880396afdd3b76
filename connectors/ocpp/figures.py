"""One sampled value as an exact figure: text or number, unit, exponent of ten; signed or not.

OCPP 1.6 and 2.x differ in where these stand; `OF_16` and `OF_2X` say how each is read.
"""

import re
from collections.abc import Callable, Mapping
from decimal import ROUND_FLOOR, Context, Decimal
from typing import NamedTuple

import msgspec

from connectors.ocpp.messages import v16, v21, v201
from schemas.flags import Flag

Sampled16 = v16.SampledValue
Sampled2x = v201.SampledValue | v21.SampledValue
AnySampled = Sampled16 | Sampled2x

EXACT = Context(prec=80)  # above the 64 characters of any number that is taken
_MOST_TEXT = 40
_MOST_EXPONENT = 18
_LEAST_EXPONENT = -30
_MOST_MULTIPLIER = 12
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")

# Exponents of ten that turn a unit into Wh or W, in any case where milli cannot be meant for mega.
Units = Mapping[str, int]
ENERGY: Units = {"Wh": 0, "kWh": 3, "MWh": 6, "wh": 0, "kwh": 3}
POWER: Units = {"W": 0, "kW": 3, "MW": 6, "w": 0, "kw": 3}


class NoFigure(ValueError):
    """A value is no figure of its measurand: `field` of the sampled value, and the problem."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(problem)
        self.field = field


class Figure(NamedTuple):
    """Wh or W, exactly, and flags."""

    amount: Decimal
    flags: int


class Signed(NamedTuple):
    """A signed meter value: its context, its JSON as it came, and whether a key came along."""

    context: str
    text: str
    key: bool


class Dialect(NamedTuple):
    """How the sampled values of a version are read."""

    figure: Callable[..., Figure]
    signed: Callable[..., Signed | None]
    signed_is_figure: bool


def whole(amount: Decimal) -> int:
    """Whole Wh (or W) of an exact figure: fractions are cut off.

    Chargers cut registers off for meterStart and meterStop and not for sampled values (libocpp
    #638): cut off alike, a value never lies above the end that was read at the same instant.
    """
    return int(amount.to_integral_value(ROUND_FLOOR, EXACT))


def _figure_16(one: Sampled16, units: Units) -> Figure:
    text, flags = one.value, 0
    if text.isdecimal() and text.isascii() and len(text) <= _MOST_TEXT:
        return _scaled(Decimal(text), _exponent(one.unit, units, "unit"), 0)
    text = text.strip()
    if "," in text:
        # Firmware that writes by its locale; with a point beside it nobody can tell them apart.
        if "." in text or text.count(",") > 1:
            raise NoFigure("value", f"{text[:_MOST_TEXT]!r}: comma and point")
        text, flags = text.replace(",", "."), Flag.DECIMAL_COMMA.value
    if len(text) > _MOST_TEXT or _NUMBER.fullmatch(text) is None:
        raise NoFigure("value", f"{text[:_MOST_TEXT]!r} is no number")
    return _scaled(Decimal(text), _exponent(one.unit, units, "unit"), flags)


def _figure_2x(one: Sampled2x, units: Units) -> Figure:
    measure = one.unit_of_measure
    if measure is None:
        return _scaled(one.value, 0, 0)
    exponent = _exponent(measure.unit, units, "unitOfMeasure.unit")
    multiplier = measure.multiplier or 0
    if abs(multiplier) > _MOST_MULTIPLIER:
        raise NoFigure("unitOfMeasure.multiplier", f"10^{multiplier} is none that a meter has")
    return _scaled(one.value, exponent + multiplier, 0)


def _exponent(unit: str | None, units: Units, field: str) -> int:
    """The unit's exponent. Missing: Wh or W; 2.x has Wh for a default, also where W is meant."""
    if unit is None or unit == "":
        return 0
    found = units.get(unit)
    if found is None:
        found = units.get(unit.casefold())
    if found is None and not (units is POWER and unit == "Wh"):
        raise NoFigure(field, f"{unit!r} is no unit of {'energy' if units is ENERGY else 'power'}")
    return found or 0


def _scaled(value: Decimal, exponent: int, flags: int) -> Figure:
    if not value.is_finite():
        raise NoFigure("value", "no finite number")
    size = value.adjusted() + exponent
    if value and not _LEAST_EXPONENT <= size <= _MOST_EXPONENT:
        raise NoFigure("value", f"about 10^{size}: none that a meter shows")
    return Figure(value.scaleb(exponent, EXACT) if exponent else value, flags)


def _signed_16(one: Sampled16) -> Signed | None:
    if one.format != "SignedData":
        return None
    return Signed(
        one.context or "", msgspec.json.encode(one.value).decode(), "publicKey" in one.value
    )


def _signed_2x(one: Sampled2x) -> Signed | None:
    proof = one.signed_meter_value
    if proof is None:
        return None
    told = {
        "signedMeterData": proof.signed_meter_data,
        "encodingMethod": proof.encoding_method,
        "signingMethod": proof.signing_method or "",
        "publicKey": proof.public_key or "",
    }
    return Signed(one.context or "", msgspec.json.encode(told).decode(), bool(proof.public_key))


OF_16 = Dialect(_figure_16, _signed_16, signed_is_figure=False)
OF_2X = Dialect(_figure_2x, _signed_2x, signed_is_figure=True)
