"""Whoever performs money commands: an executor or an operator's consumer, before simulated banks.

It behaves as `connectors/acquirers` promises: the key of a command is its own, what may have been
sent before and is past its key's time is looked up first, a time-out is told as unknown. Requests
may land late, twice, or not at all; answers may come late, twice, or never.
"""

from typing import Literal

from schemas import codec, ids, topics
from schemas.commands import (
    CaptureHold,
    InquireCommand,
    LowerHold,
    MoneyCommand,
    PlaceHold,
    RaiseHold,
    RefundCapture,
    ReleaseHold,
    ResendCommand,
)
from schemas.facts import AcquirerAnswered, AcquirerNotified, CommandKind, Outcome
from streams.simulation.bank import Bank, Hold, Reply, Request
from streams.simulation.chance import Chance
from streams.simulation.policies import BY_ID, MINUTE_MS
from streams.simulation.sky import TENANT, Sky

Operation = PlaceHold | RaiseHold | LowerHold | CaptureHold | ReleaseHold | RefundCapture
_KINDS: dict[type[MoneyCommand], CommandKind] = {
    PlaceHold: "hold",
    RaiseHold: "raise",
    LowerHold: "lower",
    CaptureHold: "capture",
    ReleaseHold: "release",
    RefundCapture: "refund",
}
_MARGIN_MS = MINUTE_MS
Source = Literal["executor", "inquiry", "webhook"]
NOTHING = Reply("failed")
TIMEOUT = Reply("failed", code="timeout")


