"""Signed values that go with the end of a transaction, as they came, so that anyone can verify.

What they prove is found when the transaction ends (`signed/charging.py`), and travels with it.
"""

import re

import msgspec

from connectors.ocpp.figures import Signed
from connectors.ocpp.memory import (
    MOST_BETWEEN_CHARS,
    MOST_SIGNED,
    MOST_SIGNED_CHARS,
    ChargerState,
    Transaction,
)
from connectors.ocpp.place import Place
from connectors.ocpp.sampled import BEGIN, END
from connectors.ocpp.signed.container import records_in
from connectors.ocpp.signed.messages import Charging, Proof
from connectors.ocpp.signed.registry import Registry
from connectors.stripping import has_card, inside_base64
from schemas.flags import Flag

# The one field of OCMF that can be a card's number (IT ISO7812, CARD_TXN_NR). Serial numbers of
# meters are as long, and the text cannot be kept without them.
_OCMF_ID = re.compile(r'\\*"ID\\*"\s*:\s*\\*"([^"\\]*)')


def keep(one: Transaction, signed: tuple[Signed, ...], *, all_of: bool) -> str:
    """Keeps the proof of begin and end, and the first that brings a key; says why one was not kept.

    Those between are kept as far as there is room, because pages must follow each other. `all_of`:
    the message is the transaction's first or last, so that whatever it proves is that.
    """
    why = ""
    for proof in signed:
        if proof.text in one.signed:
            continue
        new_key = proof.key and not one.signed_keyed
        needed = all_of or new_key or proof.context in (BEGIN, END)
        if _is_full(one, proof, MOST_SIGNED_CHARS if needed else MOST_BETWEEN_CHARS):
            if not needed:
                continue
            why = "too large"
        elif _has_card(proof.text):
            why = "card number inside"
        else:
            one.signed = [*one.signed, proof.text]
            one.signed_keyed = one.signed_keyed or proof.key
            continue
        one.flags |= Flag.SIGNED_DROPPED.value
    return why


def _is_full(one: Transaction, more: Signed, most_chars: int) -> bool:
    chars = sum(map(len, one.signed)) + len(more.text)
    return chars > most_chars or len(one.signed) >= MOST_SIGNED


def proof_of(
    one: Transaction, state: ChargerState, place: Place, registry: Registry, beside_ms: int
) -> Proof | None:
    """What the signed values of an ended transaction prove; None: there are none."""
    if not one.signed:
        return None
    # Here, because most feeds have no signatures and need no cryptography.
    from connectors.ocpp.signed.charging import proof_of as proven  # noqa: PLC0415 - see above

    records = [record for text in one.signed for record in records_in(msgspec.json.decode(text))]
    told = [state.meter_keys[name] for name in (one.place, "") if name in state.meter_keys]
    charging = Charging(
        started_at=one.started_at,
        ended_at=one.ended_at,
        names=(one.id_tag, one.token, one.name, *map(str, one.numbers)),
        beside_ms=beside_ms,
    )
    proof = proven(records, registry.at(place.charger_id, one.place), told, charging)
    if proof.outcome == "valid" and (other := _serves(state, one, proof)):
        why = f"its pair proved transaction {other[:80]}"
        return proof._replace(outcome="valid-but-not-billable", reason=why)
    return proof


def _serves(state: ChargerState, one: Transaction, proof: Proof) -> str:
    """The other transaction that the pair, or one that overlaps with it on its meter, proved."""
    for other in state.served:
        if (
            other.meter == proof.meter
            and other.transaction != one.name
            and (proof.from_at < other.to_at or proof.from_at == other.from_at)
            and (other.from_at < proof.to_at or proof.to_at == other.to_at)
        ):
            return other.transaction
    return ""


def _has_card(text: str) -> bool:
    for held in (text, *inside_base64(text)):
        if "OCMF|" not in held:
            if has_card(held):
                return True
        elif any(has_card(found) for found in _OCMF_ID.findall(held)):
            return True
    return False
