"""The simulator's webhooks: Standard Webhooks signatures around its `Event`s.

A signature counts for five minutes either way: by the wall clock where it comes in, in virtual
time too (the tolerance guards the wire, not the story), by the record's instant on a topic.
"""

import hmac
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

import msgspec
from standardwebhooks import Webhook

from connectors.acquirers.acquirer import BadNotice, Forged, Notice, Verdict
from connectors.acquirers.exchange import wall_at
from connectors.acquirers.reading import Event, unbound
from connectors.acquirers.settings import AccountSettings
from connectors.acquirers.simulator import messages as wire
from connectors.acquirers.simulator_adapter import reason_of
from schemas.facts import AcquirerAnswered, AcquirerNotified, CommandKind, Outcome
from schemas.ids import idempotency_key

_T = TypeVar("_T")
_TOLERANCE_MS = 300_000
_DONE: Outcome = "done"

_ANSWERS: dict[str, tuple[CommandKind, Outcome]] = {
    "hold.approved": ("hold", "done"),
    "hold.declined": ("hold", "declined"),
    "hold.raised": ("raise", "done"),
    "hold.raise_declined": ("raise", "declined"),
    "hold.lowered": ("lower", "done"),
    "hold.released": ("release", "done"),
    "capture.succeeded": ("capture", "done"),
    "refund.succeeded": ("refund", "done"),
}
_NOTICES = {
    "hold.lapsed": "hold_lapsed",
    "capture.failed": "capture_failed",
    "refund.failed": "refund_failed",
}


class _Kind(msgspec.Struct, frozen=True):
    type: str


class _Origin(msgspec.Struct, frozen=True):
    """Our own metadata, as the acquirer hands it back."""

    tenant: str
    session_id: str
    hold_id: str
    command_id: str


class SimulatorNotices:
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
        self._keys = tuple(Webhook(one.get_secret_value()) for one in account.webhook_secrets)

    def read(self, headers: dict[str, str], body: bytes) -> tuple[Notice, ...]:
        if self._verify and not _is_signed(self._keys, headers, body, self._clock()):
            raise Forged
        kind = _decode(body, _Kind).type
        if kind not in _ANSWERS and kind not in _NOTICES:
            return ()
        event = _decode(body, wire.Event)
        if event.account != self._account.account:
            raise BadNotice("account", "another account's event")
        if not event.data.metadata and self._account.tenant:
            return (self._unbound(event, kind),)
        origin = _origin_of(event)
        if kind in _ANSWERS:
            return (_checked(self._answered(event, origin, *_ANSWERS[kind])),)
        return (self._notified(event, origin, _NOTICES[kind]),)

    def _unbound(self, event: wire.Event, kind: str) -> Notice:
        """Of a hold that a terminal placed, or whose metadata the acquirer lost."""
        data = event.data
        what, outcome = _NOTICES.get(kind, ""), _DONE
        amount = data.moved_minor
        if kind in _ANSWERS:
            operation, outcome = _ANSWERS[kind]
            what = "raise" if operation == "lower" else operation
            amount = data.amount_minor
        verdict = Verdict(
            outcome=outcome,
            amount_minor=amount if outcome == "done" else 0,
            reason=reason_of(data),
            raw_code=data.code,
            expires_at=0 if data.hold is None else data.hold.expires_at,
        )
        told = Event(
            origin=None,
            tenant=self._account.tenant,
            acquirer_id=self._acquirer_id,
            currency=data.currency,
            merchant_reference=data.merchant_reference,
            psp_reference=data.payment_reference,
            occurred_at=data.occurred_at,
        )
        return unbound(told, what, verdict, "data.metadata")

    def _answered(
        self, event: wire.Event, origin: _Origin, kind: CommandKind, outcome: Outcome
    ) -> AcquirerAnswered:
        data = event.data
        if data.merchant_reference != idempotency_key(origin.tenant, origin.command_id):
            raise BadNotice("data.merchant_reference", "not that of metadata's command")
        return AcquirerAnswered(
            tenant=origin.tenant,
            session_id=origin.session_id,
            command_id=origin.command_id,
            kind=kind,
            hold_id=origin.hold_id,
            acquirer_id=self._acquirer_id,
            outcome=outcome,
            amount_minor=data.amount_minor if outcome == "done" else 0,
            currency=data.currency,
            reason=reason_of(data),
            raw_code=data.code,
            psp_reference=data.payment_reference,
            expires_at=0 if data.hold is None else data.hold.expires_at,
            source="webhook",
            answered_at=data.occurred_at,
        )

    def _notified(self, event: wire.Event, origin: _Origin, what: str) -> AcquirerNotified:
        data = event.data
        fields = {
            "tenant": origin.tenant,
            "session_id": origin.session_id,
            "hold_id": origin.hold_id,
            "acquirer_id": self._acquirer_id,
            "event": what,
            "command_id": "" if what == "hold_lapsed" else origin.command_id,
            "amount_minor": data.moved_minor,
            "currency": data.currency,
            "psp_reference": data.payment_reference,
            "occurred_at": data.occurred_at,
        }
        return _convert(fields, AcquirerNotified, "data")


def _is_signed(
    keys: tuple[Webhook, ...], headers: dict[str, str], body: bytes, now_at: int
) -> bool:
    """As the library's own `verify`, by our clock: a webhook on a topic may be days old.

    Standard Webhooks: `v1,` and base64 of the HMAC over id, instant and body; several at once.
    """
    name, told = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not name or not (told.isascii() and told.isdigit()):
        return False
    if abs(int(told[:20]) * 1000 - now_at) > _TOLERANCE_MS:
        return False
    given = [one.encode() for one in headers.get("webhook-signature", "").split()]
    try:
        signed_at = datetime.fromtimestamp(int(told[:20]), tz=UTC)
        made = [key.sign(name, signed_at, body.decode()).encode() for key in keys]
    except (ValueError, OverflowError, OSError):
        return False  # an instant that is none, a body that is no text
    matches = [hmac.compare_digest(one, other) for one in made for other in given]
    return any(matches)  # all are compared, so that time tells nothing


def _origin_of(event: wire.Event) -> _Origin:
    return _convert(event.data.metadata, _Origin, "data.metadata")


def _checked(fact: AcquirerAnswered) -> AcquirerAnswered:
    return _convert(msgspec.to_builtins(fact), type(fact), "data")


def _decode(body: bytes, kind: type[_T]) -> _T:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _bad(error, "") from None


def _convert(fields: object, kind: type[_T], where: str) -> _T:
    try:
        return msgspec.convert(fields, kind)
    except msgspec.ValidationError as error:
        raise _bad(error, where) from None


def _bad(error: Exception, where: str) -> BadNotice:
    """The field, out of a message that ends in a path ("... - at `$.data.code`") or names it."""
    text = str(error)
    path = re.search(r"`\$\.?([^`]*)`$", text)
    missing = re.search(r"missing required field `([^`]+)`", text)
    parts = (where, path[1] if path else "", missing[1] if missing else "")
    problem = text.split(" - at ", maxsplit=1)[0]
    return BadNotice(".".join(part for part in parts if part) or "body", problem)
