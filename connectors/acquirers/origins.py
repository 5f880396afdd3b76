"""From an acquirer's words back to the command: our metadata names the session, a key proves it.

Merchant reference and idempotency key are a hash of tenant and command id (`schemas.ids`), so a
reference proves an id and cannot be read. Metadata alone proves nothing: at some acquirers it is
outside the signature. Ids are few a session, so those that can be are tried.
"""

from collections.abc import Iterator, Mapping
from itertools import chain

import msgspec

from connectors.acquirers.acquirer import Asked, merchant_reference
from schemas.commands import InquireCommand
from schemas.facts import CommandKind
from schemas.ids import capture_id, idempotency_key, lower_id, raise_id, release_id

_STEPS_TRIED = 64  # no policy raises a hold that often; Stripe ends at 10, cards long before


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Whose money an event is about."""

    tenant: str
    session_id: str
    hold_id: str


def metadata_of(command: Asked) -> dict[str, str]:
    """What travels with each operation; Adyen takes 20 characters a key and 80 a value."""
    of = command.of_command_id if isinstance(command, InquireCommand) else command.command_id
    return {
        "tenant": command.tenant,
        "session_id": command.session_id,
        "hold_id": command.hold_id,
        "command_id": of,
    }


def origin_of(metadata: Mapping[str, object]) -> Origin | None:
    """None: not ours, or not told."""
    found = [metadata.get(name) for name in ("tenant", "session_id", "hold_id")]
    tenant, session, hold = (one if isinstance(one, str) else "" for one in found)
    if not tenant or not session or not hold.startswith(f"{session}/hold/"):
        return None
    return Origin(tenant=tenant, session_id=session, hold_id=hold)


def command_named(origin: Origin, kind: CommandKind, reference: str, told: object = "") -> str:
    """The id of the origin's command of this kind with this reference; empty: none has it.

    `told`: an id that metadata names; it counts only when the reference proves it.
    """
    tried = _ids(origin, kind)
    if isinstance(told, str) and _kind_in(origin, told) == kind:
        tried = chain([told], tried)
    for one in tried:
        if idempotency_key(origin.tenant, one) == reference:
            return one
    return ""


def hold_reference(origin: Origin) -> str:
    return idempotency_key(origin.tenant, origin.hold_id)


def is_about(command: Asked, reference: str) -> bool:
    return reference == merchant_reference(command)


def _ids(origin: Origin, kind: CommandKind) -> Iterator[str]:
    steps = range(1, _STEPS_TRIED + 1)
    match kind:
        case "hold":
            return iter([origin.hold_id])
        case "raise":
            return (raise_id(origin.hold_id, step) for step in steps)
        case "lower":
            return (lower_id(origin.hold_id, step) for step in steps)
        case "release":
            return (release_id(origin.hold_id, step) for step in steps)
        case "capture":
            return (capture_id(origin.session_id, step) for step in steps)
        case "refund":
            return iter(())  # named by its cause, which cannot be guessed


def _kind_in(origin: Origin, command_id: str) -> str:
    """What a command id says that it is for: `.../raise/1` a raise, the hold's own id a hold."""
    if not command_id.startswith(f"{origin.session_id}/"):
        return ""
    return command_id.rsplit("/", 2)[-2] if command_id.count("/") > 1 else ""
