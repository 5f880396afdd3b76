"""One recorded session under one policy: the core decides, the recording says what flowed.

Every ask for money has two ways on, weighed by the rate at which cards approve it; both are
followed, so that what comes out is an expectation and no chance is in it. A way less likely than
`LEAST_WEIGHT` is not followed to its no. A card that refused a hold is asked for less where the
policy offers it and the driver takes it. Where the charger was dark it is dark here too, and an
answer that was late or lost is as late and as lost.
"""

import heapq
from collections.abc import Iterator
from copy import copy
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from schemas import codec
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
from schemas.facts import Fact, LinkedFact, MeterReading, SessionRequested
from schemas.ledger import SessionLedger
from streams.core import gate, pipe
from streams.core.gate import Forward, Kept
from streams.core.routing import Health
from streams.core.session import PaymentSession, TimeReached
from streams.core.strategy_policy import Policy
from streams.whatif.bank import Ask, Asking, AskKind, Bank, Money, after_a_no, answer, kind_of
from streams.whatif.charger import Charger
from streams.whatif.rates import UNKNOWN
from streams.whatif.recorded import Happened
from streams.whatif.ways import Modelled, Tap, Way

LEAST_WEIGHT = Decimal("0.0005")
STOP_LATENCY_MS = 5_000
CONSENT_MS = 5_000
_STEPS_MAX = 20_000
_TAPS_MAX = 8
_ONE = Decimal(1)
_OF_CARD = frozenset({"done", "declined"})


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
    if first.asking is None:
        ledger = first.ledger
        return Modelled((ledger.closed_reason if ledger else "") or "never-asked", ())
    return Modelled("", tuple(_taps(first, happened, bank)))


