"""The words of a fiskaltrust POS System API (v2), as far as they are said or read here.

Payments.md 4.2. Amounts are integers in ten-thousandths of the currency's unit
(`DecimalPrecisionMultiplier`), so that no decimal fraction ever passes through a float.
"""

# ruff: noqa: N815 - attributes are named as the API names them

import msgspec

OPERATION_ID = "x-operation-id"
PRECISION = 10_000

# Cases are `CCCC_vlll_gggg_txcc`: country in ASCII, version 2, flags, kind.
VERSION = 0x2000_0000_0000
POS_RECEIPT = 0x0001
ZERO_RECEIPT = 0x2000
LATE_SIGNING = 0x0001_0000
REFUND = 0x0100_0000
RECEIPT_REQUEST = 0x0000_8000_0000_0000
PAID_BY_CARD = 0x0005
STANDS_OPEN = 0x0009  # accounts receivable

# `ftState`, its lower bits.
OUT_OF_SERVICE = 0x1
SCU_FAILED = 0x2
LATE_MODE = 0x8
PENDING = 0x40
FAILED = 0xEEEE_EEEE

FORMS = {0x01: "text", 0x02: "link", 0x03: "qr", 0x0D: "base64"}


def country_case(country: str) -> int:
    """The upper four digits of a case: 'AT' is 0x4154."""
    high, low = country.encode("ascii")
    return ((high << 8) | low) << 48


class Words(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base: names on the wire stand as they are in the API."""


class ChargeItem(Words, frozen=True, kw_only=True, omit_defaults=True):
    """A line of what was supplied. `VATRate` in ten-thousandths of a per cent."""

    Quantity: int
    Description: str
    Amount: int
    VATRate: int
    VATAmount: int
    ftChargeItemCase: int
    Unit: str = ""
    UnitQuantity: int = 0
    Currency: str
    DecimalPrecisionMultiplier: int


class PayItem(Words, frozen=True, kw_only=True, omit_defaults=True):
    """A line of how it was paid."""

    Quantity: int
    Description: str
    Amount: int
    ftPayItemCase: int
    Currency: str
    DecimalPrecisionMultiplier: int


class ReceiptRequest(Words, frozen=True, kw_only=True, omit_defaults=True):
    """`POST /sign`. `cbReceiptReference` is unique for ever; the lines and payments add up."""

    ftCashBoxID: str
    ftPosSystemId: str
    cbTerminalID: str
    cbReceiptReference: str
    cbReceiptMoment: str
    cbChargeItems: list[ChargeItem]
    cbPayItems: list[PayItem]
    ftReceiptCase: int
    cbPreviousReceiptReference: str = ""
    DecimalPrecisionMultiplier: int = PRECISION


class FtSignature(Words, frozen=True, kw_only=True, omit_defaults=True):
    """One signature of an answer."""

    ftSignatureFormat: int
    ftSignatureType: int
    Caption: str | None = None
    Data: str


class ReceiptResponse(Words, frozen=True, kw_only=True, omit_defaults=True):
    """What it became. `ftReceiptIdentification` is its name there."""

    cbReceiptReference: str
    ftReceiptIdentification: str
    ftReceiptMoment: str
    ftSignatures: list[FtSignature]
    ftState: int
