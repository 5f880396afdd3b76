"""One hold and the sums that must always add up. Pure: no clock, no storage, no wire.

The law, after every operation: approved = captured + released + lapsed + open, each part at least
0, refunded at most captured. The store repeats it as CHECK constraints and as lines whose
deltas must balance, so that the ledger can be checked without this module.
"""

import msgspec

from connectors.acquirers.simulator.messages import HoldStatus, HoldView


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """What one operation moved, minor units of the hold's currency; deltas may be negative."""

    approved: int = 0
    captured: int = 0
    released: int = 0
    lapsed: int = 0
    open: int = 0
    refunded: int = 0


class Hold(msgspec.Struct, frozen=True, kw_only=True):
    """Funds reserved on a card, and where they went; amounts in minor units of `currency`.

    `finalised`: no further capture is taken. `reversed`: the rest was given back on request.
    """

    payment_reference: str
    merchant_reference: str
    session_id: str
    card_token: str
    scheme: str
    funding: str
    currency: str
    approved: int
    open: int
    placed_at: int
    expires_at: int
    changed_at: int
    captured: int = 0
    released: int = 0
    lapsed: int = 0
    refunded: int = 0
    raise_attempts: int = 0
    finalised: bool = False
    reversed: bool = False

    @property
    def held(self) -> int:
        """What the hold amounts to now: taken or still open."""
        return self.captured + self.open

    @property
    def status(self) -> HoldStatus:
        if self.captured and (self.finalised or not self.open):
            return "captured"
        if self.open:
            return "open"
        return "lapsed" if self.lapsed and not self.reversed else "released"

    def view(self) -> HoldView:
        return HoldView(
            payment_reference=self.payment_reference,
            merchant_reference=self.merchant_reference,
            status=self.status,
            currency=self.currency,
            approved_minor=self.approved,
            captured_minor=self.captured,
            released_minor=self.released,
            lapsed_minor=self.lapsed,
            open_minor=self.open,
            refunded_minor=self.refunded,
            held_minor=self.held,
            raise_attempts=self.raise_attempts,
            placed_at=self.placed_at,
            expires_at=self.expires_at,
            session_id=self.session_id,
        )


def assert_conserved(hold: Hold) -> None:
    """Raise AssertionError when money appeared or vanished: a bug of the simulator, never data."""
    parts = (hold.captured, hold.released, hold.lapsed, hold.open)
    assert min(*parts, hold.refunded) >= 0, f"a negative part: {hold}"
    assert hold.approved == sum(parts), f"approved is not the sum of its parts: {hold}"
    assert hold.refunded <= hold.captured, f"refunded more than was captured: {hold}"


def move_between(before: Hold | None, after: Hold) -> Move:
    """The ledger line's deltas: from nothing (`None`) or from `before` to `after`."""
    assert_conserved(after)
    if before is None:
        return Move(approved=after.approved, open=after.open)
    return Move(
        approved=after.approved - before.approved,
        captured=after.captured - before.captured,
        released=after.released - before.released,
        lapsed=after.lapsed - before.lapsed,
        open=after.open - before.open,
        refunded=after.refunded - before.refunded,
    )
