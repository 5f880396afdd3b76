"""Where a message comes from, and what became of it."""

from typing import Literal

import msgspec

from connectors.feeding import Note, Refused
from connectors.ocpp.memory import ChargerState
from schemas.facts import Fact


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a message beside its bytes.

    `version` 1.6, 2.0.1, 2.1 or '' (decided from the message); `direction` from_charger, to_charger
    or '' (decided from the action); `received_at`: epoch ms at which the CSMS had it, 0: not known.
    Clocks that tell no zone are `utc_offset_min` ahead of UTC; None: taken as UTC, and flagged.
    """

    tenant: str
    network: str
    charger_id: str
    received_at: int
    version: str = ""
    direction: Literal["from_charger", "to_charger", ""] = ""
    utc_offset_min: int | None = None


class Translated(msgspec.Struct, frozen=True):
    """What became of one message. A refused one may still give facts that no money rests on.

    `state` is the very one that was handed in where the message leaves nothing to remember.
    `version` is that of a request, empty for anything else.
    """

    state: ChargerState
    facts: tuple[Fact, ...] = ()
    refused: tuple[Refused, ...] = ()
    notes: tuple[Note, ...] = ()
    version: str = ""
