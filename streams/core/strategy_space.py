"""All that a policy may be asked, cut into pieces that its cells cannot tell apart.

Each dimension is a row of atoms: the words that cells name and one for any other, the spans between
the ends of their ranges and one for "not known". A box takes some atoms of every dimension; cells
are boxes, and so is what no cell has taken yet. Exact, whatever the number of combinations.
"""

from collections.abc import Iterable
from typing import NamedTuple

from streams.core.strategy_cells import CARD_FIELDS, EEA, LISTS, RANGES, Cell, Range
from streams.core.strategy_policy import Policy

BEFORE_CARD = "before_card"
OTHER = "(any other)"
UNKNOWN = "(not known)"
_FIXED: dict[str, tuple[str, ...]] = {
    "stage": (BEFORE_CARD, "with_card"),
    "channel": ("terminal", "station", "kiosk", "web"),
    "power_type": ("AC", "DC"),
    "declared": ("none", "amount", "energy", "fill"),
    "funding": ("credit", "debit", "prepaid", "unknown"),
    "raises": ("can be raised", "cannot be raised"),
    "preauthorize": ("the tariff asks for an amount", "the tariff asks for none"),
}
_COUNTRIES = ("issuer_country", "merchant_country")
_NO_CARD = {"funding": "unknown"}
_OF_THE_CARD = CARD_FIELDS | {"raises"}

Box = tuple[int, ...]
"""One bit mask a dimension, in the order of the space."""


class Space(NamedTuple):
    """The atoms of every dimension by its name."""

    atoms: dict[str, tuple[str, ...]]
    spans: dict[str, tuple[tuple[int, int | None], ...]]

    def box(self, taken: dict[str, Iterable[str]]) -> Box:
        """The box of these atoms; a dimension that is not named is taken whole."""
        return tuple(
            _mask(atoms, taken[name]) if name in taken else (1 << len(atoms)) - 1
            for name, atoms in self.atoms.items()
        )

    def words(self, box: Box) -> dict[str, str]:
        """What is special about a box: the dimensions of which it takes but a part."""
        named: dict[str, str] = {}
        for (name, atoms), mask in zip(self.atoms.items(), box, strict=True):
            if mask != (1 << len(atoms)) - 1:
                taken = [atom for number, atom in enumerate(atoms) if mask >> number & 1]
                named[name] = " or ".join(taken)
        if named.get("stage") == BEFORE_CARD:  # of its card they say nothing
            return {name: words for name, words in named.items() if name not in _OF_THE_CARD}
        return named


def _mask(atoms: tuple[str, ...], taken: Iterable[str]) -> int:
    wanted = set(taken)
    return sum(1 << number for number, atom in enumerate(atoms) if atom in wanted)


def space_of(policy: Policy) -> Space:
    """Only what some cell asks about; the rest cannot make a difference."""
    cells = policy.cell
    atoms: dict[str, tuple[str, ...]] = {
        name: _FIXED[name] for name in ("stage", "power_type", "declared", "raises")
    }
    if any(cell.strategy == "tariff_default" for cell in cells):
        atoms["preauthorize"] = _FIXED["preauthorize"]
    for name in LISTS:
        if name not in atoms and any(getattr(cell, name) is not None for cell in cells):
            atoms[name] = _FIXED.get(name) or _named(name, cells)
    spans: dict[str, tuple[tuple[int, int | None], ...]] = {}
    for name in (*RANGES, "hours"):
        matchers = [one for cell in cells if (one := getattr(cell, name)) is not None]
        if matchers:
            spans[name] = _hours(matchers) if name == "hours" else _spans(matchers)
            atoms[name] = (*(_span_words(*one) for one in spans[name]), UNKNOWN)
    currencies = dict.fromkeys(one for cell in cells for one in cell.currencies())
    anything = any(not cell.currencies() for cell in cells)
    atoms["currency"] = (*currencies, OTHER) if anything else tuple(currencies)
    return Space(atoms, spans)


def _named(name: str, cells: tuple[Cell, ...]) -> tuple[str, ...]:
    words = [_folded(name, word) for cell in cells for word in getattr(cell, name) or ()]
    if name in _COUNTRIES and "EEA" in words:
        words = [*(one for one in words if one != "EEA"), *sorted(EEA)]
    return (*dict.fromkeys(words), OTHER)


