"""By which names partners call this session: its reference, and their objects once they are known.

The reference is bound with the request. An object's alias is bound as soon as one fact of it came
in by another: its later versions, its CDR and the credit CDR then find the session by themselves.
"""

from schemas import ids
from streams.core.case import Case

SKEW_MS = 24 * 60 * 60 * 1000
"""How far before the request a charging may have begun by another's clock, the car plugged in."""
KEPT_MS = 400 * 24 * 60 * 60 * 1000
FAR_AT = 4_102_444_800_000  # the last instant that the contract can write


def partner_alias_count(case: Case) -> int:
    """How many `partner_aliases` there are, mostly without making them: asked at every fact."""
    session = case.session
    if not (session.partner_sessions or session.cdrs or session.advices or session.confirmed):
        return 1
    return len(partner_aliases(case))


def partner_aliases(case: Case) -> list[tuple[str, int, int]]:
    """Each with the instants (epoch ms) between which it means this session."""
    session, request = case.session, case.request
    from_at = max(request.requested_at - SKEW_MS, 0)
    until_at = min(request.requested_at + KEPT_MS, FAR_AT)
    reference = ids.reference_alias(request.tenant, request.authorization_reference)
    names: dict[str, tuple[int, int]] = {reference: (from_at, until_at)}
    for told in (session.partner_sessions, session.cdrs, session.advices):
        for one in told.values():
            names.update(dict.fromkeys(one.aliases, (0, FAR_AT)))
    for confirmed in session.confirmed:
        names.setdefault(confirmed.alias, (confirmed.bound_from, confirmed.bound_to))
    return [(alias, *between) for alias, between in names.items()]
