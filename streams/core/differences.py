"""What does not add up: shown to people as discrepancies, never settled by a guess."""

import hashlib
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from streams.core import receipts, refunds, rules_fiscal
from streams.core.case import ATTEMPTS_MAX, Case
from streams.core.charging import contradiction
from streams.core.clock_alarms import clock_alarms
from streams.core.exposure import risk_alarms
from streams.core.inquiries import is_for_a_person, unanswered_at
from streams.core.partner_differences import partner_differences
from streams.core.proof_differences import proof_differences
from streams.core.refund_differences import refund_differences
from streams.core.reported_holds import is_reported, report_alarms
from streams.core.session import MONEY, IssuedCommand, PaymentSession
from streams.core.standing import waits_until
from streams.core.takeover import takeover_alarms
from streams.core.unread import spread_minor
from streams.core.verdicts import NO, of_kind, verdict

_NAME_MAX = 255  # schemas.fields.Id
_CHARGEBACK = "chargeback_opened"
_UNASKED = {
    _CHARGEBACK: ("chargeback", "the cardholder disputes it"),
    "held_unasked": ("held-unasked", "held by somebody else"),
    "captured_unasked": ("captured-unasked", "captured by somebody else"),
    "refunded_unasked": ("refunded-unasked", "refunded by somebody else"),
}
_IN_PART = frozenset({"hold", "raise"})


class Difference(NamedTuple):
    """`kind` is a word, `detail` says what was seen, `amount_minor` the money at stake."""

    kind: str
    detail: str
    amount_minor: int


def differences(case: Case) -> dict[str, Difference]:
    """All that is open now, by an id that stays the same while it is."""
    moved = _has_moved(case)
    found = _of_answers(case.session)
    if case.unsettled:
        found.update(_unheard(case))
    if case.doubts or len(case.live) < len(case.chargings):
        found.update(_registers(case))
    if not case.live:
        found.update(_exhausted(case))
    if case.metered is not None and case.total.final is not None:
        found.update(_unread(case))
    _add_money(case, found, moved=moved)
    for alarms in _alarms(case, moved=moved):
        found.update({name: Difference(*alarm) for name, alarm in alarms.items()})
    return found and {_fitting(name): difference for name, difference in found.items()}


def _add_money(case: Case, found: dict[str, Difference], *, moved: bool) -> None:
    if moved:
        found.update(_above(case))
    if moved or case.session.receipts or case.policy.fiscal:
        found.update(_receipts(case))
    if case.session.notices:
        found.update(_told_unasked(case))


def _has_moved(case: Case) -> bool:
    """Whether money of any hold was captured or went back: not yet, as long as energy flows."""
    return any(one.captures or one.captured_minor or one.released_minor for one in case.holds)


def _of_answers(session: PaymentSession) -> dict[str, Difference]:
    """Commands and answers that contradict others of the same id."""
    found: dict[str, Difference] = {
        f"{command_id}/conflict": Difference("conflict", "the same id with another body", 0)
        for command_id in session.conflicts
    }
    for command_id, answer in session.answers.items():
        if answer.outcome != "done":
            continue  # of several outcomes a yes is the best, so that it is the one here
        if len(answer.outcomes) > 1:
            words = " and ".join(answer.outcomes)
            found[f"{command_id}/answers"] = Difference("answers", words, answer.amount_minor)
        asked = session.issued.get(command_id)
        if asked is not None and answer.amount_minor != asked.amount_minor:
            found.update(_other_amount(asked, answer.amount_minor))
    return found


def _unheard(case: Case) -> dict[str, Difference]:
    """Money commands that nobody answers, or answers for good."""
    found: dict[str, Difference] = {}
    for command in case.unsettled:
        if 0 < unanswered_at(case, command) <= case.now_at:
            words = f"the {command.performer} has said nothing since {command.issued_at}"
            found[f"{command.command_id}/unanswered"] = Difference(
                "unanswered", words, command.amount_minor
            )
        if is_for_a_person(case, command):
            found[f"{command.command_id}/unresolved"] = Difference(
                "unresolved", f"no verdict since {command.issued_at}", command.amount_minor
            )
    return found


def _alarms(case: Case, *, moved: bool) -> Iterator[Mapping[str, tuple[str, str, int]]]:
    """What other modules watch over, each asked where there can be any: nearly never."""
    session = case.session
    yield clock_alarms(case)
    yield proof_differences(case)
    if session.silences:
        yield risk_alarms(case)
    if session.cdrs or session.advices:
        yield partner_differences(case)
    if moved or session.refund_decisions or session.notices:
        yield refund_differences(case)
    if session.reported:
        yield report_alarms(session)
    if session.takeovers:
        yield takeover_alarms(session, case.hold, case.acquirer, case.cost_minor or 0)


