"""The public view of a session: everything a consumer may want, nothing it has to derive."""

from collections.abc import Mapping
from operator import attrgetter
from typing import Any

from schemas.ledger import CommandLine, HoldLine, SessionLedger
from schemas.money import Money, UnknownCurrency
from streams.core import partner_view, receipts, taps
from streams.core.case import Case, case_of
from streams.core.exposure import window
from streams.core.holds import HoldBook
from streams.core.session import PaymentSession
from streams.core.standing import Standing, standing_of
from streams.core.strategy_policy import Policy
from streams.core.verdicts import NO, verdict

MID_CHARGE = "raise_hold"


def ledger_of(session: PaymentSession, policy: Policy) -> SessionLedger:
    """The session's ledger in the version that was published last."""
    case = case_of(session, policy)
    return ledger(case, standing_of(case))


def ledger(case: Case, standing: Standing) -> SessionLedger:
    """As `ledger_of`, for who has derived case and standing already."""
    session, hold = case.session, case.hold
    presented = taps.presented(session)
    return SessionLedger(
        session_id=session.session_id,
        version=session.published.ledger_version,
        phase=standing.phase,
        closed_reason=standing.closed_reason,
        transaction_id=_transaction(case),
        energy_wh=(case.total.final or case.total.so_far).energy_wh,
        proof=case.proof.rung,
        raises=sum([one.raises for one in case.holds]),
        declined_at_tap=hold is not None and hold.outcome in NO,
        declined_mid_charge=_declined_mid_charge(session),
        stop_sent=case.stops,
        conflicts=len(session.conflicts),
        explanation=_explanation(case, standing),
        holds=[_hold_line(case, one) for one in case.holds],
        commands=_command_lines(session),
        **dict(zip(_ASKED, _asked_of(presented), strict=True)),
        **_chosen(case),
        **_money(case.holds, standing),
        **_instants(case, standing),
        **_receipt(case),
        **_partners(session),
        **_risk(case),
    )


_ASKED = (
    "tenant network charger_id evse_uid terminal_id authorization_reference power_type power_max_w"
    " scheme funding entry_mode bin_country merchant_country role capture_by tariff_id tariff_hash"
    " currency requested_at".split()
)
_asked_of = attrgetter(*_ASKED)


def _chosen(case: Case) -> dict[str, Any]:
    pinned, choice = case.session.pinned, case.choice
    return {
        "strategy": choice.strategy if choice else "",
        "policy_version": pinned.policy_version if pinned else "",
        "policy_cell": choice.cell if choice else "",
    }


def _money(holds: list[HoldBook], standing: Standing) -> dict[str, Any]:
    return {
        "priced_minor": standing.priced_minor,
        "approved_minor": sum([one.approved_minor for one in holds]),
        "captured_minor": sum([one.captured_minor for one in holds]),
        "released_minor": sum([one.released_minor for one in holds]),
        "lapsed_minor": sum([one.lapsed_minor for one in holds]),
        "open_minor": sum([one.open_minor for one in holds]),
        "arrears_minor": standing.arrears_minor,
        "forgiven_minor": standing.forgiven_minor,
        "refunded_minor": standing.refunded_minor,
    }


_NO_RECEIPT = {
    "receipt_status": "",
    "receipt_id": "",
    "receipt_ordinal": 0,
    "receipt_moment_at": 0,
}


def _receipt(case: Case) -> Mapping[str, Any]:
    if not (case.policy.fiscal or case.session.receipts):
        return _NO_RECEIPT  # by far the most: nothing was ever asked for
    settled = receipts.known(case)
    return {
        "receipt_status": receipts.status(case),
        "receipt_id": settled.receipt if settled else "",
        "receipt_ordinal": settled.ordinal if settled else 0,
        "receipt_moment_at": settled.moment_at if settled else 0,
    }


def _partners(session: PaymentSession) -> dict[str, Any]:
    if not (session.partner_sessions or session.cdrs or session.advices):
        return {}
    told = partner_view.ocpi_session(session)
    cdr, advice = partner_view.shown_cdr(session), partner_view.advice(session)
    total = partner_view.total_minor(cdr) if cdr else None
    return {
        "ocpi_session_id": told.ocpi_session_id if told else "",
        "ocpi_status": told.status if told else "",
        "cdr_id": cdr.cdr_id if cdr else "",
        "cdr_status": partner_view.cdr_status(session),
        "cdr_energy_wh": cdr.energy_wh if cdr else 0,
        "cdr_total_minor": -1 if total is None or total < 0 else total,
        "advice_id": advice.advice_id if advice else "",
        "advice_outcome": advice.outcome if advice else "",
        "advice_minor": advice.captured_minor if advice else -1,
    }


def _risk(case: Case) -> dict[str, Any]:
    found = window(case) if case.session.silences else None
    if found is None:
        return {}
    return {
        "risk_open": True,
        "risk_since_at": found.exposure.since_at,
        "risk_seen_minor": found.exposure.seen_minor,
        "risk_worst_minor": found.exposure.worst_minor,
    }


def _instants(case: Case, standing: Standing) -> dict[str, Any]:
    begins = [one.begun.started_at for one in case.chargings if one.begun is not None]
    ends = [one.end.ended_at for one in case.chargings if one.end is not None]
    over = bool(ends) and not case.live
    return {
        "started_at": min(begins, default=0),
        "charging_ended_at": _charging_ended_at(case) if over else 0,
        "ended_at": max(ends) if over else 0,
        "closed_at": _closed_at(case) if standing.phase == "closed" else 0,
        "changed_at": case.now_at,
    }


