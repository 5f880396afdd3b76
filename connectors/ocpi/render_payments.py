"""What a terminal provider sends: FinancialAdviceConfirmation and Terminal, valid by the standard.

`confirmation` is of a SendAdvice of ours, `advice` and `terminal` of facts.

OCPI 2.3.0 payments; providers offer the module under 2.2.1, too, where its Price has that version's
shape. What the standard needs and we do not know is refused (`CannotRender`), never made up.
Translating the rendering gives the fact again; a tax that has no name comes back as VAT.
"""

from decimal import Decimal
from typing import Any

from connectors.ocpi.reading import AS_TOLD, JSON, decimal_text, exact, number_of, written
from connectors.ocpi.rendering import CannotRender, needed
from schemas.commands import SendAdvice
from schemas.fiscal import VatPart
from schemas.money import exponent_of
from schemas.partners import AdviceConfirmed, AdviceTax, TerminalSeen
from schemas.roaming import OcpiVersion

__all__ = ["CannotRender", "advice", "answer", "confirmation", "terminal"]

_STATUSES = frozenset({"SUCCESS", "PARTIAL_SUCCESS", "FAILED"})
_CREATORS = frozenset({"", "CPO", "PTP"})
_DECIMALS, _DECIMALS_MAX = 5, 7  # of a GeoLocation
_OK = 1000
_LENGTHS = {
    "id": 36,
    "authorization_reference": 36,
    "currency": 3,
    "eft_data": 255,
    "capture_status_message": 255,
    "terminal_id": 36,
    "customer_reference": 36,
    "party_id": 3,
    "country_code": 2,
    "address": 45,
    "city": 45,
    "postal_code": 10,
    "state": 20,
    "country": 3,
    "invoice_base_url": 255,
    "reference": 36,
    "location_ids": 36,
    "evse_uids": 36,
}


def advice(fact: AdviceConfirmed, version: OcpiVersion) -> bytes:
    """The FinancialAdviceConfirmation object. Raises CannotRender."""
    if fact.capture_status not in _STATUSES:
        raise CannotRender("capture_status_code", f"{fact.capture_status!r} is no word of OCPI")
    out: dict[str, Any] = {
        "id": fact.advice_id,
        "authorization_reference": fact.authorization_reference,
        "total_costs": _total(fact, version),
        "currency": fact.currency,
        "eft_data": list(fact.eft_lines),
        "capture_status_code": fact.capture_status,
        "last_updated": _instant(fact.last_updated_at),
    }
    if fact.message:
        out["capture_status_message"] = fact.message
    needed(out, "eft_data")
    return _rendered(out, version)


_WORDS = {"done": "SUCCESS", "partial": "PARTIAL_SUCCESS", "failed": "FAILED"}


def confirmation(command: SendAdvice, version: OcpiVersion) -> bytes:
    """The FinancialAdviceConfirmation that a SendAdvice asks for. Raises CannotRender.

    Where nothing was captured its total is zero; the net of a tariff that does not tell its taxes
    is not known, and required.
    """
    known = command.net_minor >= 0 or command.amount_minor == 0
    told = AdviceConfirmed(
        tenant=command.tenant,
        partner=command.partner,
        ocpi_version=version,
        advice_id=command.advice_id,
        authorization_reference=command.authorization_reference,
        outcome=command.outcome,
        capture_status=_WORDS[command.outcome],
        message=command.message,
        captured_minor=command.amount_minor,
        currency=command.currency,
        net=_major(command, max(command.net_minor, 0)) if known else "",
        gross=_major(command, command.amount_minor),
        taxes=[_vat(command, one) for one in command.parts if known],
        eft_lines=command.eft_lines,
        oddities=[],
        raw_digest="-",
        last_updated_at=command.issued_at,
        received_at=command.issued_at,
    )
    return advice(told, version)


def _vat(command: SendAdvice, part: VatPart) -> AdviceTax:
    return AdviceTax(name="VAT", percentage=part.rate, tax=_major(command, part.vat_minor))


def _major(command: SendAdvice, minor: int) -> str:
    return decimal_text(exact(Decimal(minor).scaleb(-exponent_of(command.currency))))


