"""What we read of Stripe's objects. Card details, billing and receipts are not read.

PaymentIntents API, version 2026-08-26.dahlia (its published OpenAPI).
"""

import msgspec

VERSION = "2026-08-26.dahlia"


class Declined(msgspec.Struct, frozen=True):
    """An error, alone or as a payment intent's last one."""

    type: str
    code: str = ""
    decline_code: str = ""
    advice_code: str | None = None
    network_advice_code: str | None = None


class Intent(msgspec.Struct, frozen=True):
    id: str
    object: str
    status: str
    amount: int
    currency: str
    amount_capturable: int = 0
    amount_received: int = 0
    cancellation_reason: str | None = None
    metadata: dict[str, str] = {}
    last_payment_error: Declined | None = None


class Refund(msgspec.Struct, frozen=True):
    id: str
    object: str
    status: str
    amount: int
    currency: str
    payment_intent: str | None = None
    failure_reason: str = ""
    metadata: dict[str, str] = {}


class Charge(msgspec.Struct, frozen=True):
    id: str
    object: str
    amount: int
    currency: str
    amount_captured: int = 0
    payment_intent: str | None = None
    metadata: dict[str, str] = {}


class Dispute(msgspec.Struct, frozen=True):
    id: str
    object: str
    status: str
    amount: int
    currency: str
    payment_intent: str | None = None


class Intents(msgspec.Struct, frozen=True):
    object: str
    data: list[Intent]
    has_more: bool


class Refunds(msgspec.Struct, frozen=True):
    object: str
    data: list[Refund]
    has_more: bool


class Problem(msgspec.Struct, frozen=True):
    error: Declined


class Sent(msgspec.Struct, frozen=True):
    idempotency_key: str | None = None


class Kind(msgspec.Struct, frozen=True):
    """The head of an event: read before anything of its object is."""

    id: str
    type: str
    created: int
    object: str
    livemode: bool = False
    account: str | None = None
    request: Sent | None = None


class IntentData(msgspec.Struct, frozen=True):
    object: Intent


class IntentEvent(msgspec.Struct, frozen=True):
    data: IntentData


class RefundData(msgspec.Struct, frozen=True):
    object: Refund


class RefundEvent(msgspec.Struct, frozen=True):
    data: RefundData


class DisputeData(msgspec.Struct, frozen=True):
    object: Dispute


class DisputeEvent(msgspec.Struct, frozen=True):
    data: DisputeData


class ChargeData(msgspec.Struct, frozen=True):
    object: Charge


class ChargeEvent(msgspec.Struct, frozen=True):
    data: ChargeData
