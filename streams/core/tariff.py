"""What a charging costs, gross, and the inverse: how much fits under an amount.

A tariff is an OCPI 2.2.1 tariff object. Everything is exact: a price is a quotient of integers
until it becomes money, once, in `price`. First cut: elements without restrictions and steps;
whatever else a tariff may hold is refused by name, for a price of zero must be a tariff's word.
"""

import functools
import hashlib
import math
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal

import msgspec

from schemas.money import Money, UnknownCurrency, exponent_of

Dimension = Literal["ENERGY", "TIME", "PARKING_TIME", "FLAT"]

_WH_PER_KWH = 1_000
_MS_PER_HOUR = 3_600_000
_NO_STEP = (0, 1)  # OCPI: 0 is written by free tariffs, 1 is one Wh or one second, as good as none
# Beyond these a number is a mistake, and one like 1E999999 an attack. They also keep every price of
# quantities that a record can carry within the 28 digits of a Decimal.
_WHOLE_DIGITS = 9
_VAT_DIGITS = 3
_DECIMALS = 12


class Unpriceable(ValueError):
    """No price can be told from this tariff: `reason` is a slug, `detail` names what stands there.

    A named outcome of its own; it never becomes a price of zero.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class Quantities(msgspec.Struct, frozen=True):
    """What a session has had so far: energy, time charging, time connected and not charging.

    OCPI 2.2.1 counts the first time as TIME and the second as PARKING_TIME. All at least 0.
    """

    energy_wh: int
    charging_ms: int
    parking_ms: int


NOTHING = Quantities(0, 0, 0)


class Tariff(msgspec.Struct, frozen=True):
    """A priceable tariff: gross prices in major units, exact, and the same as integer rates.

    Tenths of a minor unit = (sum of quantity * rate, plus `flat_rate`) / `denominator`. Tenths,
    because the floor of the tenths rounds half up to the same minor unit as the exact quotient.
    """

    currency: str
    energy_per_kwh: Fraction
    time_per_hour: Fraction
    parking_per_hour: Fraction
    flat: Fraction
    energy_rate: int
    charging_rate: int
    parking_rate: int
    flat_rate: int
    denominator: int

    @classmethod
    def of(cls, currency: str, gross: dict[Dimension, Fraction]) -> "Tariff":
        """From gross prices in major units: a kWh, an hour, an hour, once. Missing: unpriced.

        Raises schemas.money.UnknownCurrency.
        """
        none = Fraction(0)
        energy = gross.get("ENERGY", none)
        time = gross.get("TIME", none)
        parking = gross.get("PARKING_TIME", none)
        flat = gross.get("FLAT", none)
        tenths = 10 ** (exponent_of(currency) + 1)
        rates = (
            energy * tenths / _WH_PER_KWH,
            time * tenths / _MS_PER_HOUR,
            parking * tenths / _MS_PER_HOUR,
            flat * tenths,
        )
        denominator = math.lcm(*(rate.denominator for rate in rates))
        per_wh, per_charging_ms, per_parking_ms, once = (int(rate * denominator) for rate in rates)
        return cls(
            currency=currency,
            energy_per_kwh=energy,
            time_per_hour=time,
            parking_per_hour=parking,
            flat=flat,
            energy_rate=per_wh,
            charging_rate=per_charging_ms,
            parking_rate=per_parking_ms,
            flat_rate=once,
            denominator=denominator,
        )

    def cost(self, quantities: Quantities) -> int:
        """The exact price: an integer in units of 1/(10 * denominator) of a minor unit."""
        return (
            quantities.energy_wh * self.energy_rate
            + quantities.charging_ms * self.charging_rate
            + quantities.parking_ms * self.parking_rate
            + self.flat_rate
        )

    def greatest_cost(self, ceiling_minor: int) -> int:
        """The greatest exact price that still rounds to at most `ceiling_minor`."""
        return (10 * ceiling_minor + 5) * self.denominator - 1


def price(tariff: Tariff, quantities: Quantities) -> Money:
    """The gross price, rounded half up once, here. FLAT counts from the first moment."""
    tenths = tariff.cost(quantities) // tariff.denominator
    return Money.from_major(
        Decimal(tenths).scaleb(-1 - exponent_of(tariff.currency)), tariff.currency
    )


# --- the inverse ------------------------------------------------------------------------------


def energy_limit(tariff: Tariff, at: Quantities, ceiling_minor: int) -> int | None:
    """The greatest energy in Wh that, with the times of `at`, is priced at most `ceiling_minor`.

    -1: above the ceiling without any energy. None: energy is not priced and cannot pass it.
    """
    rest = tariff.cost(at) - at.energy_wh * tariff.energy_rate
    return _limit(tariff.greatest_cost(ceiling_minor) - rest, tariff.energy_rate)


def charging_time_limit(tariff: Tariff, at: Quantities, ceiling_minor: int) -> int | None:
    """The greatest charging time in ms, all else as in `at`; -1 and None as for energy."""
    rest = tariff.cost(at) - at.charging_ms * tariff.charging_rate
    return _limit(tariff.greatest_cost(ceiling_minor) - rest, tariff.charging_rate)


def parking_time_limit(tariff: Tariff, at: Quantities, ceiling_minor: int) -> int | None:
    """The greatest parking time in ms, all else as in `at`; -1 and None as for energy."""
    rest = tariff.cost(at) - at.parking_ms * tariff.parking_rate
    return _limit(tariff.greatest_cost(ceiling_minor) - rest, tariff.parking_rate)


def _limit(left: int, rate: int) -> int | None:
    if left < 0:
        return -1
    return left // rate if rate else None


# --- the tariff object ------------------------------------------------------------------------


class _Component(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    type: Dimension
    price: Decimal
    vat: Decimal | None = None
    step_size: int = 1


class _Element(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    price_components: list[_Component]
    restrictions: dict[str, Any] | None = None


class _Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    currency: str
    elements: list[_Element]
    # They change the price and are not understood yet.
    min_price: Any = None
    max_price: Any = None
    tax_included: Any = None
    # They do not: identity, presentation, and what was decided when this version was pinned.
    country_code: Any = None
    party_id: Any = None
    id: Any = None
    type: Any = None
    tariff_alt_text: Any = None
    tariff_alt_url: Any = None
    preauthorize_amount: Any = None
    start_date_time: Any = None
    end_date_time: Any = None
    energy_mix: Any = None
    last_updated: Any = None


_BODY = msgspec.json.Decoder(_Body)
_ANY = msgspec.json.Decoder(float_hook=Decimal)
_CANONICAL = msgspec.json.Encoder(decimal_format="number", order="sorted")


@functools.lru_cache(maxsize=4096)
def parse(body: str) -> Tariff:
    """The tariff in this JSON. Raises Unpriceable naming what cannot be priced.

    Prices are net with `vat` in percent; OCPI 2.2.1: without `vat` no VAT applies.
    """
    try:
        found = _BODY.decode(body)
    except msgspec.ValidationError as error:
        raise Unpriceable("not-a-tariff", str(error)) from error
    except msgspec.DecodeError as error:
        raise Unpriceable("not-json", str(error)) from error
    _refuse_unknown_terms(found)
    try:
        return Tariff.of(found.currency, _gross_prices(found))
    except UnknownCurrency as error:
        raise Unpriceable("unknown-currency", str(error)) from error


def _refuse_unknown_terms(body: _Body) -> None:
    for field in ("min_price", "max_price", "tax_included"):
        if getattr(body, field) is not None:
            raise Unpriceable(field.replace("_", "-"), f"{field}: {getattr(body, field)!r}")
    if not any(element.price_components for element in body.elements):
        raise Unpriceable("no-price", "elements: no price component in any of them")
    for number, element in enumerate(body.elements):
        given = {k: v for k, v in (element.restrictions or {}).items() if v not in (None, [])}
        if given:
            words = ", ".join(sorted(given))
            raise Unpriceable("restriction", f"elements[{number}].restrictions: {words}")


def _gross_prices(body: _Body) -> dict[Dimension, Fraction]:
    """First match: of the elements the first with a component of a dimension prices it."""
    gross: dict[Dimension, Fraction] = {}
    for number, element in enumerate(body.elements):
        of_this: dict[Dimension, Fraction] = {}
        for component in element.price_components:
            where = f"elements[{number}] {component.type}"
            if component.type in of_this:
                raise Unpriceable("ambiguous", f"{where}: twice in one element")
            of_this[component.type] = _gross(component, where)
        gross = of_this | gross
    return gross


def _gross(component: _Component, where: str) -> Fraction:
    if component.type != "FLAT" and component.step_size not in _NO_STEP:
        raise Unpriceable("step-size", f"{where}: step_size {component.step_size}")
    net = _sane(component.price, _WHOLE_DIGITS, f"{where}: price")
    vat = Fraction(0)
    if component.vat is not None:
        vat = _sane(component.vat, _VAT_DIGITS, f"{where}: vat")
    return net * (100 + vat) / 100


def _sane(number: Decimal, digits: int, where: str) -> Fraction:
    """Bounded before it becomes a Fraction, which would write 1E999999 out in full."""
    _bounded(number, digits, where)
    if number < 0:  # a price that falls with energy has no inverse and no ceiling
        raise Unpriceable("negative", f"{where} {number}")
    return Fraction(number)


def _bounded(number: Decimal, digits: int, where: str) -> None:
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int):  # a letter: NaN and infinities, which OCPI cannot mean
        raise Unpriceable("impossible-number", f"{where} {number}")
    if number and (number.adjusted() >= digits or exponent < -_DECIMALS):
        raise Unpriceable("impossible-number", f"{where} {number}")


# --- identity -----------------------------------------------------------------------------------


def canonical(body: str) -> str:
    """The same JSON in one form: keys sorted, no blanks, 0.250 as 0.25. Raises Unpriceable."""
    try:
        return _CANONICAL.encode(_one_form(_ANY.decode(body))).decode()
    except msgspec.DecodeError as error:
        raise Unpriceable("not-json", str(error)) from error


def _one_form(value: Any) -> Any:
    match value:
        case dict():
            return {key: _one_form(of) for key, of in value.items()}
        case list():
            return [_one_form(of) for of in value]
        case Decimal():
            _bounded(value, _WHOLE_DIGITS, "number")
            return int(value) if value == int(value) else Decimal(f"{value.normalize():f}")
        case _:
            return value


def content_hash(body: str) -> str:
    """SHA-256 of the canonical form, hexadecimal: what a session pins."""
    return hashlib.sha256(canonical(body).encode()).hexdigest()
