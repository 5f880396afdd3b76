"""Amounts as one acquirer counts them: its exponent by currency against ISO 4217's. Exact or not.

payments.md, section 6: Adyen, Stripe and Checkout.com each differ from the standard, each in other
currencies. Nothing is rounded here: what the wire cannot carry to the unit is refused.
"""

from collections.abc import Mapping

import msgspec

from connectors.acquirers.acquirer import CannotAsk
from schemas.money import UnknownCurrency, exponent_of

_DEFAULT_LARGEST = 10**15


class NotCountable(ValueError):
    """The acquirer named an amount that is no whole number of our minor units, or no currency."""


class WireAmounts(msgspec.Struct, frozen=True, kw_only=True):
    """One acquirer's counting. `exponents`: where it is not ISO 4217's.

    `multiples`: what an amount on the wire must be a multiple of, by currency (its last digits are
    zero by the acquirer's rule). `largest`: the largest amount that it takes.
    """

    exponents: Mapping[str, int] = {}
    multiples: Mapping[str, int] = {}
    largest: int = _DEFAULT_LARGEST

    def to_wire(self, minor: int, currency: str) -> int:
        """Raises CannotAsk(wrong_amount): not representable, or a currency we cannot count in."""
        try:
            shift = self._shift(currency)
        except UnknownCurrency:
            raise CannotAsk("wrong_amount") from None
        value, rest = (minor * 10**shift, 0) if shift >= 0 else divmod(minor, 10**-shift)
        if rest or value % self.multiples.get(currency, 1) or value > self.largest:
            raise CannotAsk("wrong_amount")
        return value

    def from_wire(self, value: int, currency: str) -> int:
        """Our minor units. Raises NotCountable."""
        try:
            shift = self._shift(currency)
        except UnknownCurrency:
            raise NotCountable(f"{currency!r} is not a currency of ISO 4217") from None
        minor, rest = divmod(value, 10**shift) if shift >= 0 else (value * 10**-shift, 0)
        if rest or value < 0 or minor > _DEFAULT_LARGEST:
            raise NotCountable(f"{value} {currency} is no amount in minor units")
        return minor

    def _shift(self, currency: str) -> int:
        iso = exponent_of(currency)
        return self.exponents.get(currency, iso) - iso
