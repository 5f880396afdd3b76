"""Objects told in parts, and again: every field is as its newest teller said. Pure.

A PUT tells all fields of a part (an absent one is unset), a PATCH tells some; each at its
`last_updated`. So the order of arriving, repeats, and a hub beside a peer change nothing. What two
messages say otherwise for the same instant is decided by the text itself: the greater one.

A part is a path within the object: "" for itself, `evses/3256`, `evses/3256/connectors/1`. It has
one slot of `ObjectState.fields`: the instant of its newest PUT (-1: none), and each field with the
instant that told it.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from connectors.ocpi.objects import ObjectState, Slot
from connectors.ocpi.reading import Unreadable

STATE_MAX = 700_000
"""Characters of one object, as of a location of a thousand EVSEs: so it fits a record of Kafka."""

_encode = msgspec.json.Encoder(order="sorted").encode
_decode = msgspec.json.Decoder(dict[str, tuple[int, Any]]).decode
_NOTHING = Slot(-1, "{}")


class Told(NamedTuple):
    """What one message says of one part at an instant, epoch ms; `whole`: all of it (PUT)."""

    part: str
    at: int
    whole: bool
    fields: Mapping[str, Any]


def path(*steps: str) -> str:
    """A part of these steps, identifiers in folded case; different steps, different parts."""
    return "/".join(step.casefold().replace("%", "%25").replace("/", "%2f") for step in steps)


def merged(state: ObjectState, told: Iterable[Told]) -> ObjectState:
    """A new state with all that was told. Raises Unreadable when it is too much to remember."""
    fields = dict(state.fields)
    for one in told:
        fields[one.part] = _merged(fields.get(one.part, _NOTHING), one)
    if sum(len(part) + len(slot.text) for part, slot in fields.items()) > STATE_MAX:
        raise Unreadable("too-large", f"more than {STATE_MAX} characters to remember")
    return msgspec.structs.replace(state, fields=fields)


def _merged(slot: Slot, told: Told) -> Slot:
    if told.at < slot.at:
        return slot
    known = _decode(slot.text)
    if told.whole:
        known = {name: field for name, field in known.items() if field[0] >= told.at}
    for name, value in told.fields.items():
        if name not in known or _order(*known[name]) < _order(told.at, value):
            known[name] = (told.at, value)
    return Slot(told.at if told.whole else slot.at, _encode(known).decode())


def _order(at: int, value: Any) -> tuple[int, bytes]:
    return at, _encode(value)


class View:
    """A state being read: what stands, part by part."""

    def __init__(self, state: ObjectState) -> None:
        self._slots = state.fields
        self._fields: dict[str, dict[str, tuple[int, Any]]] = {}
        self._inner: dict[str, list[str]] = {}
        for part in sorted(state.fields):
            self._inner.setdefault(part.rpartition("/")[0], []).append(part)

    def values(self, part: str = "") -> dict[str, Any]:
        """The fields of a part; what is unset is absent."""
        found = self._known(part).items()
        return {name: value for name, (_, value) in found if value is not None}

    def whole_at(self, part: str = "") -> int:
        """The instant of the newest PUT of this part, -1: there was none."""
        return self._slots.get(part, _NOTHING).at

    def told_at(self, part: str = "") -> int:
        """The newest instant at which anything was said of this part, -1: nothing was."""
        return max([self.whole_at(part), *(at for at, _ in self._known(part).values())])

    def field_at(self, part: str, name: str) -> int:
        """The instant that told this field, -1: none did."""
        return self._known(part).get(name, (-1, None))[0]

    def next_at(self, part: str = "") -> int:
        """Where a message without an instant of its own stands: just after all that is known."""
        return self.told_at(part) + 1

    def parts(self, under: str) -> list[str]:
        """The parts right within `under`, sorted."""
        return self._inner.get(under, [])

    def _known(self, part: str) -> dict[str, tuple[int, Any]]:
        if part not in self._fields:
            self._fields[part] = _decode(self._slots.get(part, _NOTHING).text)
        return self._fields[part]
