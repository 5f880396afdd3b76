"""Link's ear for chargers: what has gone silent with a charging on it, and what is back.

Decisions are `streams.core.silence`; this is plumbing. Signs of life belong to the charger, so
they have a record of state of their own; readings only ever touch their charging. Looked at by
ticks alone, and planned in link's own schedule.
"""

from schemas import codec, topics
from schemas.facts import ChargerSeen, ChargerSilence
from streams.agents.aliases import linked
from streams.core import gate, silence
from streams.core.gate import Charging
from streams.core.schedule import Schedule
from streams.core.silence import NO_LIFE, Life, Rhythm
from streams.engine.stage import Output, View

LIFE = b"l"
_AT_ONCE = 1


class Silences:
    """The chargers of one partition; `charging_prefix`: of the keys of chargings."""

    def __init__(
        self, schedule: Schedule, rhythm: Rhythm, kept_ms: int, charging_prefix: bytes
    ) -> None:
        self._schedule = schedule
        self._rhythm = rhythm
        self._kept_ms = kept_ms
        self._prefix = charging_prefix

    def plan(self, key: bytes, life: Life) -> None:
        """From state: a charger's record goes when it was not heard of for long."""
        self._schedule.plan(key, life.seen_at + self._kept_ms)

    def seen(self, fact: ChargerSeen, charger: str, view: View) -> None:
        """A sign of life. `charger`: its key, as chargings have it before their transaction."""
        key = LIFE + charger.encode()
        life: Life = view.get(key) or NO_LIFE
        chargings = {one: view.get(self._prefix + one.encode()) for one in life.live}
        was_silent = any(one and one.silence == silence.SILENT for one in chargings.values())
        after = silence.alive(life, fact.seen_at, is_return=was_silent or fact.kind == "boot")
        if after == life:
            return
        view.put(key, after)
        if life == NO_LIFE:
            self.plan(key, after)
        for one, charging in chargings.items():
            if charging and charging.silence in silence.WINDOW:
                self._schedule.plan(self._prefix + one.encode(), _AT_ONCE)

    def touched(self, charging_id: str, charging: Charging, view: View) -> None:
        """A charging began, ended or was watched: keep in mind which run at its charger."""
        key = LIFE + _charger_of(charging_id)
        life: Life = view.get(key) or NO_LIFE
        after = silence.with_live(life, charging_id, live=silence.is_live(charging))
        if after == life:
            return
        view.put(key, after)
        if life == NO_LIFE:
            self.plan(key, after)
        for one in after.live:  # by the readings of the other one they may have been heard of
            if one != charging_id:
                self._schedule.plan(self._prefix + one.encode(), _AT_ONCE)

    def look(
        self, charging_id: str, charging: Charging, now_at: int, view: View
    ) -> tuple[list[Output], int | None]:
        """What is to be said of it at this tick, and when to look again."""
        life: Life = view.get(LIFE + _charger_of(charging_id)) or NO_LIFE
        seen_at = max((self._told_at(one, view) for one in life.live), default=0)
        seen_at = max(seen_at, life.seen_at)
        found = silence.look(charging, life, seen_at, now_at, self._rhythm)
        if found.state == (charging.silence or silence.HEARD):
            return [], found.again_at
        told_at = silence.told_last_at(charging)
        # What the gate kept back is now the last that was seen: the session has to know it.
        last_seen = gate.newest_unsent(charging) if found.state in silence.WINDOW else []
        charging.silence = found.state
        charging.silence_version += 1
        charging.silence_from_at = told_at
        view.put(self._prefix + charging_id.encode(), charging)
        fact = ChargerSilence(
            tenant=_tenant_of(charging_id),
            session_id=charging.session_id,
            charging_id=charging_id,
            version=charging.silence_version,
            state=found.state,
            seen_at=max(seen_at, told_at),
            read_at=told_at,
            allowed_ms=found.allowed_ms,
            told_at=now_at,
        )
        said = [linked(fact.tenant, fact.session_id, charging_id, one) for one in last_seen]
        key = charging.session_id.encode()
        return [*said, Output(topics.EVENTS, key, codec.encode(fact))], found.again_at

    def aged(self, key: bytes, now_at: int, view: View) -> None:
        """Due by what it was when it was planned: heard of since, it stays."""
        life: Life = view.get(key)
        if not life.live and life.seen_at + self._kept_ms <= now_at:
            view.delete(key)
            return
        self._schedule.plan(key, max(life.seen_at, now_at) + self._kept_ms)

    def _told_at(self, charging_id: str, view: View) -> int:
        charging: Charging | None = view.get(self._prefix + charging_id.encode())
        return silence.told_last_at(charging) if charging is not None else 0


def _charger_of(charging_id: str) -> bytes:
    return charging_id.rpartition("/")[0].encode()


def _tenant_of(charging_id: str) -> str:
    """As `schemas.ids` has joined it."""
    return charging_id.partition("/")[0].replace("%2F", "/").replace("%25", "%")
