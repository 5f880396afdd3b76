"""What a session's receipts are and how they stand: by its country's regime, derived from facts."""

import datetime as dt

from msgspec.structs import replace

from schemas import ids
from schemas.commands import ReceiptReady
from schemas.fiscal import Regime, RequestReceipt, Signature
from streams.core import due, refunds
from streams.core.case import Case
from streams.core.fiscal_regimes import regime_of
from streams.core.holds import HoldBook
from streams.core.orders import UNSEALED
from streams.core.session import ReceiptKnown
from streams.core.strategy_policy import BelowCost, Fiscal
from streams.core.vat import by_rate, parts_of

SALE, VOID = "sale", "void"


def rules_of(case: Case) -> Fiscal | None:
    """What the operator says of the country that the merchant is in."""
    return case.policy.fiscal.get(case.request.merchant_country)


def regime(case: Case) -> Regime:
    """The operator's word, else the table's on that day; NONE where a third party captures."""
    if not case.captures_here:
        return "NONE"
    said = rules_of(case)
    if said is not None and said.regime != "unknown":
        return said.regime
    day = dt.datetime.fromtimestamp(case.request.requested_at // 1000, dt.UTC).date().isoformat()
    return regime_of(case.request.merchant_country, day)


def wanted(case: Case) -> Fiscal | None:
    """The rules by which a receipt is asked for; None: no regime, or no chain to ask by."""
    said = rules_of(case)
    return said if said is not None and said.chain and regime(case) != "NONE" else None


def below_cost(case: Case) -> BelowCost:
    """What becomes of a price above what was held: the country's rule, else the policy's."""
    said = rules_of(case)
    return case.policy.below_cost if said is None or not said.below_cost else said.below_cost


def is_receipt_first(case: Case) -> bool:
    said = wanted(case)
    return said is not None and said.order == "receipt_first"


def known(case: Case, cause: str = SALE) -> ReceiptKnown | None:
    """How the receipt ended; None: it has not."""
    return case.session.receipts.get(ids.receipt_id(case.session.session_id, cause))


def is_requested(case: Case, cause: str = SALE) -> bool:
    return ids.receipt_id(case.session.session_id, cause) in case.session.issued


def is_open(case: Case) -> bool:
    """Asked for and not settled: a session is not done while its receipt is on its way."""
    if not case.policy.fiscal:
        return False  # by far the most: nothing was ever asked for
    settled, issued = case.session.receipts, case.session.issued
    return any(one.kind == "receipt" and name not in settled for name, one in issued.items())


def captured_minor(case: Case) -> int:
    return sum(one.captured_minor for one in case.holds)


def due_now(case: Case) -> int | None:
    """What the card has paid, or will by the capture, where its receipt falls due.

    After the capture its amount stands; before it, where the receipt comes first, what will be
    asked for. None: not yet, or never.
    """
    said = wanted(case)
    if said is None or is_requested(case):
        return None
    captured = captured_minor(case)
    if captured:
        return captured
    hold, cost = case.hold, case.cost_minor
    if said.order == "capture_first" or hold is None or not cost:
        return None
    return min(cost, hold.open_minor) or None


def request(case: Case, paid_minor: int) -> RequestReceipt:
    """The receipt of this session's supply, split by VAT so that it adds up."""
    said = wanted(case)
    assert said is not None, "asked for by its rules"
    priced = case.price_minor if case.cost_minor is None else case.cost_minor
    supply = max(priced, paid_minor) if below_cost(case) == "balance" else paid_minor
    return _receipt(case, said, SALE, supply, paid_minor)


def refunds_due(case: Case) -> list[refunds.Back]:
    """What went back of what was receipted, and has no receipt of its own yet.

    Nothing after a void, which has taken back all that was left.
    """
    if not case.policy.fiscal or not case.session.receipts or wanted(case) is None:
        return []
    if is_requested(case, VOID):
        return []
    first = known(case)
    if first is None or first.outcome == "refused":
        return []
    found = refunds.gone_back(case.session, case.policy.refunds)
    return [one for one in found if one.cause and one.minor and not is_requested(case, one.cause)]


def refunded_causes(case: Case) -> list[str]:
    """Causes of what went back and has its receipt."""
    found = refunds.gone_back(case.session, case.policy.refunds)
    return [one.cause for one in found if one.cause and known(case, one.cause) is not None]


def refund(case: Case, back: refunds.Back) -> RequestReceipt:
    """The receipt of a refund: it names the first, and takes this much of it back."""
    said, first = wanted(case), known(case)
    assert said is not None, "asked for by its rules"
    assert first is not None, "corrects what was signed"
    receipt = _receipt(case, said, back.cause, back.minor, back.minor)
    return replace(
        receipt,
        document="refund",
        of_command_id=ids.receipt_id(case.session.session_id, SALE),
        of_receipt=first.receipt,
    )


def left_minor(case: Case) -> tuple[int, int]:
    """What the receipts of refunds have left of the first: of its supply, and of what was paid."""
    first = known(case)
    assert first is not None, "asked of what was signed"
    back = [known(case, cause) for cause in refunded_causes(case)]
    taken = sum(one.paid_minor for one in back if one is not None and one.outcome != "refused")
    supply = max(first.paid_minor + first.balance_minor - taken, 0)
    return supply, max(first.paid_minor - taken, 0)


def void(case: Case) -> RequestReceipt:
    """Takes back what is left of the receipt that came first, of a capture that never was."""
    said, first = wanted(case), known(case)
    assert said is not None, "asked for by its rules"
    assert first is not None, "corrects what was signed"
    receipt = _receipt(case, said, VOID, *left_minor(case))
    return replace(
        receipt,
        document="refund",
        of_command_id=ids.receipt_id(case.session.session_id, SALE),
        of_receipt=first.receipt,
    )


def _receipt(
    case: Case, said: Fiscal, cause: str, supply_minor: int, paid_minor: int
) -> RequestReceipt:
    session, asked, pinned = case.session, case.request, case.session.pinned
    assert case.tariff is not None, "what was paid has a price"
    assert pinned is not None, "the opening pins before anything is decided"
    flowed = case.total.final or case.total.so_far
    breakdown = due.lines(case.tariff, case.metered, flowed, asked)
    begins = [one.begun.started_at for one in case.chargings if one.begun is not None]
    ends = [one.end.ended_at for one in case.chargings if one.end is not None]
    return RequestReceipt(
        tenant=asked.tenant,
        chain=said.chain,
        session_id=session.session_id,
        command_id=ids.receipt_id(session.session_id, cause),
        regime=regime(case),
        country=asked.merchant_country,
        document="sale",
        supply_minor=supply_minor,
        paid_minor=paid_minor,
        currency=asked.currency,
        parts=parts_of(by_rate(breakdown), supply_minor, said.vat),
        energy_wh=flowed.energy_wh,
        evse_uid=asked.evse_uid,
        terminal_id=asked.terminal_id,
        started_at=min(begins, default=0),
        ended_at=max(ends, default=0),
        payment_reference=_reference(case),
        rule=UNSEALED,
        policy_version=pinned.policy_version,
        issued_at=case.now_at,
    )


def _reference(case: Case) -> str:
    """The acquirer's name of the payment, where it told one."""
    taken: list[HoldBook] = [one for one in case.holds if one.captured_minor] or case.holds[-1:]
    return taken[0].psp_reference if taken else ""


def ready(case: Case, cause: str, settled: ReceiptKnown) -> ReceiptReady:
    session, asked = case.session, case.request
    return ReceiptReady(
        tenant=asked.tenant,
        session_id=session.session_id,
        command_id=ids.receipt_notice_id(session.session_id, cause),
        terminal_id=asked.terminal_id,
        receipt_id=ids.receipt_id(session.session_id, cause),
        document="sale" if cause == SALE else "refund",
        receipt=settled.receipt,
        ordinal=settled.ordinal,
        moment_at=settled.moment_at,
        signatures=[
            Signature(form=form, caption=caption, data=data)
            for form, caption, data in settled.signatures
        ],
        late=settled.late,
        pending=settled.pending,
        paid_minor=settled.paid_minor,
        balance_minor=max(settled.balance_minor, 0),
        currency=asked.currency,
        rule=UNSEALED,
        issued_at=case.now_at,
    )


def status(case: Case) -> str:
    """For the public view: empty where nothing is asked for."""
    settled = known(case)
    if settled is not None:
        return settled.outcome
    if is_requested(case):
        return "requested"
    return "due" if due_now(case) is not None else ""
