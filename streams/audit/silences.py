"""Link's ear, checked from outside: a silence that it never told, or told otherwise than it can be.

When link met which reading is not journalled, so its words are held against what must be so in any
order. What it told: against its own arithmetic, the silence before, and the facts that it let
through before it on the same partition of events. What it did not: a charging that runs stands by
what link had applied when a pass began; a mark of link's time that was not there yet when that
pass ended was made with all of it known. Where the charging and its charger still stand so a pass
later, it must have been said by the mark's instant, and stands before it where it was.
"""

from collections.abc import Callable, Iterator, Mapping

import msgspec

from schemas import codec, topics
from schemas.facts import (
    ChargerSeen,
    ChargerSilence,
    ChargingUpdated,
    LinkedFact,
    MeterReading,
    Watermark,
)
from streams.audit.findings import Finding, finding
from streams.audit.shelf import Drawer, Shelf
from streams.core import silence
from streams.core.gate import Charging
from streams.core.silence import HEARD, LOST, SILENT, UNREAD, WINDOW, Rhythm
from streams.reading import partition_of

_NOT_ALL_TAKEN = "contract"  # link does not take each reading of theirs before they are claimed
_CHARGINGS_MAX = 64  # of one charger that are kept in mind: the last to come


class Charger(msgspec.Struct, array_like=True, frozen=True):
    """Signs of life of one charger beside those of its chargings, and which these are."""

    seen_at: int = 0
    chargings: tuple[str, ...] = ()


class Said(msgspec.Struct, array_like=True, frozen=True):
    """What link said last of a charging."""

    version: int
    state: str
    read_at: int


class Claim(msgspec.Struct, array_like=True, frozen=True):
    """What was said and cannot be judged before all is read that link knew.

    `stood_at`: the instant that the silence before it went from, 0 where there was none.
    """

    session_id: str
    place: str
    state: str
    read_at: int
    stood_at: int


class Standing(msgspec.Struct, array_like=True, frozen=True):
    """Since when nothing new is known of a charging: what it goes by, and link's time at that."""

    told_at: int
    seen_at: int
    gap_ms: int
    mark_at: int


class Heard(msgspec.Struct):
    """What is known of links' ears; kept in the checkpoint.

    `let_through`: by charging the newest instant that is known to have been known to link. `marks`:
    link's time, by the partition of events and link's own. `blind`: partitions of which the first
    readings or transactions were gone already; `begun`: of which one was read.
    """

    live: set[str] = set()
    let_through: dict[str, int] = {}
    claims: dict[str, Claim] = {}
    standing: dict[str, Standing] = {}
    marks: dict[tuple[int, int], int] = {}
    blind: set[int] = set()
    begun: set[tuple[str, int]] = set()
    partitions: int = 1
    told: int = 0
    wrong: list[Finding] = []


