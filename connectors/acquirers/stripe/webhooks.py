"""Stripe's webhooks: `Stripe-Signature` over instant and body, then events to facts.

Which command an event is about is proven by its reference: the key of the request that caused it,
or what we wrote into the intent's metadata. What no command of ours caused is a notice.
"""

from collections.abc import Callable

from connectors.acquirers.acquirer import BadNotice, Forged, Notice, Verdict
from connectors.acquirers.exchange import wall_at
from connectors.acquirers.origins import Origin, command_named, hold_reference, origin_of
from connectors.acquirers.reading import Event, answer, notice, noticed, told, unbound
from connectors.acquirers.settings import AccountSettings
from connectors.acquirers.signatures import from_hex, is_signed
from connectors.acquirers.stripe import messages as wire
from connectors.acquirers.stripe.amounts import AMOUNTS
from connectors.acquirers.stripe.declines import declined
from connectors.acquirers.wire_amounts import NotCountable

_TOLERANCE_S = 300
_LATEST_S = 4_102_444_800  # 2100: the contract's last instant
_INTENT = frozenset(
    {
        "payment_intent.amount_capturable_updated",
        "payment_intent.canceled",
        "payment_intent.payment_failed",
        "payment_intent.succeeded",
    }
)
_REFUND = frozenset({"refund.created", "refund.updated", "refund.failed"})
_LAPSED = frozenset({"expired", "automatic"})
_DISPUTE = {"charge.dispute.created": "", "charge.dispute.closed": "won"}
_OF_INTENT = "data.object.metadata"


