"""What each acquirer can do: the registry that holds are placed, raised and given back by.

Filled by the policy file's `[acquirers.*]` tables, so that what a session went by is pinned with
its policy. After payments.md 2.1 and 2.2 (operations, idempotency), 1.2 (windows), 6 (exponents).
"""

from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from schemas.money import UnknownCurrency, exponent_of

Convention = Literal["TOTAL", "DELTA"]
Remainder = Literal[
    "AUTO_AT_CAPTURE", "LOWER_BEFORE_CAPTURE", "REVERSE_AFTER_CAPTURE", "LAPSE_ONLY"
]
Funding = Literal["credit", "debit", "prepaid", "unknown"]

_YEAR_MS = 366 * 24 * 60 * 60 * 1000
_Duration = Annotated[int, Meta(ge=1, le=_YEAR_MS)]
_Attempts = Annotated[int, Meta(ge=1, le=1000)]
_KeyLength = Annotated[int, Meta(ge=36, le=255, description="our keys have 36 characters")]
_Exponent = Annotated[int, Meta(ge=0, le=4)]
_Basis = Annotated[int, Meta(ge=0, le=10_000)]


class NoIncrements(msgspec.Struct, frozen=True):
    """Cards whose holds an acquirer cannot raise although it raises others."""

    scheme: tuple[str, ...] = ()
    funding: tuple[Funding, ...] = ()


class Cost(msgspec.Struct, frozen=True):
    """What one payment costs there: `basis_points` of its amount and `fixed_minor` beside."""

    basis_points: _Basis = 0
    fixed_minor: Annotated[int, Meta(ge=0, le=10_000)] = 0

    def hundredths(self, amount_minor: int) -> int:
        """In hundredths of a minor unit: costs are compared, and a cent is too coarse for that."""
        return amount_minor * self.basis_points // 100 + self.fixed_minor * 100


class Acquirer(msgspec.Struct, frozen=True, kw_only=True):
    """What one acquirer can do. `convention`: whether a raise travels as new total or as delta.

    `remainder` says how the unused part of a hold goes back (design.md, section 1, idea 5).
    `attempts_cap` counts raises of one hold, declines included. `inquiry`: what became of a command
    can be asked by our reference. `key_length`: the longest idempotency key. `exponents`:
    currencies whose minor unit differs there from ISO 4217's. `hold_lifetime_ms`: the longest that
    it keeps a hold, `lifetimes` by scheme; `increment_extends`: schemes whose hold a raise makes
    last anew, there. `reauthorise`: takes a stored token for a hold without the driver.
    `currencies` empty: all. `refunds`: of what was captured, to the card, but for the schemes of
    `no_refunds`.
    """

    convention: Convention
    remainder: Remainder
    increments: bool
    no_increments: NoIncrements = NoIncrements()
    attempts_cap: _Attempts
    idempotency_window_ms: _Duration
    hold_lifetime_ms: _Duration
    partial_capture: bool
    inquiry: bool = True
    key_length: _KeyLength = 64
    exponents: dict[str, _Exponent] = {}
    lifetimes: dict[str, _Duration] = {}
    increment_extends: tuple[str, ...] = ()
    reauthorise: bool = False
    currencies: tuple[str, ...] = ()
    cost: Cost = Cost()
    refunds: bool = True
    no_refunds: tuple[str, ...] = ()

    def raises(self, scheme: str, funding: str) -> bool:
        """Whether a hold on such a card can be raised."""
        excluded = {word.casefold() for word in self.no_increments.scheme}
        barred = scheme.casefold() in excluded or funding in self.no_increments.funding
        return self.increments and not barred

    def lifetime_ms(self, scheme: str) -> int:
        """How long it keeps a hold on such a card, from the authorisation."""
        return self.lifetimes.get(scheme.casefold(), self.hold_lifetime_ms)

    def extends(self, scheme: str) -> bool:
        """Whether an approved raise makes such a card's hold last anew."""
        return scheme.casefold() in self.increment_extends

    def refunds_to(self, scheme: str) -> bool:
        """Whether what was captured from such a card can go back to it."""
        return self.refunds and scheme.casefold() not in self.no_refunds

    def takes(self, currency: str) -> bool:
        """Whether every minor unit of this currency can be held there."""
        coarser = self.exponents.get(currency, exponent_of(currency)) < exponent_of(currency)
        return not coarser and (not self.currencies or currency in self.currencies)


def contradictions(acquirer: Acquirer) -> list[str]:
    """What cannot be meant, each by the path of its field within the acquirer's table."""
    problems = [
        f"{field}.{currency}: no currency of ISO 4217"
        for field, named in (
            ("exponents", tuple(acquirer.exponents)),
            ("currencies", acquirer.currencies),
        )
        for currency in named
        if not _is_currency(currency)
    ]
    problems += [
        f"lifetimes.{scheme}: a scheme is written in small letters"
        for scheme in acquirer.lifetimes
        if scheme != scheme.casefold()
    ]
    problems += [
        f"lifetimes.{scheme}: longer than hold_lifetime_ms, the longest that it keeps a hold"
        for scheme, lifetime_ms in acquirer.lifetimes.items()
        if lifetime_ms > acquirer.hold_lifetime_ms
    ]
    problems += [
        f"increment_extends: {scheme!r}: a scheme is written in small letters"
        for scheme in acquirer.increment_extends
        if scheme != scheme.casefold()
    ]
    problems += [
        f"no_refunds: {scheme!r}: a scheme is written in small letters"
        for scheme in acquirer.no_refunds
        if scheme != scheme.casefold()
    ]
    if acquirer.increment_extends and not acquirer.increments:
        problems.append("increment_extends: holds are not raised here")
    return problems


def _is_currency(currency: str) -> bool:
    try:
        exponent_of(currency)
    except UnknownCurrency:
        return False
    return True


Registry = Mapping[str, Acquirer]
"""Acquirers by the id that requests, commands and accounts name them by."""
