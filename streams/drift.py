"""What others changed, and since when: out of what the feeds have counted (`feed_seen`).

Before and since an instant are compared. A mark that a party never had before is a change; for a
firmware that is new itself, only what no other of the same network had. A partner that is new is
one change and not a hundred. Refusal rates differ where their 95 % intervals do not meet.
"""

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Literal, NamedTuple

import msgspec

from streams.sink.asking import Analytics
from streams.whatif.rates import wilson

_PLACES = Decimal("0.0001")
ChangeKind = Literal[
    "partner", "make", "version", "field", "word", "note", "refusal", "more", "refusal_rate"
]


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is otherwise than before. `messages`: with it, since then; instants epoch ms.

    `kind` version: another one than before prevails, or a new one was seen; refusal_rate: see the
    party's; the others are what was seen for the first time, at `first_at`.
    """

    tenant: str
    feed: str
    source: str
    partner: str
    make: str
    kind: ChangeKind
    detail: str
    first_at: int
    messages: int


class Party(msgspec.Struct, frozen=True, kw_only=True):
    """Messages of one party before and since; rates as decimals, empty where there were none.

    `version` is the one that prevails in its messages, now and before.
    """

    tenant: str
    feed: str
    source: str
    partner: str
    make: str
    first_at: int
    last_at: int
    version: str
    version_before: str
    messages: int
    refused: int
    refusal_rate: str
    messages_before: int
    refused_before: int
    refusal_rate_before: str


class Drift(msgspec.Struct, frozen=True, kw_only=True):
    """What `holdfast drift --json` prints: what changed, and everybody who was heard."""

    since_at: int
    newest_at: int
    changes: list[Change]
    parties: list[Party]


class Who(NamedTuple):
    """A party."""

    tenant: str
    feed: str
    source: str
    partner: str
    make: str


class Counted(NamedTuple):
    """A party's messages before and since."""

    who: Who
    first_at: int
    last_at: int
    before: tuple[int, int]  # accepted, refused
    since: tuple[int, int]


class Marked(NamedTuple):
    """A mark of a party; `known_at`: when any make of its partner had it first."""

    who: Who
    what: Any
    detail: str
    first_at: int
    known_at: int
    before: int
    since: int


def newest_at(analytics: Analytics, now_at: int) -> int:
    """The newest instant that a feed told, and that is not in the future; 0: none has told any."""
    answer = analytics.query(
        "SELECT toUnixTimestamp64Milli(max(to_at)) FROM feed_seen"  # noqa: S608 - a number of ours
        f" WHERE toUnixTimestamp64Milli(to_at) <= {now_at:d}"
    )
    return int(answer.rows[0][0])


def drift(analytics: Analytics, since_at: int, newest: int, source: str = "") -> Drift:
    """All changes since; of one kind of source, or of all. Raises what `query` raises."""
    counted = _counted(analytics, since_at, source)
    marked = _marked(analytics, since_at, source)
    return Drift(
        since_at=since_at,
        newest_at=newest,
        changes=changes(counted, marked, since_at),
        parties=[_party(one, marked) for one in counted],
    )


_WHO = "tenant, feed, source, partner, make"


def _of(source: str) -> str:
    """A condition; the command knows the words that there are."""
    return f" WHERE source = '{source}'" if source.isalpha() else ""


def _counted(analytics: Analytics, since_at: int, source: str) -> list[Counted]:
    late = f"toUnixTimestamp64Milli(to_at) >= {since_at:d}"
    sums = ", ".join(
        f"sumIf({name}, {condition})"
        for condition in (f"NOT ({late})", late)
        for name in ("accepted", "refused")
    )
    answer = analytics.query(
        f"SELECT {_WHO}, toUnixTimestamp64Milli(min(from_at)),"  # noqa: S608 - words of ours
        f" toUnixTimestamp64Milli(max(to_at)), {sums} FROM feed_seen FINAL{_of(source)}"
        f" GROUP BY {_WHO} ORDER BY {_WHO}"
    )
    return [
        Counted(Who(*row[:5]), row[5], row[6], (row[7], row[8]), (row[9], row[10]))
        for row in answer.rows
    ]


