"""The cells of the matrix: what each matches, and what it holds, in which currency.

A matcher that is absent matches all; all that are given must match. What is not known of a request
matches no range and no list that does not name it ("" or "unknown").
"""

from typing import Annotated, Literal, NamedTuple

import msgspec
from msgspec import Meta

from schemas.fields import Minor
from schemas.money import UnknownCurrency, exponent_of
from streams.core.acquirers import Funding

Strategy = Literal[
    "fixed", "incremental", "declared", "declared_then_incremental", "tariff_default"
]
DeclaredKind = Literal["none", "amount", "energy", "fill"]
Channel = Literal["terminal", "station", "kiosk", "web"]
Stage = Literal["before_card", "with_card"]
Regime = Literal[
    "NONE", "SIGN_SYNC", "SIGN_CHAINED", "PERIODIC_REPORT", "PROVIDER_CLEARANCE", "unknown"
]

EEA = frozenset(
    "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IS IT LI LT LU LV MT NL NO PL PT RO SE SI"
    " SK".split()
)
"""The European Economic Area; "EEA" in a list of countries means each of these."""

_Whole = Annotated[int, Meta(ge=0, le=10**15)]
_Hour = Annotated[int, Meta(ge=0, le=24)]
_Percent = Annotated[int, Meta(ge=0, le=100)]
_Name = Annotated[str, Meta(min_length=1, max_length=255)]
_Words = tuple[str, ...]


class Range(msgspec.Struct, frozen=True):
    """At least `min`, below `max`; what is not given is open."""

    min: _Whole = 0
    max: _Whole | None = None

    def holds(self, value: int | None) -> bool:
        """Whether the value is known and within."""
        return value is not None and self.min <= value and (self.max is None or value < self.max)


class Hours(msgspec.Struct, frozen=True):
    """Local hours of the day, from the one, before the other; over midnight where from is later."""

    start: _Hour = msgspec.field(name="from")
    until: _Hour

    def holds(self, hour: int | None) -> bool:
        if hour is None:
            return False
        if self.start <= self.until:
            return self.start <= hour < self.until
        return hour >= self.start or hour < self.until


class Buffer(msgspec.Struct, frozen=True):
    """What is held above a declared target: for tariff rounding, and time that cannot be known."""

    percent: _Percent = 0
    minor: Minor = 0


class Amounts(msgspec.Struct, frozen=True, kw_only=True):
    """What a cell holds in one currency, minor units. 0: none, or not for this strategy.

    `smallest_minor`: how far the first hold may be brought down after a decline.
    """

    first_minor: Minor = 0
    step_minor: Minor = 0
    ceiling_minor: Minor = 0
    smallest_minor: Minor = 0
    buffer_minor: Minor = 0


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """One cell of the matrix: matchers, a strategy, and amounts, for one currency or for each.

    fixed: holds `first_minor`. incremental: opens with `first_minor`, raises by `step_minor` up to
    `ceiling_minor`. declared: holds what the driver named, `buffer` on top, up to `ceiling_minor`;
    "fill" is held as the price of what the request expects, or else of `fill_wh`.
    declared_then_incremental: the same, then steps. tariff_default: the tariff's own
    `preauthorize_amount`, with steps where there are any; passed over where the tariff has none.
    """

    name: _Name
    strategy: Strategy
    why: str = ""
    stage: tuple[Stage, ...] | None = None
    tenant: _Words | None = None
    site: _Words | None = None
    channel: tuple[Channel, ...] | None = None
    terminal_capability: _Words | None = None
    power_type: Literal["AC", "DC"] | None = None
    power_w: Range | None = None
    expected_wh: Range | None = None
    expected_ms: Range | None = None
    declared: tuple[DeclaredKind, ...] | None = None
    target_minor: Range | None = None
    target_wh: Range | None = None
    scheme: _Words | None = None
    funding: tuple[Funding, ...] | None = None
    entry_mode: _Words | None = None
    cvm: _Words | None = None
    issuer_country: _Words | None = None
    merchant_country: _Words | None = None
    hours: Hours | None = None
    fiscal_regime: tuple[Regime, ...] | None = None
    closeout_ms: Range | None = None
    currency: str | None = None
    first_minor: Minor = 0
    step_minor: Minor = 0
    ceiling_minor: Minor = 0
    smallest_minor: Minor = 0
    buffer: Buffer = Buffer()
    fill_wh: Annotated[int, Meta(ge=0, le=10**9)] = 0
    amounts: dict[str, Amounts] = {}

    def amounts_in(self, currency: str) -> Amounts | None:
        """What is held in this currency; None: the cell is for others."""
        if self.amounts:
            found = self.amounts.get(currency)
            if found is None or found.buffer_minor:
                return found
            return msgspec.structs.replace(found, buffer_minor=self.buffer.minor)
        if self.currency not in (None, currency):
            return None
        return Amounts(
            first_minor=self.first_minor,
            step_minor=self.step_minor,
            ceiling_minor=self.ceiling_minor,
            smallest_minor=self.smallest_minor,
            buffer_minor=self.buffer.minor,
        )

    def currencies(self) -> tuple[str, ...]:
        """Those that it is for; empty: any."""
        if self.amounts:
            return tuple(self.amounts)
        return () if self.currency is None else (self.currency,)


