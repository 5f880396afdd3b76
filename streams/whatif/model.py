"""One recorded session under one policy: the core decides, the recording says what flowed.

Every ask for money has two ways on, weighed by the rate at which cards approve it; both are
followed, so that what comes out is an expectation and no chance is in it. A way less likely than
`LEAST_WEIGHT` is not followed to its no. A first hold that is refused ends the session there: what
the driver does with a smaller offer is not known. Readings arrive when they are read: dark
chargers, repeats and lost answers are the scenarios' business, not the policy's.
"""

import hashlib
import heapq
from collections.abc import Iterator
from copy import copy
from decimal import Decimal
from typing import Any, NamedTuple

from msgspec.structs import replace

from schemas import codec, ids
from schemas.commands import (
    CaptureHold,
    Command,
    LimitCharging,
    LowerHold,
    OfferAmount,
    PlaceHold,
    RaiseHold,
    ReleaseHold,
    StartCharging,
    StopCharging,
)
from schemas.facts import (
    AcquirerAnswered,
    AcquirerHealth,
    CardRead,
    Fact,
    MeterReading,
    SessionRequested,
)
from schemas.ledger import SessionLedger
from streams.core import gate, pipe
from streams.core.gate import Forward, Kept
from streams.core.routing import Health
from streams.core.session import PaymentSession, TimeReached
from streams.core.strategy_policy import Policy
from streams.whatif.charger import Charger
from streams.whatif.rates import Kind, Rate, Rates
from streams.whatif.recorded import Happened

LEAST_WEIGHT = Decimal("0.0005")
STOP_LATENCY_MS = 5_000
CONSENT_MS = 5_000
_STEPS_MAX = 20_000
_ONE = Decimal(1)


class Bank(NamedTuple):
    """How acquirers answer, under any policy. `latencies_ms`: observed ones, never empty."""

    rates: Rates
    latencies_ms: tuple[int, ...]
    decline_reason: str
    health: dict[str, AcquirerHealth]

    def latency_ms(self, command_id: str) -> int:
        """One of the observed latencies, always the same one for the same command."""
        digest = hashlib.sha256(command_id.encode()).digest()
        return self.latencies_ms[int.from_bytes(digest[:8], "big") % len(self.latencies_ms)]


class Ask(NamedTuple):
    """Money asked for, a raise's as its new total; how likely it is approved, and whether it was.

    `rule` tells a raise while energy flows from one to the proven cost.
    """

    kind: Kind
    amount_minor: int
    rate: Rate
    approved: bool
    rule: str


class Way(NamedTuple):
    """One way that the session can have gone, and how likely. `held`: (instant, minor open)."""

    weight: Decimal
    asks: tuple[Ask, ...]
    held: tuple[tuple[int, int], ...]
    charger: Charger
    session: PaymentSession
    ledger: SessionLedger | None


class Modelled(NamedTuple):
    """A session under a policy. `tap`: the first hold asked for; None: `refused` says why not.

    `ways`: how it goes on once that is approved; their weights add up to 1.
    """

    tap: Ask | None
    refused: str
    ways: tuple[Way, ...]


class _Pins:
    """`streams.core.pipe.Pins` of one session."""

    def __init__(self, body: str | None, policy: Policy, health: Health) -> None:
        self._body, self._policy, self._health = body, policy, health

    def opening(self, request: SessionRequested) -> tuple[str | None, Policy]:
        del request
        return self._body, self._policy

    def health(self, tenant: str) -> Health:
        del tenant
        return self._health

    def policy(self, tenant: str, policy_id: str, version: str) -> Policy:
        del tenant, policy_id, version
        return self._policy


def run(happened: Happened, policy: Policy, bank: Bank) -> Modelled:
    """Every way that the session can go under the policy."""
    pins = _Pins(happened.tariff_body, policy, bank.health)
    first = _Run(happened, pins, bank)
    first.apply(happened.request)
    first.until_asked()
    if first.tap is None:
        ledger = first.ledger
        return Modelled(None, (ledger.closed_reason if ledger else "") or "never-asked", ())
    if happened.course is None:
        return Modelled(first.tap, "", ())
    return Modelled(first.tap, "", tuple(_ways(first)))


def _ways(first: "_Run") -> Iterator[Way]:
    """Each to its end, by depth: what a way has in common with another is gone through once."""
    waiting = [first]
    while waiting:
        one = waiting.pop()
        waiting += one.to_the_end()
        yield Way(
            one.weight, tuple(one.asks), tuple(one.held), one.charger, one.session, one.ledger
        )


