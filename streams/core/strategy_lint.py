"""What in a policy cannot be meant, although every key of it is right."""

import zoneinfo
from collections.abc import Iterator
from typing import Literal, NamedTuple

import msgspec

from schemas.money import Money, exponent_of
from streams.core import proof_policy
from streams.core.strategy_cells import Amounts, Cell
from streams.core.strategy_limits import SCA_COUNTRIES, published
from streams.core.strategy_policy import Policy
from streams.core.strategy_space import (
    Box,
    Space,
    box_of,
    joined,
    meets,
    space_of,
    universe,
    without,
)

Kind = Literal["unreachable", "gap", "minor-unit", "contradiction", "dead-key"]
GAPS_MAX = 20
_AMOUNTS = ("first_minor", "step_minor", "ceiling_minor", "smallest_minor", "buffer_minor")


class Finding(NamedTuple):
    """`path`: where in the file, as parse_policy names it; empty: the matrix as a whole."""

    kind: Kind
    path: str
    message: str


def lint(policy: Policy) -> list[Finding]:
    """All findings, in the order of the file."""
    return [
        *_matrix(policy),
        *_units(policy),
        *_amounts(policy),
        *_dead_keys(policy),
        *(
            Finding("dead-key", f"proof.{key}", message)
            for key, message in proof_policy.dead_keys(policy.proof)
        ),
    ]


# --- the matrix -----------------------------------------------------------------------------------


def _matrix(policy: Policy) -> Iterator[Finding]:
    space = space_of(policy)
    everything = universe(space)
    left = everything
    for number, cell in enumerate(policy.cell):
        path, box = f"cell[{number}]", box_of(space, cell)
        if not any(meets(one, box) for one in everything):
            message = f"{cell.name!r} asks for what can never be together"
            yield Finding("contradiction", path, message)
        elif not any(meets(one, box) for one in left):
            takers = _takers(policy, space, number, box)
            yield Finding(
                "unreachable", path, f"{cell.name!r} comes after {takers}, which take all"
            )
        left = without(left, box)
    for cell in policy.cell:  # where nothing else is left, a staircase holds its first step only
        if cell.strategy == "incremental":
            left = without(left, box_of(space, msgspec.structs.replace(cell, strategy="fixed")))
    gaps = _gaps(space, joined(left))
    for words in gaps[:GAPS_MAX]:
        yield Finding("gap", "", f"no cell for {words or 'anything'}")
    if len(gaps) > GAPS_MAX:
        yield Finding("gap", "", f"and {len(gaps) - GAPS_MAX} more")


def _gaps(space: Space, left: list[Box]) -> list[str]:
    """In words; what is the same before a card and with one is told once."""
    stages: dict[str, list[str]] = {}
    for box in left:
        words = space.words(box)
        stage = words.pop("stage", "")
        rest = ", ".join(f"{name}={word}" for name, word in words.items())
        stages.setdefault(rest, []).append(stage)
    told: list[str] = []
    for rest, found in stages.items():
        stage = f"stage={found[0]}" if len(found) == 1 and found[0] else ""
        told.append(", ".join(part for part in (stage, rest) if part))
    return told


def _takers(policy: Policy, space: Space, number: int, box: Box) -> str:
    before = policy.cell[:number]
    names = [repr(one.name) for one in before if meets(box_of(space, one), box)]
    return ", ".join(names)


# --- amounts --------------------------------------------------------------------------------------


def _by_currency(cell: Cell) -> Iterator[tuple[str, str, Amounts]]:
    """Path within the cell, currency and amounts; currency empty: any."""
    for currency in cell.currencies() or ("",):
        found = cell.amounts_in(currency)
        assert found is not None  # one of its own, or any
        yield (f"amounts.{currency}." if cell.amounts else ""), currency, found


def _units(policy: Policy) -> Iterator[Finding]:
    """Amounts that an acquirer cannot count, or that another currency's minor unit misreads."""
    for number, cell in enumerate(policy.cell):
        figures: dict[int, tuple[str, Amounts]] = {}
        for within, currency, amounts in _by_currency(cell):
            path = f"cell[{number}].{within}"
            if not currency:
                message = "no currency: the same figure is another amount in each"
                yield Finding("minor-unit", f"{path}first_minor", message)
                continue
            yield from _coarse(policy, path, currency, amounts)
            digits = exponent_of(currency)
            for other, (theirs, same) in figures.items():
                if other != digits and same == amounts:
                    here, there = _first(currency, amounts), _first(theirs, same)
                    message = f"the same figures as in {theirs}, but {here} is not {there}"
                    yield Finding("minor-unit", path.rstrip("."), message)
                    break
            figures.setdefault(digits, (currency, amounts))
    digits_used = {exponent_of(one) for cell in policy.cell for one in cell.currencies()}
    if policy.forgive_below_minor and len(digits_used) > 1:
        message = "one figure for currencies with different minor units"
        yield Finding("minor-unit", "forgive_below_minor", message)


