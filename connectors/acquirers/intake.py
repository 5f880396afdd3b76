"""From bytes on `payment.commands.v1` to what is to be done with them. Pure."""

from typing import NamedTuple

from connectors.acquirers.acquirer import Operation
from schemas.codec import NotReadable, body_hash, decode
from schemas.commands import (
    CaptureHold,
    InquireCommand,
    LowerHold,
    PaymentCommand,
    PlaceHold,
    RaiseHold,
    RefundCapture,
    ReleaseHold,
    ResendCommand,
)
from schemas.facts import Performer
from schemas.ids import idempotency_key

_OPERATIONS = (PlaceHold, RaiseHold, LowerHold, CaptureHold, ReleaseHold, RefundCapture)


class NotTakable(Exception):
    """The record is at fault: it is parked with this reason and the next one goes on."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class Taken(NamedTuple):
    """A command to act on; `operation` is the operation that it sends, None for an inquiry."""

    command: PaymentCommand
    operation: Operation | None


def take(value: bytes | None, performer: Performer) -> Taken | None:
    """The command, or None when somebody else performs it. Raises NotTakable."""
    command = _decoded(value or b"")
    if command.performer != performer:
        return None
    if isinstance(command, InquireCommand):
        return Taken(command, None)
    if isinstance(command, ResendCommand):
        return Taken(command, _original_of(command))
    _check_key(command)
    return Taken(command, command)


def hash_of(command: PaymentCommand) -> str:
    """As issued; a hash made here would change when a later version of the record adds a field."""
    return command.body_hash or body_hash(command)


def _decoded(value: bytes) -> PaymentCommand:
    try:
        record = decode(value)
    except NotReadable as error:
        raise NotTakable(error.reason, error.detail) from error
    if not isinstance(record, (*_OPERATIONS, InquireCommand, ResendCommand)):
        raise NotTakable("unexpected-record", f"{type(record).__name__} is no payment command")
    return record


def _original_of(resend: ResendCommand) -> Operation:
    """What was sent, byte for byte; it must be what the resend says it is."""
    try:
        original = decode(resend.original)
    except NotReadable as error:
        raise NotTakable("unusable-original", str(error)) from error
    if not isinstance(original, _OPERATIONS):
        raise NotTakable("unusable-original", f"{type(original).__name__} moves no money")
    for name in ("tenant", "session_id", "performer", "acquirer_id", "hold_id", "currency"):
        if getattr(original, name) != getattr(resend, name):
            raise NotTakable("unusable-original", f"{name} differs from the resend's")
    if original.command_id != resend.of_command_id:
        raise NotTakable("unusable-original", "command_id is not the resend's of_command_id")
    _check_key(original)
    return original


def _check_key(operation: Operation) -> None:
    """A key that is not derived from the id could neither be looked up nor resent safely."""
    derived = idempotency_key(operation.tenant, operation.command_id)
    if operation.idempotency_key != derived:
        raise NotTakable("wrong-key", "idempotency_key is not derived from tenant and command_id")
