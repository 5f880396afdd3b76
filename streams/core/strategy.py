"""What to hold: the cell of the policy that fits a session, its first hold and its staircase.

Seed 001: one number on the wire, three products behind it. The policy's first matching cell decides
between a fixed hold, an incremental one and one that follows what the driver declared.
"""

import msgspec

from schemas.facts import SessionRequested
from schemas.money import Money
from streams.core.strategy_policy import (
    Buffer,
    Cell,
    LookAhead,
    Policy,
    PolicyInvalid,
    Strategy,
    parse_policy,
)
from streams.core.tariff import NOTHING, Quantities, Tariff, price

__all__ = [
    "Buffer",
    "Cell",
    "Choice",
    "LookAhead",
    "Policy",
    "PolicyInvalid",
    "Refusal",
    "Strategy",
    "accrual_minor",
    "choose",
    "look_ahead_minor",
    "next_total",
    "parse_policy",
]

_MS_PER_HOUR = 3_600_000


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """What is held for a session. Amounts are gross minor units of the session's currency.

    `ceiling_minor` bounds the hold for good; where a driver declared a target it bounds the session
    too: `target_minor` for an amount, `target_energy_wh` for an energy.
    """

    cell: str
    strategy: Strategy
    first_minor: int
    step_minor: int
    ceiling_minor: int
    target_energy_wh: int | None
    target_minor: int | None
    explanation: str


class Refusal(msgspec.Struct, frozen=True):
    """No hold can be chosen, before anything was asked of the card: a slug and what it is about."""

    reason: str
    detail: str


def choose(policy: Policy, request: SessionRequested, tariff: Tariff) -> Choice | Refusal:
    """The hold for this request, or why there is none."""
    acquirer = policy.acquirers.get(request.acquirer_id)
    if acquirer is None:
        return Refusal("unknown-acquirer", f"no [acquirers.{request.acquirer_id}] in {policy.id}")
    if tariff.currency != request.currency:
        # A hold in another currency would be converted at a rate that nobody has agreed on.
        return Refusal(
            "currency-mismatch", f"hold in {request.currency}, tariff in {tariff.currency}"
        )
    if request.declared_kind in ("amount", "energy") and not request.declared_value:
        return Refusal("empty-target", f"{request.declared_kind} declared as 0")
    matching = [cell for cell in policy.cell if _matches(cell, request)]
    if not matching:
        return Refusal("no-cell", f"policy {policy.id} {policy.version}: {_card(request)}")
    raisable = acquirer.raises(request.scheme, request.funding)
    usable = [cell for cell in matching if raisable or cell.strategy != "incremental"]
    choice = _choice(_without_steps(matching[0]) if not usable else usable[0], request, tariff)
    return _affordable(choice, tariff)


def _matches(cell: Cell, request: SessionRequested) -> bool:
    schemes = None if cell.scheme is None else {word.casefold() for word in cell.scheme}
    return (
        cell.power_type in (None, request.power_type)
        and cell.currency in (None, request.currency)
        and (cell.funding is None or request.funding in cell.funding)
        and (schemes is None or request.scheme.casefold() in schemes)
        and (cell.declared is None or request.declared_kind in cell.declared)
    )


def _without_steps(cell: Cell) -> Cell:
    """A charge that ends at the first hold is better than none, where the hold cannot be raised."""
    return msgspec.structs.replace(cell, strategy="fixed", step_minor=0, ceiling_minor=0)


def _choice(cell: Cell, request: SessionRequested, tariff: Tariff) -> Choice:
    wanted = _wanted_minor(cell, request, tariff)
    ceiling = cell.first_minor if cell.strategy == "fixed" else cell.ceiling_minor
    # Never hold more than what the driver asked for comes to; above the ceiling the ceiling is what
    # can be had, and a shorter charge is better than a refusal.
    ceiling = ceiling if wanted is None else min(wanted, ceiling)
    first = ceiling
    if cell.strategy == "incremental":
        flat = price(tariff, NOTHING).minor  # due at once: the first hold covers at least that
        first = _stair(min(cell.first_minor, ceiling), cell.step_minor, flat, ceiling)
    amount = request.declared_value if request.declared_kind == "amount" else None
    return Choice(
        cell=cell.name,
        strategy=cell.strategy,
        first_minor=first,
        step_minor=cell.step_minor,
        ceiling_minor=ceiling,
        target_energy_wh=request.declared_value if request.declared_kind == "energy" else None,
        target_minor=None if amount is None else min(amount, ceiling),
        explanation=_explanation(cell, request, (first, ceiling, wanted)),
    )


