"""What does not add up: shown to people as discrepancies, never settled by a guess."""

import hashlib
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
from streams.core.session import MONEY
from streams.core.standing import waits_until
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
    session = case.session
    found: dict[str, Difference] = {
        f"{command_id}/conflict": Difference("conflict", "the same id with another body", 0)
        for command_id in session.conflicts
    }
    for command_id, answer in session.answers.items():
        if len(answer.outcomes) > 1 and "done" in answer.outcomes:
            words = " and ".join(answer.outcomes)
            found[f"{command_id}/answers"] = Difference("answers", words, answer.amount_minor)
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
    for others in (
        _registers(case),
        _other_amounts(case),
        _exhausted(case),
        _above(case),
        _unread(case),
        _receipts(case),
        _told_unasked(case),
        _alarms(case),
    ):
        found.update(others)
    return found and {_fitting(name): difference for name, difference in found.items()}


def _alarms(case: Case) -> dict[str, Difference]:
    found: dict[str, Difference] = {}
    for alarms in (
        clock_alarms(case),
        risk_alarms(case),
        partner_differences(case),
        refund_differences(case),
        proof_differences(case),
        report_alarms(case.session),
    ):
        if alarms:  # nearly never, at each fact of each session
            found.update({name: Difference(*alarm) for name, alarm in alarms.items()})
    return found


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


def _other_amounts(case: Case) -> dict[str, Difference]:
    """A yes to another amount than was asked. An issuer may approve less: that is no difference."""
    found: dict[str, Difference] = {}
    for command_id, answer in case.session.answers.items():
        asked = case.session.issued.get(command_id)
        if asked is None or answer.outcome != "done" or asked.kind not in MONEY:
            continue
        more = answer.amount_minor - asked.amount_minor
        if more > 0 or (more < 0 and asked.kind not in _IN_PART):
            words = f"asked for {asked.amount_minor}, answered {answer.amount_minor}"
            found[f"{command_id}/amount"] = Difference("amount", words, more)
    return found


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
