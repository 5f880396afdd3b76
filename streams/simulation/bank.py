"""The acquirers of the simulation: one ledger of their own, and what they make of a request.

No line of it comes from the core, nor from the simulator that users run: what happened to a card
is what stands here, whatever anybody was told.
"""

from typing import Literal, NamedTuple

import msgspec

from streams.simulation.policies import MINUTE_MS, Terms

Operation = Literal["hold", "raise", "lower", "capture", "release", "refund"]


class Request(NamedTuple):
    """As it travels: `amount` by the acquirer's convention, `reference` of the hold, '' for one."""

    operation: Operation
    session_id: str
    reference: str
    amount: int
    currency: str


class Reply(NamedTuple):
    """`amount`: of hold, raise and lower the total now held; else what was moved."""

    outcome: Literal["done", "declined", "failed"]
    amount: int = 0
    reference: str = ""
    code: str = ""
    expires_at: int = 0


class Effect(NamedTuple):
    """Something that moved: one line of the ledger."""

    at: int
    what: str
    session_id: str
    reference: str
    amount: int
    currency: str


class Hold(msgspec.Struct):
    """One hold at one acquirer. Always: approved = captured + released + lapsed + open.

    `refunded`: of what was captured, and never more.
    """

    reference: str
    session_id: str
    currency: str
    terms: Terms
    expires_at: int
    approved: int
    open: int
    captured: int = 0
    released: int = 0
    lapsed: int = 0
    refunded: int = 0
    captures: int = 0
    attempts: int = 0
    most_open: int = 0


class _Kept(NamedTuple):
    at: int
    request: Request
    reply: Reply


