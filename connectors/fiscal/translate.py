"""Our receipts in fiskaltrust's words, and its answers in ours. Pure.

Only an explicit signature is a yes, only an explicit refusal of this very receipt a no; everything
else is unknown, and is asked after (payments.md 4.2: `receipt request`).
"""

import datetime as dt
from decimal import Decimal, InvalidOperation

import msgspec

from connectors.fiscal import messages as words
from connectors.fiscal.messages import (
    PRECISION,
    ChargeItem,
    PayItem,
    ReceiptRequest,
    ReceiptResponse,
)
from connectors.fiscal.settings import FiscalAccount
from schemas.fiscal import ReceiptAnswered, RequestReceipt, Signature, SignReceipt, VatPart
from schemas.money import exponent_of

_REFUSED = frozenset({400, 422})
_OK = 200
_MISSING = 404


class Unknown(msgspec.Struct, frozen=True):
    """Nobody can tell yet whether it was signed: why, in a word."""

    reason: str


class Absent(msgspec.Struct, frozen=True):
    """A look-up says that it was never taken."""


Outcome = ReceiptAnswered | Unknown | Absent


def reference(sign: SignReceipt) -> str:
    """The receipt's name on the wire, the same for ever."""
    return sign.operation_key


def sign_request(
    account: FiscalAccount, sign: SignReceipt, asked: RequestReceipt, *, late: bool
) -> bytes:
    """The receipt. `late`: the service could not be reached at its moment."""
    flags = words.LATE_SIGNING if late else 0
    return msgspec.json.encode(_request(account, sign, asked, flags))


def look_up_request(account: FiscalAccount, sign: SignReceipt, asked: RequestReceipt) -> bytes:
    """Was it signed? Nothing is signed by asking."""
    return msgspec.json.encode(_request(account, sign, asked, words.RECEIPT_REQUEST))


def zero_request(account: FiscalAccount, sign: SignReceipt, country: str) -> bytes:
    """The receipt of nothing that ends a time of late signing."""
    zero = ReceiptRequest(
        ftCashBoxID=account.cashbox_id,
        ftPosSystemId=account.pos_system_id,
        cbTerminalID="",
        cbReceiptReference=f"{reference(sign)}-zero",
        cbReceiptMoment=_iso(sign.moment_at),
        cbChargeItems=[],
        cbPayItems=[],
        ftReceiptCase=words.country_case(country) | words.VERSION | words.ZERO_RECEIPT,
    )
    return msgspec.json.encode(zero)


def _request(
    account: FiscalAccount, sign: SignReceipt, asked: RequestReceipt, flags: int
) -> ReceiptRequest:
    refund = asked.document == "refund"
    sign_of = -1 if refund else 1
    country = words.country_case(asked.country)
    kind = words.POS_RECEIPT | (words.REFUND if refund else 0)
    return ReceiptRequest(
        ftCashBoxID=account.cashbox_id,
        ftPosSystemId=account.pos_system_id,
        cbTerminalID=asked.terminal_id,
        cbReceiptReference=reference(sign),
        cbReceiptMoment=_iso(sign.moment_at),
        cbChargeItems=[
            _charge_item(asked, part, country, sign_of, first=number == 0)
            for number, part in enumerate(asked.parts)
        ],
        cbPayItems=_pay_items(asked, country, sign_of),
        ftReceiptCase=country | words.VERSION | kind | flags,
        cbPreviousReceiptReference=asked.of_receipt,
    )


def _charge_item(
    asked: RequestReceipt, part: VatPart, country: int, sign_of: int, *, first: bool
) -> ChargeItem:
    """The energy stands on the first line: it is one supply, whatever rates it is taxed at."""
    return ChargeItem(
        Quantity=sign_of * PRECISION,
        Description="Charging",
        Amount=sign_of * _scaled(part.gross_minor, asked.currency),
        VATRate=_rate(part.rate),
        VATAmount=sign_of * _scaled(part.vat_minor, asked.currency),
        ftChargeItemCase=country | words.VERSION,
        Unit="kWh" if first else "",
        UnitQuantity=asked.energy_wh * PRECISION // 1000 if first else 0,
        Currency=asked.currency,
        DecimalPrecisionMultiplier=PRECISION,
    )


