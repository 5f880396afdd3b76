"""What to hold: the cell of the policy that fits a session, its first hold and its staircase.

Seed 001: one number on the wire, three products behind it. The policy's first matching cell decides
between a fixed hold, an incremental one, one that follows what the driver declared, and the figure
that the tariff asks for. What rules allow on the card, and the driver's consent, bound it.
"""

from typing import NamedTuple

from msgspec.structs import replace

from schemas.facts import SessionRequested
from schemas.money import Money
from streams.core import due
from streams.core.pricing import Tariff
from streams.core.strategy_cells import Buffer, Cell, Strategy, matches
from streams.core.strategy_inputs import inputs_of, words_of
from streams.core.strategy_limits import Forbidden, Limit, raises_barred, tap_limits
from streams.core.strategy_plan import (
    Asked,
    Choice,
    Plan,
    Refusal,
    first_usable,
    stair,
)
from streams.core.strategy_policy import LookAhead, Policy, PolicyInvalid, parse_policy
from streams.core.strategy_smaller import smaller

__all__ = [
    "NO_CONSENT",
    "Buffer",
    "Cell",
    "Choice",
    "Consent",
    "LookAhead",
    "Policy",
    "PolicyInvalid",
    "Refusal",
    "Strategy",
    "bounded",
    "can_raise",
    "choose",
    "next_total",
    "parse_policy",
    "smaller",
]


class Consent(NamedTuple):
    """What the driver saw and agreed to: held first, and at most in all. 0: not told."""

    offered_minor: int = 0
    consented_minor: int = 0


NO_CONSENT = Consent()


# --- the choice -----------------------------------------------------------------------------------


def choose(
    policy: Policy,
    request: SessionRequested,
    tariff: Tariff,
    *,
    carded: bool | None = None,
    preauthorize_minor: int | None = None,
) -> Choice | Refusal:
    """The hold for this request by the first cell that fits, or why there is none.

    `carded`: the card fields are of a card that was read; None: as the request's stage says.
    `preauthorize_minor`: OCPI 2.3.0 `preauthorize_amount` of the tariff, gross; None: it has none.
    """
    refused = _refused(policy, request, tariff)
    if refused is not None:
        return refused
    carded = request.stage == "tapped" if carded is None else carded
    inputs = inputs_of(policy, request, carded=carded)
    seen = f"policy {policy.id} {policy.version} on {words_of(inputs)}"
    matching = [cell for cell in policy.cell if matches(cell, inputs)]
    if not matching:
        return Refusal("no-cell", f"{_card(request, carded=carded)}: {seen}")
    raises = can_raise(policy, request) or not carded
    asked = Asked(request, tariff, preauthorize_minor, raises)
    plan, passed = first_usable(matching, asked)
    if plan is None:
        return Refusal("no-usable-cell", f"{'; '.join(passed)}: {seen}")
    choice = _choice(plan, request, carded=carded)
    words = f" Passed over: {'; '.join(passed)}." if passed else ""
    choice = replace(choice, explanation=f"{choice.explanation}{words} By {seen}.")
    due_minor = due.at_once(tariff, request)
    if not carded:
        return _affordable(choice, due_minor, request.currency)
    return bounded(policy, request, choice, due_minor, Consent(0, request.consented_minor))


def bounded(
    policy: Policy,
    request: SessionRequested,
    choice: Choice,
    due_minor: int,
    consent: Consent = NO_CONSENT,
) -> Choice | Refusal:
    """The choice within what this card and the driver's consent allow; the request tells the card.

    `due_minor` falls due at once. What no rule lets us hold is a refusal, never a larger hold.
    """
    limits = tap_limits(request, policy.no_cvm_limits)
    if isinstance(limits, Forbidden):
        return Refusal(limits.reason, limits.detail)
    limits = [*limits, *_consented(consent, request.currency)]
    if choice.rises and not can_raise(policy, request):
        words = "this card's hold cannot be raised"
        limits.append(Limit(choice.first_minor, "sum", words))
    return _affordable(_within(choice, limits), due_minor, request.currency)


def can_raise(policy: Policy, request: SessionRequested) -> bool:
    """Whether the acquirer, and the rules of the card's scheme, let a hold be raised."""
    acquirer = policy.acquirers.get(request.acquirer_id)
    able = acquirer is None or acquirer.raises(request.scheme, request.funding)
    return able and not raises_barred(request.scheme)


def _refused(policy: Policy, request: SessionRequested, tariff: Tariff) -> Refusal | None:
    if request.acquirer_id not in policy.acquirers:
        return Refusal("unknown-acquirer", f"no [acquirers.{request.acquirer_id}] in {policy.id}")
    if not policy.acquirers[request.acquirer_id].takes(request.currency):
        # Not every minor unit of it can be held, or captured, there: a price cannot be rounded up.
        return Refusal("currency-not-taken", f"{request.acquirer_id} takes no {request.currency}")
    if tariff.currency != request.currency:
        # A hold in another currency would be converted at a rate that nobody has agreed on. What a
        # cardholder's own bank converts to (DCC) is no concern of the hold.
        return Refusal(
            "currency-mismatch", f"hold in {request.currency}, tariff in {tariff.currency}"
        )
    if request.declared_kind in ("amount", "energy") and not request.declared_value:
        return Refusal("empty-target", f"{request.declared_kind} declared as 0")
    return None


