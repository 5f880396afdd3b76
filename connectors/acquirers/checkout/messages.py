"""What we read of Checkout.com's answers and webhooks. Sources, customers and 3DS are not read."""

from typing import Any

import msgspec


class Balances(msgspec.Struct, frozen=True):
    total_authorized: int


Processing = dict[str, Any]
"""Of it we read `partner_merchant_advice_code` and `recommendation_code`."""


class Payment(msgspec.Struct, frozen=True):
    """POST /payments, and a line of GET /payments."""

    id: str
    amount: int
    currency: str
    approved: bool
    status: str
    reference: str
    response_code: str = ""
    expires_on: str = ""
    balances: Balances | None = None
    processing: Processing | None = None


class Increment(msgspec.Struct, frozen=True):
    """POST /payments/{id}/authorizations; `amount` is the difference."""

    action_id: str
    amount: int
    currency: str
    approved: bool
    reference: str
    response_code: str = ""
    balances: Balances | None = None
    processing: Processing | None = None


class Accepted(msgspec.Struct, frozen=True):
    """POST /payments/{id}/captures, voids, refunds: 202, and no more than that."""

    action_id: str
    reference: str = ""


class Action(msgspec.Struct, frozen=True):
    """A line of GET /payments/{id}/actions. `approved` is not there while it is under way."""

    id: str
    type: str
    amount: int
    approved: bool | None = None
    response_code: str = ""
    reference: str = ""
    processing: Processing | None = None


class Found(msgspec.Struct, frozen=True):
    total_count: int
    data: list[Payment]


class Problem(msgspec.Struct, frozen=True):
    error_type: str
    error_codes: list[str] = []


class Kind(msgspec.Struct, frozen=True):
    """The head. Disputes call `timestamp` what payments call `created_on`."""

    id: str
    type: str
    created_on: str = ""
    timestamp: str = ""


class Data(msgspec.Struct, frozen=True):
    id: str
    amount: int
    currency: str
    reference: str = ""
    response_code: str = ""
    processed_on: str = ""
    metadata: dict[str, Any] = {}
    balances: Balances | None = None
    processing: Processing | None = None


class Event(msgspec.Struct, frozen=True):
    data: Data


class Disputed(msgspec.Struct, frozen=True):
    """`id` is the dispute's."""

    id: str
    amount: int
    currency: str
    payment_id: str
    payment_reference: str = ""
    date: str = ""


class DisputeEvent(msgspec.Struct, frozen=True):
    data: Disputed
