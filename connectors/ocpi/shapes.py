"""An object's fields as a table, and the reading of an object by its table.

A table says of each field how it is read, which ones the standard requires and which ones money or
identity depends on: without those the object is refused, without the others it is noted and taken.
Fields that no table has are counted (`unknown-field`) and left out, as OCPI 2.3.0 asks.
"""

from collections.abc import Mapping
from typing import Any

from connectors.ocpi.reading import Reader, Rule, Unreadable, anything, text, wrong
from connectors.stripping import clean_text

_EMPTY_IS_TOLD = frozenset({text, anything})
ITEMS_MAX = 20_000  # a reading each 5 s for a day; more is no list of periods


class Shape:
    """The table of one object. `must` are refused when missing, the rest of `required` noted."""

    def __init__(
        self,
        name: str,
        fields: Mapping[str, Rule],
        required: tuple[str, ...] = (),
        must: tuple[str, ...] = (),
    ) -> None:
        self.name = name
        self.fields = dict(fields)
        self.must = frozenset(must)
        self.required = frozenset(required) | self.must

    def read(  # noqa: C901 - once a field of every object, where each call more is felt
        self, found: Any, reader: Reader, *, partial: bool = False
    ) -> dict[str, Any]:
        """The fields told, each in one form, no nulls. Raises Unreadable with the field's path.

        An empty text where an identifier, a word, a number or an instant belongs tells nothing.
        `partial`: a PATCH, in which nothing is missing.
        """
        if not isinstance(found, dict):
            wrong(found, f"an object ({self.name})")
        fields = self.fields
        out: dict[str, Any] = {}
        for name, value in found.items():
            if value is None:
                continue
            rule = fields.get(name)
            if rule is None:
                reader.note("unknown-field", f"{self.name}.{name}"[:100])
                continue
            if value == "" and rule not in _EMPTY_IS_TOLD:
                reader.note("empty-for-absent", f"{self.name}.{name}")
                continue
            noted = len(reader.notes)
            try:
                out[name] = rule(value, reader)
            except Unreadable as error:
                error.path.append(name)
                raise
            if len(reader.notes) > noted:
                reader.place(noted, name)
        if not partial and not self.required <= out.keys():
            self.whole(out, reader)
        return out

    def whole(self, out: Mapping[str, Any], reader: Reader) -> None:
        """Note what is missing; raises Unreadable where money or identity needs it."""
        for name in sorted(self.required - out.keys()):
            if name in self.must:
                raise Unreadable("missing", "required and not told", name)
            reader.note("missing-field", f"{self.name}.{name}")


def one(shape: Shape) -> Rule:
    return shape.read


def many(shape: Shape) -> Rule:
    """A list of objects; a single one without its list is met, too."""

    def rule(value: Any, reader: Reader) -> list[dict[str, Any]]:
        if isinstance(value, dict):
            reader.note("object-for-list", shape.name)
            value = [value]
        if not isinstance(value, list):
            wrong(value, f"a list of {shape.name}")
        if len(value) > ITEMS_MAX:
            raise Unreadable("too-many", f"{len(value)} items, at most {ITEMS_MAX}")
        out: list[dict[str, Any]] = []
        read = shape.read
        for each in value:
            try:
                out.append(read(each, reader))
            except Unreadable as error:
                error.path.append(f"[{len(out)}]")
                raise
        return out

    return rule


def word(known: frozenset[str], name: str) -> Rule:
    """An enumeration, open in all versions: a word not known is kept and counted."""

    def rule(value: Any, reader: Reader) -> str:
        if not isinstance(value, str) or not 0 < len(value) <= 255:  # noqa: PLR2004 - the contract's Word
            wrong(value, f"a word ({name})")
        if value in known:
            return value
        if (upper := value.strip().upper()) in known:
            reader.note("word-in-another-case", name)
            return upper
        reader.note("unknown-word", f"{name} {value}"[:100])
        return clean_text(value)[0]

    return rule
