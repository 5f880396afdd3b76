"""One object on its way to its facts, and what all kinds of facts say of where it comes from."""

import hashlib
from typing import Any, NamedTuple

from connectors.ocpi.identity import object_id, owner
from connectors.ocpi.objects import Place
from connectors.ocpi.quirks import Quirks
from connectors.ocpi.reading import Reader, Unreadable


class Message(NamedTuple):
    """`found` is the object as decoded, its identifiers as their owner wrote them.

    `raw_digest` is the SHA-256 of its bytes, hexadecimal.
    """

    found: dict[str, Any]
    kind: str
    place: Place
    quirks: Quirks
    reader: Reader
    raw_digest: str

    @property
    def owner(self) -> tuple[str, str]:
        """Country code and party id; a 2.1.1 peer's own scope has no country."""
        return owner(self.found, self.place)

    @property
    def object_id(self) -> str:
        return object_id(self.found, self.place, self.kind)

    def told_null(self) -> tuple[str, ...]:
        return tuple(name for name, value in self.found.items() if value is None)


def digest(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()


def matching(told: dict[str, Any], place: Place) -> None:
    """The path's owner and id must be the body's (OCPI: receiver URLs). Raises Unreadable."""
    if place.method not in ("PUT", "PATCH"):
        return
    said = {"id": place.object_id, "country_code": place.country_code, "party_id": place.party_id}
    for name, value in said.items():
        if value and name in told and told[name].casefold() != value.strip().casefold():
            raise Unreadable("contradicts-its-path", f"the path says {value!r}"[:200], name)