class Bridge:
    """From commands to the bank and back. `faults`, `refusals`: per mille of requests."""

    def __init__(self, bank: Bank, sky: Sky, chance: Chance) -> None:
        self._bank = bank
        self._sky = sky
        self._chance = chance
        self._lapsing: set[str] = set()
        self._read_at: dict[str, int] = {}  # commands of a session are read in their order
        self.faults = 0
        self.refusals = 0
        self.outage = (0, 0)
        self.away = ""
        self.refused: set[str] = set()
        self.taken_back: set[str] = set()

    def take(self, command: MoneyCommand) -> None:
        """A command was read from its topic; perhaps once more after a crash of the reader."""
        last_at = self._read_at.get(command.session_id, 0)
        read_at = max(self._sky.now_at + self._sky.lag_ms(), last_at)
        self._read_at[command.session_id] = read_at
        self._sky.at(read_at, lambda: self._perform(command, again=False))
        if self.faults and self._chance.happens(self.faults // 4):
            again_at = read_at + self._chance.skewed(MINUTE_MS, 20 * MINUTE_MS)
            self._sky.at(again_at, lambda: self._perform(command, again=True))

    def _perform(self, command: MoneyCommand, *, again: bool) -> None:
        if isinstance(command, InquireCommand):
            self._inquire(command)
        elif isinstance(command, ResendCommand):
            original = codec.decode(command.original)
            assert isinstance(original, Operation)
            self._send(original, command, again=True)
        else:
            assert isinstance(command, Operation)
            self._send(command, command, again=again)

    def _inquire(self, command: InquireCommand) -> None:
        if self._fault(command):
            self._answer(command, "unknown", TIMEOUT)
            return
        key = ids.idempotency_key(TENANT, command.of_command_id)
        self._told(command, self._bank.look_up(key))

    # --- sending ---

    def _send(self, operation: Operation, command: MoneyCommand, *, again: bool) -> None:
        fault = self._fault(command)
        if again and not self._is_guarded(operation):
            found = self._bank.look_up(operation.idempotency_key)
            if found is not None:
                self._told(command, found)
                return
        match fault:
            case "before":
                self._answer(command, "unknown", TIMEOUT)
            case "after":
                self._act(operation)
                self._answer(command, "unknown", TIMEOUT)
            case "lands_late":
                self._answer(command, "unknown", TIMEOUT)
                self._sky.after(
                    self._chance.skewed(5_000, 5 * MINUTE_MS), lambda: self._land(operation)
                )
            case "silent":
                self._act(operation)
            case "late":
                reply = self._act(operation)
                wait_ms = self._chance.skewed(MINUTE_MS, 60 * MINUTE_MS)
                self._sky.after(wait_ms, lambda: self._told(command, reply))
            case _:
                self._told(command, self._act(operation))

    def _land(self, operation: Operation) -> None:
        """A request that was long under way: whoever sent it has gone, but a webhook tells."""
        if self._is_guarded(operation):
            self._told(operation, self._act(operation), "webhook")

    def _is_guarded(self, operation: Operation) -> bool:
        """Whether the acquirer still knows the key by itself."""
        window_ms = BY_ID[operation.acquirer_id].window_ms
        return self._sky.now_at < operation.issued_at + window_ms - _MARGIN_MS

    def _fault(self, command: MoneyCommand) -> str:
        away = self.away in ("", command.acquirer_id)
        if away and self.outage[0] <= self._sky.now_at < self.outage[1]:
            return "before"
        if not self.faults or not self._chance.happens(self.faults):
            return ""
        return self._chance.one_of(("before", "after", "lands_late", "silent", "late"))

    def _act(self, operation: Operation) -> Reply:
        kind = _KINDS[type(operation)]
        if kind != "hold" and not operation_reference(operation):
            return Reply("failed", code="no_psp_reference")
        if self._is_refused(operation):
            return Reply("failed", code="refused")
        terms = BY_ID[operation.acquirer_id]
        request = Request(
            kind,
            operation.session_id,
            operation_reference(operation),
            _amount(operation),
            operation.currency,
        )
        reply = self._bank.send(operation.idempotency_key, terms, request, self._sky.now_at)
        hold = self._bank.holds.get(reply.reference)
        if hold is not None and hold.reference not in self._lapsing:
            self._lapsing.add(hold.reference)
            self._sky.at(hold.expires_at, lambda: self._lapse(hold, operation))
        if kind == "capture" and reply.outcome == "done":
            self._may_take_back(operation)
        return reply

    def _is_refused(self, operation: Operation) -> bool:
        """Some requests are refused for good, whatever they ask: the same each time."""
        if isinstance(operation, PlaceHold) or not self.refusals:
            return operation.command_id in self.refused
        key = operation.idempotency_key
        if self._bank.look_up(key) is None and operation.command_id not in self.refused:
            if not self._chance.happens(self.refusals):
                return False
            self.refused.add(operation.command_id)
        return operation.command_id in self.refused

    # --- answers ---

    def _told(
        self, command: MoneyCommand, reply: Reply | None, source: Source = "executor"
    ) -> None:
        if reply is None:
            self._answer(command, "not_found", NOTHING, source)
            return
        self._answer(command, reply.outcome, reply, source)
        if reply.outcome == "done" and self.faults and self._chance.happens(300):
            self._sky.after(
                self._sky.lag_ms(), lambda: self._answer(command, reply.outcome, reply, source)
            )

    def _answer(
        self, command: MoneyCommand, outcome: Outcome, reply: Reply, source: Source = "executor"
    ) -> None:
        target = command.command_id
        if isinstance(command, InquireCommand | ResendCommand):
            target = command.of_command_id
            kind: CommandKind = command.of_kind
        else:
            kind = _KINDS[type(command)]
        if isinstance(command, InquireCommand):
            source = "inquiry"
        fact = AcquirerAnswered(
            tenant=TENANT,
            session_id=command.session_id,
            command_id=command.command_id,
            resolves="" if target == command.command_id else target,
            kind=kind,
            hold_id=command.hold_id,
            acquirer_id=command.acquirer_id,
            outcome=outcome,
            amount_minor=reply.amount,
            currency=command.currency,
            reason="insufficient_funds" if reply.code == "51" else reply.code,
            raw_code=reply.code,
            psp_reference=reply.reference,
            expires_at=reply.expires_at,
            source=source,
            answered_at=self._sky.now_at,
            issued_at=command.issued_at,
        )
        self._sky.deliver(topics.RESPONSES, command.session_id, fact)

    # --- what comes unasked ---

    def _lapse(self, hold: Hold, operation: Operation) -> None:
        amount = self._bank.lapse(hold, self._sky.now_at)
        if amount and self._chance.happens(500):
            self._notify("hold_lapsed", operation, "", amount)

    def _may_take_back(self, operation: Operation) -> None:
        if not self.refusals or operation.command_id in self.taken_back:
            return
        if not self._chance.happens(self.refusals // 2):
            return
        self.taken_back.add(operation.command_id)
        wait_ms = self._chance.skewed(MINUTE_MS, 24 * 60 * MINUTE_MS)
        self._sky.after(wait_ms, lambda: self._take_back(operation))

    def _take_back(self, operation: Operation) -> None:
        hold = self._bank.holds[operation_reference(operation)]
        if hold.captures and hold.captured == operation.amount_minor and not hold.refunded:
            amount = self._bank.take_back(hold, self._sky.now_at)
            self._notify("capture_failed", operation, operation.command_id, amount)

    def _notify(
        self,
        event: Literal["hold_lapsed", "capture_failed"],
        operation: Operation,
        command_id: str,
        amount: int,
    ) -> None:
        fact = AcquirerNotified(
            tenant=TENANT,
            session_id=operation.session_id,
            hold_id=operation.hold_id,
            acquirer_id=operation.acquirer_id,
            event=event,
            command_id=command_id,
            amount_minor=amount,
            currency=operation.currency,
            occurred_at=self._sky.now_at,
        )
        self._sky.deliver(topics.RESPONSES, operation.session_id, fact)


def operation_reference(operation: Operation) -> str:
    """The hold that it is about, by the acquirer's own name; '' for a hold to be placed."""
    return "" if isinstance(operation, PlaceHold) else operation.psp_reference


def _amount(operation: Operation) -> int:
    """What travels: by the acquirer's convention the new total, or the difference to it."""
    if isinstance(operation, RaiseHold | LowerHold):
        delta = BY_ID[operation.acquirer_id].convention == "DELTA"
        return operation.delta_minor if delta else operation.amount_minor
    return operation.amount_minor
