"""One OCPP message of one charger, as a CSMS logs it, becomes facts: the door of this folder."""

import msgspec

from connectors.feeding import Note, Refused
from connectors.ocpp.plausibility import Plausibility
from schemas.facts import Fact

__all__ = ["ChargerState", "Note", "Place", "Plausibility", "Refused", "Translated", "translate"]


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a message beside its bytes.

    `version` 1.6, 2.0.1, 2.1 or '' (decided from the message); `direction` from_charger, to_charger
    or '' (decided from the action); `received_at`: epoch ms at which the CSMS had it. Clocks that
    tell no zone are `utc_offset_min` ahead of UTC; None: taken as UTC, and flagged.
    """

    tenant: str
    network: str
    charger_id: str
    received_at: int
    version: str = ""
    direction: str = ""
    utc_offset_min: int | None = None


class ChargerState(msgspec.Struct, array_like=True, frozen=True):
    """What one charger's messages leave for the next ones. Bounded; fields are only appended."""


class Translated(msgspec.Struct, frozen=True):
    """What became of one message. A refused one may still give facts that no money rests on."""

    state: ChargerState
    facts: tuple[Fact, ...] = ()
    refused: tuple[Refused, ...] = ()
    notes: tuple[Note, ...] = ()


def translate(
    state: ChargerState | None, payload: bytes, place: Place, rules: Plausibility
) -> Translated:
    """What the message becomes. Pure and total: whatever the bytes are, it returns."""
    del payload, place, rules
    return Translated(state or ChargerState())
