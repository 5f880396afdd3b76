"""What adapters and webhook readers share about reading other people's JSON. Pure."""

import re
from datetime import UTC, datetime
from typing import NamedTuple, TypeVar

import msgspec

from connectors.acquirers.acquirer import (
    BadNotice,
    CannotAsk,
    Notice,
    Verdict,
    unknown,
)
from connectors.acquirers.origins import Origin
from connectors.stripping import clean_text
from schemas.facts import AcquirerAnswered, AcquirerNotified, CommandKind, NoticeUnbound
from schemas.ids import psp_alias, reference_alias

_T = TypeVar("_T")
_CODE = re.compile(r"[A-Za-z0-9_.:/ -]{1,64}")
_LIKE_A_PAN = re.compile(r"(?:\d[ -]?){12}")


class Event(NamedTuple):
    """What a webhook says of one operation, before it is bound to a command of ours.

    `origin` None: our metadata is not in it. `merchant_reference`: whoever minted it;
    `psp_reference`: the acquirer's own name of the payment. `tenant`: the account's, empty: only
    what names its session is taken.
    """

    origin: Origin | None
    tenant: str
    acquirer_id: str
    currency: str
    merchant_reference: str
    psp_reference: str
    occurred_at: int


def decoded(body: bytes, kind: type[_T]) -> _T | None:
    """None: it is not that, whatever else it is (nested too deep, no UTF-8)."""
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def noticed(body: bytes, kind: type[_T]) -> _T:
    """As `decoded`, of a webhook rightly signed. Raises BadNotice."""
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        path = re.search(r"`\$\.?([^`]*)`$", str(error))
        problem = str(error).split(" - at ", maxsplit=1)[0]
        raise BadNotice((path and path[1]) or "body", problem) from None


def code_of(value: object) -> str:
    """A code to be kept; nothing that is long, or could hold a card number."""
    text = str(value) if isinstance(value, str | int) else ""
    return text if _CODE.fullmatch(text) and not _LIKE_A_PAN.search(text) else ""


def instant_of(text: str, field: str) -> int:
    """ISO 8601 with a zone, as epoch milliseconds. Raises BadNotice."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadNotice(field, "not an ISO 8601 instant") from None
    if moment.tzinfo is None:
        raise BadNotice(field, "an instant without a zone")
    since = moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1000 + since.microseconds // 1000


def answer(event: Event, kind: CommandKind, command_id: str, verdict: Verdict) -> Notice:
    """The fact that a webhook answers a command with. Raises BadNotice."""
    fields = {
        **_common(event),
        "command_id": command_id,
        "kind": kind,
        "outcome": verdict.outcome,
        "amount_minor": verdict.amount_minor,
        "reason": verdict.reason,
        "raw_code": verdict.raw_code,
        "advice_code": verdict.advice_code,
        "expires_at": verdict.expires_at,
        "source": "webhook",
        "answered_at": event.occurred_at,
    }
    return _fact(fields, AcquirerAnswered)


def notice(event: Event, what: str, amount_minor: int, command_id: str = "") -> Notice:
    """The fact that says what nobody asked for. Raises BadNotice."""
    fields = {
        **_common(event),
        "event": what,
        "command_id": command_id,
        "amount_minor": amount_minor,
        "occurred_at": event.occurred_at,
    }
    return _fact(fields, AcquirerNotified)


def unbound(event: Event, what: str, verdict: Verdict, field: str) -> Notice:
    """The fact that finds its session by alias. Raises BadNotice, with `field` for what is missing.

    A hold is looked for by its merchant reference, for its own name is news; all else by its name.
    """
    if not event.tenant:
        raise BadNotice(field, "names no session of ours")
    # A reference that may be a card's number is told to nobody (`connectors.stripping`).
    reference = "" if clean_text(event.merchant_reference)[1] else event.merchant_reference
    by_reference = reference and (what == "hold" or not event.psp_reference)
    if by_reference:
        alias = reference_alias(event.tenant, reference)
    elif event.psp_reference:
        alias = psp_alias(event.tenant, event.psp_reference)
    else:
        raise BadNotice(field, "names no session of ours, and no payment that could be one's")
    fields = {
        "tenant": event.tenant,
        "alias": alias,
        "acquirer_id": event.acquirer_id,
        "event": what,
        "outcome": verdict.outcome,
        "merchant_reference": reference,
        "psp_reference": event.psp_reference,
        "amount_minor": verdict.amount_minor,
        "currency": event.currency,
        "reason": verdict.reason,
        "raw_code": verdict.raw_code,
        "advice_code": verdict.advice_code,
        "expires_at": verdict.expires_at,
        "occurred_at": event.occurred_at,
    }
    return _fact(fields, NoticeUnbound)


def told(event: Event, what: str, amount_minor: int, command_id: str, field: str) -> Notice:
    """A notice of the session that the metadata names, else one that finds it by alias."""
    if event.origin is not None:
        return notice(event, what, amount_minor, command_id)
    return unbound(event, what, Verdict(outcome="done", amount_minor=amount_minor), field)


def psp_reference_needed(reference: str) -> str:
    if not reference:
        raise CannotAsk("no_psp_reference")
    return reference


def by_status(status: int, code: str) -> Verdict:
    """An answer that says neither yes nor no, named by its HTTP status."""
    if status in (401, 403):
        return unknown("unauthorised", code)
    if status == 429:  # noqa: PLR2004 - too many requests
        return unknown("rate_limited", code)
    if status >= 500:  # noqa: PLR2004 - all of them
        return unknown("server_error", code)
    return unknown("odd_answer", code)


def _common(event: Event) -> dict[str, object]:
    assert event.origin is not None, "without it a notice finds its session by alias"
    return {
        "tenant": event.origin.tenant,
        "session_id": event.origin.session_id,
        "hold_id": event.origin.hold_id,
        "acquirer_id": event.acquirer_id,
        "currency": event.currency,
        "psp_reference": event.psp_reference,
    }


def _fact(fields: dict[str, object], kind: type[_T]) -> _T:
    try:
        return msgspec.convert(fields, kind)
    except msgspec.ValidationError as error:
        path = re.search(r"`\$\.?([^`]*)`$", str(error))
        raise BadNotice((path and path[1]) or "body", str(error).split(" - at ")[0]) from None
