"""Link's aliases: facts ask by them, sessions bind them, time tells of who waits too long.

Decisions are `streams.core.linking`; this is plumbing. A fact asks one alias after another, each
at the partition that owns it; the first is asked at once where it is owned here.
"""

import msgspec

from schemas import codec, topics
from schemas.facts import AliasBound, AliasLookup, LinkedFact, NoticeUnbound
from streams.agents.waiting import BEYOND, SET_ASIDE_MAX, orphan, unclaimed
from streams.core import linking
from streams.core.gate import Forward, Kept
from streams.core.linking import AliasState, Waiting
from streams.core.partner_links import Asking
from streams.core.schedule import Schedule
from streams.engine.stage import BadRecord, Output, Record, View

ALIAS = b"a"
_NEVER_SEEN = AliasState()


class Aliases:
    """The aliases of one partition."""

    def __init__(self, schedule: Schedule, orphan_after_ms: int, horizon_ms: int) -> None:
        self._schedule = schedule
        self._orphan_after_ms = orphan_after_ms
        self._horizon_ms = horizon_ms
        self._set_aside = 0  # aliases in this tick

    def bound(self, fact: AliasBound, record: Record, view: View) -> list[Output]:  # noqa: ARG002 - one shape
        key = ALIAS + fact.alias.encode()
        state, released = linking.bind(view.get(key) or _NEVER_SEEN, fact)
        self._put(key, state, view)
        said = []
        for session, waiting in released:
            said.append(linked(waiting.tenant, session, waiting.charging_id, Forward(waiting.fact)))
            asked = _asked_again(fact.alias, waiting)
            said += [_sent(one) for one in linking.settles(asked, waiting.tried, session)]
        return said

    def look_up(self, fact: AliasLookup, record: Record, view: View) -> list[Output]:  # noqa: ARG002 - one shape
        key = ALIAS + fact.alias.encode()
        state: AliasState = view.get(key) or _NEVER_SEEN
        if fact.settled_by:
            self._put(key, linking.settled(state, fact), view)
            return []
        after, session = linking.look_up(state, fact)
        if session is not None:
            kept = Kept(fact.source_topic, fact.source_partition, fact.source_offset, fact.fact)
            found = linked(fact.tenant, session, fact.charging_id, Forward(kept))
            return [found, *(_sent(one) for one in linking.settles(fact, fact.tried, session))]
        if after != state:
            self._put(key, after, view)
        others = linking.asks_next(state, fact)
        return [] if others is None else [_sent(others)]

    def ask(self, tenant: str, asking: Asking, record: Record, view: View) -> list[Output]:
        """A fact that knows its own aliases: here, where the first is its key, else over there.

        The last is its own name, and stands for the charging that it does not tell.
        """
        lookup = AliasLookup(
            tenant=tenant,
            alias=asking.aliases[0],
            charging_id=asking.aliases[-1],
            occurred_at=asking.occurred_at,
            source_topic=record.topic,
            source_partition=record.partition,
            source_offset=record.offset,
            fact=record.value,
            others=list(asking.aliases[1:]),
            waits=asking.waits,
            waits_from=asking.waits_from,
        )
        if lookup.alias.encode() == record.key:
            return self.look_up(lookup, record, view)
        return [_sent(lookup)]

    def notice(self, fact: NoticeUnbound, record: Record, view: View) -> list[Output]:
        """An acquirer's word of a payment: it asks for itself, by the alias that it came under."""
        if fact.alias.encode() != record.key:
            raise BadRecord("wrong-key", f"alias: {fact.alias!r} is not the key")
        asking = Asking((fact.alias,), fact.occurred_at, 0)
        return self.ask(fact.tenant, asking, record, view)

    # --- time ---

    def plan(self, key: bytes, state: AliasState) -> None:
        """When the first of those that wait is to be told of, or, told of before, set aside."""
        instants = [
            one.waits_from + (self._horizon_ms if one.told or one.quiet else self._orphan_after_ms)
            for one in state.waiting
        ]
        self._schedule.plan(key, min(instants) if instants else None)

    def begin_tick(self) -> None:
        self._set_aside = 0

    def aged(self, key: bytes, now_at: int, view: View) -> list[Output]:
        """Due: who is old is told of; who is beyond the horizon is set aside, so many a tick."""
        state: AliasState = view.get(key)
        horizon_at = now_at - self._horizon_ms
        beyond = [
            one for one in state.waiting if (one.told or one.quiet) and one.waits_from <= horizon_at
        ]
        if beyond and self._set_aside >= SET_ASIDE_MAX:
            self._schedule.plan(key, now_at + 1)
            return []
        self._set_aside += bool(beyond)
        limit = now_at - self._orphan_after_ms
        old = [
            one
            for one in state.waiting
            if not one.told and not one.quiet and one.waits_from <= limit
        ]
        waiting = [
            msgspec.structs.replace(one, told=True) if one in old else one
            for one in state.waiting
            if one not in beyond
        ]
        self._put(key, AliasState(state.bindings, waiting), view)
        alias = key[1:].decode()
        told = [orphan(alias, state, one, now_at) for one in old]
        # Who waited quietly is set aside where it was told of.
        loud = [one for one in beyond if not one.quiet]
        return told + [unclaimed(one.charging_id, one.fact, BEYOND) for one in loud]

    def _put(self, key: bytes, state: AliasState, view: View) -> None:
        if state.waiting or state.bindings:
            view.put(key, state)
        elif view.get(key) is not None:
            view.delete(key)
        self.plan(key, state)


def _asked_again(alias: str, waiting: Waiting) -> AliasLookup:
    """The question that waits."""
    return AliasLookup(
        tenant=waiting.tenant,
        alias=alias,
        charging_id=waiting.charging_id,
        occurred_at=waiting.occurred_at,
        source_topic=waiting.fact.topic,
        source_partition=waiting.fact.partition,
        source_offset=waiting.fact.offset,
        fact=waiting.fact.value,
    )


def _sent(lookup: AliasLookup) -> Output:
    return Output(topics.LOOKUPS, lookup.alias.encode(), codec.encode(lookup))


def linked(
    tenant: str, session_id: str, charging_id: str, forward: Forward, *, fell: bool = False
) -> Output:
    """The fact on its way to its session, with what the gate knows of it."""
    fact = LinkedFact(
        tenant=tenant,
        session_id=session_id,
        charging_id=charging_id,
        source_topic=forward.fact.topic,
        source_partition=forward.fact.partition,
        source_offset=forward.fact.offset,
        crossing=forward.crossing,
        sequence_complete=forward.sequence_complete,
        fact=forward.fact.value,
        gap_ms=forward.gap_ms,
        register_fell=fell,
    )
    return Output(topics.EVENTS, session_id.encode(), codec.encode(fact))
