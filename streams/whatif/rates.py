"""How often cards say yes: by amount band and card class, observed or assumed, with intervals.

A card class is the funding (payments.md 3: what a no is about goes by it first). An amount is what
was asked for: of a raise its new total. A larger amount is never taken to be approved more often:
neighbouring bands that say otherwise are pooled (pool adjacent violators), and so are bands in
which nothing was asked. Intervals are Wilson's (1927) at 95 %.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from decimal import Decimal
from typing import Literal, NamedTuple

import msgspec

Kind = Literal["hold", "raise"]
Source = Literal["observed", "all_classes", "assumed", "unknown"]

BANDS = (0, 10_00, 20_00, 30_00, 40_00, 50_00, 75_00, 100_00, 150_00)
"""Where bands begin, minor units; each ends where the next begins, the last nowhere."""

LEAST_ANSWERS = 30
"""A card class with fewer answers goes by those of all classes."""

_Z = Decimal("1.959964")
_PLACES = Decimal("0.000001")
_ONE = Decimal(1)


class Verdict(NamedTuple):
    """One ask and its definite answer by the issuer."""

    currency: str
    kind: Kind
    funding: str
    amount_minor: int
    approved: bool


class Rate(msgspec.Struct, frozen=True):
    """A share of approvals, 0 to 1, with its 95 % interval. `answered`: how many it comes from.

    observed: of this card class; all_classes: it had too few answers, all were counted. assumed:
    said by whoever asks, with no sample behind it and so no interval. unknown: nothing was ever
    asked; taken as approved, and the interval is everything.
    """

    rate: Decimal
    low: Decimal
    high: Decimal
    answered: int
    source: Source


class Assumption(NamedTuple):
    """An approval rate that somebody states; `answered` 0: without a sample behind it."""

    kind: Kind
    funding: str
    from_minor: int
    rate: Decimal
    answered: int = 0


UNKNOWN = Rate(_ONE, Decimal(0), _ONE, 0, "unknown")
_Row = tuple[str, str, str]  # currency, kind, funding; "" stands for all


class Rates(msgspec.Struct, frozen=True):
    """Rates by row and band. `words` say where they come from."""

    rows: dict[_Row, tuple[Rate, ...]]
    words: str

    def of(self, currency: str, kind: Kind, funding: str, amount_minor: int) -> Rate:
        """The rate at which such an ask is approved."""
        band = band_of(amount_minor)
        for row in ((currency, kind, funding), (currency, kind, ""), ("", kind, funding)):
            if row in self.rows:
                return self.rows[row][band]
        return UNKNOWN


def band_of(amount_minor: int) -> int:
    """The number of the band that the amount is in."""
    return max(number for number, begins in enumerate(BANDS) if begins <= max(amount_minor, 0))


def wilson(approved: int, answered: int) -> tuple[Decimal, Decimal]:
    """The 95 % interval of a share; 0 to 1 where nothing was counted. The share lies within."""
    if answered == 0:
        return Decimal(0), _ONE
    n, share = Decimal(answered), Decimal(approved) / Decimal(answered)
    shrink = 1 + _Z * _Z / n
    centre = (share + _Z * _Z / (2 * n)) / shrink
    half = _Z / shrink * (share * (1 - share) / n + _Z * _Z / (4 * n * n)).sqrt()
    low = min(max(centre - half, Decimal(0)), share)
    high = max(min(centre + half, _ONE), share)
    return low, high


def observed(verdicts: Iterable[Verdict]) -> Rates:
    """The rates by what issuers answered."""
    counted: dict[_Row, Counter[tuple[int, bool]]] = defaultdict(Counter)
    for one in verdicts:
        mark = (band_of(one.amount_minor), one.approved)
        counted[one.currency, one.kind, one.funding][mark] += 1
        counted[one.currency, one.kind, ""][mark] += 1
    rows: dict[_Row, tuple[Rate, ...]] = {}
    for row, marks in counted.items():
        if row[2] and marks.total() < LEAST_ANSWERS:
            continue  # `of` goes on to the row of all classes
        rows[row] = _pooled(marks, "observed" if row[2] else "all_classes")
    answers = sum(marks.total() for row, marks in counted.items() if not row[2])
    return Rates(rows, f"observed in {answers} answers of these sessions")


def _pooled(marks: Counter[tuple[int, bool]], source: Source) -> tuple[Rate, ...]:
    """One rate a band, never rising: blocks of bands that would are counted as one."""
    blocks: list[list[int]] = []  # approved, answered, bands
    for band in range(len(BANDS)):
        approved = marks[band, True]
        blocks.append([approved, approved + marks[band, False], 1])
        while len(blocks) > 1 and _rises(blocks[-2], blocks[-1]):
            last = blocks.pop()
            blocks[-1] = [one + other for one, other in zip(blocks[-1], last, strict=True)]
    return tuple(
        _counted(approved, answered, source)
        for approved, answered, bands in blocks
        for _ in range(bands)
    )


def _rises(before: list[int], after: list[int]) -> bool:
    """Whether the later block's share is higher, or one of the two says nothing."""
    if before[1] == 0 or after[1] == 0:
        return True
    return after[0] * before[1] >= before[0] * after[1]


def _counted(approved: int, answered: int, source: Source) -> Rate:
    low, high = wilson(approved, answered)
    share = Decimal(approved) / Decimal(answered)
    rounded = share.quantize(_PLACES)
    return Rate(
        rounded,
        min(low.quantize(_PLACES), rounded),
        max(high.quantize(_PLACES), rounded),
        answered,
        source,
    )


def assumed(stated: Iterable[Assumption], words: str) -> Rates:
    """The rates as they were stated: of each kind and class the entry with the highest begin.

    An entry of funding "" is of every class that has none of its own at that amount or below.
    """
    entries = list(stated)
    rows: dict[_Row, tuple[Rate, ...]] = {}
    for kind in sorted({one.kind for one in entries}):
        of_kind = [one for one in entries if one.kind == kind]
        for funding in sorted({"", "credit", "debit", "prepaid", "unknown"}):
            fitting = [one for one in of_kind if one.funding in (funding, "")]
            rates = tuple(_stated(fitting, begins) for begins in BANDS)
            rows["", kind, funding] = rates
    return Rates(rows, words)


def _stated(fitting: list[Assumption], begins: int) -> Rate:
    known = [one for one in fitting if one.from_minor <= begins]
    if not known:
        return UNKNOWN
    one = max(known, key=lambda each: (bool(each.funding), each.from_minor))
    if not one.answered:
        return Rate(one.rate, one.rate, one.rate, 0, "assumed")
    approved = int((one.rate * one.answered).to_integral_value())
    low, high = wilson(approved, one.answered)
    return Rate(one.rate, min(low, one.rate), max(high, one.rate), one.answered, "observed")
