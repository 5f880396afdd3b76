"""What is settled before the card is asked for anything: reference data, and the choice by it."""

from schemas.facts import SessionRequested
from streams.core.session import Pinned
from streams.core.strategy import Choice, Policy, Refusal, choose
from streams.core.tariff import Unpriceable, parse

OURS = frozenset({"operator_side", "terminal_provider_side"})
"""Roles in which a session's money is ours to command (design.md, section 1, idea 7)."""


def pin(request: SessionRequested, tariff_body: str | None, policy: Policy) -> Pinned:
    """The reference data of this session for good, with the hold chosen or refused by name."""
    # An observed session is somebody else's: neither chosen for nor refused.
    decided = None if request.role == "observer" else _decide(request, tariff_body, policy)
    return Pinned(
        tariff_body=tariff_body or "",
        tariff_hash=request.tariff_hash,
        policy_id=policy.id,
        policy_version=policy.version,
        choice=decided if isinstance(decided, Choice) else None,
        refusal=decided if isinstance(decided, Refusal) else None,
    )


def _decide(request: SessionRequested, tariff_body: str | None, policy: Policy) -> Choice | Refusal:
    if request.role not in OURS:
        return Refusal("unknown-role", "who commands this money was not told")
    if tariff_body is None:
        return Refusal("no-tariff", f"tariff {request.tariff_id} as {request.tariff_hash}")
    try:
        return choose(policy, request, parse(tariff_body))
    except Unpriceable as error:
        return Refusal(error.reason, error.detail)
