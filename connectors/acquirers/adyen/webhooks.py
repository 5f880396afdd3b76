"""Adyen's standard webhooks: signed items in batches, each a fact of its own. Pure.

An item's signature covers references, amount, event and success; neither its date nor what is in
`additionalData`. So our metadata there only says where to look: that an event is about a command
is proven by the signed merchant reference, which is a hash of the command's id. A replayed item
says what it said before. There is no signed instant, and so no age at which one is refused.
"""

import base64
import binascii
from collections.abc import Mapping
from typing import NamedTuple

from connectors.acquirers.acquirer import BadNotice, Forged, Notice, Verdict
from connectors.acquirers.adyen import messages as wire
from connectors.acquirers.adyen.amounts import AMOUNTS
from connectors.acquirers.adyen.refusals import code_of_text, declined
from connectors.acquirers.origins import Origin, command_named, hold_reference, origin_of
from connectors.acquirers.reading import (
    Event,
    answer,
    code_of,
    instant_of,
    notice,
    noticed,
    told,
    unbound,
)
from connectors.acquirers.settings import AccountSettings
from connectors.acquirers.signatures import from_hex, is_signed
from connectors.acquirers.wire_amounts import NotCountable
from schemas.facts import CommandKind

_ANSWERS: dict[str, tuple[CommandKind, ...]] = {
    "AUTHORISATION": ("hold",),
    "AUTHORISATION_ADJUSTMENT": ("raise", "lower"),
    "CAPTURE": ("capture",),
    "CANCELLATION": ("release",),
    "REFUND": ("refund",),
}
_BY_HAND = "CANCEL_OR_REFUND"
"""No call of ours: it goes either way, and which one Adyen decides (design.md 1.5)."""
_LATER: dict[str, tuple[str, CommandKind]] = {
    "CAPTURE_FAILED": ("capture_failed", "capture"),
    "REFUND_FAILED": ("refund_failed", "refund"),
    "REFUNDED_REVERSED": ("refund_failed", "refund"),
}
# The hold is gone and no command of ours did it: expired, or cancelled by somebody else's call.
_GONE = frozenset({"EXPIRE", "TECHNICAL_CANCEL", "CANCELLATION"})
_DISPUTES = {
    "NOTIFICATION_OF_CHARGEBACK": "chargeback_opened",
    "CHARGEBACK": "chargeback_opened",
    "SECOND_CHARGEBACK": "chargeback_opened",
    "CHARGEBACK_REVERSED": "chargeback_reversed",
}
_TRACKED = {_BY_HAND} | _ANSWERS.keys() | _LATER.keys() | _GONE | _DISPUTES.keys()
_METADATA = "additionalData.metadata"


class AdyenNotices:
    """Reads the webhooks of one merchant account."""

    def __init__(self, acquirer_id: str, account: AccountSettings, *, verify: bool = True) -> None:
        self._acquirer_id = acquirer_id
        self._account = account
        self._verify = verify
        self._keys = tuple(from_hex(one.get_secret_value()) for one in account.webhook_secrets)
        if not all(self._keys):
            raise ValueError("webhook_secrets: Adyen's HMAC keys are hexadecimal")

    def read(self, headers: dict[str, str], body: bytes) -> tuple[Notice, ...]:
        if "hmacsignature" in headers:  # the newer kinds: nothing in them moves a card's money
            mark = _base64(headers["hmacsignature"])
            if self._verify and not is_signed(self._keys, body, [mark]):
                raise Forged
            return ()
        items = self._items(body)
        facts: list[Notice] = []
        bad: BadNotice | None = None
        for index, item in enumerate(items):
            try:
                facts.extend(self._facts(item))
            except BadNotice as problem:
                bad = bad or BadNotice(
                    f"notificationItems.{index}.{problem.field}", problem.problem
                )
        if bad is not None:
            raise BadNotice(bad.field, bad.problem, tuple(facts))
        return tuple(facts)

    def _items(self, body: bytes) -> list[wire.Item]:
        """All that came together. What cannot be read has no signature that could be checked."""
        try:
            items = _read(body)
        except BadNotice:
            if self._verify:
                raise Forged from None
            raise
        if self._verify and not (items and all(self._is_signed(item) for item in items)):
            raise Forged
        return items

    def _is_signed(self, item: wire.Item) -> bool:
        mark = item.additionalData.get("hmacSignature")
        if not isinstance(mark, str):
            return False
        return is_signed(self._keys, signed_text(item).encode(), [_base64(mark)])

    def _facts(self, item: wire.Item) -> list[Notice]:
        if item.eventCode not in _TRACKED:
            return []
        if item.merchantAccountCode != self._account.account:
            raise BadNotice("merchantAccountCode", "another account's event")
        if item.success not in ("true", "false"):
            raise BadNotice("success", "neither true nor false")
        proof = _proven(item)
        event = Event(
            origin=proof.origin,
            tenant=self._account.tenant,
            acquirer_id=self._acquirer_id,
            currency=item.amount.currency,
            merchant_reference=item.merchantReference,
            psp_reference=item.originalReference or item.pspReference,
            occurred_at=instant_of(item.eventDate, "eventDate"),
        )
        return [one for one in [_fact(item, event, proof)] if one is not None]