def _taps(one: "_Run", happened: Happened, bank: Bank) -> Iterator[Tap]:
    """The first hold, and after each no the next smaller one that is offered and agreed to."""
    asked, refused = _ONE, None
    for _ in range(_TAPS_MAX):
        command = one.asking
        if command is None or asked < LEAST_WEIGHT:
            return
        plain = bank.rate(happened, command)
        rate = plain if refused is None else after_a_no(plain, refused)
        kind: AskKind = "hold" if refused is None else "offer"
        ask = Ask(kind, command.amount_minor, rate, approved=True, rule=command.rule)
        other = one.fork()
        one.approved()
        follow = happened.course is not None and rate.rate > 0
        yield Tap(ask, asked, asked * rate.rate, tuple(_ways(one)) if follow else ())
        other.refused()
        asked *= (_ONE - rate.rate) * bank.takes_less
        one, refused = other, plain


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
        self.asking: PlaceHold | None = None  # a hold that waits for the card's word
        self._is_held = False
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

    def fork(self) -> "_Run":
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
        """Up to the next hold, or to rest where none is ever asked for."""
        while self._events and self.asking is None and self._steps < _STEPS_MAX:
            self._next()

    def approved(self) -> None:
        """The card says yes to the hold that it was asked for."""
        command = self._taken()
        self._is_held = True
        self._answered(command, "done")

    def refused(self) -> None:
        """It says no; on to the next hold, if there is another."""
        self._answered(self._taken(), "declined")
        self.until_asked()

    def _taken(self) -> PlaceHold:
        command, self.asking = self.asking, None
        assert command is not None  # asked of runs that wait for a card only
        return command

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
                return self._asked(*what)
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
            case "told":
                self._told_to(what)
            case "change" if charger.flows(at):
                self._hear(charger.changed(at, what), at)
            case "end" if charger.ends_at == at and charger.ended_at == 0:
                self._hear(charger.ended(at), at)
            case _:
                pass  # overtaken by an end that came sooner

    def _hear(self, fact: LinkedFact, at: int) -> None:
        """A fact of the charger: at once, or when it is heard of again."""
        heard_at = self.charger.heard_at(at)
        if heard_at <= self.now_at:
            self.apply(fact)
        else:
            self._plan(heard_at, "fact", fact)

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
        self._hear(self.charger.begun(self.now_at, start.remote_start_id), self.now_at)
        course = self.charger.course
        for ms, state in course.changes:
            self._plan(self.now_at + ms, "change", state)
        self._plan(self.charger.ends_at, "end")
        self._plan(self.now_at + course.interval_ms, "read")

    def _read(self) -> None:
        if not self.charger.flows(self.now_at):
            return
        heard_at = self.charger.heard_at(self.now_at)
        if heard_at > self.now_at:
            self._plan(heard_at, "read")
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

    def _start(self, command: StartCharging) -> None:
        course = self._happened.course
        if course is not None and not self.charger.began_at:
            self._plan(self.now_at + course.start_ms, "begin", command)

    def _told_to(self, command: StopCharging | LimitCharging) -> None:
        charger = self.charger
        match command:
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
                self._answered(command, "done")
            case StartCharging():
                self._start(command)
            case StopCharging() | LimitCharging():
                # Who cannot be heard does not hear either.
                self._plan(self.charger.heard_at(self.now_at), "told", command)
            case OfferAmount():
                self._offered(command)
            case _:
                pass  # terminals show, inquiries are overtaken by their answers

    def _offered(self, offer: OfferAmount) -> None:
        """The recorded card says yes to what is offered; once it holds, nobody is there."""
        if self._is_held:
            return
        self._offers += 1
        at = self.now_at + CONSENT_MS
        agreed = replace(
            self._happened.presented,
            tap=self._offers,
            offer_id=offer.command_id,
            consented_minor=offer.ceiling_minor,
            consented_at=at,
            read_at=at,
        )
        self._plan(at, "fact", agreed)

    def _ask(self, command: Asking) -> None:
        if isinstance(command, PlaceHold) and not self._is_held and not self._fails(command):
            self.asking = command
            return
        if self._fails(command):
            self.asks.append(
                Ask(
                    kind_of(command),
                    command.amount_minor,
                    UNKNOWN,
                    approved=False,
                    rule=command.rule,
                )
            )
        self._answered(command, "")

    def _fails(self, command: Asking) -> bool:
        """Whether it was lost on the way as it was recorded: no word of the card's."""
        return self._bank.fate(self._happened, command)[-1].outcome not in _OF_CARD

    def _answered(self, command: Money, card_says: str) -> None:
        """What was recorded, but for the card's own word. That being empty, both ways are gone."""
        of_card = _OF_CARD if isinstance(command, PlaceHold | RaiseHold) else {"done"}
        for one in self._bank.fate(self._happened, command):
            at = self.now_at + one.after_ms
            if one.outcome not in of_card:
                self._plan(at, "fact", answer(command, one.outcome, 0, at, one.reason))
            elif card_says:
                self._plan(at, "fact", self._verdict(command, card_says, at))
            else:
                self._plan(at, "ask", (command, at))

    def _verdict(self, command: Money, outcome: str, at: int) -> Fact:
        if outcome == "done":
            return answer(command, "done", command.amount_minor, at)
        return answer(command, outcome, 0, at, self._bank.decline_reason)

    def _asked(self, command: Asking, at: int) -> "list[_Run]":
        """Both answers, each on a way of its own; the yes goes on here."""
        rate = self._bank.rate(self._happened, command)
        ask = Ask(kind_of(command), command.amount_minor, rate, approved=True, rule=command.rule)
        no_weight = self.weight * (_ONE - rate.rate)
        left: list[_Run] = []
        if no_weight >= LEAST_WEIGHT:
            other = self.fork()
            other.weight = no_weight
            other.asks.append(ask._replace(approved=False))
            other.apply(self._verdict(command, "declined", at))
            left.append(other)
            self.weight -= no_weight
        self.asks.append(ask)
        self.apply(self._verdict(command, "done", at))
        return left