class _Run:
    """One way so far. `fork` copies it; all that it shares with its copy is never changed."""

    def __init__(self, happened: Happened, pins: _Pins, bank: Bank) -> None:
        self._happened, self._pins, self._bank = happened, pins, bank
        self._session: PaymentSession | None = None
        self._gate = gate.Charging()
        self._events: list[tuple[int, int, str, Any]] = []
        self._order = 0
        self._steps = 0
        self._offers = 0
        self.now_at = happened.request.requested_at
        self.weight = _ONE
        self.tap: Ask | None = None
        self.asks: list[Ask] = []
        self.held: list[tuple[int, int]] = []
        self.ledger: SessionLedger | None = None
        self.charger = Charger(happened.request, happened.course)
        if happened.request.stage == "tap_first" and happened.card is not None:
            self._plan(self.now_at, "fact", replace(happened.card, offer_id="", consented_minor=0))
            self._offers = 1

    @property
    def session(self) -> PaymentSession:
        assert self._session is not None  # the request was applied first
        return self._session

    def _fork(self) -> "_Run":
        other = copy(self)
        other._part()  # noqa: SLF001 - a copy of this very object
        return other

    def _part(self) -> None:
        """What is changed in place becomes this way's own."""
        self._gate = replace(self._gate, runs=[*self._gate.runs], marks=[*self._gate.marks])
        self._events = [*self._events]
        self.asks = [*self.asks]
        self.held = [*self.held]
        self.charger = self.charger.copy()

    # --- events ---

    def _plan(self, at: int, kind: str, what: Any = None) -> None:
        self._order += 1
        heapq.heappush(self._events, (max(at, self.now_at), self._order, kind, what))

    def until_asked(self) -> None:
        """Up to the first hold, or to rest where none is ever asked for."""
        while self._events and self.tap is None:
            self._next()

    def to_the_end(self) -> "list[_Run]":
        """To rest; the ways that left this one are returned."""
        left: list[_Run] = []
        while self._events and self._steps < _STEPS_MAX:
            left += self._next()
        return left

    def _next(self) -> "list[_Run]":
        at, _, kind, what = heapq.heappop(self._events)
        self.now_at = max(self.now_at, at)
        match kind:
            case "ask":
                return self._asked(what)
            case "fact":
                self.apply(what)
            case "tick":
                self._tick()
            case _:
                self._of_charger(at, kind, what)
        return []

    def _of_charger(self, at: int, kind: str, what: Any) -> None:
        charger = self.charger
        match kind:
            case "begin":
                self._begin(what)
            case "read":
                self._read()
            case "change" if charger.flows(at):
                self.apply(charger.changed(at, what))
            case "end" if charger.ends_at == at and charger.ended_at == 0:
                self.apply(charger.ended(at))
            case _:
                pass  # overtaken by an end that came sooner

    def _tick(self) -> None:
        deadline = self.session.deadline
        if deadline is not None and deadline <= self.now_at:
            self.apply(TimeReached(at=self.now_at))

    def apply(self, fact: Fact) -> None:
        """One fact into the core, and what it leads to."""
        self._steps += 1
        step = pipe.apply(self._session, fact, self.now_at, self._pins)
        self._session = step.session
        if step.ledger is not None:
            self._note(step.ledger)
        for command in step.commands:
            self._perform(command)
        for watch in step.watches:
            self._forward(gate.take_watch(self._gate, watch))
        if step.deadline_at is not None:
            self._plan(max(step.deadline_at, self.now_at + 1), "tick")

    def _note(self, ledger: SessionLedger) -> None:
        self.ledger = ledger
        if not self.held or self.held[-1][1] != ledger.open_minor:
            self.held.append((self.now_at, ledger.open_minor))

    # --- the charger ---

    def _begin(self, start: StartCharging) -> None:
        self.apply(self.charger.begun(self.now_at, start.remote_start_id))
        course = self.charger.course
        for ms, state in course.changes:
            self._plan(self.now_at + ms, "change", state)
        self._plan(self.charger.ends_at, "end")
        self._plan(self.now_at + course.interval_ms, "read")

    def _read(self) -> None:
        if not self.charger.flows(self.now_at):
            return
        reading = self.charger.reading(self.now_at)
        kept = Kept("", 0, self._steps, codec.encode(reading))
        self._forward(gate.take_reading(self._gate, reading, kept))
        self._plan(self.now_at + self.charger.course.interval_ms, "read")

    def _forward(self, forwards: list[Forward]) -> None:
        for one in forwards:
            fact = codec.decode(one.fact.value)
            assert isinstance(fact, MeterReading)  # nothing else is given to this gate
            self.apply(self.charger.linked(fact, gap_ms=one.gap_ms, crossing=one.crossing))

    def _told_to(self, command: StartCharging | StopCharging | LimitCharging) -> None:
        charger = self.charger
        match command:
            case StartCharging():
                if self._happened.course is not None and not charger.began_at:
                    self._plan(self.now_at + self._happened.course.start_ms, "begin", command)
            case StopCharging():
                if charger.stop(self.now_at + STOP_LATENCY_MS, command.reason):
                    self._plan(charger.ends_at, "end")
            case LimitCharging():
                if charger.limit(command.max_energy_wh, command.reason):
                    self.apply(charger.limited(self.now_at, command.max_energy_wh))
                    self._plan(charger.ends_at, "end")

    # --- commands ---

    def _perform(self, command: Command) -> None:
        match command:
            case PlaceHold() | RaiseHold():
                self._ask(command)
            case LowerHold() | CaptureHold() | ReleaseHold():
                at = self.now_at + self._bank.latency_ms(command.command_id)
                self._plan(at, "fact", _answer(command, "done", command.amount_minor, at))
            case StartCharging() | StopCharging() | LimitCharging():
                self._told_to(command)
            case OfferAmount():
                self._offered(command)
            case _:
                pass  # terminals show, inquiries are overtaken by their answers

    def _offered(self, offer: OfferAmount) -> None:
        """The recorded card says yes to what is offered first; later offers find nobody there."""
        card = self._happened.card
        if card is None or self.tap is not None:
            return
        self._offers += 1
        at = self.now_at + CONSENT_MS
        agreed: CardRead = replace(
            card,
            tap=self._offers,
            offer_id=offer.command_id,
            consented_minor=offer.ceiling_minor,
            consented_at=at,
            read_at=at,
        )
        self._plan(at, "fact", agreed)

    def _ask(self, command: PlaceHold | RaiseHold) -> None:
        at = self.now_at + self._bank.latency_ms(command.command_id)
        if isinstance(command, PlaceHold) and self.tap is None:
            self.tap = self._rated(command, approved=True)
            self._plan(at, "fact", _answer(command, "done", command.amount_minor, at))
            return
        self._plan(at, "ask", command)

    def _rated(self, command: PlaceHold | RaiseHold, *, approved: bool) -> Ask:
        kind: Kind = "hold" if isinstance(command, PlaceHold) else "raise"
        funding = self._funding(command)
        rate = self._bank.rates.of(command.currency, kind, funding, command.amount_minor)
        return Ask(kind, command.amount_minor, rate, approved, command.rule)

    def _funding(self, command: PlaceHold | RaiseHold) -> str:
        if isinstance(command, PlaceHold):
            return command.funding
        card = self._happened.card
        return self._happened.request.funding if card is None else card.funding

    def _asked(self, command: PlaceHold | RaiseHold) -> "list[_Run]":
        """Both answers, each on a way of its own; the yes goes on here."""
        ask = self._rated(command, approved=True)
        no_weight = self.weight * (_ONE - ask.rate.rate)
        left: list[_Run] = []
        if no_weight >= LEAST_WEIGHT:
            other = self._fork()
            other.weight = no_weight
            other.asks.append(ask._replace(approved=False))
            reason = self._bank.decline_reason
            other.apply(_answer(command, "declined", 0, self.now_at, reason))
            left.append(other)
            self.weight -= no_weight
        self.asks.append(ask)
        self.apply(_answer(command, "done", command.amount_minor, self.now_at))
        return left


_KINDS: dict[type, str] = {
    PlaceHold: "hold",
    RaiseHold: "raise",
    LowerHold: "lower",
    CaptureHold: "capture",
    ReleaseHold: "release",
}
_Money = PlaceHold | RaiseHold | LowerHold | CaptureHold | ReleaseHold


def _answer(
    command: _Money, outcome: str, amount_minor: int, at: int, reason: str = ""
) -> AcquirerAnswered:
    fields: dict[str, Any] = {"kind": _KINDS[type(command)], "outcome": outcome, "reason": reason}
    return AcquirerAnswered(
        tenant=command.tenant,
        session_id=command.session_id,
        command_id=command.command_id,
        hold_id=command.hold_id,
        acquirer_id=command.acquirer_id,
        amount_minor=amount_minor,
        currency=command.currency,
        psp_reference=ids.idempotency_key(command.tenant, command.hold_id),
        source="executor",
        answered_at=at,
        issued_at=command.issued_at,
        **fields,
    )
