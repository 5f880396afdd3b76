"""FinancialAdviceConfirmations as AdviceConfirmed: what a terminal provider captured. Pure.

Of an advice each different body is told once, whatever came before or comes later: its reader goes
by `last_updated_at`. The standard's own examples say SUCCESS and FAILED under one id and instant
(protocols.md 1.7), so nothing here decides between them. The amount is taken only where it is
certain: the gross, in whole minor units of its currency. Card numbers never get through.
"""

from decimal import Decimal
from typing import Any, Literal

from connectors.ocpi.building import built, hinted, listed, provenance, updated_at, without_cards
from connectors.ocpi.costs import Sides, sides
from connectors.ocpi.message import Message, digest, matching
from connectors.ocpi.objects import ObjectState, Place, Translated
from connectors.ocpi.reading import (
    AS_TOLD,
    CANONICAL,
    Unreadable,
    decimal_text,
    identifier,
    instant,
    text,
)
from connectors.ocpi.shapes import Shape, word
from connectors.ocpi.tables import currency, price
from schemas.money import UnknownCurrency, exponent_of
from schemas.partners import AdviceConfirmed
from schemas.roaming import OcpiVersion

Outcome = Literal["done", "partial", "failed", "unknown"]
_OUTCOMES: dict[str, Outcome] = {
    "SUCCESS": "done",
    "PARTIAL_SUCCESS": "partial",
    "FAILED": "failed",
}
ADVICE = Shape(
    "FinancialAdviceConfirmation",
    {
        "id": identifier,
        "authorization_reference": identifier,
        "total_costs": price,
        "currency": currency,
        "eft_data": listed(text),
        "capture_status_code": word(frozenset(_OUTCOMES), "capture_status_code"),
        "capture_status_message": text,
        "last_updated": instant,
    },
    required=("total_costs", "eft_data", "last_updated"),
    must=("id", "authorization_reference", "currency", "capture_status_code"),
)
NOT_TOLD = -1
_IDENTITIES = frozenset({"id", "authorization_reference"})
_LINE_MAX, _LINES_MAX, _RAW_MAX, _SEEN_MAX = 255, 100, 64_000, 64


def seen(state: ObjectState | None, message: Message) -> Translated:
    """The advice, unless just this was told before. Raises Unreadable."""
    message = without_cards(message, _IDENTITIES)
    state = state or ObjectState(kind="advice")
    fields = ADVICE.read(message.found, message.reader)
    matching({"id": fields["id"]}, message.place)
    mark = digest(CANONICAL.encode(fields))
    if mark in state.seen:
        message.reader.note("repeated", "advice")
        return Translated(state, notes=tuple(message.reader.notes))
    fact = _fact(fields, message)
    newest = dict(state.statuses)
    newest[fact.outcome] = max(newest.get(fact.outcome, 0), fact.last_updated_at)
    took_at = max(newest.get("done", -1), newest.get("partial", -1))
    if 0 <= took_at <= newest.get("failed", -1):
        # A note only: what the fact says must not depend on what came before it.
        message.reader.note("capture-taken-back", "advice")
    after = ObjectState(kind="advice", statuses=newest, seen=[*state.seen, mark][-_SEEN_MAX:])
    return Translated(after, facts=(fact,), notes=tuple(message.reader.notes))


def _fact(fields: dict[str, Any], message: Message) -> AdviceConfirmed:
    status = fields["capture_status_code"].strip().upper()
    outcome = _OUTCOMES.get(status, "unknown")
    total = _total(fields, message)
    raw = AS_TOLD.encode(message.found).decode()
    where = provenance(message, _version(fields, message.place), updated_at(fields))
    taxes = fields.get("total_costs")
    return built(
        AdviceConfirmed,
        {name: value for name, value in where.items() if name not in ("country_code", "party_id")}
        | {
            "advice_id": fields["id"],
            "authorization_reference": fields["authorization_reference"],
            "outcome": outcome,
            "capture_status": status,
            "message": fields.get("capture_status_message", ""),
            "captured_minor": _captured(outcome, total, fields["currency"], message),
            "currency": fields["currency"],
            "net": decimal_text(total.net),
            "gross": decimal_text(total.gross),
            "taxes": _taxes(taxes.get("taxes", []) if isinstance(taxes, dict) else []),
            "eft_lines": _lines(fields.get("eft_data", []), message),
            "raw": raw if len(raw) <= _RAW_MAX else "",
            "oddities": message.reader.oddities(),
        },
    )


def _version(fields: dict[str, Any], place: Place) -> OcpiVersion:
    """By the price: the module was written for 2.2.1 and came out with 2.3.0."""
    total = fields.get("total_costs")
    names = total.keys() if isinstance(total, dict) else frozenset()
    if {"excl_vat", "incl_vat"} & names:
        return "2.2.1"
    return "2.3.0" if "before_taxes" in names else hinted(place, "2.3.0")


def _total(fields: dict[str, Any], message: Message) -> Sides:
    """Net and gross; the only number of an advice is what was taken, so it is the gross."""
    told = fields.get("total_costs")
    if told is None:
        return Sides(None, None)
    try:
        if not isinstance(told, dict):
            message.reader.note("price-as-number", "total_costs")
            return Sides(None, told)
        return sides(told, message.quirks, message.reader)
    except Unreadable as error:
        error.path.append("total_costs")
        raise


def _captured(outcome: Outcome, total: Sides, code: str, message: Message) -> int:
    """Minor units, NOT_TOLD where they cannot be known for certain. Raises Unreadable."""
    try:
        exponent = exponent_of(code)
    except UnknownCurrency:
        raise Unreadable("unknown-currency", f"{code!r} is not of ISO 4217", "currency") from None
    if total.gross is not None and total.gross < 0:
        raise Unreadable("negative-amount", "a capture takes, it does not give", "total_costs")
    if outcome == "failed":
        return 0
    if outcome == "unknown":
        return NOT_TOLD
    if total.gross is None:
        message.reader.note("gross-not-told", "total_costs")
        return NOT_TOLD
    minor = Decimal(total.gross).scaleb(exponent)
    if minor != int(minor):
        message.reader.note("not-in-minor-units", "total_costs")
        return NOT_TOLD
    return int(minor)


def _taxes(told: list[dict[str, Any]]) -> list[dict[str, str]]:
    return [
        {
            "name": one.get("name", ""),
            "account": one.get("account_number", ""),
            "percentage": decimal_text(one.get("percentage")),
            "tax": decimal_text(one["amount"]),
        }
        for one in told
    ]


def _lines(told: list[str], message: Message) -> list[str]:
    if len(told) > _LINES_MAX or any(len(line) > _LINE_MAX for line in told):
        message.reader.note("lines-cut", "eft_data")
    return [line[:_LINE_MAX] for line in told[:_LINES_MAX]]