class StripeNotices:
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
        self._account = account
        self._clock = clock
        self._verify = verify
        self._keys = tuple(one.get_secret_value().encode() for one in account.webhook_secrets)

    def read(self, headers: dict[str, str], body: bytes) -> tuple[Notice, ...]:
        if self._verify:
            self._check(headers.get("stripe-signature", ""), body)
        head = noticed(body, wire.Kind)
        if head.type not in _INTENT | _REFUND | _DISPUTE.keys() | {"charge.expired"}:
            return ()
        if head.account not in (None, self._account.account):
            raise BadNotice("account", "another account's event")
        if not 0 <= head.created < _LATEST_S:
            raise BadNotice("created", "no instant")
        if head.type in _REFUND:
            fact = self._of_refund(head, noticed(body, wire.RefundEvent).data.object)
        elif head.type in _DISPUTE:
            fact = self._of_dispute(head, noticed(body, wire.DisputeEvent).data.object)
        elif head.type == "charge.expired":
            fact = self._of_charge(head, noticed(body, wire.ChargeEvent).data.object)
        else:
            fact = self._of_intent(head, noticed(body, wire.IntentEvent).data.object)
        return () if fact is None else (fact,)

    def _check(self, header: str, body: bytes) -> None:
        """Raises Forged: not signed, or signed more than five minutes before or after now."""
        parts = [part.strip().partition("=") for part in header.split(",")]
        instants = [value for name, _, value in parts if name == "t"]
        signatures = [from_hex(value) for name, _, value in parts if name == "v1"]
        if len(instants) != 1 or not (instants[0].isascii() and instants[0].isdigit()):
            raise Forged
        signed = f"{instants[0]}.".encode() + body
        if not is_signed(self._keys, signed, signatures):
            raise Forged
        if abs(int(instants[0][:20]) - self._clock() // 1000) > _TOLERANCE_S:
            raise Forged

    def _event(
        self, head: wire.Kind, metadata: dict[str, str], currency: str, intent: str | None
    ) -> Event:
        return Event(
            origin=origin_of(metadata),
            tenant=self._account.tenant,
            acquirer_id=self._acquirer_id,
            currency=currency.upper(),
            merchant_reference=_reference(metadata),
            psp_reference=intent or "",
            occurred_at=head.created * 1000,
        )

    def _of_intent(self, head: wire.Kind, intent: wire.Intent) -> Notice | None:
        event = self._event(head, intent.metadata, intent.currency, intent.id)
        if event.origin is None:
            return _of_another(event, head.type, intent)
        _check_reference(event, event.origin)
        key = head.request.idempotency_key if head.request is not None else None
        match head.type:
            case "payment_intent.amount_capturable_updated":
                return _held(event, event.origin, intent, key or "")
            case "payment_intent.succeeded":
                return _captured(event, event.origin, intent)
            case "payment_intent.canceled":
                return _canceled(event, event.origin, intent, key or "")
            case _:
                return _declined(event, event.origin, intent, key or "")

    def _of_refund(self, head: wire.Kind, refund: wire.Refund) -> Notice | None:
        metadata = refund.metadata
        event = self._event(head, metadata, refund.currency, refund.payment_intent)
        amount = _minor(refund.amount, event)
        done = Verdict(outcome="done", amount_minor=amount)
        failed = refund.status in ("failed", "canceled")
        if not failed and refund.status != "succeeded":
            return None
        if event.origin is None:
            what = "refund_failed" if failed else "refund"
            return unbound(event, what, done, _OF_INTENT)
        told_id, reference = metadata.get("command_id"), metadata.get("reference", "")
        command_id = command_named(event.origin, "refund", reference, told_id)
        if not command_id:
            raise BadNotice("data.object.metadata.reference", "not that of metadata's command")
        if failed:
            return notice(event, "refund_failed", amount, command_id)
        return answer(event, "refund", command_id, done)

    def _of_charge(self, head: wire.Kind, charge: wire.Charge) -> Notice:
        event = self._event(head, charge.metadata, charge.currency, charge.payment_intent)
        if event.origin is not None:
            _check_reference(event, event.origin)
        left = _minor(charge.amount - charge.amount_captured, event)
        return told(event, "hold_lapsed", left, "", _OF_INTENT)

    def _of_dispute(self, head: wire.Kind, dispute: wire.Dispute) -> Notice | None:
        """A dispute has no metadata of ours: the intent that it is about finds the session."""
        event = self._event(head, {}, dispute.currency, dispute.payment_intent)
        amount = _minor(dispute.amount, event)
        if head.type == "charge.dispute.created":
            return told(event, "chargeback_opened", amount, "", "data.object.payment_intent")
        if dispute.status != "won":
            return None  # lost: what was disputed stays so
        return told(event, "chargeback_reversed", amount, "", "data.object.payment_intent")


def _reference(metadata: dict[str, str]) -> str:
    """Ours, or the one that a terminal minted and hands on as OCPI calls it."""
    return metadata.get("reference") or metadata.get("authorization_reference", "")


def _check_reference(event: Event, origin: Origin) -> None:
    if event.merchant_reference != hold_reference(origin):
        raise BadNotice("data.object.metadata.reference", "not that of metadata's hold")


def _of_another(event: Event, kind: str, intent: wire.Intent) -> Notice | None:
    """An intent without our metadata: a terminal's own, or from before ours was there."""
    match kind, intent.status:
        case "payment_intent.amount_capturable_updated", "requires_capture":
            verdict = Verdict(outcome="done", amount_minor=_minor(intent.amount_capturable, event))
            return unbound(event, "hold", verdict, _OF_INTENT)
        case "payment_intent.succeeded", "succeeded":
            verdict = Verdict(outcome="done", amount_minor=_minor(intent.amount_received, event))
            return unbound(event, "capture", verdict, _OF_INTENT)
        case "payment_intent.canceled", "canceled":
            back = _minor(intent.amount - intent.amount_received, event)
            return told(event, "hold_lapsed", back, "", _OF_INTENT)
        case "payment_intent.payment_failed", "requires_payment_method":
            error = intent.last_payment_error
            if error is not None and error.type == "card_error":
                return unbound(event, "hold", declined(error), _OF_INTENT)
        case _:
            pass  # the intent has moved on since: its newer event tells
    return None


def _held(event: Event, origin: Origin, intent: wire.Intent, key: str) -> Notice | None:
    """A hold or a raise. The intent may be older than the event, so a raise must be in it."""
    verdict = Verdict(outcome="done", amount_minor=_minor(intent.amount_capturable, event))
    if intent.status != "requires_capture":
        return None
    step = intent.metadata.get("raise", "")
    if step and key in ("", step):
        raised = command_named(origin, "raise", step)
        if not raised:
            raise BadNotice("data.object.metadata.raise", "that of no raise of this hold")
        return answer(event, "raise", raised, verdict)
    if step or key not in ("", hold_reference(origin)):
        return None
    return answer(event, "hold", origin.hold_id, verdict)


def _declined(event: Event, origin: Origin, intent: wire.Intent, key: str) -> Notice | None:
    error = intent.last_payment_error
    if error is None or error.type != "card_error":
        return None
    if intent.status != "requires_payment_method" or key not in ("", hold_reference(origin)):
        return None
    return answer(event, "hold", origin.hold_id, declined(error))


def _captured(event: Event, origin: Origin, intent: wire.Intent) -> Notice | None:
    command_id = command_named(origin, "capture", intent.metadata.get("capture", ""))
    if intent.status != "succeeded":
        return None
    verdict = Verdict(outcome="done", amount_minor=_minor(intent.amount_received, event))
    if not command_id:  # by hand, in Stripe's dashboard
        return unbound(event, "capture", verdict, "data.object.metadata.capture")
    return answer(event, "capture", command_id, verdict)


def _canceled(event: Event, origin: Origin, intent: wire.Intent, key: str) -> Notice | None:
    if intent.status != "canceled":
        return None
    back = _minor(intent.amount - intent.amount_received, event)
    command_id = command_named(origin, "release", key)
    if intent.cancellation_reason in _LAPSED or not command_id:
        return notice(event, "hold_lapsed", back)
    return answer(event, "release", command_id, Verdict(outcome="done", amount_minor=back))


def _minor(value: int, event: Event) -> int:
    try:
        return AMOUNTS.from_wire(value, event.currency)
    except NotCountable as problem:
        raise BadNotice("data.object.amount", str(problem)) from None