class Inputs(NamedTuple):
    """What a cell is matched against, in a policy's words. None, "" and "unknown": not known."""

    stage: str
    tenant: str
    site: str
    channel: str
    terminal_capability: str
    power_type: str
    power_w: int | None
    expected_wh: int | None
    expected_ms: int | None
    declared: str
    target_minor: int | None
    target_wh: int | None
    scheme: str
    funding: str
    entry_mode: str
    cvm: str
    issuer_country: str
    merchant_country: str
    hour: int | None
    fiscal_regime: str
    closeout_ms: int | None
    currency: str


CARD_FIELDS = frozenset({"scheme", "funding", "entry_mode", "cvm", "issuer_country"})
"""Inputs that nobody knows before a card was read."""

LISTS = (
    "stage tenant site channel terminal_capability declared scheme funding entry_mode cvm"
    " issuer_country merchant_country fiscal_regime"
).split()
RANGES = "power_w expected_wh expected_ms target_minor target_wh closeout_ms".split()
_COUNTRIES = frozenset({"issuer_country", "merchant_country"})
_FOLDED = frozenset({"scheme", "entry_mode", "cvm", "terminal_capability"})


def matches(cell: Cell, inputs: Inputs) -> bool:
    """Whether the cell is for this: every matcher that it has says yes, its currency too."""
    return (
        cell.power_type in (None, inputs.power_type)
        and (cell.hours is None or cell.hours.holds(inputs.hour))
        and all(_in_list(getattr(cell, name), name, inputs) for name in LISTS)
        and all(_in_range(getattr(cell, name), getattr(inputs, name)) for name in RANGES)
        and cell.amounts_in(inputs.currency) is not None
    )


def _in_range(matcher: Range | None, value: int | None) -> bool:
    return matcher is None or matcher.holds(value)


def _in_list(words: _Words | None, name: str, inputs: Inputs) -> bool:
    if words is None:
        return True
    value = getattr(inputs, name)
    if name in _FOLDED:
        return value.casefold() in {word.casefold() for word in words}
    return value in words or (name in _COUNTRIES and value in EEA and "EEA" in words)


# --- a cell on its own ----------------------------------------------------------------------------