def _registers(case: Case) -> dict[str, Difference]:
    """What chargers say that cannot be, or not together."""
    found: dict[str, Difference] = {}
    for charging_id, (kind, words) in case.doubts.items():
        found[f"{charging_id}/{kind}"] = Difference(kind, words, 0)
    for charging in case.chargings:
        if words := contradiction(charging):
            found[f"{charging.charging_id}/register"] = Difference("register", words, 0)
    return found


def _fitting(name: str) -> str:
    """Ids joined to a name may be longer than an id can be on the wire."""
    if len(name) <= _NAME_MAX:
        return name
    digest = hashlib.blake2b(name.encode(), digest_size=16).hexdigest()
    return f"{name[: _NAME_MAX - len(digest) - 1]}~{digest}"


def _other_amount(asked: IssuedCommand, answered_minor: int) -> dict[str, Difference]:
    """A yes to another amount than was asked. An issuer may approve less: that is no difference."""
    more = answered_minor - asked.amount_minor
    if asked.kind not in MONEY or (more < 0 and asked.kind in _IN_PART):
        return {}
    words = f"asked for {asked.amount_minor}, answered {answered_minor}"
    return {f"{asked.command_id}/amount": Difference("amount", words, more)}


def _exhausted(case: Case) -> dict[str, Difference]:
    found: dict[str, Difference] = {}
    if case.hold is None or case.hold.open_minor == 0 or case.live:
        return found
    for kind in ("lower", "capture", "release"):
        made = of_kind(case.session, kind)
        refused = [one for one in made if verdict(case.session, one.command_id) in NO]
        if len(refused) >= ATTEMPTS_MAX:
            found[f"{case.session.session_id}/{kind}/refused"] = Difference(
                "refused", f"{kind}: {len(refused)} attempts refused", case.hold.open_minor
            )
    return found


def _unread(case: Case) -> dict[str, Difference]:
    if case.metered is None or case.tariff is None or case.total.final is None:
        return {}
    spread = spread_minor(case.tariff, case.metered)
    if not spread:
        return {}
    words = "no reading tells how much flowed before the tariff changed: shared out evenly"
    return {f"{case.session.session_id}/unread": Difference("unread-change", words, spread)}


def _receipts(case: Case) -> dict[str, Difference]:
    """A receipt that nobody is asked for, one that was refused, one that is long on its way."""
    captured = receipts.captured_minor(case)
    if not captured and not case.session.receipts and not receipts.is_open(case):
        return {}
    name = f"{case.session.session_id}/receipt"
    settled = receipts.known(case)
    if captured and receipts.regime(case) != "NONE" and receipts.wanted(case) is None:
        words = f"{case.request.merchant_country} wants one, and the policy names no chain"
        return {name: Difference("no-fiscal-chain", words, captured)}
    refused = _refused_receipts(case)
    if refused:
        return refused
    if settled is not None and captured and settled.paid_minor != captured:
        words = f"receipted {settled.paid_minor}, captured {captured}"
        return {name: Difference("receipt-amount", words, captured - settled.paid_minor)}
    late_at = rules_fiscal.late_at(case)
    if late_at and case.now_at >= late_at:
        return {name: Difference("receipt-late", f"not settled by {late_at}", captured)}
    return {}


def _refused_receipts(case: Case) -> dict[str, Difference]:
    """Of any document: what takes a receipt back, or a part of it, the law wants as well."""
    return {
        receipt_id: Difference("receipt-refused", one.reason, one.paid_minor)
        for receipt_id, one in sorted(case.session.receipts.items())
        if one.outcome == "refused"
    }


def _told_unasked(case: Case) -> dict[str, Difference]:
    """Money that an acquirer moved, or holds against us, and that no command of ours asked for."""
    notices = case.session.notices
    if not notices:
        return {}
    disputed = refunds.chargebacks(case.session)
    found: dict[str, Difference] = {}
    for one in notices:
        known = _UNASKED.get(one.event)
        is_over = (one.hold_id, one.psp_reference) not in disputed
        if one.event == "held_unasked" and is_reported(case.session, one.psp_reference):
            continue
        if known is None or (one.event == _CHARGEBACK and is_over):
            continue
        whose = one.hold_id or case.session.session_id
        kind, words = known
        name = f"{whose}/{kind}/{one.psp_reference}"
        found[name] = Difference(kind, f"{words}: {one.psp_reference}", one.amount_minor)
    return found


def _above(case: Case) -> dict[str, Difference]:
    hold, session_id = case.hold, case.session.session_id
    found: dict[str, Difference] = {}
    if hold is None:
        return found
    captures = sum(one.captures for one in case.holds)
    captured = sum(one.captured_minor for one in case.holds)
    if captures > 1:
        words = f"{captures} captures took effect"
        found[f"{session_id}/captured-twice"] = Difference("captured-twice", words, 0)
    if waits_until(case) is not None:
        words = "a charging without its proof, and no money is held for it any more"
        left = max(case.price_minor - captured, 0)
        found[f"{session_id}/uncovered"] = Difference("uncovered-charging", words, left)
    return found