def _choice(plan: Plan, request: SessionRequested, *, carded: bool) -> Choice:
    amount = request.declared_value if request.declared_kind == "amount" else None
    return Choice(
        cell=plan.cell.name,
        strategy=plan.cell.strategy,
        first_minor=plan.first_minor,
        step_minor=plan.step_minor,
        ceiling_minor=plan.ceiling_minor,
        target_energy_wh=request.declared_value if request.declared_kind == "energy" else None,
        target_minor=None if amount is None else min(amount, plan.ceiling_minor),
        explanation=_explanation(plan, request, carded=carded),
    )


# --- bounds ---------------------------------------------------------------------------------------


def _consented(consent: Consent, currency: str) -> list[Limit]:
    limits: list[Limit] = []
    if consent.offered_minor:
        shown = Money(currency, consent.offered_minor)
        limits.append(Limit(consent.offered_minor, "first", f"offered to the driver: {shown}"))
    if consent.consented_minor:
        agreed = Money(currency, consent.consented_minor)
        limits.append(Limit(consent.consented_minor, "sum", f"the driver consented to {agreed}"))
    return limits


def _within(choice: Choice, limits: list[Limit]) -> Choice:
    """The choice with its amounts brought down to the limits, and the words of those that did."""
    ceiling = min([choice.ceiling_minor, *(one.minor for one in limits if one.of == "sum")])
    first = min([choice.first_minor, ceiling, *(one.minor for one in limits)])
    if not choice.rises:
        ceiling = first
    if (first, ceiling) == (choice.first_minor, choice.ceiling_minor):
        return choice
    target = choice.target_minor
    binding = [
        one.words
        for one in limits
        if one.minor < choice.first_minor or (one.of == "sum" and one.minor < choice.ceiling_minor)
    ]
    return replace(
        choice,
        first_minor=first,
        ceiling_minor=ceiling,
        step_minor=choice.step_minor if ceiling > first else 0,
        target_minor=None if target is None else min(target, ceiling),
        explanation=f"{choice.explanation} Bounded: {'; '.join(binding)}.",
    )


def _affordable(choice: Choice, due_minor: int, currency: str) -> Choice | Refusal:
    """What is due at once must fit the first hold, and the limit that the driver named."""
    limit = choice.ceiling_minor if choice.target_minor is None else choice.target_minor
    limit = min(limit, choice.first_minor) if choice.first_minor < due_minor else limit
    if due_minor > limit:
        due, most = Money(currency, due_minor), Money(currency, limit)
        return Refusal("flat-above-limit", f"{due} are due at once, {most} is the most allowed")
    return choice


# --- words ----------------------------------------------------------------------------------------


def _explanation(plan: Plan, request: SessionRequested, *, carded: bool) -> str:
    cell, currency = plan.cell, request.currency
    first, ceiling = Money(currency, plan.first_minor), Money(currency, plan.ceiling_minor)
    words = f"cell {cell.name} ({cell.strategy}) for {_card(request, carded=carded)}: hold {first}"
    if plan.step_minor:
        words += f", raised by {Money(currency, plan.step_minor)} up to {ceiling}"
    if plan.wanted_minor is not None and plan.wanted_minor > plan.ceiling_minor:
        wanted = Money(currency, plan.wanted_minor)
        words += f"; the declared target would take {wanted} and is capped"
    return f"{words}. {cell.why}".rstrip()


def _card(request: SessionRequested, *, carded: bool) -> str:
    declared = "" if request.declared_kind == "none" else f", declared {request.declared_kind}"
    if request.declared_kind in ("amount", "energy"):
        declared += f" {request.declared_value}"
    card = f"{request.funding} {request.scheme or 'unknown scheme'}" if carded else "no card yet"
    return f"{request.power_type}, {card}, {request.currency}{declared}"


# --- the staircase ------------------------------------------------------------------------------


def next_total(
    choice: Choice, held_minor: int, needed_minor: int, attempts_left: int
) -> int | None:
    """The new total of the next raise: above what is held, in whole steps, at most the ceiling.

    It covers `needed_minor` where the ceiling allows, and is so high that `attempts_left` raises of
    this size reach the ceiling (payments.md 7.6). None: nothing above what is held is possible.
    """
    if not choice.rises or attempts_left < 1:
        return None
    if held_minor >= choice.ceiling_minor:
        return None
    share = -(-(choice.ceiling_minor - held_minor) // attempts_left)  # at least 1: always above
    at_least = max(needed_minor, held_minor + share)
    return stair(choice.first_minor, choice.step_minor, at_least, choice.ceiling_minor)
