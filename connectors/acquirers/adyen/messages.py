"""What we read of Adyen's answers and webhooks. Everything else, card data above all, is not read.

Checkout API v72 and standard webhooks, after Adyen's published OpenAPI.
"""

from typing import Any

import msgspec


class Amount(msgspec.Struct, frozen=True):
    currency: str
    value: int


class Payment(msgspec.Struct, frozen=True):
    """POST /payments."""

    resultCode: str  # noqa: N815 - Adyen's spelling
    merchantReference: str = ""  # noqa: N815 - Adyen's spelling
    pspReference: str = ""  # noqa: N815 - Adyen's spelling
    amount: Amount | None = None
    refusalReasonCode: str = ""  # noqa: N815 - Adyen's spelling
    additionalData: dict[str, Any] = {}  # noqa: N815 - Adyen's spelling


class Modification(msgspec.Struct, frozen=True):
    """POST /payments/{pspReference}/..."""

    status: str
    reference: str
    pspReference: str  # noqa: N815 - Adyen's spelling
    paymentPspReference: str  # noqa: N815 - Adyen's spelling
    amount: Amount | None = None
    refusalReasonCode: str = ""  # noqa: N815 - Adyen's spelling


class Problem(msgspec.Struct, frozen=True):
    errorCode: str  # noqa: N815 - Adyen's spelling
    errorType: str  # noqa: N815 - Adyen's spelling
    status: int


class Item(msgspec.Struct, frozen=True):
    """NotificationRequestItem."""

    amount: Amount
    eventCode: str  # noqa: N815 - Adyen's spelling
    eventDate: str  # noqa: N815 - Adyen's spelling
    merchantAccountCode: str  # noqa: N815 - Adyen's spelling
    pspReference: str  # noqa: N815 - Adyen's spelling
    success: str
    merchantReference: str = ""  # noqa: N815 - Adyen's spelling
    originalReference: str = ""  # noqa: N815 - Adyen's spelling
    reason: str | None = ""
    additionalData: dict[str, Any] = {}  # noqa: N815 - Adyen's spelling


class ItemTold(msgspec.Struct, frozen=True):
    """An item as it may come by a topic, where a program has read and written it since.

    Adyen's own libraries hold `success` as a boolean, and what is not there as null.
    """

    amount: Amount
    eventCode: str  # noqa: N815 - Adyen's spelling
    eventDate: str  # noqa: N815 - Adyen's spelling
    merchantAccountCode: str  # noqa: N815 - Adyen's spelling
    pspReference: str  # noqa: N815 - Adyen's spelling
    success: str | bool
    merchantReference: str | None = None  # noqa: N815 - Adyen's spelling
    originalReference: str | None = None  # noqa: N815 - Adyen's spelling
    reason: str | None = None
    additionalData: dict[str, Any] | None = None  # noqa: N815 - Adyen's spelling

    def plain(self) -> Item:
        """As Adyen sends it, and signs it."""
        success = self.success
        return Item(
            amount=self.amount,
            eventCode=self.eventCode,
            eventDate=self.eventDate,
            merchantAccountCode=self.merchantAccountCode,
            pspReference=self.pspReference,
            success=success if isinstance(success, str) else str(success).lower(),
            merchantReference=self.merchantReference or "",
            originalReference=self.originalReference or "",
            reason=self.reason,
            additionalData=self.additionalData or {},
        )


class Wrapped(msgspec.Struct, frozen=True):
    NotificationRequestItem: Item


class Batch(msgspec.Struct, frozen=True):
    notificationItems: list[Wrapped]  # noqa: N815 - Adyen's spelling
    live: str = ""


class WrappedTold(msgspec.Struct, frozen=True):
    NotificationRequestItem: ItemTold


class BatchTold(msgspec.Struct, frozen=True):
    notificationItems: list[WrappedTold]  # noqa: N815 - Adyen's spelling