def _wanted_minor(cell: Cell, request: SessionRequested, tariff: Tariff) -> int | None:
    """The hold that the declared target comes to, the cell's buffer included; None: no figure."""
    match request.declared_kind:
        case "amount":
            target = request.declared_value
        case "energy":
            # At full power: the least time that it takes. What it takes longer is the buffer's.
            power_w = max(request.power_max_w, 0)
            energy_wh = request.declared_value
            charging_ms = -(-energy_wh * _MS_PER_HOUR // power_w) if power_w else 0
            target = price(tariff, Quantities(energy_wh, charging_ms, 0)).minor
        case "none" | "fill":
            return None
    return -(-target * (100 + cell.buffer.percent) // 100) + cell.buffer.minor


def _affordable(choice: Choice, tariff: Tariff) -> Choice | Refusal:
    flat = price(tariff, NOTHING)
    limit = choice.ceiling_minor if choice.target_minor is None else choice.target_minor
    if flat.minor > limit:
        most = Money(tariff.currency, limit)
        return Refusal("flat-above-limit", f"{flat} are due at once, {most} is the most allowed")
    return choice


def _explanation(
    cell: Cell, request: SessionRequested, amounts: tuple[int, int, int | None]
) -> str:
    first, ceiling, wanted = (
        None if amount is None else Money(request.currency, amount) for amount in amounts
    )
    words = f"cell {cell.name} ({cell.strategy}) for {_card(request)}: hold {first}"
    if cell.strategy == "incremental":
        step = Money(request.currency, cell.step_minor)
        words += f", raised by {step} up to {ceiling}"
    if wanted is not None and ceiling is not None and wanted.minor > ceiling.minor:
        words += f"; the declared target would take {wanted} and is capped"
    return f"{words}. {cell.why}".rstrip()


def _card(request: SessionRequested) -> str:
    declared = "" if request.declared_kind == "none" else f", declared {request.declared_kind}"
    if request.declared_kind in ("amount", "energy"):
        declared += f" {request.declared_value}"
    scheme = request.scheme or "unknown scheme"
    return f"{request.power_type}, {request.funding} {scheme}, {request.currency}{declared}"


# --- the staircase ------------------------------------------------------------------------------


def next_total(
    choice: Choice, held_minor: int, needed_minor: int, attempts_left: int
) -> int | None:
    """The new total of the next raise: above what is held, in whole steps, at most the ceiling.

    It covers `needed_minor` where the ceiling allows, and is so high that `attempts_left` raises of
    this size reach the ceiling (payments.md 7.6). None: nothing above what is held is possible.
    """
    if choice.strategy != "incremental" or attempts_left < 1:
        return None
    if held_minor >= choice.ceiling_minor:
        return None
    share = -(-(choice.ceiling_minor - held_minor) // attempts_left)  # at least 1: always above
    at_least = max(needed_minor, held_minor + share)
    return _stair(choice.first_minor, choice.step_minor, at_least, choice.ceiling_minor)


def _stair(first_minor: int, step_minor: int, at_least: int, ceiling_minor: int) -> int:
    """The lowest stair, counted from the first hold, that is high enough, or else the ceiling."""
    steps = max(-(-(at_least - first_minor) // step_minor), 0)
    return min(first_minor + steps * step_minor, ceiling_minor)


# --- looking ahead ------------------------------------------------------------------------------


def look_ahead_minor(policy: Policy, tariff: Tariff, power_max_w: int) -> int:
    """What can fall due within the policy's window at full power, in minor units, rounded up.

    payments.md 7.4: with less headroom than this a declined raise cannot be absorbed by the hold.
    """
    ahead = policy.look_ahead
    power_w = power_max_w if power_max_w > 0 else ahead.power_when_unknown_w
    return accrual_minor(tariff, power_w, ahead.window_ms)


def accrual_minor(tariff: Tariff, power_w: int, window_ms: int) -> int:
    """What `window_ms` can add to a price at most, however charging and parking share it.

    Rounded up, and for one Wh more: a register shows whole ones, so it may be that far ahead.
    """
    energy_wh = -(-power_w * window_ms // _MS_PER_HOUR)
    charging = energy_wh * tariff.energy_rate + window_ms * tariff.charging_rate
    parked = window_ms * tariff.parking_rate
    most = max(charging, parked) + tariff.energy_rate
    return -(-most // (10 * tariff.denominator))
