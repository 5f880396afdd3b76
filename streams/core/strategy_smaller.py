"""The next smaller hold, for a driver whose card said no to the one before."""

from msgspec.structs import replace

from schemas.facts import SessionRequested
from schemas.money import Money
from streams.core.strategy_cells import Amounts, matches
from streams.core.strategy_inputs import inputs_of
from streams.core.strategy_plan import Choice
from streams.core.strategy_policy import Policy


def smaller(
    policy: Policy, request: SessionRequested, choice: Choice, due_minor: int = 0
) -> Choice | None:
    """The next smaller hold to offer after this one was declined; None: there is none.

    The cell with the largest first hold below this one, of those that fit the request, or that
    would if its card were a prepaid one, as thin as a card can be. Else half of this first hold,
    not below the cell's `smallest_minor`. Never above a bound of `choice`, never below `due_minor`.
    """
    found = [*_smaller_cells(policy, request, choice), *_smaller_amount(policy, request, choice)]
    able = [one for one in found if max(due_minor, 1) <= one.first_minor < choice.first_minor]
    return max(able, key=lambda one: one.first_minor, default=None)


def _smaller_cells(policy: Policy, request: SessionRequested, choice: Choice) -> list[Choice]:
    seen = inputs_of(policy, request, carded=True)
    views = (seen, seen._replace(funding="prepaid"))
    found: list[Choice] = []
    for cell in policy.cell:
        if cell.strategy not in ("fixed", "incremental") or cell.name == choice.cell:
            continue
        if cell.declared is None and request.declared_kind in ("amount", "energy"):
            continue  # what the driver named is made smaller, not forgotten
        if not any(matches(cell, view) for view in views):
            continue
        amounts = cell.amounts_in(request.currency)
        assert amounts is not None  # it matched
        found.append(_brought_down(choice, cell.name, amounts.first_minor, amounts, request))
    return found


def _smaller_amount(policy: Policy, request: SessionRequested, choice: Choice) -> list[Choice]:
    cell = next((one for one in policy.cell if one.name == choice.cell), None)
    amounts = cell.amounts_in(request.currency) if cell is not None else None
    if amounts is None or not amounts.smallest_minor:
        return []
    half = max(choice.first_minor // 2, amounts.smallest_minor)
    step = replace(amounts, step_minor=choice.step_minor, ceiling_minor=choice.ceiling_minor)
    return [_brought_down(choice, choice.cell, half, step, request)]


def _brought_down(
    choice: Choice, cell: str, first: int, amounts: Amounts, request: SessionRequested
) -> Choice:
    """`choice` with a smaller first hold; it rises only where it did, and never higher."""
    rises = choice.rises and amounts.step_minor > 0
    ceiling = min(choice.ceiling_minor, amounts.ceiling_minor) if rises else first
    target = choice.target_minor
    before, now = Money(request.currency, choice.first_minor), Money(request.currency, first)
    return replace(
        choice,
        cell=cell,
        strategy=choice.strategy if cell == choice.cell or rises else "fixed",
        first_minor=first,
        step_minor=amounts.step_minor if rises and ceiling > first else 0,
        ceiling_minor=max(ceiling, first),
        target_minor=None if target is None else min(target, max(ceiling, first)),
        explanation=f"cell {cell}: {now} after {before} was declined. Before: {choice.explanation}",
    )
