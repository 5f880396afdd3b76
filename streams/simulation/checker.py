"""The checker: what must hold of inputs, outputs and the banks' ledger (operations.md, B3).

It shares no code with the core: it knows the facts that were told, the commands that came out, what
the banks did and what really happened at the chargers. `found` is empty, or the world is wrong.
"""

from collections.abc import Callable
from typing import Any

from schemas import codec
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
from schemas.facts import AcquirerAnswered, AcquirerNotified
from streams.simulation.people import People
from streams.simulation.plans import SessionPlan, WorldPlan
from streams.simulation.policies import ceiling_minor
from streams.simulation.tariffs import Used, price_minor
from streams.simulation.truth import ChargingTruth, SessionTruth

_BY_CDR = frozenset({"SESSION_AND_CDR", "CDR_AFTER_QUIET"})
_DECIDED = "decision-"
_DEFINITE = frozenset({"done", "declined", "failed"})
_PERFORMED = (PlaceHold, RaiseHold, LowerHold, CaptureHold, ReleaseHold)


class Watched:
    """What the checker remembers of one session."""

    def __init__(self, plan: SessionPlan, truth: SessionTruth, people: People) -> None:
        self.plan = plan
        self.truth = truth
        self.people = people
        self.commands: dict[str, MoneyCommand] = {}
        self.bodies: dict[str, str] = {}
        self.definite: dict[str, str] = {}
        self.absent: set[str] = set()  # looked up, and the acquirer has nothing of it
        self.failed_later: set[str] = set()
        self.held: dict[str, int] = {}
        self.captured: dict[str, int] = {}
        self.expires_at: dict[str, int] = {}
        self.told_at = 0  # when we were first told of an approval
        self.ending_at = 0
        self.by_others = False  # captured by a partner's word, or a person's

    def refunds(self) -> dict[str, int]:
        """What was or may be refunded by each command."""
        return {
            one.command_id: one.amount_minor
            for one in self.commands.values()
            if isinstance(one, RefundCapture)
            and self.definite.get(one.command_id) not in ("declined", "failed")
        }

    def given_minor(self) -> int:
        """What people decided went back, as far as that is known to have been done."""
        refunds = self.refunds()
        return sum(
            refunds[one.command_id]
            for one in self.commands.values()
            if isinstance(one, RefundCapture)
            and one.cause.startswith(_DECIDED)
            and self.definite.get(one.command_id) == "done"
        )


