"""Money: an integer count of minor units and its currency, and nothing that can lose a cent."""

from decimal import ROUND_HALF_UP, Decimal
from typing import Self

import msgspec

# ISO 4217 (2026, with ANG and BGN, which left it in 2025 and 2026): codes whose minor unit is not
# 1/100. An acquirer may count differently on its wire (Adyen ISK, Stripe UGX, ...): that is the
# acquirer's translate module, never this table.
_EXPONENTS_NOT_TWO = {
    "BIF": 0, "CLP": 0, "DJF": 0, "GNF": 0, "ISK": 0, "JPY": 0, "KMF": 0, "KRW": 0, "PYG": 0,
    "RWF": 0, "UGX": 0, "VND": 0, "VUV": 0, "XAF": 0, "XOF": 0, "XPF": 0,
    "BHD": 3, "IQD": 3, "JOD": 3, "KWD": 3, "LYD": 3, "OMR": 3, "TND": 3,
}  # fmt: skip
_EXPONENT_TWO = frozenset(
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN"
    " BZD CAD CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS"
    " GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR"
    " LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD"
    " PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN"
    " SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR"
    " ZMW ZWG".split()
)


class UnknownCurrency(ValueError):
    """The code is not an ISO 4217 currency that we can count in."""


class CurrencyMismatch(AssertionError):
    """Two amounts of different currencies met: always a bug of ours, never a fact of the world."""


def exponent_of(currency: str) -> int:
    """Digits of the minor unit (EUR 2, JPY 0, KWD 3). Raises UnknownCurrency."""
    if currency in _EXPONENT_TWO:
        return 2
    try:
        return _EXPONENTS_NOT_TWO[currency]
    except KeyError:
        raise UnknownCurrency(f"currency: {currency!r} is not a currency of ISO 4217") from None


class Money(msgspec.Struct, frozen=True):
    """`minor` units of `currency`. May be negative (a difference); a hold never is.

    Adding or subtracting two currencies raises CurrencyMismatch; there is no order across them.
    """

    currency: str
    minor: int

    @classmethod
    def zero(cls, currency: str) -> Self:
        return cls(currency, 0)

    @classmethod
    def from_major(cls, amount: Decimal, currency: str) -> Self:
        """Round a decimal amount of major units half up, once: the only such place."""
        scaled = amount.scaleb(exponent_of(currency))
        return cls(currency, int(scaled.quantize(Decimal(1), rounding=ROUND_HALF_UP)))

    def _same(self, other: "Money") -> None:
        if self.currency != other.currency:
            raise CurrencyMismatch(f"{self} and {other}")

    def __add__(self, other: "Money") -> "Money":
        self._same(other)
        return Money(self.currency, self.minor + other.minor)

    def __sub__(self, other: "Money") -> "Money":
        self._same(other)
        return Money(self.currency, self.minor - other.minor)

    def __str__(self) -> str:
        digits = exponent_of(self.currency)
        return f"{Decimal(self.minor).scaleb(-digits):.{digits}f} {self.currency}"
