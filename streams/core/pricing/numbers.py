"""Numbers of a JSON body, exactly, and bounded before anything is computed with them."""

from decimal import Decimal, InvalidOperation
from fractions import Fraction

from streams.core.pricing.unpriceable import Unpriceable

# Beyond these a number is a mistake, and one like 1E999999 an attack on whoever writes it out.
WHOLE_DIGITS = 9
_DECIMALS = 40
_TEXT_MAX = 40


def bounded(number: Decimal, where: str, digits: int = WHOLE_DIGITS) -> None:
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int):  # a letter: NaN and infinities, which OCPI cannot mean
        raise Unpriceable("impossible-number", f"{where} {number}")
    if number and (number.adjusted() >= digits or exponent < -_DECIMALS):
        raise Unpriceable("impossible-number", f"{where} {number}")


def exact(value: object, where: str, digits: int = WHOLE_DIGITS) -> Fraction:
    """A JSON number, or a string of one, which OCPI's own CDR example has. Raises Unpriceable."""
    match value:
        case bool():
            raise Unpriceable("not-a-number", f"{where}: {value!r}")
        case int() | Decimal():
            number = Decimal(value)
        case str() if len(value) <= _TEXT_MAX:
            try:
                number = Decimal(value.strip())
            except InvalidOperation as error:
                raise Unpriceable("not-a-number", f"{where}: {value!r}") from error
        case _:
            raise Unpriceable("not-a-number", f"{where}: {value!r}"[:200])
    bounded(number, where, digits)
    return Fraction(number)


def not_negative(value: object, where: str, digits: int = WHOLE_DIGITS) -> Fraction:
    """As `exact`, and at least 0. A price that falls with energy has no inverse and no ceiling."""
    number = exact(value, where, digits)
    if number < 0:
        raise Unpriceable("negative", f"{where}: {value}")
    return number


def whole(value: object, where: str) -> int:
    number = not_negative(value, where)
    if number.denominator != 1:
        raise Unpriceable("not-whole", f"{where}: {value}")
    return int(number)
