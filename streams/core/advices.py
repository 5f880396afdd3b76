"""What a partner is told of a session's money: the financial advice of a terminal provider.

OCPI 2.3.0 payments: who captured tells the operator who writes the invoice. One advice a session;
told again when what it says is true no more, and the newest word counts (connectors/ocpi,
AdviceConfirmed).
"""

import hashlib
from collections.abc import Iterator
from typing import Literal

from msgspec.structs import replace

from schemas import codec, ids
from schemas.commands import SendAdvice
from schemas.money import Money
from streams.core import due, receipts, refunds, taps
from streams.core.case import Case
from streams.core.orders import UNSEALED
from streams.core.proposal import Proposed
from streams.core.standing import Standing, standing_of
from streams.core.vat import by_rate, parts_of
from streams.core.verdicts import NO, of_kind, verdict

PROVIDER = "terminal_provider_side"
"""Who is asked for advices: on the operator's side they come in."""

UNCAPTURED = "uncaptured"
_BY_HAND = "by-hand"
_LINE_MAX = 255


def send_advice(case: Case) -> Iterator[Proposed]:
    """The rule: in a closed session, of what has not been told yet."""
    if case.request.role != PROVIDER or case.hold is None or not case.captures_here:
        return
    untold = [one for one in outcomes(case) if not is_told(case, one)]
    standing = standing_of(case)
    if is_due(standing) and untold:
        yield from (advice(case, standing, one) for one in untold)
    elif standing.phase == "closed":
        yield from (advice(case, standing, one) for one in amended(case, standing))


def amended(case: Case, standing: Standing) -> list[str]:
    """An outcome more, where the newest advice says what is true no more; else none.

    Even that nothing is due after all. Named by what was told last and what is true now. Not while
    what is due is not proven yet.
    """
    told = [one for one in case.session.issued.values() if one.kind == "advice"]
    if not told or (case.chargings and case.total.final is None):
        return []
    last = max(told, key=lambda one: (one.issued_at, one.command_id))
    now = replace(
        advice(case, standing, last.command_id.rpartition("/")[2]),
        rule=last.rule,
        issued_at=last.issued_at,
    )
    stands = codec.body_hash(now)
    if stands == last.body_hash:
        return []
    between = hashlib.blake2b(f"{last.body_hash}/{stands}".encode(), digest_size=8).hexdigest()
    return [f"amended-{between}"]


def outcomes(case: Case) -> list[str]:
    """What has become of the money so far, each by a name that is made of its commands."""
    session = case.session
    found = [
        f"capture-{one.command_id.rpartition('/')[2]}"
        for one in of_kind(session, "capture")
        if verdict(session, one.command_id) == "done"
    ]
    if not found:
        return [UNCAPTURED]
    back = refunds.gone_back(session, case.policy.refunds)
    found += list(dict.fromkeys(f"refund-{one.cause or _BY_HAND}" for one in back))
    failed = [
        f"refund-{refunds.cause_of(session, one.command_id)}"
        for one in session.issued.values()
        if one.kind == "refund" and verdict(session, one.command_id) in NO
    ]
    # Told as gone back, and then it came back: what was told has to be put right.
    return found + [f"{one}-failed" for one in failed if is_told(case, one)]


def is_told(case: Case, outcome: str) -> bool:
    return ids.advice_command_id(case.session.session_id, outcome) in case.session.issued


def is_due(standing: Standing) -> bool:
    """Of a closed session in which money was due or taken: else there is nothing to invoice."""
    return standing.phase == "closed" and bool(standing.priced_minor or standing.captured_minor)


def advice(case: Case, standing: Standing, outcome: str) -> SendAdvice:
    """The advice as it stands, for this outcome."""
    session, asked, pinned = case.session, case.request, case.session.pinned
    assert pinned is not None, "the opening pins before anything is decided"
    kept = standing.captured_minor - standing.refunded_minor
    said = receipts.rules_of(case)
    parts = []
    if kept and case.tariff is not None:
        flowed = case.total.final or case.total.so_far
        breakdown = due.lines(case.tariff, case.metered, flowed, asked)
        parts = parts_of(by_rate(breakdown), kept, said.vat if said is not None else "")
    settled = receipts.known(case)
    signed = settled is not None and settled.outcome != "refused"
    return SendAdvice(
        tenant=asked.tenant,
        session_id=session.session_id,
        command_id=ids.advice_command_id(session.session_id, outcome),
        partner=_partner(case),
        advice_id=session.session_id,
        authorization_reference=asked.authorization_reference,
        outcome=_word(standing),
        amount_minor=kept,
        refunded_minor=standing.refunded_minor,
        priced_minor=standing.priced_minor,
        net_minor=sum(one.net_minor for one in parts) if all(one.rate for one in parts) else -1,
        parts=parts,
        currency=asked.currency,
        message=_message(case, standing),
        eft_lines=_eft_lines(case),
        receipt=settled.receipt if settled is not None and signed else "",
        receipt_ordinal=settled.ordinal if settled is not None and signed else 0,
        energy_wh=(case.total.final or case.total.so_far).energy_wh,
        evse_uid=asked.evse_uid,
        terminal_id=asked.terminal_id,
        rule=UNSEALED,
        policy_version=pinned.policy_version,
        issued_at=case.now_at,
    )


def _word(standing: Standing) -> Literal["done", "partial", "failed"]:
    if not standing.captured_minor and standing.priced_minor:
        return "failed"
    return "done" if standing.captured_minor >= standing.priced_minor else "partial"


def _message(case: Case, standing: Standing) -> str:
    """For people: why less than the price was captured."""
    word, currency = _word(standing), case.request.currency
    if word == "done":
        return ""
    whole = Money(currency, standing.priced_minor)
    taken = Money(currency, standing.captured_minor)
    return f"{taken} of {whole} captured: {standing.closed_reason}"[:_LINE_MAX]


def _partner(case: Case) -> str:
    """Who told of the session by OCPI; before anybody has, the network of its charger."""
    session = case.session
    told = [one.partner for one in session.partner_sessions.values()]
    told += [one.partner for one in session.cdrs.values()]
    return min((one for one in told if one), default=case.request.network)


def _eft_lines(case: Case) -> list[str]:
    """What a card slip says, as far as it is known: never a card number, which we never have."""
    taken = [one for one in case.holds if one.captured_minor] or case.holds[-1:]
    hold = taken[0]
    card = taps.presented_for(case.session, hold.hold_id)
    named = f", reference {hold.psp_reference}" if hold.psp_reference else ""
    lines = [
        " ".join(word for word in (card.scheme, card.funding, card.entry_mode) if word),
        f"acquirer {hold.acquirer_id}{named}",
        f"terminal {case.request.terminal_id}",
    ]
    return [_printable(one) for one in lines if one]


def _printable(line: str) -> str:
    """CiString: printable ASCII."""
    return "".join(c if c.isascii() and c.isprintable() else "?" for c in line)[:_LINE_MAX]
