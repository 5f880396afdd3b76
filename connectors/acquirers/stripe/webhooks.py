"""Stripe's webhooks: `Stripe-Signature` over instant and body, then events to facts.

Which command an event is about is proven by its reference: the key of the request that caused it,
or what we wrote into the intent's metadata. What no command of ours caused is a notice.
"""

from collections.abc import Callable

from connectors.acquirers.acquirer import BadNotice, Forged, Notice, Verdict
from connectors.acquirers.exchange import wall_at
from connectors.acquirers.origins import Origin, command_named, hold_reference, origin_of
from connectors.acquirers.reading import Event, answer, notice, noticed
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


class StripeNotices:
    """Reads the webhooks of one account."""

    def __init__(
        self, acquirer_id: str, account: AccountSettings, clock: Callable[[], int] = wall_at
    ) -> None:
        self._acquirer_id = acquirer_id
        self._account = account
        self._clock = clock
        self._keys = tuple(one.get_secret_value().encode() for one in account.webhook_secrets)

    def read(self, headers: dict[str, str], body: bytes) -> tuple[Notice, ...]:
        self._check(headers.get("stripe-signature", ""), body)
        head = noticed(body, wire.Kind)
        if head.type not in _INTENT | _REFUND | {"charge.expired"}:
            return ()
        if head.account not in (None, self._account.account):
            raise BadNotice("account", "another account's event")
        if not 0 <= head.created < _LATEST_S:
            raise BadNotice("created", "no instant")
        if head.type in _REFUND:
            fact = self._of_refund(head, noticed(body, wire.RefundEvent).data.object)
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

    def _event(self, head: wire.Kind, origin: Origin, currency: str, intent: str) -> Event:
        return Event(
            origin=origin,
            acquirer_id=self._acquirer_id,
            currency=currency.upper(),
            psp_reference=intent,
            occurred_at=head.created * 1000,
        )

    def _of_intent(self, head: wire.Kind, intent: wire.Intent) -> Notice | None:
        origin = _origin(intent.metadata)
        if intent.metadata.get("reference") != hold_reference(origin):
            raise BadNotice("data.object.metadata.reference", "not that of metadata's hold")
        event = self._event(head, origin, intent.currency, intent.id)
        key = head.request.idempotency_key if head.request is not None else None
        match head.type:
            case "payment_intent.amount_capturable_updated":
                return _held(event, intent, key or "")
            case "payment_intent.succeeded":
                return _captured(event, intent)
            case "payment_intent.canceled":
                return _canceled(event, intent, key or "")
            case _:
                return _declined(event, intent, key or "")

    def _of_refund(self, head: wire.Kind, refund: wire.Refund) -> Notice | None:
        origin, metadata = _origin(refund.metadata), refund.metadata
        reference = metadata.get("reference", "")
        command_id = command_named(origin, "refund", reference, metadata.get("command_id"))
        if not command_id:
            raise BadNotice("data.object.metadata.reference", "not that of metadata's command")
        event = self._event(head, origin, refund.currency, refund.payment_intent or "")
        amount = _minor(refund.amount, event)
        if refund.status == "succeeded":
            return answer(event, "refund", command_id, Verdict(outcome="done", amount_minor=amount))
        if refund.status in ("failed", "canceled"):
            return notice(event, "refund_failed", amount, command_id)
        return None

    def _of_charge(self, head: wire.Kind, charge: wire.Charge) -> Notice:
        origin = _origin(charge.metadata)
        if charge.metadata.get("reference") != hold_reference(origin):
            raise BadNotice("data.object.metadata.reference", "not that of metadata's hold")
        event = self._event(head, origin, charge.currency, charge.payment_intent or "")
        return notice(event, "hold_lapsed", _minor(charge.amount - charge.amount_captured, event))


def _held(event: Event, intent: wire.Intent, key: str) -> Notice | None:
    """A hold or a raise. The intent may be older than the event, so a raise must be in it."""
    verdict = Verdict(outcome="done", amount_minor=_minor(intent.amount_capturable, event))
    if intent.status != "requires_capture":
        return None
    step = intent.metadata.get("raise", "")
    if step and key in ("", step):
        raised = command_named(event.origin, "raise", step)
        if not raised:
            raise BadNotice("data.object.metadata.raise", "that of no raise of this hold")
        return answer(event, "raise", raised, verdict)
    if step or key not in ("", hold_reference(event.origin)):
        return None
    return answer(event, "hold", event.origin.hold_id, verdict)


def _declined(event: Event, intent: wire.Intent, key: str) -> Notice | None:
    error = intent.last_payment_error
    if error is None or error.type != "card_error":
        return None
    if intent.status != "requires_payment_method" or key not in ("", hold_reference(event.origin)):
        return None
    return answer(event, "hold", event.origin.hold_id, declined(error))


def _captured(event: Event, intent: wire.Intent) -> Notice | None:
    command_id = command_named(event.origin, "capture", intent.metadata.get("capture", ""))
    if not command_id:
        raise BadNotice("data.object.metadata.capture", "that of no capture of this session")
    if intent.status != "succeeded":
        return None
    verdict = Verdict(outcome="done", amount_minor=_minor(intent.amount_received, event))
    return answer(event, "capture", command_id, verdict)


def _canceled(event: Event, intent: wire.Intent, key: str) -> Notice | None:
    if intent.status != "canceled":
        return None
    back = _minor(intent.amount - intent.amount_received, event)
    command_id = command_named(event.origin, "release", key)
    if intent.cancellation_reason in _LAPSED or not command_id:
        return notice(event, "hold_lapsed", back)
    return answer(event, "release", command_id, Verdict(outcome="done", amount_minor=back))


def _origin(metadata: dict[str, str]) -> Origin:
    origin = origin_of(metadata)
    if origin is None:
        raise BadNotice("data.object.metadata", "names no session of ours")
    return origin


def _minor(value: int, event: Event) -> int:
    try:
        return AMOUNTS.from_wire(value, event.currency)
    except NotCountable as problem:
        raise BadNotice("data.object.amount", str(problem)) from None
