"""Which acquirer is asked for a hold, and who is asked next when it could not be reached.

Chosen once, when the session opens, and pinned: by the policy's `[[route]]` tables, the capability
registry and what `acquirer.health.v1` says. After the first approval nothing moves any more.
"""

import hashlib
from collections.abc import Mapping
from typing import Annotated, Literal, NamedTuple

import msgspec
from msgspec import Meta

from schemas.facts import AcquirerHealth, SessionRequested
from streams.core.acquirers import Acquirer, Registry

ANY = frozenset({"", "any"})
"""Instead of an acquirer's id on a request: the policy's routes decide."""

NOT_SENT = "not_sent"
"""No connection stood: the acquirer knows of nothing, so that it can be asked anew."""

TECHNICAL = frozenset({"technical", "issuer_unavailable", NOT_SENT, "unknown_acquirer"})
"""Reasons of a definite no by which nobody judged the card: another acquirer may reach its issuer.

payments.md section 3 (ISO 8583 91, 92, 96; no connection stood; no account there).
"""

_RATED = 20  # answers below which an approval rate says little
_Percent = Annotated[int, Meta(ge=0, le=100)]
_Names = tuple[Annotated[str, Meta(min_length=1, max_length=255)], ...]


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the routing: a matcher that is absent matches all; the first row decides.

    `acquirers` may be asked, in this order; `prefer` "cost" or "approval" puts the cheapest, or the
    one that approves most, first. `typical_minor`: the payment that costs are compared for.
    """

    name: Annotated[str, Meta(min_length=1, max_length=255)]
    why: str = ""
    country: tuple[str, ...] | None = None
    currency: tuple[str, ...] | None = None
    scheme: tuple[str, ...] | None = None
    funding: tuple[str, ...] | None = None
    terminal: tuple[str, ...] | None = None
    acquirers: Annotated[_Names, Meta(min_length=1)]
    prefer: Literal["order", "cost", "approval"] = "order"
    typical_minor: Annotated[int, Meta(ge=1, le=10**9)] = 2000

    def matches(self, request: SessionRequested) -> bool:
        return (
            (self.country is None or request.merchant_country in self.country)
            and (self.currency is None or request.currency in self.currency)
            and (self.scheme is None or request.scheme.casefold() in self.scheme)
            and (self.funding is None or request.funding in self.funding)
            and (self.terminal is None or request.terminal_id in self.terminal)
        )


class Breaker(msgspec.Struct, frozen=True, kw_only=True):
    """When an acquirer is passed over, and how it is tried again.

    Open: at least `min_answers` were given in its window, `technical_percent` of them technical
    failures. After `cool_down_ms`, or the first answer
    that was none, it is half open; `close_after` answers in a row close
    it. Meanwhile it still gets `residual_percent` of the sessions, `half_open_percent` when half
    open: or nobody would learn that it is back.
    """

    min_answers: Annotated[int, Meta(ge=1, le=10_000)] = 10
    technical_percent: Annotated[int, Meta(ge=1, le=100)] = 50
    cool_down_ms: Annotated[int, Meta(ge=1, le=86_400_000)] = 60_000
    close_after: Annotated[int, Meta(ge=1, le=20)] = 5
    residual_percent: _Percent = 3
    half_open_percent: _Percent = 20


State = Literal["closed", "half_open", "open"]


def breaker(health: AcquirerHealth | None, now_at: int, rules: Breaker) -> State:
    """What the record says at that instant: the record alone, never what a process remembers."""
    if health is None or health.answers < rules.min_answers:
        return "closed"
    if health.technical * 100 < rules.technical_percent * health.answers:
        return "closed"
    since_ms = now_at - health.last_technical_at
    if health.good_since >= rules.close_after or since_ms >= health.window_ms:
        return "closed"
    if health.good_since or since_ms >= rules.cool_down_ms:
        return "half_open"
    return "open"


def admits(state: State, acquirer_id: str, session_id: str, rules: Breaker) -> bool:
    """Whether this session may be sent there: a share by the session's id, never by chance."""
    match state:
        case "closed":
            return True
        case "half_open":
            return _share(acquirer_id, session_id) < rules.half_open_percent
        case "open":
            return _share(acquirer_id, session_id) < rules.residual_percent