class Bank:
    """All acquirers of one world."""

    def __init__(self) -> None:
        self.holds: dict[str, Hold] = {}
        self.ledger: list[Effect] = []
        self.available: dict[str, int] = {}
        self.wrong: list[str] = []
        self._keys: dict[str, _Kept] = {}
        self._found: dict[str, Reply] = {}
        self._acts = {
            "raise": self._raise,
            "lower": self._lower,
            "capture": self._capture,
            "release": self._release,
            "refund": self._refund,
        }

    def send(self, key: str, terms: Terms, request: Request, at: int) -> Reply:
        """One request under its idempotency key. A key is known for longer than was promised.

        Later the same request is a new one: that is what happens at acquirers, too.
        """
        kept = self._keys.get(key)
        if kept is not None and at - kept.at < terms.window_ms + 5 * MINUTE_MS:
            if kept.request != request:
                self.wrong.append(f"key {key} with another body: {kept.request} and {request}")
            return kept.reply
        reply = self._act(terms, request, at)
        self._keys[key] = _Kept(at, request, reply)
        self._found[key] = reply
        return reply

    def look_up(self, key: str) -> Reply | None:
        """What became of it, by the merchant's reference, which is never forgotten."""
        return self._found.get(key)

    def holds_of(self, session_id: str) -> list[Hold]:
        return [one for one in self.holds.values() if one.session_id == session_id]

    # --- what it does ---

    def _act(self, terms: Terms, request: Request, at: int) -> Reply:
        if request.operation == "hold":
            return self._place(terms, request, at)
        hold = self.holds.get(request.reference)
        if hold is None:
            return Reply("failed", code="unknown_reference")
        self.lapse(hold, at)
        return self._acts[request.operation](hold, request, at)

    def _moved(self, hold: Hold, what: str, amount: int, at: int) -> None:
        effect = Effect(at, what, hold.session_id, hold.reference, amount, hold.currency)
        self.ledger.append(effect)

    def _place(self, terms: Terms, request: Request, at: int) -> Reply:
        available = self.available.get(request.session_id, 0)
        given = min(request.amount, available)
        if given < request.amount and given < 500:  # noqa: PLR2004 - too little to be worth it
            return Reply("declined", code="51")
        reference = f"psp-{len(self.holds) + 1}"
        hold = Hold(
            reference=reference,
            session_id=request.session_id,
            currency=request.currency,
            terms=terms,
            expires_at=at + terms.lifetime_ms,
            approved=given,
            open=given,
            most_open=given,
        )
        self.holds[reference] = hold
        self._moved(hold, "hold", given, at)
        return Reply("done", given, reference, expires_at=hold.expires_at)

    def _raise(self, hold: Hold, request: Request, at: int) -> Reply:
        delta = request.amount
        if hold.terms.convention == "TOTAL":
            delta = request.amount - hold.open
        if hold.open == 0 or hold.captures or delta < 0:
            return Reply("failed", code="hold_closed")
        if not hold.terms.increments or hold.attempts >= hold.terms.attempts_cap:
            self.wrong.append(f"{hold.session_id}: a raise too many, {hold.attempts} before")
            return Reply("failed", code="raise_attempts_exhausted")
        hold.attempts += 1
        if hold.open + delta > self.available.get(hold.session_id, 0):
            return Reply("declined", code="51")
        hold.approved += delta
        hold.open += delta
        hold.most_open = max(hold.most_open, hold.open)
        self._moved(hold, "raise", delta, at)
        return Reply("done", hold.open, hold.reference, expires_at=hold.expires_at)

    def _lower(self, hold: Hold, request: Request, at: int) -> Reply:
        back = request.amount
        if hold.terms.convention == "TOTAL":
            back = hold.open - request.amount
        if not 0 < back < hold.open:
            return Reply("failed", code="not_below_held")
        hold.open -= back
        hold.released += back
        self._moved(hold, "lower", back, at)
        return Reply("done", hold.open, hold.reference)

    def _capture(self, hold: Hold, request: Request, at: int) -> Reply:
        must_equal = hold.terms.remainder == "LOWER_BEFORE_CAPTURE"
        if hold.captures or not 0 < request.amount <= hold.open:
            return Reply("failed", code="above_held")
        if must_equal and request.amount != hold.open:
            return Reply("failed", code="partial_capture_not_supported")
        hold.captures += 1
        hold.captured += request.amount
        hold.open -= request.amount
        self._moved(hold, "capture", request.amount, at)
        if hold.terms.remainder == "AUTO_AT_CAPTURE" and hold.open:
            self._give_back(hold, at)
        return Reply("done", request.amount, hold.reference)

    def _release(self, hold: Hold, request: Request, at: int) -> Reply:
        del request  # all that is open
        lapses = hold.terms.remainder == "LAPSE_ONLY" and hold.captures > 0
        if hold.open == 0 or lapses:
            return Reply("failed", code="nothing_left_to_release")
        return Reply("done", self._give_back(hold, at), hold.reference)

    def _refund(self, hold: Hold, request: Request, at: int) -> Reply:
        """Captured money only: of a hold there is nothing to refund."""
        if not 0 < request.amount <= hold.captured - hold.refunded:
            self.wrong.append(f"{hold.session_id}: {request.amount} refunded of {hold.captured}")
            return Reply("failed", code="above_captured")
        hold.refunded += request.amount
        self._moved(hold, "refund", request.amount, at)
        return Reply("done", request.amount, hold.reference)

    def _give_back(self, hold: Hold, at: int) -> int:
        amount, hold.open = hold.open, 0
        hold.released += amount
        self._moved(hold, "release", amount, at)
        return amount

    # --- what happens by itself ---

    def lapse(self, hold: Hold, at: int) -> int:
        """What is open goes back to the card once its time is over; how much."""
        if at < hold.expires_at or hold.open == 0:
            return 0
        amount, hold.open = hold.open, 0
        hold.lapsed += amount
        self._moved(hold, "lapse", amount, at)
        return amount

    def take_back(self, hold: Hold, at: int) -> int:
        """A capture that succeeded did not clear: its amount is open again; how much."""
        amount = hold.captured
        hold.captures -= 1
        hold.captured = 0
        hold.open += amount
        self._moved(hold, "capture_failed", amount, at)
        self.lapse(hold, at)
        return amount