def _pay_items(asked: RequestReceipt, country: int, sign_of: int) -> list[PayItem]:
    paid = (asked.paid_minor, "Card", words.PAID_BY_CARD)
    balance = (asked.supply_minor - asked.paid_minor, "Balance", words.STANDS_OPEN)
    return [
        PayItem(
            Quantity=sign_of * PRECISION,
            Description=description,
            Amount=sign_of * _scaled(minor, asked.currency),
            ftPayItemCase=country | words.VERSION | case,
            Currency=asked.currency,
            DecimalPrecisionMultiplier=PRECISION,
        )
        for minor, description, case in (paid, balance)
        if minor
    ]


def _scaled(minor: int, currency: str) -> int:
    return int(minor * PRECISION // 10 ** exponent_of(currency))


def _rate(rate: str) -> int:
    try:
        return int(Decimal(rate or 0) * PRECISION)
    except InvalidOperation:
        return 0


def _iso(at: int) -> str:
    moment = dt.datetime.fromtimestamp(at / 1000, dt.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at % 1000:03d}Z"


def outcome(
    sign: SignReceipt, status: int, body: bytes, at: int, *, looked_up: bool, late: bool
) -> tuple[Outcome, int]:
    """What an answer means, and the bits of `ftState` (0 where there is none)."""
    if status != _OK:
        return _not_ok(sign, status, at, looked_up=looked_up), 0
    try:
        said = msgspec.json.decode(body, type=ReceiptResponse)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Unknown("odd-answer"), 0
    state = said.ftState & 0xFFFF_FFFF
    if said.cbReceiptReference != reference(sign):
        return Unknown("other-receipt"), state
    if state == words.FAILED:
        return _refused(sign, at, "failed"), state
    if state & words.OUT_OF_SERVICE or not said.ftSignatures:
        return Unknown("out-of-service"), state
    return _signed(sign, said, at, late=late), state


def _not_ok(sign: SignReceipt, status: int, at: int, *, looked_up: bool) -> Outcome:
    if looked_up and status == _MISSING:
        return Absent()
    if status in _REFUSED and not looked_up:
        return _refused(sign, at, f"refused-{status}")
    return Unknown(f"status-{status}")


def _signed(sign: SignReceipt, said: ReceiptResponse, at: int, *, late: bool) -> Outcome:
    return _valid(
        ReceiptAnswered(
            tenant=sign.tenant,
            chain=sign.chain,
            session_id=sign.session_id,
            command_id=sign.command_id,
            ordinal=sign.ordinal,
            outcome="signed",
            receipt=said.ftReceiptIdentification,
            signatures=[_signature(one) for one in said.ftSignatures],
            late=late or bool(said.ftState & words.LATE_MODE),
            pending=bool(said.ftState & (words.SCU_FAILED | words.PENDING)),
            answered_at=at,
        )
    )


def _valid(answer: ReceiptAnswered) -> Outcome:
    """Texts beyond the contract's bounds cannot be written: then nobody can read what it says."""
    try:
        return msgspec.convert(msgspec.to_builtins(answer), ReceiptAnswered)
    except msgspec.ValidationError:
        return Unknown("odd-answer")


def _signature(one: words.FtSignature) -> Signature:
    form = words.FORMS.get(one.ftSignatureFormat & 0xFFFF, "text")
    return Signature(form=form, caption=one.Caption or "", data=one.Data)


def _refused(sign: SignReceipt, at: int, reason: str) -> ReceiptAnswered:
    return ReceiptAnswered(
        tenant=sign.tenant,
        chain=sign.chain,
        session_id=sign.session_id,
        command_id=sign.command_id,
        ordinal=sign.ordinal,
        outcome="refused",
        signatures=[],
        reason=reason,
        answered_at=at,
    )