def _transaction(case: Case) -> str:
    """Of several chargings the first: the others stand in the explanation."""
    begun = [one for one in case.chargings if one.begun is not None]
    first = min(begun, key=lambda one: (one.begun, one.charging_id), default=None)
    return first.transaction_id if first else ""


def _charging_ended_at(case: Case) -> int:
    """When energy stopped flowing: the last change away from charging, else the end itself."""
    stopped = [
        one.changes[-1].at if one.changes and not one.changes[-1].charging else one.end.ended_at
        for one in case.chargings
        if one.end is not None
    ]
    return max(stopped, default=0)


def _closed_at(case: Case) -> int:
    """The instant of the last fact that mattered: the same whenever it is looked at."""
    session = case.session
    instants = [case.request.requested_at, *(one.answered_at for one in session.answers.values())]
    instants += [one.occurred_at for one in session.notices]
    instants += [one.end.ended_at for one in case.chargings if one.end is not None]
    instants += [one.told_at for one in partner_view.taken(session)]
    instants += [min(one.expires_at, case.now_at) for one in case.holds if one.lapsed_minor]
    return max(instants)


def _declined_mid_charge(session: PaymentSession) -> bool:
    """A raise that was asked for while energy flowed; not the one to a proven cost at the end."""
    return any(
        one.kind == "raise" and one.rule == MID_CHARGE and verdict(session, one.command_id) in NO
        for one in session.issued.values()
    )


def _hold_line(case: Case, hold: HoldBook) -> HoldLine:
    session, answer = case.session, case.session.answers.get(hold.hold_id)
    return HoldLine(
        hold_id=hold.hold_id,
        acquirer_id=hold.acquirer_id,
        psp_reference=hold.psp_reference,
        requested_minor=hold.requested_minor,
        approved_minor=hold.approved_minor,
        captured_minor=hold.captured_minor,
        released_minor=hold.released_minor,
        lapsed_minor=hold.lapsed_minor,
        open_minor=hold.open_minor,
        raises_issued=hold.raises,
        raises_approved=hold.raises_approved,
        raises_declined=hold.raises_declined,
        status=hold_status(hold),
        decline_reason=_decline_reason(session, hold),
        approved_at=answer.answered_at if answer and answer.outcome == "done" else 0,
        expires_at=hold.expires_at,
    )


def hold_status(hold: HoldBook) -> str:
    """One word for where the money of a hold is."""
    if hold.outcome in NO:
        return "declined"
    if hold.open_minor:
        return "open"
    if hold.approved_minor == 0:
        return "unknown" if hold.outcome else "asked"
    if hold.captured_minor:
        return "captured"
    return "lapsed" if hold.lapsed_minor else "released"


def _decline_reason(session: PaymentSession, hold: HoldBook) -> str:
    if hold.outcome in NO:
        return session.answers[hold.hold_id].reason
    return hold.refused_raise or ""


def _command_lines(session: PaymentSession) -> list[CommandLine]:
    lines: list[CommandLine] = []
    in_order = sorted(session.issued.values(), key=lambda one: (one.issued_at, one.command_id))
    for command in in_order:
        answer = session.answers.get(command.command_id)
        line = CommandLine(
            command_id=command.command_id,
            kind=command.kind,
            amount_minor=command.amount_minor,
            outcome=verdict(session, command.command_id),
            reason=answer.reason if answer else "",
            rule=command.rule,
            issued_at=command.issued_at,
            answered_at=answer.answered_at if answer else 0,
        )
        lines.append(line)
    return lines


_FOLLOWED = {
    "smaller_step": "less was asked for",
    "retry_once": "asked again",
    "finish_inside": "finished inside the hold",
    "grace": "finished within the grace",
    "stop_now": "stopped at once",
}


def _followed(case: Case) -> str:
    return _FOLLOWED.get(case.after_refusals.action or "", "finished inside the hold")


def _explanation(case: Case, standing: Standing) -> str:
    """The choice in the policy's words, and how it went, for people."""
    parts: list[str] = []
    refusal = taps.refusal(case.session)
    if refusal is not None:
        parts.append(f"Refused: {refusal.reason}, {refusal.detail}.")
    if case.choice is not None:
        parts.append(case.choice.explanation)
    if len(case.chargings) > 1:
        names = ", ".join(sorted(one.transaction_id for one in case.chargings))
        parts.append(f"Several chargings: {names}.")
    hold = case.hold
    if hold is not None and hold.refused_raise is not None:
        parts.append(f"A raise was refused ({hold.refused_raise}): {_followed(case)}.")
    if hold is not None and hold.capped_minor is not None:
        part = _amount(case, hold.capped_minor)
        parts.append(f"The issuer gave {part} in part: that is the ceiling.")
    if standing.arrears_minor:
        parts.append(f"{_amount(case, standing.arrears_minor)} could not be captured and is owed.")
    return " ".join(parts)[:4096]


def _amount(case: Case, minor: int) -> str:
    """For people. What we only observe may be in a currency that nobody knows how to write."""
    currency = case.request.currency
    try:
        return str(Money(currency, minor))
    except UnknownCurrency:
        return f"{minor} minor units of {currency}"
