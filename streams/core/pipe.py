"""One step of a session: a fact in, the new state and all that goes out. Used by everybody alike.

The sessions stage, `explain`, the auditor and the simulation call `apply` and nothing else.
"""

import hashlib
from typing import NamedTuple, Protocol

import msgspec
from msgspec.structs import replace

from schemas.commands import Command
from schemas.facts import (
    AliasBound,
    CardUsed,
    DiscrepancyChanged,
    Fact,
    SessionRequested,
    Watch,
)
from schemas.ledger import SessionLedger
from streams.core import overpaid
from streams.core.card_uses import new_uses
from streams.core.differences import Difference
from streams.core.learn import learn
from streams.core.opening import choose_at_tap, pin
from streams.core.public import ledger
from streams.core.routing import Health
from streams.core.rules import Decision, decide
from streams.core.session import DifferenceShown, PaymentSession, Published, TimeReached, was_begun
from streams.core.strategy_policy import Policy
from streams.core.watching import watch_record


class Pins(Protocol):
    """Reference data, by request at the opening and by version ever after."""

    def opening(self, request: SessionRequested) -> tuple[str | None, Policy]:
        """The body of the request's tariff version (None: unknown), and the newest policy."""
        ...

    def health(self, tenant: str) -> Health:
        """The newest record of each of the tenant's acquirers that there is one of."""
        ...

    def policy(self, tenant: str, policy_id: str, version: str) -> Policy:
        """The very version that was pinned. Raises when it is not there: that is our mistake."""
        ...


class Step(NamedTuple):
    """What one fact led to. `ledger` is None while its content is what was published last."""

    session: PaymentSession
    commands: list[Command]
    watches: list[Watch]
    aliases: list[AliasBound]
    ledger: SessionLedger | None
    discrepancies: list[DiscrepancyChanged]
    deadline_at: int | None
    uses: list[CardUsed]


def apply(session: PaymentSession | None, fact: Fact, clock_at: int, pins: Pins) -> Step:
    """Apply one fact at the partition's time `clock_at` (epoch ms, 0: not known yet).

    Raises SessionUnknown, ReferenceReused and schemas.codec.NotReadable before anything changed:
    the shell parks the input. A passing deadline is `TimeReached(at=clock_at)`.
    """
    learned = learn(session, fact)
    if clock_at > learned.clock_at:
        learned = learn(learned, TimeReached(at=clock_at))
    if session is not None and learned.chargings is not session.chargings:
        learned = _with_ends(session, learned)
    if session is not None and learned.released is not session.released:
        learned = _with_premature(session, learned)
    learned, policy = _with_pins(learned, pins)
    chosen = choose_at_tap(learned, policy)
    if chosen is not None:
        learned = learn(learned, chosen)
    decision = decide(learned, policy)
    shown, discrepancies = _tell_differences(decision)
    uses = new_uses(decision.case, over=decision.standing.phase == "closed")
    published = replace(
        learned.published,
        watches={**learned.published.watches, **decision.watches},
        differences=shown,
        aliases=(*learned.published.aliases, *(one.alias for one in decision.aliases)),
        uses=(*learned.published.uses, *(name for name, _ in uses)),
    )
    public = ledger(decision.case, decision.standing)
    told, published = _tell_ledger(public, published)
    return Step(
        session=replace(
            decision.session,
            published=published,
            deadline=decision.deadline_at,
            closed_at=public.closed_at,
            overpaid=overpaid.note(decision.case),
        ),
        commands=decision.commands,
        watches=[watch_record(decision.case, *one) for one in decision.watches.items()],
        aliases=decision.aliases,
        ledger=told,
        discrepancies=discrepancies,
        deadline_at=decision.deadline_at,
        uses=[use for _, use in uses],
    )


def _with_ends(before: PaymentSession, after: PaymentSession) -> PaymentSession:
    """Since when an end without a number is known: what belongs to it may come for a while yet."""
    chargings = dict(after.chargings)
    for name, one in after.chargings.items():
        known = before.chargings.get(name)
        if one.end is None or one.end.seq >= 0 or (known is not None and known.end == one.end):
            continue
        chargings[name] = replace(one, end_heard_at=after.now_at)
    return replace(after, chargings=chargings)


def _with_premature(before: PaymentSession, after: PaymentSession) -> PaymentSession:
    """A decision on a session that nothing was begun of is none, whatever is begun after it."""
    observed = before.request.role == "observer"  # nobody of ours begins anything there
    if observed or before.chargings or was_begun(before):
        return after
    new = [one for one in after.released if one not in before.released]
    return replace(after, premature=tuple(sorted({*after.premature, *new})))


def _with_pins(session: PaymentSession, pins: Pins) -> tuple[PaymentSession, Policy]:
    pinned, request = session.pinned, session.request
    if pinned is not None:
        return session, pins.policy(request.tenant, pinned.policy_id, pinned.policy_version)
    tariff_body, policy = pins.opening(request)
    health = pins.health(request.tenant)
    return learn(session, pin(request, tariff_body, policy, health)), policy


def _tell_ledger(
    public: SessionLedger, published: Published
) -> tuple[SessionLedger | None, Published]:
    """The ledger, one version higher, if it says anything that the last one did not."""
    content = replace(public, version=0, changed_at=0)  # when it was looked at is no change
    digest = hashlib.blake2b(msgspec.msgpack.encode(content), digest_size=16).digest()
    if digest == published.ledger_digest:
        return None, published
    version = published.ledger_version + 1
    told = replace(published, ledger_version=version, ledger_digest=digest)
    return replace(public, version=version), told


def _tell_differences(
    decision: Decision,
) -> tuple[dict[str, DifferenceShown], list[DiscrepancyChanged]]:
    """What opened, changed or closed since it was last told."""
    last, now = decision.session.published.differences, decision.differences
    if not last and not now:
        return last, []
    shown = dict(last)
    told: list[DiscrepancyChanged] = []
    for name in sorted(last.keys() | now.keys()):
        before, found = last.get(name), now.get(name)
        after = _shown(before, found)
        if after == before:
            continue
        shown[name] = after
        told.append(_discrepancy(decision, name, before, after))
    return shown, told


def _shown(before: DifferenceShown | None, found: Difference | None) -> DifferenceShown:
    if found is not None:
        return DifferenceShown(*found, open=True)
    assert before is not None  # the name came from one of the two
    return replace(before, open=False)


def _discrepancy(
    decision: Decision, name: str, before: DifferenceShown | None, after: DifferenceShown
) -> DiscrepancyChanged:
    request = decision.case.request
    reopened = before is None or not before.open
    return DiscrepancyChanged(
        tenant=request.tenant,
        session_id=request.session_id,
        discrepancy_id=name,
        kind=after.kind,
        status="closed" if not after.open else "opened" if reopened else "changed",
        detail=after.detail,
        amount_minor=after.amount_minor,
        currency=request.currency,
        changed_at=decision.case.now_at,
    )
