"""Signed values that go with the end of a transaction, as they came, so that anyone can verify."""

import re

from connectors.ocpp.figures import Signed
from connectors.ocpp.memory import MOST_SIGNED_CHARS, Transaction
from connectors.ocpp.sampled import BEGIN, END
from connectors.stripping import has_card, inside_base64
from schemas.flags import Flag

# The one field of OCMF that can be a card's number (IT ISO7812, CARD_TXN_NR). Serial numbers of
# meters are as long, and the text cannot be kept without them.
_OCMF_ID = re.compile(r'\\*"ID\\*"\s*:\s*\\*"([^"\\]*)')


def keep(one: Transaction, signed: tuple[Signed, ...], *, all_of: bool) -> str:
    """Keeps the proof of begin and end, and the first that brings a key; says why one was not kept.

    `all_of`: the message is the transaction's first or last, so that whatever it proves is that.
    """
    why = ""
    for proof in signed:
        new_key = proof.key and not one.signed_keyed
        if not (all_of or new_key or proof.context in (BEGIN, END)) or proof.text in one.signed:
            continue
        if sum(map(len, one.signed)) + len(proof.text) > MOST_SIGNED_CHARS:
            why = "too large"
        elif _has_card(proof.text):
            why = "card number inside"
        else:
            one.signed = [*one.signed, proof.text]
            one.signed_keyed = one.signed_keyed or proof.key
            continue
        one.flags |= Flag.SIGNED_DROPPED.value
    return why


def _has_card(text: str) -> bool:
    for held in (text, *inside_base64(text)):
        if "OCMF|" not in held:
            if has_card(held):
                return True
        elif any(has_card(found) for found in _OCMF_ID.findall(held)):
            return True
    return False
