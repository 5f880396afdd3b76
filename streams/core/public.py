"""The public view of a session: everything a consumer may want, nothing it has to derive."""

from schemas.ledger import CommandLine, HoldLine, SessionLedger
from streams.core.case import Case, case_of
from streams.core.charging import COMPLETE_TRANSACTION
from streams.core.holds import HoldBook
from streams.core.session import PaymentSession
from streams.core.standing import Standing, standing_of
from streams.core.strategy_policy import Policy
from streams.core.verdicts import NO, verdict


def ledger_of(session: PaymentSession, policy: Policy) -> SessionLedger:
    """The session's ledger in the version that was published last."""
    case = case_of(session, policy)
    return ledger(case, standing_of(case))


def ledger(case: Case, standing: Standing) -> SessionLedger:
    """As `ledger_of`, for who has derived case and standing already."""
    session, request, hold = case.session, case.request, case.hold
    pinned, choice = session.pinned, case.choice
    ends = [one.end.ended_at for one in case.chargings if one.end is not None]
    begins = [one.begun.started_at for one in case.chargings if one.begun is not None]
    ended_at = max(ends) if ends and not case.live else 0
    return SessionLedger(
        tenant=request.tenant,
        session_id=session.session_id,
        version=session.published.ledger_version,
        phase=standing.phase,
        closed_reason=standing.closed_reason,
        network=request.network,
        charger_id=request.charger_id,
        evse_uid=request.evse_uid,
        terminal_id=request.terminal_id,
        authorization_reference=request.authorization_reference,
        transaction_id=_transaction(case),
        power_type=request.power_type,
        power_max_w=request.power_max_w,
        scheme=request.scheme,
        funding=request.funding,
        entry_mode=request.entry_mode,
        bin_country=request.bin_country,
        merchant_country=request.merchant_country,
        role=request.role,
        capture_by=request.capture_by,
        strategy=choice.strategy if choice else "",
        policy_version=pinned.policy_version if pinned else "",
        policy_cell=choice.cell if choice else "",
        tariff_id=request.tariff_id,
        tariff_hash=request.tariff_hash,
        currency=request.currency,
        energy_wh=(case.total.final or case.total.so_far).energy_wh,
        proof=COMPLETE_TRANSACTION if case.total.final else "",
        priced_minor=standing.priced_minor,
        approved_minor=hold.approved_minor if hold else 0,
        captured_minor=hold.captured_minor if hold else 0,
        released_minor=hold.released_minor if hold else 0,
        lapsed_minor=hold.lapsed_minor if hold else 0,
        open_minor=hold.open_minor if hold else 0,
        arrears_minor=standing.arrears_minor,
        forgiven_minor=standing.forgiven_minor,
        raises=hold.raises if hold else 0,
        declined_at_tap=hold is not None and hold.outcome in NO,
        declined_mid_charge=hold is not None and hold.raises_declined > 0,
        stop_sent=any(one.kind == "stop" for one in session.issued.values()),
        conflicts=len(session.conflicts),
        explanation=_explanation(case, standing),
        requested_at=request.requested_at,
        started_at=min(begins, default=0),
        charging_ended_at=_charging_ended_at(case) if ended_at else 0,
        ended_at=ended_at,
        closed_at=_closed_at(case) if standing.phase == "closed" else 0,
        changed_at=case.now_at,
        holds=[_hold_line(case, hold)] if hold else [],
        commands=_command_lines(session),
    )


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
    if case.hold is not None and case.hold.lapsed_minor:
        instants.append(min(case.hold.expires_at, case.now_at))
    return max(instants)


def _hold_line(case: Case, hold: HoldBook) -> HoldLine:
    session, answer = case.session, case.session.answers.get(hold.hold_id)
    return HoldLine(
        hold_id=hold.hold_id,
        acquirer_id=case.request.acquirer_id,
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


def _explanation(case: Case, standing: Standing) -> str:
    """The choice in the policy's words, and how it went, for people."""
    pinned = case.session.pinned
    parts: list[str] = []
    if pinned is not None and pinned.refusal is not None:
        parts.append(f"Refused: {pinned.refusal.reason}, {pinned.refusal.detail}.")
    if case.choice is not None:
        parts.append(case.choice.explanation)
    if len(case.chargings) > 1:
        names = ", ".join(sorted(one.transaction_id for one in case.chargings))
        parts.append(f"Several chargings: {names}.")
    hold = case.hold
    if hold is not None and hold.refused_raise is not None:
        parts.append(f"A raise was refused ({hold.refused_raise}): finished inside the hold.")
    if hold is not None and hold.capped_minor is not None:
        parts.append(f"The issuer gave {hold.capped_minor} in part: that is the ceiling.")
    if standing.arrears_minor:
        parts.append(f"{standing.arrears_minor} could not be captured and is owed.")
    return " ".join(parts)[:4096]