def _first(currency: str, amounts: Amounts) -> Money:
    return Money(currency, amounts.first_minor or amounts.ceiling_minor)


def _coarse(policy: Policy, path: str, currency: str, amounts: Amounts) -> Iterator[Finding]:
    for name, acquirer in policy.acquirers.items():
        digits = acquirer.exponents.get(currency, exponent_of(currency))
        unit = 10 ** max(exponent_of(currency) - digits, 0)
        for field in _AMOUNTS:
            amount = getattr(amounts, field)
            if amount % unit:
                smallest = Money(currency, unit)
                message = f"{Money(currency, amount)}: {name} counts in units of {smallest}"
                yield Finding("minor-unit", f"{path}{field}", message)


def _amounts(policy: Policy) -> Iterator[Finding]:
    for number, cell in enumerate(policy.cell):
        for within, currency, amounts in _by_currency(cell):
            path = f"cell[{number}].{within}"
            room = amounts.ceiling_minor - amounts.first_minor
            if cell.strategy == "incremental" and 0 <= room < amounts.step_minor:
                message = "no whole step fits between the first hold and the ceiling"
                yield Finding("contradiction", f"{path}step_minor", message)
            if not currency:
                continue
            capped = _no_cvm_cap(policy, cell, currency)
            most = max(amounts.ceiling_minor, amounts.first_minor)
            if capped is not None and most > capped:
                allowed = Money(currency, capped)
                message = f"contactless without CVM is held up to {allowed} there, never to this"
                yield Finding("contradiction", f"{path}ceiling_minor", message)


def _no_cvm_cap(policy: Policy, cell: Cell, currency: str) -> int | None:
    """The most that any tap of this cell may come to; None: some of its taps have no limit."""
    told = cell.merchant_country is not None and set(cell.merchant_country) <= SCA_COUNTRIES
    bare = cell.cvm is not None and set(cell.cvm) <= {"none", "no_cvm"}
    touch = cell.entry_mode is not None and set(cell.entry_mode) <= {"contactless"}
    if not (told and bare and touch) or cell.merchant_country is None:
        return None
    caps: list[int] = []
    for country in cell.merchant_country:
        own = policy.no_cvm_limits.get(country, {}).get(currency)
        both = [one for one in (own, *published(country, currency)) if one is not None]
        if not both:
            return None
        caps.append(max(both))
    return max(caps)


# --- keys without effect --------------------------------------------------------------------------


def _dead_keys(policy: Policy) -> Iterator[Finding]:
    for number, cell in enumerate(policy.cell):
        for key, message in _dead_in(cell):
            yield Finding("dead-key", f"cell[{number}].{key}", message)
    for country in policy.no_cvm_limits:
        if country not in SCA_COUNTRIES:
            message = "no rule caps contactless without CVM there"
            yield Finding("dead-key", f"no_cvm_limits.{country}", message)
    used = any(cell.fiscal_regime or cell.closeout_ms for cell in policy.cell)
    if policy.fiscal and not used:
        yield Finding("dead-key", "fiscal", "no cell asks for fiscal_regime or closeout_ms")
    if policy.time_zone and policy.time_zone not in zoneinfo.available_timezones():
        yield Finding("contradiction", "time_zone", f"{policy.time_zone!r} is no IANA time zone")
    elif policy.time_zone and not any(cell.hours for cell in policy.cell):
        yield Finding("dead-key", "time_zone", "no cell asks for hours")


def _dead_in(cell: Cell) -> Iterator[tuple[str, str]]:
    kinds = set(cell.declared or ("none", "amount", "energy", "fill"))
    figure = kinds & {"amount", "energy"}
    follows = cell.strategy.startswith("declared")
    if cell.fill_wh and not (follows and "fill" in kinds):
        yield "fill_wh", "the cell is not for filling up by what was declared"
    buffered = cell.buffer.percent or cell.buffer.minor
    buffered = buffered or any(one.buffer_minor for one in cell.amounts.values())
    if buffered and not figure and not follows:
        yield "buffer", "nothing that the cell is for is a figure"
