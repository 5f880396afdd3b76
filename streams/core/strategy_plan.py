"""What one cell of the matrix comes to for a request: its first hold, its steps, its ceiling."""

from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from schemas.facts import SessionRequested
from streams.core import due
from streams.core.pricing import Quantities, Tariff
from streams.core.strategy_cells import Amounts, Cell, Strategy

_MS_PER_HOUR = 3_600_000


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """What is held for a session. Amounts are gross minor units of the session's currency.

    `ceiling_minor` bounds the hold for good; where a driver declared a target it bounds the session
    too: `target_minor` for an amount, `target_energy_wh` for an energy. `explanation` names policy,
    cell and inputs, and the reason in words.
    """

    cell: str
    strategy: Strategy
    first_minor: int
    step_minor: int
    ceiling_minor: int
    target_energy_wh: int | None
    target_minor: int | None
    explanation: str

    @property
    def rises(self) -> bool:
        """Whether the hold may be raised after its first amount."""
        return self.step_minor > 0


class Refusal(msgspec.Struct, frozen=True):
    """No hold can be chosen, before anything was asked of the card: a slug and what it is about."""

    reason: str
    detail: str


class Plan(NamedTuple):
    """What one cell would hold. `wanted_minor`: what the declared target comes to, None: none."""

    cell: Cell
    first_minor: int
    step_minor: int
    ceiling_minor: int
    wanted_minor: int | None


class Asked(NamedTuple):
    """What a cell's amounts are worked out for."""

    request: SessionRequested
    tariff: Tariff
    preauthorize_minor: int | None
    raises: bool


def first_usable(matching: list[Cell], asked: Asked) -> tuple[Plan | None, list[str]]:
    """The first cell that can be done, and the names of those before it with what they lack."""
    passed: list[str] = []
    for cell in matching:
        found = plan_of(cell, asked)
        if isinstance(found, Plan):
            return found, passed
        passed.append(f"{cell.name} ({found})")
    for cell in matching:  # a charge that ends at the first hold is better than none
        if cell.strategy == "incremental":
            found = plan_of(replace(cell, strategy="fixed"), asked)
            if isinstance(found, Plan):
                return found, passed
    return None, passed


def plan_of(cell: Cell, asked: Asked) -> Plan | str:
    """What the cell would hold; a text: why it cannot be done here.

    Never more than what the driver asked for comes to. Above the ceiling the ceiling is what can be
    had: a shorter charge is better than a refusal.
    """
    amounts = cell.amounts_in(asked.request.currency)
    assert amounts is not None  # it matched
    return _PLANS[cell.strategy](cell, amounts, asked, _wanted_minor(cell, amounts, asked))


def _fixed(cell: Cell, amounts: Amounts, _: Asked, wanted: int | None) -> Plan | str:
    first = _least(amounts.first_minor, wanted)
    return Plan(cell, first, 0, first, wanted)


def _incremental(cell: Cell, amounts: Amounts, asked: Asked, wanted: int | None) -> Plan | str:
    if not asked.raises:
        return "its hold cannot be raised"
    ceiling = _least(amounts.ceiling_minor, wanted)
    at_once = due.at_once(asked.tariff, asked.request)  # the first hold covers at least that
    low = min(amounts.first_minor, ceiling)
    return Plan(
        cell, stair(low, amounts.step_minor, at_once, ceiling), amounts.step_minor, ceiling, wanted
    )


def _declared(cell: Cell, amounts: Amounts, _: Asked, wanted: int | None) -> Plan | str:
    if wanted is None:
        return "nothing was declared"
    first = min(amounts.ceiling_minor, wanted)
    return Plan(cell, first, 0, first, wanted)


def _declared_then(cell: Cell, amounts: Amounts, asked: Asked, wanted: int | None) -> Plan | str:
    if wanted is None:
        return "nothing was declared"
    first = min(amounts.ceiling_minor, wanted)
    # A sum that was named is the end of it; what an energy or a full battery costs is an estimate.
    named = asked.request.declared_kind == "amount"
    ceiling = first if named or not asked.raises else amounts.ceiling_minor
    step = amounts.step_minor if ceiling > first else 0
    return Plan(cell, first, step, ceiling, wanted)


def _tariff_default(cell: Cell, amounts: Amounts, asked: Asked, wanted: int | None) -> Plan | str:
    if not asked.preauthorize_minor:
        return "the tariff asks for no amount"
    ceiling = _least(amounts.ceiling_minor, wanted)
    first = min(asked.preauthorize_minor, ceiling)
    rises = asked.raises and amounts.step_minor > 0 and ceiling > first
    step = amounts.step_minor if rises else 0
    return Plan(cell, first, step, ceiling if rises else first, wanted)


_PLANS = {
    "fixed": _fixed,
    "incremental": _incremental,
    "declared": _declared,
    "declared_then_incremental": _declared_then,
    "tariff_default": _tariff_default,
}


def _least(amount: int, other: int | None) -> int:
    return amount if other is None else min(amount, other)


def _wanted_minor(cell: Cell, amounts: Amounts, asked: Asked) -> int | None:
    """The hold that the declared target comes to, the cell's buffer included; None: no figure."""
    request = asked.request
    match request.declared_kind:
        case "amount":
            target = request.declared_value
        case "energy":
            target = _energy_minor(request.declared_value, asked)
        case "fill":
            energy_wh = request.expected_wh or cell.fill_wh
            if not energy_wh or not cell.strategy.startswith("declared"):
                return None  # how much that is nobody knows
            target = _energy_minor(energy_wh, asked)
        case "none":
            return None
    wanted = -(-target * (100 + cell.buffer.percent) // 100) + amounts.buffer_minor
    return max(wanted, 1)  # what costs next to nothing is still held: nothing is no hold


def _energy_minor(energy_wh: int, asked: Asked) -> int:
    """Its gross price at full power, the least time that it takes; or in the time expected."""
    power_w = max(asked.request.power_max_w, 0)
    fastest_ms = -(-energy_wh * _MS_PER_HOUR // power_w) if power_w else 0
    charging_ms = max(fastest_ms, asked.request.expected_ms)
    wanted = Quantities(energy_wh, charging_ms, 0)
    return due.estimate(asked.tariff, asked.request, wanted)


def stair(first_minor: int, step_minor: int, at_least: int, ceiling_minor: int) -> int:
    """The lowest stair, counted from the first hold, that is high enough, or else the ceiling."""
    steps = max(-(-(at_least - first_minor) // step_minor), 0)
    return min(first_minor + steps * step_minor, ceiling_minor)
