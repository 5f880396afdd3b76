"""What a session under a policy comes to: the holds asked of its card, and how it goes on then."""

from decimal import Decimal
from typing import NamedTuple

from schemas.ledger import SessionLedger
from streams.core.session import PaymentSession
from streams.whatif.bank import Ask
from streams.whatif.charger import Charger


class Way(NamedTuple):
    """One way that the session can have gone, and how likely. `held`: (instant, minor open)."""

    weight: Decimal
    asks: tuple[Ask, ...]
    held: tuple[tuple[int, int], ...]
    charger: Charger
    session: PaymentSession
    ledger: SessionLedger | None


class Tap(NamedTuple):
    """One hold asked of the card: the first, or a smaller one that the driver agreed to after a no.

    `asked`: how likely it comes to this, `approved`: that it does and the card says yes; `ask.rate`
    is the one over the other. `ways`: how it goes on then; their weights add up to 1.
    """

    ask: Ask
    asked: Decimal
    approved: Decimal
    ways: tuple[Way, ...]


class Modelled(NamedTuple):
    """A session under a policy. `taps` empty: nothing was asked for, `refused` says why not."""

    refused: str
    taps: tuple[Tap, ...]

    @property
    def approved(self) -> Decimal:
        """How likely any hold is approved."""
        return sum((one.approved for one in self.taps), Decimal(0))
