"""What is settled before the card is asked for anything: reference data, and the choice by it."""

from msgspec.structs import replace

from schemas.facts import SessionRequested
from streams.core.routing import ANY, Health, Routing, route
from streams.core.session import Pinned
from streams.core.strategy import Choice, Policy, Refusal, choose
from streams.core.tariff import Unpriceable, parse

OURS = frozenset({"operator_side", "terminal_provider_side"})
"""Roles in which a session's money is ours to command (design.md, section 1, idea 7)."""


def pin(
    request: SessionRequested, tariff_body: str | None, policy: Policy, health: Health
) -> Pinned:
    """The reference data of this session for good, with the hold chosen or refused by name."""
    routing = route(request, policy.route, policy.acquirers, health, policy.breaker)
    # An observed session is somebody else's: neither chosen for nor refused.
    observed = request.role == "observer"
    decided = None if observed else _decide(request, tariff_body, policy, routing)
    first = health.get(routing.acquirers[0]) if routing.acquirers else None
    return Pinned(
        tariff_body=tariff_body or "",
        tariff_hash=request.tariff_hash,
        policy_id=policy.id,
        policy_version=policy.version,
        choice=decided if isinstance(decided, Choice) else None,
        refusal=decided if isinstance(decided, Refusal) else None,
        acquirer_p95_ms=max(first.p95_ms, 0) if first is not None else 0,
        route=routing.acquirers if request.acquirer_id in ANY else (),
    )


def _decide(
    request: SessionRequested, tariff_body: str | None, policy: Policy, routing: Routing
) -> Choice | Refusal:
    if request.role not in OURS:
        return Refusal("unknown-role", "who commands this money was not told")
    if tariff_body is None:
        return Refusal("no-tariff", f"tariff {request.tariff_id} as {request.tariff_hash}")
    if not routing.acquirers:
        return Refusal("no-route", routing.words)
    routed = replace(request, acquirer_id=routing.acquirers[0])
    try:
        decided = choose(policy, routed, parse(tariff_body))
    except Unpriceable as error:
        return Refusal(error.reason, error.detail)
    if isinstance(decided, Refusal) or not routing.words:
        return decided
    words = f"{decided.explanation} Asked by {routing.words}"
    return replace(decided, explanation=words)