def _read(body: bytes) -> list[wire.Item]:
    try:
        return [one.NotificationRequestItem for one in noticed(body, wire.Batch).notificationItems]
    except BadNotice as problem:
        try:
            told = noticed(body, wire.BatchTold)
        except BadNotice:
            raise problem from None
    return [one.NotificationRequestItem.plain() for one in told.notificationItems]


class _Proof(NamedTuple):
    """Whom the metadata names, as far as the signed reference proves it, and its command if any."""

    origin: Origin | None
    kind: CommandKind = "hold"  # means nothing without a command
    command_id: str = ""


def _proven(item: wire.Item) -> _Proof:
    """By the reference of a command, or else of the hold.

    An item about a dispute, or of a call by hand, has the payment's reference: the hold's.
    """
    metadata = _metadata(item)
    origin = origin_of(metadata)
    if origin is None:
        return _Proof(None)
    kinds = _kinds(item)
    if item.eventCode in _LATER:
        kinds = (_LATER[item.eventCode][1],)
    named = metadata.get("command_id")
    for kind in kinds:
        if command_id := command_named(origin, kind, item.merchantReference, named):
            return _Proof(origin, kind, command_id)
    return _Proof(origin if item.merchantReference == hold_reference(origin) else None)


def _kinds(item: wire.Item) -> tuple[CommandKind, ...]:
    """What the item could answer; none: nothing that is asked for."""
    if item.eventCode != _BY_HAND:
        return _ANSWERS.get(item.eventCode, ())
    refunded = item.additionalData.get("modification.action") == "refund"
    return ("refund",) if refunded else ("release",)


def _fact(item: wire.Item, event: Event, proof: _Proof) -> Notice | None:
    minor, code = _minor(item), item.eventCode
    kinds = _kinds(item)
    if kinds and proof.command_id:
        return answer(event, proof.kind, proof.command_id, _verdict(item, proof.kind, minor))
    if item.success == "false" and not kinds:
        return None  # it did not happen
    if code in _DISPUTES:
        return told(event, _DISPUTES[code], minor, "", _METADATA)
    if code in _LATER:
        return told(event, _LATER[code][0], minor, proof.command_id, _METADATA)
    return _unasked(item, event, kinds, minor)


def _unasked(
    item: wire.Item, event: Event, kinds: tuple[CommandKind, ...], minor: int
) -> Notice | None:
    """No command that is named here did it: another of ours, as its session knows, or nobody's."""
    if item.eventCode in _GONE and event.origin is not None:
        return notice(event, "hold_lapsed", minor) if item.success == "true" else None
    if not kinds:
        return told(event, "hold_lapsed", minor, "", _METADATA)
    return unbound(event, kinds[0], _verdict(item, kinds[0], minor), _METADATA)


def _verdict(item: wire.Item, kind: CommandKind, minor: int) -> Verdict:
    """`reason` is never kept: it may be "code:last four digits:expiry"."""
    if item.success == "true":
        return Verdict(outcome="done", amount_minor=minor)
    if kind in ("hold", "raise", "lower"):
        code = code_of(item.additionalData.get("refusalReasonCode"))
        return declined(code or code_of_text(item.reason or ""), item.additionalData)
    return Verdict(outcome="failed", reason="refused", raw_code=code_of_text(item.reason or ""))


def _minor(item: wire.Item) -> int:
    try:
        return AMOUNTS.from_wire(item.amount.value, item.amount.currency)
    except NotCountable as problem:
        raise BadNotice("amount", str(problem)) from None


def _metadata(item: wire.Item) -> Mapping[str, object]:
    prefix = "metadata."
    return {
        name.removeprefix(prefix): value
        for name, value in item.additionalData.items()
        if name.startswith(prefix)
    }


def signed_text(item: wire.Item) -> str:
    """What Adyen signs of an item: no escaping, missing parts empty (payments.md, 2.4)."""
    return ":".join(
        (
            item.pspReference,
            item.originalReference,
            item.merchantAccountCode,
            item.merchantReference,
            str(item.amount.value),
            item.amount.currency,
            item.eventCode,
            item.success,
        )
    )


def _base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
