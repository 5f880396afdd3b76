"""Signed values that go with the end of a transaction, as they came, so that anyone can verify.

What they prove is found when the transaction ends (`signed/charging.py`), and travels with it.
"""

import re
from collections.abc import Iterable

import msgspec

from connectors.ocpp.figures import Signed
from connectors.ocpp.memory import (
    MOST_BETWEEN,
    MOST_BETWEEN_CHARS,
    MOST_SIGNED,
    MOST_SIGNED_CHARS,
    ChargerState,
    Transaction,
)
from connectors.ocpp.place import Place
from connectors.ocpp.sampled import BEGIN, END
from connectors.ocpp.signed.container import records_in
from connectors.ocpp.signed.messages import Charging, Proof, SignedRecord
from connectors.ocpp.signed.registry import Registry
from connectors.stripping import has_card, inside_base64
from schemas.flags import Flag

# The one field of OCMF that can be a card's number (IT ISO7812, CARD_TXN_NR). Serial numbers of
# meters are as long, and the text cannot be kept without them.
_OCMF_ID = re.compile(r'\\*"ID\\*"\s*:\s*\\*"([^"\\]*)')


_MOST_VERIFIED = 64  # of one message: each costs up to some milliseconds


class Trust:
    """By whom a message's signed values are verified that are not kept: as at its end."""

    def __init__(self, state: ChargerState, place: Place, registry: Registry) -> None:
        self._place = place
        self._state = state
        self._registry = registry
        self._left = _MOST_VERIFIED

    def passes(self, one: Transaction, text: str) -> None:
        """Count a signed update of the transaction by its page, where it is whole."""
        if self._left <= 0:
            return
        self._left -= 1
        # Here, because most feeds have no signatures and need no cryptography.
        from connectors.ocpp.signed.passing import passed_with  # noqa: PLC0415 - see above
        from connectors.ocpp.signed.verify import check  # noqa: PLC0415 - see above

        found = _records([text])
        if len(found) != 1:
            return
        keys = [other.public_key for other in _records(one.signed) if other.public_key]
        registry = self._registry.at(self._place.charger_id, one.place)
        siblings = tuple(dict.fromkeys([*keys, *_told(self._state, one)]))[:8]
        one.passed = passed_with(one.passed, check(found[0], "", registry, siblings))


def keep(one: Transaction, signed: tuple[Signed, ...], trust: Trust, *, all_of: bool) -> str:
    """Keeps the proof of begin and end, and the first that brings a key; says why one was not kept.

    Those between are kept as far as there is room; from then on they are verified at once and
    remembered by their pages. `all_of`: the message is the transaction's first or last, so that
    whatever it proves is that.
    """
    why = ""
    for proof in signed:
        if proof.text in one.signed:
            continue
        new_key = proof.key and not one.signed_keyed
        needed = all_of or new_key or proof.context in (BEGIN, END)
        full = _is_full(one, proof, needed=needed)
        if not needed and (full or one.passed is not None):
            trust.passes(one, proof.text)
            continue
        if full:
            why = "too large"
        elif _has_card(proof.text):
            why = "card number inside"
        else:
            one.signed = [*one.signed, proof.text]
            one.signed_keyed = one.signed_keyed or proof.key
            continue
        one.flags |= Flag.SIGNED_DROPPED.value
    return why


def _is_full(one: Transaction, more: Signed, *, needed: bool) -> bool:
    chars = sum(map(len, one.signed)) + len(more.text)
    most_chars, most = (
        (MOST_SIGNED_CHARS, MOST_SIGNED) if needed else (MOST_BETWEEN_CHARS, MOST_BETWEEN)
    )
    return chars > most_chars or len(one.signed) >= most


def proof_of(
    one: Transaction, state: ChargerState, place: Place, registry: Registry, beside_ms: int
) -> Proof | None:
    """What the signed values of an ended transaction prove; None: there are none."""
    if not one.signed:
        return None
    # Here, because most feeds have no signatures and need no cryptography.
    from connectors.ocpp.signed.charging import proof_of as proven  # noqa: PLC0415 - see above

    records = _records(one.signed)
    told = _told(state, one)
    charging = Charging(
        started_at=one.started_at,
        ended_at=one.ended_at,
        names=(one.id_tag, one.token, one.name, *map(str, one.numbers)),
        beside_ms=beside_ms,
        passed=one.passed,
    )
    proof = proven(records, registry.at(place.charger_id, one.place), told, charging)
    if proof.outcome == "valid" and (other := _serves(state, one, proof)):
        why = f"its pair proved transaction {other[:80]}"
        return proof._replace(outcome="valid-but-not-billable", reason=why)
    return proof


def _records(texts: Iterable[str]) -> list[SignedRecord]:
    return [record for text in texts for record in records_in(msgspec.json.decode(text))]


def _told(state: ChargerState, one: Transaction) -> list[str]:
    """The keys of the transaction's meter that the station told."""
    return [state.meter_keys[name] for name in (one.place, "") if name in state.meter_keys]


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