def _share(acquirer_id: str, session_id: str) -> int:
    digest = hashlib.blake2b(f"{acquirer_id}\x1f{session_id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) % 100


class Routing(NamedTuple):
    """Acquirers in the order in which they may be asked, and why, in words. None: no route."""

    acquirers: tuple[str, ...]
    words: str


Health = Mapping[str, AcquirerHealth]
"""The newest record of each acquirer that there is one of."""


def route(
    request: SessionRequested,
    routes: tuple[Route, ...],
    registry: Registry,
    health: Health,
    rules: Breaker,
) -> Routing:
    """Where this session's hold is asked for. An acquirer that the request names is the route.

    An empty one says that there is none; `words` says why.
    """
    if request.acquirer_id not in ANY:
        return Routing((request.acquirer_id,), "")
    row = next((one for one in routes if one.matches(request)), None)
    if row is None:
        return Routing((), f"no [[route]] for {_asked(request)}")
    able = [name for name in row.acquirers if _is_able(registry.get(name), request)]
    if not able:
        return Routing((), f"route {row.name}: none of {', '.join(row.acquirers)} takes it")
    ordered = sorted(able, key=lambda name: _merit(row, registry[name], health.get(name)))
    # Alike in raising: the staircase was chosen for the first, the others have to be able to climb.
    ordered = [name for name in ordered if _alike(registry, ordered[0], name, request)]
    states: dict[str, State] = {
        name: breaker(health.get(name), request.requested_at, rules) for name in ordered
    }
    first = [name for name in ordered if admits(states[name], name, request.session_id, rules)]
    last = [name for name in ordered if name not in first]
    return Routing((*first, *last), _words(row, (*first, *last), last, states))


def _is_able(acquirer: Acquirer | None, request: SessionRequested) -> bool:
    return acquirer is not None and acquirer.takes(request.currency)


def _alike(registry: Registry, first: str, other: str, request: SessionRequested) -> bool:
    one, two = registry[first], registry[other]
    card = request.scheme, request.funding
    return one.raises(*card) == two.raises(*card)


def _merit(row: Route, acquirer: Acquirer, health: AcquirerHealth | None) -> int:
    """Lower is better; equals stay in the order of the row."""
    match row.prefer:
        case "order":
            return 0
        case "cost":
            return acquirer.cost.hundredths(row.typical_minor)
        case "approval":
            return -_approval(health)


def _approval(health: AcquirerHealth | None) -> int:
    """In parts of ten thousand. Who is not known well is taken to be good, or is never tried."""
    judged = health.approved + health.declined if health is not None else 0
    if health is None or judged < _RATED:
        return 10_000
    return health.approved * 10_000 // judged


def _asked(request: SessionRequested) -> str:
    scheme = request.scheme or "unknown scheme"
    return f"{request.merchant_country}, {request.currency}, {scheme} at {request.terminal_id}"


def _words(
    row: Route, acquirers: tuple[str, ...], last: list[str], states: dict[str, State]
) -> str:
    words = f"route {row.name} (by {row.prefer}): {acquirers[0]}"
    if len(acquirers) > 1:
        words += f", then {', '.join(acquirers[1:])}"
    troubled = [name for name in acquirers if states[name] != "closed"]
    for name in troubled:
        passed = (
            "passed over" if name in last and len(last) < len(acquirers) else "asked all the same"
        )
        words += f"; {name} is failing (breaker {states[name].replace('_', ' ')}): {passed}"
    return f"{words}. {row.why}".rstrip()


def contradictions(routes: tuple[Route, ...], registered: frozenset[str]) -> list[str]:
    """What cannot be meant, each by the path of its field."""
    problems: list[str] = []
    names: set[str] = set()
    for number, row in enumerate(routes):
        path = f"route[{number}]"
        if row.name in names:
            problems.append(f"{path}.name: {row.name!r} is taken by a route before it")
        names.add(row.name)
        problems += [
            f"{path}.acquirers: there is no [acquirers.{name}]"
            for name in row.acquirers
            if name not in registered
        ]
        if len(set(row.acquirers)) != len(row.acquirers):
            problems.append(f"{path}.acquirers: one is named twice; nobody is asked twice")
        problems += [
            f"{path}.{field}: an empty list matches nothing; leave it out to match all"
            for field in ("country", "currency", "scheme", "funding", "terminal")
            if getattr(row, field) == ()
        ]
        problems += [
            f"{path}.scheme: {scheme!r} is written in small letters"
            for scheme in row.scheme or ()
            if scheme != scheme.casefold()
        ]
    return problems