def terminal(fact: TerminalSeen, version: OcpiVersion) -> bytes:
    """The Terminal object: to the operator, or as the answer to its activation."""
    if fact.invoice_creator not in _CREATORS:
        raise CannotRender("invoice_creator", f"{fact.invoice_creator!r} is no word of OCPI")
    told = {
        "customer_reference": fact.customer_reference,
        "party_id": fact.party_id,
        "country_code": fact.country_code,
        "address": fact.address,
        "city": fact.city,
        "postal_code": fact.postal_code,
        "state": fact.state,
        "country": fact.country,
        "invoice_base_url": fact.invoice_base_url,
        "invoice_creator": fact.invoice_creator,
        "reference": fact.reference,
    }
    out: dict[str, Any] = {"terminal_id": fact.terminal_id}
    out |= {name: value for name, value in told.items() if value}
    if fact.latitude and fact.longitude:
        out["coordinates"] = {
            "latitude": _degrees(fact.latitude, 10),
            "longitude": _degrees(fact.longitude, 11),
        }
    out |= {"location_ids": list(fact.location_ids), "evse_uids": list(fact.evse_uids)}
    out["last_updated"] = _instant(fact.last_updated_at)
    return _rendered(out, version)


def answer(rendered: bytes, at: int) -> bytes:
    """An object in the response envelope, given at `at` (epoch ms)."""
    envelope = {"data": JSON.decode(rendered), "status_code": _OK, "timestamp": written(at)}
    return AS_TOLD.encode(envelope)


# --- parts ------------------------------------------------------------------------------------


def _total(fact: AdviceConfirmed, version: OcpiVersion) -> dict[str, Any]:
    if not fact.net:
        raise CannotRender("total_costs", "the net is not known, and required")
    if not fact.gross:
        raise CannotRender("total_costs", "the gross is not known, and is what was captured")
    net, gross = number_of(fact.net), number_of(fact.gross)
    if version != "2.3.0":
        return {"excl_vat": net, "incl_vat": gross}
    due = exact(Decimal(gross) - Decimal(net))
    taxes = [_tax(fact, index) for index in range(len(fact.taxes))]
    if taxes and sum((Decimal(one["amount"]) for one in taxes), Decimal(0)) != due:
        raise CannotRender("total_costs", "its taxes do not come to the gross")
    return {"before_taxes": net, "taxes": taxes or [{"name": "VAT", "amount": due}]}


def _tax(fact: AdviceConfirmed, index: int) -> dict[str, Any]:
    one = fact.taxes[index]
    if not one.name:
        raise CannotRender(f"total_costs.taxes[{index}].name", "not known, and required")
    out: dict[str, Any] = {"name": one.name, "amount": number_of(one.tax)}
    if one.account:
        out["account_number"] = one.account
    if one.percentage:
        out["percentage"] = number_of(one.percentage)
    return out


def _instant(at: int) -> str:
    if not at:
        raise CannotRender("last_updated", "not known, and required")
    return written(at)


def _degrees(text: str, longest: int) -> str:
    """With as many decimals as the standard asks for, and no more than its field takes."""
    whole, _, decimals = text.partition(".")
    return f"{whole}.{decimals[:_DECIMALS_MAX].ljust(_DECIMALS, '0')}"[:longest]


def _rendered(out: dict[str, Any], version: OcpiVersion) -> bytes:
    if version == "2.1.1":
        raise CannotRender("version", "2.1.1 has no payments")
    for name, value in out.items():
        for each in value if isinstance(value, list) else [value]:
            _fits(name, each)
    return AS_TOLD.encode(out)


def _fits(name: str, value: Any) -> None:
    """CiString and URL: printable ASCII, and no longer than the standard has it."""
    if not isinstance(value, str) or name not in _LENGTHS:
        return
    if len(value) > _LENGTHS[name]:
        raise CannotRender(name, f"{len(value)} characters, at most {_LENGTHS[name]}")
    if not (value.isascii() and value.isprintable()):
        raise CannotRender(name, "printable ASCII wanted")
