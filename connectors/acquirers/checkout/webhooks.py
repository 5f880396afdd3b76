"""Checkout.com's webhooks: `Cko-Signature` over the body, then events to facts.

The signature covers no instant of its own; `created_on` is in the body, and the same body comes
again for a day and more when it was not taken, so an event is refused only when it is much older.
"""

from collections.abc import Callable

from connectors.acquirers.acquirer import BadNotice, Forged, Notice, Verdict
from connectors.acquirers.checkout import messages as wire
from connectors.acquirers.checkout.amounts import AMOUNTS
from connectors.acquirers.checkout.declines import declined
from connectors.acquirers.exchange import wall_at
from connectors.acquirers.origins import command_named, hold_reference, origin_of
from connectors.acquirers.reading import (
    Event,
    answer,
    code_of,
    instant_of,
    notice,
    noticed,
    told,
    unbound,
)
from connectors.acquirers.settings import AccountSettings
from connectors.acquirers.signatures import from_hex, is_signed
from connectors.acquirers.wire_amounts import NotCountable
from schemas.facts import CommandKind, Outcome

OLDEST_MS = 7 * 24 * 60 * 60 * 1000  # its own retries end after about 30 hours; people resend too
_AHEAD_MS = 300_000

_ANSWERS: dict[str, tuple[CommandKind, Outcome]] = {
    "payment_approved": ("hold", "done"),
    "payment_declined": ("hold", "declined"),
    "payment_authorization_incremented": ("raise", "done"),
    "payment_authorization_increment_declined": ("raise", "declined"),
    "payment_captured": ("capture", "done"),
    "payment_capture_declined": ("capture", "failed"),
    "payment_voided": ("release", "done"),
    "payment_void_declined": ("release", "failed"),
    "payment_refunded": ("refund", "done"),
    "payment_refund_declined": ("refund", "failed"),
}
_DISPUTES = {
    "dispute_received": "chargeback_opened",
    "dispute_won": "chargeback_reversed",
    "dispute_canceled": "chargeback_reversed",
}
_METADATA = "data.metadata"
_GONE = frozenset({"payment_expired", "payment_canceled", "payment_voided"})


class CheckoutNotices:
    """Reads the webhooks of one account."""

    def __init__(
        self,
        acquirer_id: str,
        account: AccountSettings,
        clock: Callable[[], int] = wall_at,
        *,
        verify: bool = True,
    ) -> None:
        self._acquirer_id = acquirer_id
        self._tenant = account.tenant
        self._clock = clock
        self._verify = verify
        self._keys = tuple(one.get_secret_value().encode() for one in account.webhook_secrets)

    def read(self, headers: dict[str, str], body: bytes) -> tuple[Notice, ...]:
        mark = from_hex(headers.get("cko-signature", ""))
        if self._verify and not is_signed(self._keys, body, [mark]):
            raise Forged
        head = noticed(body, wire.Kind)
        created_at = instant_of(head.created_on or head.timestamp, "created_on")
        is_fresh = -_AHEAD_MS <= self._clock() - created_at <= OLDEST_MS
        if self._verify and not is_fresh:
            raise Forged
        if head.type in _DISPUTES:
            return (self._of_dispute(head.type, noticed(body, wire.DisputeEvent).data, created_at),)
        if head.type not in _ANSWERS and head.type not in _GONE:
            return ()
        data = noticed(body, wire.Event).data
        event = Event(
            origin=origin_of(data.metadata),
            tenant=self._tenant,
            acquirer_id=self._acquirer_id,
            currency=data.currency,
            merchant_reference=_reference(data),
            psp_reference=data.id,
            occurred_at=_occurred_at(data, created_at),
        )
        fact = _fact(head.type, data, event)
        return () if fact is None else (fact,)

    def _of_dispute(self, kind: str, data: wire.Disputed, created_at: int) -> Notice:
        """A dispute has no metadata of ours: the payment that it is about finds the session."""
        event = Event(
            origin=None,
            tenant=self._tenant,
            acquirer_id=self._acquirer_id,
            currency=data.currency,
            merchant_reference=data.payment_reference,
            psp_reference=data.payment_id,
            occurred_at=instant_of(data.date, "data.date") if data.date else created_at,
        )
        amount = _minor(data.amount, data.currency)
        return told(event, _DISPUTES[kind], amount, "", "data.payment_id")


def _reference(data: wire.Data) -> str:
    """The action's, or the one that a terminal minted and hands on as OCPI calls it."""
    minted = data.metadata.get("authorization_reference")
    return minted if isinstance(minted, str) and minted else data.reference


def _fact(kind: str, data: wire.Data, event: Event) -> Notice | None:
    operation, outcome = _ANSWERS.get(kind, ("release", "done"))
    verdict = _verdict(operation, outcome, data)
    if event.origin is not None:
        named = data.metadata.get("command_id")
        command_id = command_named(event.origin, operation, data.reference, named)
        if command_id and kind in _ANSWERS:
            return None if verdict is None else answer(event, operation, command_id, verdict)
        if kind in _GONE and data.reference == hold_reference(event.origin):
            return notice(event, "hold_lapsed", _minor(data.amount, data.currency))
    if kind not in _ANSWERS:
        lapsed = Verdict(outcome="done", amount_minor=_minor(data.amount, data.currency))
        return unbound(event, "hold_lapsed", lapsed, _METADATA)
    return None if verdict is None else unbound(event, operation, verdict, _METADATA)


def _verdict(operation: CommandKind, outcome: Outcome, data: wire.Data) -> Verdict | None:
    code = code_of(data.response_code)
    if outcome == "declined":
        return declined(code, data.processing)
    if outcome == "failed":
        return Verdict(outcome="failed", reason="refused", raw_code=code)
    if operation != "raise":
        return Verdict(outcome="done", amount_minor=_minor(data.amount, data.currency))
    if data.balances is None:
        return None  # only the difference is told; the answer to the call had the total
    return Verdict(
        outcome="done", amount_minor=_minor(data.balances.total_authorized, data.currency)
    )


def _occurred_at(data: wire.Data, created_at: int) -> int:
    return instant_of(data.processed_on, "data.processed_on") if data.processed_on else created_at


def _minor(value: int, currency: str) -> int:
    try:
        return AMOUNTS.from_wire(value, currency)
    except NotCountable as problem:
        raise BadNotice("data.amount", str(problem)) from None