class Ears:
    """`known`: by its id a charging as the gate's check has it, and the offset of its watch."""

    def __init__(
        self,
        heard: Heard,
        shelf: Shelf,
        known: Callable[[str], tuple[Charging, int] | None],
        rhythm: Rhythm,
    ) -> None:
        self._heard = heard
        self._chargers = Drawer(shelf, "charger", Charger)
        self._said = Drawer(shelf, "said", Said)
        self._known = known
        self._rhythm = rhythm
        self._passes = 0  # of this process: what was told before may have gone by other settings

    def flush(self) -> None:
        self._chargers.flush()
        self._said.flush()

    # --- what comes by ---

    def begins(self, topic: str, partition: int, offset: int) -> None:
        """A record of what chargers tell; the first says whether there were others before it."""
        if (topic, partition) not in self._heard.begun:
            self._heard.begun.add((topic, partition))
            if offset:
                self._heard.blind.add(partition)

    def seen(self, fact: ChargerSeen, charger: str) -> None:
        known = self._chargers.get(charger) or Charger()
        if fact.seen_at > known.seen_at:
            self._chargers.put(charger, Charger(fact.seen_at, known.chargings))

    def met(self, charging_id: str) -> None:
        """A charging that was not known before."""
        charger = _charger_of(charging_id)
        known = self._chargers.get(charger) or Charger()
        if charging_id not in known.chargings:
            chargings = (*known.chargings, charging_id)[-_CHARGINGS_MAX:]
            self._chargers.put(charger, Charger(known.seen_at, chargings))

    def watched(self, charging_id: str, charging: Charging) -> None:
        if silence.is_live(charging):
            self._heard.live.add(charging_id)

    def marked(self, mark: Watermark, partition: int) -> None:
        self._heard.marks[partition, mark.link_partition] = mark.at
        self._heard.partitions = mark.link_partitions

    def linked(self, fact: LinkedFact) -> None:
        """Link knew it by then: what it says of this charging afterwards goes by it."""
        if not fact.charging_id:
            return
        match codec.decode(fact.fact):
            case MeterReading(read_at=at) | ChargingUpdated(updated_at=at):
                before = self._heard.let_through.get(fact.charging_id, 0)
                self._heard.let_through[fact.charging_id] = max(before, at)
            case _:
                pass

    def silence(self, fact: ChargerSilence, place: str) -> None:
        """What link said, in the order in which it said it."""
        heard = self._heard
        heard.told += 1
        before = self._said.get(fact.charging_id)
        if before is not None and fact.version <= before.version:
            return  # told again: its session goes by the highest
        self._said.put(fact.charging_id, Said(fact.version, fact.state, fact.read_at))
        let_at = heard.let_through.get(fact.charging_id, 0)
        for why in (
            _version_missing(fact, before),
            f"it had told at {let_at}" if let_at > fact.read_at else "",
            _unlike(fact, before),
            _not_by(fact, self._rhythm) if self._passes else "",
        ):
            if why:
                heard.wrong.append(_wrong(fact.session_id, place, fact.charging_id, why))
        stood_at = before.read_at if before is not None and before.state != HEARD else 0
        name = f"{fact.charging_id} {fact.version}"
        heard.claims[name] = Claim(fact.session_id, place, fact.state, fact.read_at, stood_at)

    # --- at the end of a pass ---

    def findings(self, link: Mapping[tuple[str, int], int]) -> Iterator[Finding]:
        """`link`: what it had applied when the pass began, by topic and partition."""
        self._passes += 1
        yield from self._heard.wrong
        for name, claim in list(self._heard.claims.items()):
            charging_id = name.rpartition(" ")[0]
            why = self._unfounded(charging_id, claim)
            if why:
                yield _wrong(claim.session_id, claim.place, charging_id, why)
            else:
                del self._heard.claims[name]
        for charging_id in sorted(self._heard.live):
            charging, watched_at = self._known(charging_id) or (Charging(), 0)
            if not silence.is_live(charging):
                self._heard.live.discard(charging_id)
            elif watched_at < link.get((topics.WATCHES, self._number(charging_id)), 0):
                yield from self._never_told(charging_id, charging)
        self._forget()

    def _forget(self) -> None:
        """Of what no longer runs nothing will be asked."""
        heard = self._heard
        for kept in (heard.let_through, heard.standing):
            for charging_id in [one for one in kept if one not in heard.live]:
                del kept[charging_id]

    def _unfounded(self, charging_id: str, claim: Claim) -> str:
        known = self._known(charging_id)
        if known is None or self._number(charging_id) in self._heard.blind:
            return ""
        charging, _ = known
        if silence.told_last_at(charging) < claim.read_at:
            return f"it never told at {claim.read_at}"
        is_back = claim.state == HEARD and claim.stood_at
        if is_back and silence.is_live(charging) and claim.read_at <= claim.stood_at:
            return f"nothing was heard of it since {claim.stood_at}"
        return ""

    def _never_told(self, charging_id: str, charging: Charging) -> Iterator[Finding]:
        told_at, seen_at = silence.told_last_at(charging), self._seen_at(charging_id)
        events = partition_of(charging.session_id.encode(), self._heard.partitions)
        mark_at = self._heard.marks.get((events, self._number(charging_id)), 0)
        stood = self._heard.standing.get(charging_id)
        stands = Standing(told_at, seen_at, charging.gap_ms, stood.mark_at if stood else mark_at)
        if stood != stands:
            self._heard.standing[charging_id] = msgspec.structs.replace(stands, mark_at=mark_at)
            return
        # What came late is looked at within a floor of link's last look, which was by that mark.
        due_at = max(stood.mark_at, self._due_at(charging, told_at, seen_at))
        if mark_at > due_at + self._rhythm.floor_ms and not self._is_told(charging_id, told_at):
            name = f"{charging_id}@{told_at}"
            detail = f"nothing was heard of it since {told_at}, and nobody was told"
            yield finding("silence-missed", topics.EVENTS, charging.session_id, name, detail)

    def _due_at(self, charging: Charging, told_at: int, seen_at: int) -> int:
        """When it is silent or unread, by its rhythm or without one."""
        rhythm = self._rhythm
        if charging.gap_ms and charging.payment_kind != _NOT_ALL_TAKEN:
            return told_at + rhythm.allowed_ms(charging.gap_ms)
        return max(told_at, seen_at) + rhythm.ceiling_ms

    def _is_told(self, charging_id: str, told_at: int) -> bool:
        said = self._said.get(charging_id)
        if said is None:
            return False
        return said.state in WINDOW or (said.state == LOST and said.read_at >= told_at)

    def _seen_at(self, charging_id: str) -> int:
        """The newest sign of life of its charger, of any charging of it."""
        charger = self._chargers.get(_charger_of(charging_id)) or Charger()
        known = (self._known(one) for one in charger.chargings)
        told = (silence.told_last_at(one[0]) for one in known if one is not None)
        return max(charger.seen_at, *told, 0)

    def _number(self, charging_id: str) -> int:
        return partition_of(_charger_of(charging_id).encode(), self._heard.partitions)


def _charger_of(charging_id: str) -> str:
    return charging_id.rpartition("/")[0]


def _version_missing(fact: ChargerSilence, before: Said | None) -> str:
    if before is None or fact.version == before.version + 1:
        return ""
    return f"version {fact.version} after version {before.version}"


def _unlike(fact: ChargerSilence, before: Said | None) -> str:
    """What `core/silence.look` can say by no settings."""
    stands = before is not None and before.state != HEARD and fact.read_at <= before.read_at
    heard_at = fact.seen_at if fact.state == SILENT else fact.read_at
    is_early = fact.told_at - heard_at <= fact.allowed_ms
    if is_early and (fact.state == SILENT or (fact.state == UNREAD and not stands)):
        return f"{fact.state} at {fact.told_at}, and heard of at {heard_at}"
    return ""


def _not_by(fact: ChargerSilence, rhythm: Rhythm) -> str:
    """What it cannot say by these settings."""
    least_ms = min(rhythm.floor_ms, rhythm.ceiling_ms)
    if fact.state == SILENT and not least_ms <= fact.allowed_ms <= rhythm.ceiling_ms:
        return f"{fact.allowed_ms} ms are not between floor and ceiling"
    if fact.state == LOST and fact.told_at - fact.read_at <= rhythm.settle_ms:
        return f"lost at {fact.told_at}, and heard of at {fact.read_at}"
    return ""


def _wrong(session_id: str, place: str, charging_id: str, why: str) -> Finding:
    return finding("silence-wrong", topics.EVENTS, session_id, place, f"{charging_id}: {why}")
