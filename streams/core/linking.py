"""Which session a fact belongs to when it names none: by aliases bound for an interval of time.

An alias is scoped (network, charger, kind, value) and looked up by the fact's own time, because
chargers reuse numbers. One match links; none waits; more than one is for a person, never a guess
(design.md, section 5). A fact with several aliases asks them in their order, waits at each, and is
told of at the last. Pure; `AliasState` is link's state, one an alias.
"""

from collections.abc import Iterable

import msgspec
from msgspec.structs import replace

from schemas.facts import AliasBound, AliasLookup
from streams.core.gate import Kept

WAITING_MAX = 256
AMBIGUOUS = "more than one session was bound to the alias at that time"
UNKNOWN = "no session is bound to the alias at that time"


class Binding(msgspec.Struct, array_like=True, frozen=True):
    """Within [bound_from, bound_to) the alias means the session."""

    session_id: str
    bound_from: int
    bound_to: int

    def holds_at(self, at: int) -> bool:
        return self.bound_from <= at < self.bound_to


class Waiting(msgspec.Struct, array_like=True, frozen=True):
    """A fact that no session is known for yet.

    `quiet`: it waits elsewhere, too, and is told of there. `doubtful`: at an alias asked before,
    more than one session was known. `tried`: those aliases, where it waits quietly.
    """

    tenant: str
    charging_id: str
    occurred_at: int
    fact: Kept
    told: bool = False
    since: int = 0
    quiet: bool = False
    doubtful: bool = False
    tried: tuple[str, ...] = ()

    @property
    def waits_from(self) -> int:
        """Since when it can have waited: what it tells of may be long past when it is told."""
        return self.since or self.occurred_at


class AliasState(msgspec.Struct, array_like=True, frozen=True):
    """All that is known of one alias. Fields are only ever appended, with defaults."""

    bindings: list[Binding] = []
    waiting: list[Waiting] = []


def match(state: AliasState, at: int) -> str | None:
    """The one session that the alias meant at that time, None for none or several."""
    sessions = {binding.session_id for binding in state.bindings if binding.holds_at(at)}
    return sessions.pop() if len(sessions) == 1 else None


def is_ambiguous(state: AliasState, at: int) -> bool:
    """Whether the alias meant several sessions at that time."""
    return len({binding.session_id for binding in state.bindings if binding.holds_at(at)}) > 1


def why_waiting(state: AliasState, waiting: Waiting) -> str:
    several = waiting.doubtful or is_ambiguous(state, waiting.occurred_at)
    return AMBIGUOUS if several else UNKNOWN


def bind(state: AliasState, bound: AliasBound) -> tuple[AliasState, list[tuple[str, Waiting]]]:
    """A binding, and what waited for it, each with its session. A repeat replaces itself."""
    binding = Binding(bound.session_id, bound.bound_from, bound.bound_to)
    same = (bound.session_id, bound.bound_from)
    others = [one for one in state.bindings if (one.session_id, one.bound_from) != same]
    bindings = sorted([*others, binding], key=lambda one: (one.bound_from, one.session_id))
    known = AliasState(bindings, state.waiting)
    released: list[tuple[str, Waiting]] = []
    still: list[Waiting] = []
    for waiting in state.waiting:
        session = match(known, waiting.occurred_at)
        if session is None:
            still.append(waiting)
        else:
            released.append((session, waiting))
    return AliasState(bindings, still), released


class TooManyWaiting(ValueError):
    """More facts wait for one alias than is kept for it: more are parked, none is lost."""


def look_up(state: AliasState, lookup: AliasLookup) -> tuple[AliasState, str | None]:
    """The session of this fact; None: it waits (repeats wait once). Raises TooManyWaiting."""
    session = match(state, lookup.occurred_at)
    if session is not None or not lookup.waits:
        return state, session
    fact = _fact(lookup)
    if any(waiting.fact == fact for waiting in state.waiting):
        return state, None
    if len(state.waiting) >= WAITING_MAX:
        raise TooManyWaiting(f"alias: {WAITING_MAX} facts wait for it already")
    waiting = Waiting(
        lookup.tenant,
        lookup.charging_id,
        lookup.occurred_at,
        fact,
        since=lookup.waits_from,
        quiet=bool(lookup.others),
        doubtful=lookup.doubtful,
        tried=tuple(lookup.tried),
    )
    return AliasState(state.bindings, [*state.waiting, waiting]), None


def settled(state: AliasState, lookup: AliasLookup) -> AliasState:
    """Without the fact of this lookup: another alias has found its session."""
    fact = _fact(lookup)
    return AliasState(state.bindings, [one for one in state.waiting if one.fact != fact])


def asks_next(state: AliasState, lookup: AliasLookup) -> AliasLookup | None:
    """The same question to the next alias, where there is one."""
    if not lookup.others:
        return None
    return replace(
        lookup,
        alias=lookup.others[0],
        others=lookup.others[1:],
        tried=[*lookup.tried, lookup.alias] if lookup.waits else [],
        doubtful=lookup.doubtful or is_ambiguous(state, lookup.occurred_at),
    )


def settles(lookup: AliasLookup, tried: Iterable[str], session_id: str) -> list[AliasLookup]:
    """What is told to the aliases where the fact of this lookup waited in vain."""
    return [replace(lookup, alias=one, others=[], tried=[], settled_by=session_id) for one in tried]


def _fact(lookup: AliasLookup) -> Kept:
    return Kept(lookup.source_topic, lookup.source_partition, lookup.source_offset, lookup.fact)
