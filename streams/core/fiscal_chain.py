"""One fiscal chain: receipts numbered on acceptance, signed one at a time, in that order.

Receipts must be signed in the order of their moments, and a session's end is data, not order: so
number and moment are given here, where the chain's receipts arrive one after another, and never by
a session. A receipt that nobody has answered for holds up those behind it: an order that skips one
cannot be put right (payments.md 4.2). Pure; `streams/agents/fiscal.py` is the shell.
"""

from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from schemas import codec, ids
from schemas.fiscal import ReceiptAnswered, ReceiptSettled, RequestReceipt, SignReceipt


class NotTheNext(ValueError):
    """An answer to a receipt that is not outstanding, or under another number: never applied."""


class AnotherBody(ValueError):
    """The same receipt was asked for before with another body."""


class Chain(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What is known of a chain: the last number and moment, who is outstanding, who waits."""

    number: int = 0
    moment_at: int = 0
    outstanding: str = ""
    waiting: tuple[str, ...] = ()


class Receipt(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One receipt: its request as it came, what it was given, and how it ended."""

    value: bytes
    body_hash: str
    number: int
    moment_at: int
    outcome: str = ""
    receipt: str = ""


class Change(NamedTuple):
    """The new state of the chain, the receipts that changed by id, and what is to be told."""

    chain: Chain
    receipts: dict[str, Receipt]
    sign: SignReceipt | None = None
    settled: ReceiptSettled | None = None


def accept(
    chain: Chain, known: Receipt | None, request: RequestReceipt, value: bytes
) -> Change | None:
    """Give the receipt its number and moment; None: it has them already.

    Raises AnotherBody. The moment is the request's own instant, or just after the one before it.
    """
    if known is not None:
        if known.body_hash != request.body_hash:
            raise AnotherBody(f"command_id: {request.command_id} was asked for with another body")
        return None
    number = chain.number + 1
    moment_at = max(request.issued_at, chain.moment_at + 1)
    receipt = Receipt(value, request.body_hash, number, moment_at)
    chain = replace(chain, number=number, moment_at=moment_at)
    if request.regime == "PERIODIC_REPORT":
        return _recorded(chain, request, receipt)
    queued = replace(chain, waiting=(*chain.waiting, request.command_id))
    return Change(queued, {request.command_id: receipt})


def _recorded(chain: Chain, request: RequestReceipt, receipt: Receipt) -> Change:
    """Nobody signs it: it stands in the report of its period from now on (payments.md 4.1, IT)."""
    done = replace(receipt, outcome="recorded", value=b"")
    settled = _settled(request, done, request.issued_at)
    return Change(chain, {request.command_id: done}, settled=settled)


def next_waiting(chain: Chain) -> str:
    """The receipt that may be signed now; empty: none, or one is outstanding."""
    return "" if chain.outstanding or not chain.waiting else chain.waiting[0]


def is_over(receipt: Receipt) -> bool:
    """Whether nothing but a repetition can be said of it any more."""
    return bool(receipt.outcome)


def send(chain: Chain, receipt: Receipt) -> Change:
    """Have the first that waits signed."""
    command_id = next_waiting(chain)
    assert command_id, "one waits and none is outstanding"
    request = _request(receipt)
    sign = SignReceipt(
        tenant=request.tenant,
        chain=request.chain,
        session_id=request.session_id,
        command_id=command_id,
        ordinal=receipt.number,
        moment_at=receipt.moment_at,
        operation_key=ids.idempotency_key(request.tenant, command_id),
        request=receipt.value,
    )
    moved = replace(chain, outstanding=command_id, waiting=chain.waiting[1:])
    return Change(moved, {}, sign=sign)


def answered(chain: Chain, receipt: Receipt | None, answer: ReceiptAnswered) -> Change | None:
    """What the service said of the outstanding receipt; None: it said so before.

    Raises NotTheNext for an answer about anything else, or one that contradicts the first.
    """
    if receipt is None or answer.ordinal != receipt.number:
        raise NotTheNext(f"ordinal: {answer.ordinal} is not that of {answer.command_id}")
    if receipt.outcome:
        if (receipt.outcome, receipt.receipt) == (answer.outcome, answer.receipt):
            return None
        raise NotTheNext(f"outcome: {answer.outcome} after {receipt.outcome}")
    if answer.command_id != chain.outstanding:
        raise NotTheNext(f"command_id: {answer.command_id} is not outstanding")
    request = _request(receipt)
    done = replace(receipt, outcome=answer.outcome, receipt=answer.receipt, value=b"")
    settled = replace(
        _settled(request, done, answer.answered_at),
        signatures=answer.signatures,
        late=answer.late,
        pending=answer.pending,
        reason=answer.reason,
    )
    return Change(replace(chain, outstanding=""), {answer.command_id: done}, settled=settled)


def _request(receipt: Receipt) -> RequestReceipt:
    request = codec.decode(receipt.value)
    assert isinstance(request, RequestReceipt), "kept as it was accepted"
    return request


def _settled(request: RequestReceipt, receipt: Receipt, at: int) -> ReceiptSettled:
    assert receipt.outcome in ("signed", "recorded", "refused")
    return ReceiptSettled(
        tenant=request.tenant,
        session_id=request.session_id,
        command_id=request.command_id,
        chain=request.chain,
        document=request.document,
        outcome=receipt.outcome,  # type: ignore[arg-type] # one of the three, as asserted
        ordinal=receipt.number,
        moment_at=receipt.moment_at,
        receipt=receipt.receipt,
        signatures=[],
        paid_minor=request.paid_minor,
        balance_minor=request.supply_minor - request.paid_minor,
        currency=request.currency,
        settled_at=at,
    )
