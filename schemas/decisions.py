"""What people decide: by whom, why and on what evidence, as facts like any other.

`proposal_id` is made of the fact's place and the session (`schemas.ids.proposal_id`): a decision
told again is the same one, and what was rejected once is not proposed again.
"""

from schemas.facts import Fact
from schemas.fields import Count, Id, Instant, Path, Text


class LinkConfirmed(Fact, frozen=True, kw_only=True):
    """The fact at this place belongs to this session: binds `alias` as sessions would themselves.

    The alias is the one that the fact waits at; it means the session within [bound_from, bound_to).
    """

    tenant: Id
    session_id: Id
    proposal_id: Id
    alias: Path
    bound_from: Instant
    bound_to: Instant
    source_topic: Id
    source_partition: Count
    source_offset: Count
    who: Id
    why: Text
    evidence: Text
    decided_at: Instant


class LinkRejected(Fact, frozen=True, kw_only=True):
    """The fact at this place does not belong to this session, however much it looks like it."""

    tenant: Id
    session_id: Id
    proposal_id: Id
    source_topic: Id
    source_partition: Count
    source_offset: Count
    who: Id
    why: Text
    evidence: Text
    decided_at: Instant
