"""OCPI objects from a topic, as facts: what the feed's stage calls. Pure; design.md section 4.

A message is one object of OCPI 2.1.1, 2.2.1 or 2.3.0, bare or in the response envelope
(`{data, status_code, timestamp}`), or a page of such objects. `pieces` takes it apart; each piece
has the key of its state, which is the same whoever sends the object, and goes through `translate`
with that state. Which version and which object it is follows from what stands in the body; what
`Place` says are hints for bodies that do not show it (a PATCH, a 2.1.1 object without its owner).
"""

from connectors.ocpi.objects import ObjectState, Piece, Place, Translated
from connectors.ocpi.quirks import NONE, Quirks
from schemas.facts import Fact

__all__ = ["ObjectState", "Piece", "Place", "Translated", "destination", "key_of", "pieces"]


def pieces(payload: bytes, place: Place, quirks: Quirks = NONE) -> tuple[Piece, ...]:
    """The objects of a message. What cannot be taken apart is one piece, refused by `translate`."""
    return (Piece(key_of(payload, place, quirks), payload, place),)


def key_of(payload: bytes, place: Place, quirks: Quirks = NONE) -> str:
    """The key of one object's state: kind, owner and id in folded case, whoever sends it."""
    del payload, place, quirks
    return ""


def translate(
    state: ObjectState | None, payload: bytes, place: Place, quirks: Quirks = NONE
) -> Translated:
    """One object (a piece): its facts, or why not. Total: no input makes it raise."""
    del payload, place, quirks
    return Translated(state)


def destination(fact: Fact) -> tuple[str, str]:
    """Topic and key of a fact that `translate` gave."""
    raise NotImplementedError
