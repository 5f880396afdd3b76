"""What people decide: by whom, why and on what evidence, as facts like any other.

`proposal_id` is made of the fact's place and the session (`schemas.ids.proposal_id`): a decision
told again is the same one, and what was rejected once is not proposed again.
"""

from typing import Annotated, Literal

from msgspec import Meta

from schemas.facts import Fact
from schemas.fields import (
    Count,
    Currency,
    EnergyWh,
    Id,
    Instant,
    MaybeCount,
    MaybeId,
    Minor,
    Path,
    Text,
    Word,
)


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


class RefundDecided(Fact, frozen=True, kw_only=True):
    """Of what was captured, `amount_minor` goes back: a correction, or goodwill.

    `route` card: by a RefundCapture whose cause is this decision. transfer: it was paid back
    otherwise (a credit transfer), and this is the record of it. `reason` is a word for statistics,
    but for `correction`: that much too much was captured, so that what goes back by itself for late
    facts is part of it, whichever comes first; anything else is given beside.
    `second_who`: another person who agrees, wanted above the limit of the policy; told by the same
    decision once more. Any other change under one `decision_id` makes it void.
    """

    tenant: Id
    session_id: Id
    decision_id: Annotated[
        str, Meta(min_length=1, max_length=100, description="who decides names it")
    ]
    amount_minor: Minor
    currency: Currency
    route: Literal["card", "transfer"] = "card"
    reason: Word
    who: Id
    second_who: MaybeId = ""
    why: Text
    evidence: Text
    decided_at: Instant


class TakeoverDecided(Fact, frozen=True, kw_only=True):
    """Whoever was to capture has not, and will not: our executor does it in their place.

    Two people have to say so, each by a decision of that person's own; `decision_id` is made of the
    session (`schemas.ids.takeover_decision_id`). `evidence`: what the other side has confirmed. The
    core obeys only where the acquirer captures a hold once (streams.core.takeover).
    """

    tenant: Id
    session_id: Id
    decision_id: Id
    who: Id
    why: Text
    evidence: Text
    decided_at: Instant


class ReleaseDecided(Fact, frozen=True, kw_only=True):
    """Capture what nothing else proves: the rung OPERATOR_RELEASE (design.md, section 6).

    `energy_wh` is what the session is settled at; `amount_minor` what that costs, -1: by the
    session's tariff. `decision_id` is made of the session and these figures
    (`schemas.ids.release_decision_id`): the same of another person is that person's own yes, and
    the policy says above which amount two are wanted.
    """

    tenant: Id
    session_id: Id
    decision_id: Id
    energy_wh: EnergyWh
    amount_minor: MaybeCount = -1
    who: Id
    why: Text
    evidence: Text
    decided_at: Instant