def _folded(name: str, word: str) -> str:
    return (
        word.casefold() if name in ("scheme", "entry_mode", "cvm", "terminal_capability") else word
    )


def _spans(matchers: list[Range]) -> tuple[tuple[int, int | None], ...]:
    ends = {0} | {one.min for one in matchers} | {one.max for one in matchers if one.max}
    starts = sorted(ends)
    return tuple(zip(starts, (*starts[1:], None), strict=True))


def _hours(_: object) -> tuple[tuple[int, int | None], ...]:
    return tuple((hour, hour + 1) for hour in range(24))


def _span_words(start: int, end: int | None) -> str:
    return f"{start} and more" if end is None else f"{start} to {end - 1}"


def universe(space: Space) -> list[Box]:
    """All that can be asked at all: card facts after the card only, figures for their kind only."""
    found: list[Box] = []
    for stage in _FIXED["stage"]:
        for kinds in (("none", "fill"), ("amount",), ("energy",)):
            taken: dict[str, Iterable[str]] = {"stage": (stage,), "declared": kinds}
            if stage == BEFORE_CARD:
                taken["raises"] = _FIXED["raises"][:1]
                taken |= {name: (_NO_CARD.get(name, OTHER),) for name in CARD_FIELDS}
            for name, kind in (("target_minor", "amount"), ("target_wh", "energy")):
                known = space.atoms.get(name, ())[:-1]
                taken[name] = known if kind in kinds else (UNKNOWN,)
            if kinds == ("energy",):
                taken["expected_wh"] = space.atoms.get("expected_wh", ())[:-1]
            found.append(space.box({n: t for n, t in taken.items() if n in space.atoms}))
    return found


def box_of(space: Space, cell: Cell) -> Box:
    """What the cell takes when it can be done; one that needs raises or a figure says so."""
    taken: dict[str, Iterable[str]] = {
        name: _words_of(name, words) for name in LISTS if (words := getattr(cell, name)) is not None
    }
    for name, spans in space.spans.items():
        matcher = getattr(cell, name)
        if matcher is not None:
            taken[name] = [_span_words(*one) for one in spans if matcher.holds(one[0])]
    if cell.power_type is not None:
        taken["power_type"] = (cell.power_type,)
    if cell.currencies():
        taken["currency"] = cell.currencies()
    return space.box(taken | _needed(cell))


def _words_of(name: str, words: tuple[str, ...]) -> set[str]:
    """Atoms of a list; "" is how a card that was not read yet is told, an atom of no other word."""
    folded = {_folded(name, word) for word in words}
    eea = EEA if name in _COUNTRIES and "EEA" in folded else frozenset[str]()
    return folded | eea | ({OTHER} if "" in folded else set())


def _needed(cell: Cell) -> dict[str, Iterable[str]]:
    """What its strategy needs: else the cell is passed over."""
    if cell.strategy == "incremental":
        return {"raises": _FIXED["raises"][:1]}
    if cell.strategy == "tariff_default":
        return {"preauthorize": _FIXED["preauthorize"][:1]}
    if cell.strategy.startswith("declared"):
        return {"declared": {*(cell.declared or ())} - {"none"}}
    return {}


def meets(box: Box, other: Box) -> bool:
    return all(one & two for one, two in zip(box, other, strict=True))


def without(boxes: list[Box], cell: Box) -> list[Box]:
    """What is left of the boxes when the cell has taken its part: again boxes, none overlapping."""
    left: list[Box] = []
    for box in boxes:
        if not meets(box, cell):
            left.append(box)
            continue
        rest = box
        for number, mask in enumerate(cell):
            outside = rest[number] & ~mask
            if outside:
                left.append((*rest[:number], outside, *rest[number + 1 :]))
            rest = (*rest[:number], rest[number] & mask, *rest[number + 1 :])
    return left


def joined(boxes: list[Box]) -> list[Box]:
    """The same in fewer boxes: two that differ in one dimension only are one."""
    left = list(boxes)
    for number in range(len(left[0]) if left else 0):
        by_rest: dict[Box, int] = {}
        for box in left:
            rest = (*box[:number], 0, *box[number + 1 :])
            by_rest[rest] = by_rest.get(rest, 0) | box[number]
        left = [(*rest[:number], mask, *rest[number + 1 :]) for rest, mask in by_rest.items()]
    return left
