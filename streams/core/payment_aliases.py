"""By which names acquirers call this session's payments: two for each hold, whoever placed it.

The reference that we put on the hold finds what is said of it before its own name is known; by
that name comes all that is said of it later. So what is done to a hold needs no alias of its own.
"""

from schemas import ids
from streams.core.case import Case

SKEW_MS = 24 * 60 * 60 * 1000
"""How far behind ours another's clock may be: a name is bound so long before it was given."""


def payment_alias_count(case: Case) -> int:
    """How many `payment_aliases` there are, without making them: asked at every fact."""
    session = case.session
    count = sum([hold.hold_id in session.issued for hold in case.holds])
    references = [hold.psp_reference for hold in case.holds if hold.psp_reference]
    if session.notices:
        references += [name for name, _ in _held_unasked(case)]
    return count + (len(set(references)) if len(references) > 1 else len(references))


def payment_aliases(case: Case) -> list[tuple[str, int]]:
    """Each with the instant (epoch ms) that it is bound from."""
    session, tenant = case.session, case.request.tenant
    names: dict[str, int] = {}
    references: dict[str, int] = {}
    for hold in case.holds:
        placed = session.issued.get(hold.hold_id)
        answer = session.answers.get(hold.hold_id)
        from_at = 0 if answer is None else answer.answered_at
        if placed is not None:
            from_at = placed.issued_at
            key = ids.idempotency_key(tenant, placed.command_id)
            names[ids.reference_alias(tenant, key)] = from_at
        if hold.psp_reference:
            references.setdefault(hold.psp_reference, from_at)
    for reference, at in _held_unasked(case):
        references.setdefault(reference, at)
    names |= {ids.psp_alias(tenant, one): from_at for one, from_at in references.items()}
    return [(alias, max(from_at - SKEW_MS, 0)) for alias, from_at in names.items()]


def _held_unasked(case: Case) -> list[tuple[str, int]]:
    """Payments that were told of by the terminal's own reference."""
    return [
        (one.psp_reference, one.occurred_at)
        for one in case.session.notices
        if one.event == "held_unasked" and one.psp_reference
    ]