def _marked(analytics: Analytics, since_at: int, source: str) -> list[Marked]:
    """What is new, and all versions."""
    late = f"toUnixTimestamp64Milli(to_at) >= {since_at:d}"
    answer = analytics.query(
        "SELECT * FROM (SELECT *, min(first)"  # noqa: S608 - words of ours
        " OVER (PARTITION BY tenant, feed, partner, what, detail)"
        f" AS known FROM (SELECT {_WHO}, w AS what, d AS detail,"
        " toUnixTimestamp64Milli(min(f)) AS first,"
        f" sumIf(n, NOT ({late})) AS before, sumIf(n, {late}) AS since"
        " FROM feed_seen FINAL ARRAY JOIN marks.what AS w, marks.detail AS d, marks.count AS n,"
        f" marks.first_at AS f{_of(source)} GROUP BY {_WHO}, what, detail))"
        f" WHERE first >= {since_at:d} OR what = 'version' ORDER BY {_WHO}, first, what, detail"
    )
    return [
        Marked(Who(*row[:5]), row[5], row[6], row[7], row[10], row[8], row[9])
        for row in answer.rows
    ]


# --- pure -----------------------------------------------------------------------------------------


def changes(counted: Iterable[Counted], marked: Iterable[Marked], since_at: int) -> list[Change]:
    """What is otherwise since then, party by party."""
    by_who: dict[Who, list[Marked]] = defaultdict(list)
    for one in marked:
        by_who[one.who].append(one)
    counted = list(counted)
    begun: dict[Who, int] = {}
    for each in counted:
        partner = each.who._replace(make="")
        begun[partner] = min(begun.get(partner, each.first_at), each.first_at)
    found: list[Change] = []
    told: set[Who] = set()
    for each in counted:
        partner = each.who._replace(make="")
        if begun[partner] >= since_at:
            if partner not in told:
                found.append(_change(partner, "partner", "", begun[partner], sum(each.since)))
            told.add(partner)
        else:
            found += _of_party(each, by_who[each.who], since_at)
    return found


def _of_party(counted: Counted, marks: list[Marked], since_at: int) -> list[Change]:
    """Of a partner that was known before."""
    who, is_new = counted.who, counted.first_at >= since_at
    found = []
    if is_new:
        found.append(_change(who, "make", who.make, counted.first_at, sum(counted.since)))
    found += [
        _change(who, one.what, one.detail, one.first_at, one.since)
        for one in marks
        if (one.known_at if is_new else one.first_at) >= since_at
    ]
    before, now = _prevailing(marks)
    if before and now and before != now and not any(one.kind == "version" for one in found):
        first = min(one.first_at for one in marks if one.detail == now)
        count = sum(one.since for one in marks if one.detail == now and one.what == "version")
        found.append(_change(who, "version", f"{now} after {before}", first, count))
    if not is_new and _apart(counted.before, counted.since):
        detail = f"{_rate(counted.since)} after {_rate(counted.before)}"
        found.append(_change(who, "refusal_rate", detail, since_at, sum(counted.since)))
    return found


def _prevailing(marks: Iterable[Marked]) -> tuple[str, str]:
    """The version of most messages, before and since; empty: none was told."""
    versions = [one for one in marks if one.what == "version"]
    before = max(versions, key=lambda one: one.before, default=None)
    now = max(versions, key=lambda one: one.since, default=None)
    return (
        before.detail if before is not None and before.before else "",
        now.detail if now is not None and now.since else "",
    )


def _apart(before: tuple[int, int], since: tuple[int, int]) -> bool:
    """Whether the 95 % intervals of both refusal rates do not meet."""
    low, high = wilson(before[1], sum(before))
    low_now, high_now = wilson(since[1], sum(since))
    return bool(sum(before) and sum(since)) and (high < low_now or high_now < low)


def _rate(counts: tuple[int, int]) -> str:
    total = sum(counts)
    return str((Decimal(counts[1]) / total).quantize(_PLACES)) if total else ""


def _change(who: Who, kind: ChangeKind, detail: str, first_at: int, messages: int) -> Change:
    return Change(**who._asdict(), kind=kind, detail=detail, first_at=first_at, messages=messages)


def _party(counted: Counted, marked: Iterable[Marked]) -> Party:
    before, now = _prevailing([one for one in marked if one.who == counted.who])
    return Party(
        **counted.who._asdict(),
        first_at=counted.first_at,
        last_at=counted.last_at,
        version=now or before,
        version_before=before,
        messages=sum(counted.since),
        refused=counted.since[1],
        refusal_rate=_rate(counted.since),
        messages_before=sum(counted.before),
        refused_before=counted.before[1],
        refusal_rate_before=_rate(counted.before),
    )