def contradictions(cell: Cell) -> list[str]:
    """What cannot be meant by this cell alone, each by the path of its field."""
    problems = [
        f"{matcher}: an empty list matches nothing; leave it out to match all"
        for matcher in LISTS
        if getattr(cell, matcher) == ()
    ]
    problems += [
        f"{matcher}: nothing is at least {span.min} and below {span.max}"
        for matcher in RANGES
        if (span := getattr(cell, matcher)) is not None
        and span.max is not None
        and span.max <= span.min
    ]
    if cell.hours is not None and cell.hours.start == cell.hours.until:
        problems.append("hours: no hour of the day is within")
    problems += _currency_problems(cell)
    if not cell.amounts:
        plain = cell.amounts_in(cell.currency or "")
        assert plain is not None  # its own currency, or any
        return problems + _amount_problems(cell, plain)
    for currency, amounts in cell.amounts.items():
        found = _amount_problems(cell, amounts)
        problems += [f"amounts.{currency}.{problem}" for problem in found]
    return problems


def _currency_problems(cell: Cell) -> list[str]:
    problems: list[str] = []
    named = [*cell.amounts, *(() if cell.currency is None else (cell.currency,))]
    for currency in named:
        try:
            exponent_of(currency)
        except UnknownCurrency as error:
            problems.append(str(error))
    plain = (cell.first_minor, cell.step_minor, cell.ceiling_minor, cell.smallest_minor)
    if cell.amounts and (cell.currency is not None or any(plain)):
        problems.append("amounts: beside currency or amounts of the cell's own; one of the two")
    return problems


def _amount_problems(cell: Cell, amounts: Amounts) -> list[str]:
    problems = _PROBLEMS[cell.strategy](cell, amounts)
    if (
        amounts.smallest_minor
        and amounts.first_minor
        and (amounts.smallest_minor > amounts.first_minor)
    ):
        problems.append("smallest_minor: more than the first hold")
    return problems


def _fixed(_: Cell, amounts: Amounts) -> list[str]:
    problems: list[str] = []
    if not amounts.first_minor:
        problems.append("first_minor: a fixed hold is more than nothing")
    if amounts.step_minor:
        problems.append("step_minor: a fixed hold has no steps")
    if amounts.ceiling_minor not in (0, amounts.first_minor):
        problems.append("ceiling_minor: the ceiling of a fixed hold is the hold")
    return problems


def _incremental(_: Cell, amounts: Amounts) -> list[str]:
    problems: list[str] = []
    if not amounts.first_minor:
        problems.append("first_minor: an incremental hold opens with more than nothing")
    if not amounts.step_minor:
        problems.append("step_minor: an incremental hold rises by more than nothing")
    if amounts.ceiling_minor < amounts.first_minor:
        problems.append(f"ceiling_minor: {amounts.ceiling_minor} is below the first hold")
    return problems


def _declared(cell: Cell, amounts: Amounts) -> list[str]:
    problems: list[str] = []
    if cell.declared is None or "none" in cell.declared:
        problems.append('declared: a declared hold needs a figure: "amount", "energy" or "fill"')
    elif "fill" in cell.declared and not cell.fill_wh:
        problems.append("fill_wh: missing: the energy that filling up is taken for")
    if not amounts.ceiling_minor:
        problems.append("ceiling_minor: missing: what a driver may declare at most")
    stepped = cell.strategy == "declared_then_incremental"
    if amounts.first_minor or (amounts.step_minor and not stepped):
        problems.append("first_minor, step_minor: a declared hold follows from what was declared")
    if stepped and not amounts.step_minor:
        problems.append("step_minor: missing: by how much the hold rises past what was declared")
    return problems


def _tariff_default(_: Cell, amounts: Amounts) -> list[str]:
    problems: list[str] = []
    if amounts.first_minor:
        problems.append("first_minor: the tariff says what is held first")
    if not amounts.ceiling_minor:
        problems.append("ceiling_minor: missing: what a tariff may ask for at most")
    return problems


_PROBLEMS = {
    "fixed": _fixed,
    "incremental": _incremental,
    "declared": _declared,
    "declared_then_incremental": _declared,
    "tariff_default": _tariff_default,
}
