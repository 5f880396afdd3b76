"""What a station says of a payment that it settled itself: OCPP 2.1 NotifySettlement."""

from collections.abc import Mapping
from typing import Literal

from connectors.ocpp.identity import is_card
from connectors.ocpp.instants import NoInstant, instant
from connectors.ocpp.messages import v21_costs
from connectors.ocpp.plausibility import Implausible
from connectors.ocpp.turn import Turn
from connectors.stripping import clean_text
from schemas.facts import SettlementNotified
from schemas.flags import Flag

_STATUSES: Mapping[str, Literal["settled", "canceled", "rejected", "failed"]] = {
    "Settled": "settled",
    "Canceled": "canceled",
    "Rejected": "rejected",
    "Failed": "failed",
}
_MOST_CHARS = 64


def settled(turn: Turn, message: v21_costs.NotifySettlement) -> None:
    """The settlement as a fact. Whose company and tax number it was goes no further."""
    try:
        at, assumed = instant(message.settlement_time, turn.place.utc_offset_min)
        flags = turn.judged(at) | (Flag.ZONE_ASSUMED.value if assumed else 0)
    except NoInstant as error:
        turn.refuse("bad-instant", "settlementTime", str(error))
        return
    except Implausible as error:
        turn.refuse(error.rule, "settlementTime", str(error))
        return
    amount = f"{message.settlement_amount:f}"
    if len(amount) > _MOST_CHARS:
        turn.refuse("impossible-amount", "settlementAmount", f"{len(amount)} characters")
        return
    reference = message.psp_ref
    if is_card(reference):
        turn.note("card-data", "pspRef")
        reference = ""
    place = turn.place
    turn.facts.append(
        SettlementNotified(
            tenant=place.tenant,
            network=place.network,
            charger_id=place.charger_id,
            transaction_id=clean_text(message.transaction_id or "")[0],
            psp_reference=reference,
            status=_STATUSES[message.status],
            amount=amount,
            detail=clean_text(message.status_info or "")[0],
            receipt_id=clean_text(message.receipt_id or "")[0],
            receipt_url=clean_text(message.receipt_url or "")[0],
            settled_at=at,
            flags=flags,
        )
    )
