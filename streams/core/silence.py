"""Whether a charger with a running charging is heard of, by its own rhythm (seed 002).

How often this charger tells is taken from what it has told: of its readings, and of its signs of
life, the second longest wait counts, for one long wait may be an outage. Instants are the
charger's own; they are compared with link's time, which comes by ticks and only after everything
that was there by then was applied. So a backlog is no silence, and a replay finds the same ones.

Pure: `Life` is link's state, one a charger; what is known of a charging is `gate.Charging`.
"""

from typing import Final, Literal, NamedTuple

import msgspec
from msgspec.structs import replace

from streams.core.gate import LONGEST_GAP_MS, Charging

State = Literal["silent", "unread", "heard", "lost"]
SILENT: Final = "silent"
UNREAD: Final = "unread"
HEARD: Final = "heard"
LOST: Final = "lost"
WINDOW = frozenset({SILENT, UNREAD})
AGAIN_MS = 1
"""Whoever is not heard of is looked at by every tick: what is said does not hang on when before."""
LIVE_MAX = 64
"""Chargings of one charger that are looked after at once: none has so many EVSEs."""


class Rhythm(msgspec.Struct, frozen=True, kw_only=True):
    """How long a charger may be silent: `times` its own wait, within floor and ceiling.

    `ceiling_ms` also where no rhythm is known. `settle_ms`: how long a charger that is heard of
    again has to send what it kept.
    """

    times: int = 3
    floor_ms: int = 5 * 60 * 1000
    ceiling_ms: int = 45 * 60 * 1000
    settle_ms: int = 30 * 60 * 1000

    def allowed_ms(self, gap_ms: int) -> int:
        """For a charger that tells every `gap_ms`; 0: not known."""
        if not gap_ms:
            return self.ceiling_ms
        return min(max(self.times * gap_ms, self.floor_ms), self.ceiling_ms)


class Life(msgspec.Struct, array_like=True, frozen=True):
    """Signs of life of one charger. Fields are only ever appended, with defaults.

    `back_at`: when it was heard of again after a silence or a boot. `live`: its chargings that run.
    """

    seen_at: int = 0
    gap_ms: int = 0
    top_gap_ms: int = 0
    back_at: int = 0
    live: tuple[str, ...] = ()


NO_LIFE = Life()


def alive(life: Life, seen_at: int, *, is_return: bool) -> Life:
    """The charger was there at `seen_at`. What is late or told again changes nothing."""
    gap_ms = seen_at - life.seen_at
    if gap_ms <= 0:
        return life
    top_ms, second_ms = life.top_gap_ms, life.gap_ms
    if life.seen_at and second_ms < gap_ms <= LONGEST_GAP_MS:
        top_ms, second_ms = max(top_ms, gap_ms), min(top_ms, gap_ms)
    return Life(seen_at, second_ms, top_ms, seen_at if is_return else life.back_at, life.live)


def with_live(life: Life, charging_id: str, *, live: bool) -> Life:
    """`life` with the charging among those that run, or without it."""
    if live == (charging_id in life.live):
        return life
    others = tuple(one for one in life.live if one != charging_id)
    return replace(life, live=(*others, charging_id)[-LIVE_MAX:] if live else others)


def is_live(charging: Charging) -> bool:
    """Claimed by a session that waits for it, and not ended as far as is known."""
    return bool(charging.session_id) and not charging.closing and charging.ended.offset < 0


def told_last_at(charging: Charging) -> int:
    """The newest instant that the charging itself has told of."""
    return max(charging.read_at, charging.told_at, charging.since)


class Look(NamedTuple):
    """What is to be said of a charging by now, and when to look again; None: not by itself."""

    state: State
    allowed_ms: int
    again_at: int | None


def look_at(charging: Charging) -> int | None:
    """When to look at a charging whose charger nobody has looked at yet; 1: at once."""
    state = charging.silence
    if is_live(charging):
        if state not in ("", HEARD):
            return 1
        return told_last_at(charging) + 1
    return 1 if state in WINDOW else None


def look(charging: Charging, life: Life, seen_at: int, now_at: int, rhythm: Rhythm) -> Look:
    """What link hears of this charging at `now_at`, its own time.

    `seen_at`: the newest sign of life of the charger beside this charging's own.
    """
    known = charging.silence or HEARD
    if not is_live(charging):
        return Look(LOST if known == LOST else HEARD, 0, None)
    told_at = told_last_at(charging)
    stands = known != HEARD and told_at <= charging.silence_from_at
    if stands and known == LOST:
        return Look(LOST, 0, now_at + AGAIN_MS)
    reads_ms = rhythm.allowed_ms(charging.gap_ms) if charging.gap_ms else 0
    lives_ms = rhythm.allowed_ms(life.gap_ms) if life.gap_ms else reads_ms or rhythm.ceiling_ms
    silent_at = max(seen_at, told_at) + lives_ms
    if now_at > silent_at:
        return Look(SILENT, lives_ms, now_at + AGAIN_MS)
    unread_at = told_at + reads_ms
    if stands or (reads_ms and now_at > unread_at):
        waited_ms = now_at - max(told_at + (reads_ms or lives_ms), life.back_at)
        is_lost = waited_ms > rhythm.settle_ms
        return Look(LOST if is_lost else UNREAD, reads_ms, now_at + AGAIN_MS)
    over_at = min(silent_at, unread_at) if reads_ms else silent_at
    # A rhythm that becomes known may allow less than what was allowed without one.
    return Look(HEARD, 0, min(over_at, now_at + rhythm.floor_ms) + 1)