class Checker:
    """Of one world. Each `on_...` is called at the instant at which it happens."""

    def __init__(self, plan: WorldPlan) -> None:
        self._world = plan
        self.sessions: dict[str, Watched] = {}
        self.found: list[str] = []
        self.rested_at = 0
        self._checks: dict[type[MoneyCommand], Callable[[Watched, Any], None]] = {
            RaiseHold: self._check_raise,
            LowerHold: self._check_lower,
            CaptureHold: self._check_capture,
            RefundCapture: self._check_refund,
            ResendCommand: self._check_resend,
        }

    def wrong(self, invariant: str, session_id: str, words: str) -> None:
        self.found.append(f"{invariant} {session_id}: {words}")

    # --- what goes in ---

    def on_answer(self, fact: AcquirerAnswered, now_at: int) -> None:
        """An answer stands in its topic."""
        watched = self.sessions[fact.session_id]
        target = fact.resolves or fact.command_id
        if fact.outcome == "not_found":
            watched.absent.add(target)
        if fact.outcome not in _DEFINITE:
            return
        known = watched.definite.get(target)
        if known == "done":
            return  # told again
        watched.definite[target] = fact.outcome
        if fact.outcome == "done":
            self._moved(watched, fact, target, now_at)

    @staticmethod
    def _moved(watched: Watched, fact: AcquirerAnswered, target: str, now_at: int) -> None:
        """What is held by now, as we were told."""
        hold_id, amount = fact.hold_id, fact.amount_minor
        held = watched.held.get(hold_id, 0)
        match fact.kind:
            case "hold" | "raise":
                watched.held[hold_id] = max(held, amount)
                watched.told_at = watched.told_at or now_at
                expires_at = max(watched.expires_at.get(hold_id, 0), fact.expires_at)
                watched.expires_at[hold_id] = expires_at
            case "capture":
                watched.captured[target] = amount
                if watched.plan.terms.remainder == "AUTO_AT_CAPTURE":
                    watched.held[hold_id] = amount  # so much is open where it is taken back
            case "release":
                watched.held[hold_id] = max(held - amount, 0)
            case "lower":
                watched.held[hold_id] = amount
            case _:
                pass

    def on_notice(self, fact: AcquirerNotified) -> None:
        if fact.event == "capture_failed":
            self.sessions[fact.session_id].failed_later.add(fact.command_id)

    # --- what comes out ---

    def on_money(self, command: MoneyCommand, now_at: int) -> None:
        """A money command was committed. Sessions live by their inputs' time: never ahead of it."""
        watched = self.sessions[command.session_id]
        if command.issued_at > now_at:
            words = f"{command.command_id} is {command.issued_at - now_at} ms ahead of time"
            self.wrong("time", command.session_id, words)
        self._check_any(watched, command)
        self._check_numbers(watched, command)
        check = self._checks.get(type(command))
        if check is not None:
            check(watched, command)
        elif not isinstance(command, PlaceHold | ReleaseHold | InquireCommand):
            self.wrong("I11", command.session_id, f"{type(command).__name__}: what is that?")
        watched.commands[command.command_id] = command
        if isinstance(command, CaptureHold | ReleaseHold | LowerHold):
            watched.ending_at = watched.ending_at or command.issued_at

    def _check_any(self, watched: Watched, command: MoneyCommand) -> None:
        plan, session_id = watched.plan, command.session_id
        if command.command_id in watched.commands:
            self.wrong("I1", session_id, f"{command.command_id} a second time")
        if plan.role not in ("operator_side", "terminal_provider_side"):
            self.wrong("role", session_id, f"{command.command_id} as {plan.role}")
        told = (command.performer, command.currency, command.acquirer_id)
        if told != (plan.capture_by, plan.prices.currency, plan.terms.acquirer_id):
            self.wrong("I11", session_id, f"{command.command_id} by, in and at {told}")

    def _check_numbers(self, watched: Watched, command: MoneyCommand) -> None:
        """I9: attempt k+1 only after a definite no to k; nothing beside an unknown."""
        if not isinstance(command, _PERFORMED):
            return
        stem, _, last = command.command_id.rpartition("/")
        if not last.isdigit():
            self.wrong("ids", command.session_id, command.command_id)
            return
        for number in range(1, int(last)):
            before = f"{stem}/{number}"
            outcome = watched.definite.get(before)
            if outcome == "done" and before in watched.failed_later:
                outcome = "failed"
            if isinstance(command, RaiseHold) and outcome in _DEFINITE:
                continue
            if outcome not in ("declined", "failed"):
                self.wrong(
                    "I9", command.session_id, f"{command.command_id} while {before}: {outcome}"
                )

    def _open(self, watched: Watched, hold_id: str) -> list[str]:
        """Commands on a hold that were not answered definitely."""
        return [
            one.command_id
            for one in watched.commands.values()
            if isinstance(one, _PERFORMED)
            and one.hold_id == hold_id
            and one.command_id not in watched.definite
        ]

    def _check_settled(self, watched: Watched, command: CaptureHold | LowerHold) -> None:
        """I9: beside nothing unknown, but a raise that a look-up did not find.

        Its key is forgotten by then, so that nothing can be done about it: what was held counts.
        """
        waiting = [
            one
            for one in self._open(watched, command.hold_id)
            if one not in watched.absent
            or not isinstance(watched.commands[one], RaiseHold)
            or command.issued_at < watched.commands[one].issued_at + watched.plan.terms.window_ms
        ]
        if waiting:
            self.wrong("I9", command.session_id, f"{command.command_id} while {waiting}")

    def _check_raise(self, watched: Watched, command: RaiseHold) -> None:
        """I8: one at a time, upwards, never above what was agreed to, no more than are allowed."""
        plan, session_id = watched.plan, command.session_id
        if waiting := self._open(watched, command.hold_id):
            self.wrong("I8", session_id, f"{command.command_id} while {waiting}")
        held = watched.held.get(command.hold_id, 0)
        if command.amount_minor <= held:
            self.wrong("I8", session_id, f"{command.command_id}: to {command.amount_minor}")
        if (command.previous_minor, command.delta_minor) != (held, command.amount_minor - held):
            words = f"{command.previous_minor} and {command.delta_minor}, held {held}"
            self.wrong("I8", session_id, f"{command.command_id}: {words}")
        top = ceiling_minor(self._world.operator, plan.power_type, plan.prices.currency)
        if command.amount_minor > top:
            self.wrong(
                "I8", session_id, f"{command.command_id}: {command.amount_minor} above {top}"
            )
        made = [one for one in watched.commands.values() if isinstance(one, RaiseHold)]
        if len(made) >= plan.terms.attempts_cap or not plan.terms.increments:
            self.wrong("I8", session_id, f"{command.command_id}: {len(made)} raises before")
        if any(isinstance(one, CaptureHold | ReleaseHold) for one in watched.commands.values()):
            self.wrong("I8", session_id, f"{command.command_id} after its end was begun")

    def _check_refund(self, watched: Watched, command: RefundCapture) -> None:
        """I4: of captured money, once its capture is known of, no more than it, one at a time."""
        session_id, refunds = command.session_id, watched.refunds()
        captured = watched.captured.get(command.capture_id, 0)
        taken_back = command.capture_id in watched.failed_later
        if watched.definite.get(command.capture_id) != "done" or taken_back:
            self.wrong("I4", session_id, f"{command.command_id} of no capture that is known of")
        if waiting := [one for one in refunds if one not in watched.definite]:
            self.wrong("I9", session_id, f"{command.command_id} while {waiting}")
        before = sum(refunds.values())
        if command.cause.startswith(_DECIDED):
            decided = watched.people.refunded.get(command.cause.removeprefix(_DECIDED))
            if command.amount_minor != decided:
                words = f"{command.amount_minor} where {decided} was decided"
                self.wrong("I4", session_id, f"{command.command_id}: {words}")
        if not 0 < command.amount_minor <= captured - before:
            words = f"{command.amount_minor} of {captured}, {before} before"
            self.wrong("I4", session_id, f"{command.command_id}: {words}")

    def _check_lower(self, watched: Watched, command: LowerHold) -> None:
        self._check_settled(watched, command)

    def _check_resend(self, watched: Watched, command: ResendCommand) -> None:
        """I9: the very same bytes, and only while the acquirer knows the key."""
        original = watched.commands.get(command.of_command_id)
        session_id = command.session_id
        if original is None or codec.decode(command.original) != original:
            self.wrong("I9", session_id, f"{command.command_id} sends another body")
            return
        if command.issued_at >= original.issued_at + watched.plan.terms.window_ms:
            self.wrong("I9", session_id, f"{command.command_id} past the window of its key")

    def _known(self, truth: SessionTruth, command: CaptureHold) -> list[ChargingTruth]:
        """What the session knew: a begin that came since the stages last rested may be unread."""
        seen = truth.seen
        if truth.used(seen).energy_wh == command.energy_wh:
            return seen
        return [one for one in seen if one.arrived_at < self.rested_at]

    def _check_capture(self, watched: Watched, command: CaptureHold) -> None:
        """I3, I5, I6: proven, priced right, within what is held, beside nothing unknown."""
        session_id, truth = command.session_id, watched.truth
        self._check_settled(watched, command)
        expires_at = watched.expires_at.get(command.hold_id, 0)
        if command.issued_at >= expires_at:
            self.wrong("I3", session_id, f"{command.command_id}: its hold ended at {expires_at}")
        if command.proof == "OPERATOR_RELEASE":
            self._check_decided(watched, command)
            return
        floor = self._world.operator.at_deadline == "floor" and command.proof == "CHARGER_FLOOR"
        by_cdr = command.proof in _BY_CDR
        if by_cdr:
            self._check_cdr(watched, command)
        seen = truth.chargings if by_cdr else self._known(truth, command)
        ended = [one for one in seen if one.end_arrived]
        unproven = [one.transaction_id for one in seen if not one.complete]
        if unproven and not floor and not by_cdr:
            self.wrong("I6", session_id, f"{command.command_id}: {unproven} not proven")
        used = truth.used(ended if floor else seen)
        if floor and command.energy_wh != used.energy_wh:
            # What told something that cannot be is not owed a floor: the others are.
            used = truth.used([one for one in ended if not one.odd])
        if command.energy_wh != used.energy_wh:
            words = f"{command.energy_wh} Wh, in truth {used.energy_wh}"
            self.wrong("I6", session_id, f"{command.command_id}: {words}")
        self._check_amount(watched, command, seen, used._replace(parking_ms=0) if floor else used)

    def _check_amount(
        self, watched: Watched, command: CaptureHold, seen: list[ChargingTruth], used: Used
    ) -> None:
        """The true price, or the hold where that is less. Without its times, somewhere between."""
        prices, held = watched.plan.prices, watched.held.get(command.hold_id, 0)
        floor = command.proof == "CHARGER_FLOOR"
        least = most = price_minor(prices, used)
        if not floor and any(not one.timed for one in seen):
            connected_ms = sum(one.connected_ms for one in seen)
            least = price_minor(prices, used._replace(parking_ms=0))
            most = price_minor(prices, used._replace(parking_ms=connected_ms))
        priced = command.amount_minor if floor else command.priced_minor
        fair = command.priced_minor == priced and (floor or least <= priced <= most)
        if not fair or command.amount_minor != min(most if floor else priced, held):
            words = f"{command.amount_minor} of {command.priced_minor}, in truth {most} and {held}"
            self.wrong("I3", command.session_id, f"{command.command_id}: {words}")

    def _check_decided(self, watched: Watched, command: CaptureHold) -> None:
        """A person's figures, as they were decided, and the hold where that is less."""
        watched.by_others = True
        price = watched.people.released.get(command.energy_wh)
        due = min(price or 0, watched.held.get(command.hold_id, 0))
        if (command.priced_minor, command.amount_minor) != (price, due):
            words = f"{command.amount_minor} of {command.priced_minor}, decided {price}, {due} due"
            self.wrong("I6", command.session_id, f"{command.command_id}: {words}")

    def _check_cdr(self, watched: Watched, command: CaptureHold) -> None:
        """Only one that counts proves anything: nothing refused, changed or taken back.

        One that is changed counts until its other body has come and the stages have rested since.
        """
        watched.by_others = True
        told = watched.plan.cdr
        counts = told is not None and told.kind in ("right", "credited")
        if told is not None and told.kind == "changed":
            changed = [one.cdr_changed_at for one in watched.truth.chargings]
            counts = not any(0 < one < self.rested_at for one in changed)
        agrees = told is not None and told.session == "agrees"
        if not counts or (command.proof == "SESSION_AND_CDR" and not agrees):
            words = f"{command.command_id} by {command.proof} of {told}"
            self.wrong("I6", command.session_id, words)
