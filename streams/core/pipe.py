"""One step of a session: a fact in, the new state and all that goes out. Used by everybody alike.

The sessions stage, `explain`, the auditor and the simulation call `apply` and nothing else.
"""

from typing import NamedTuple, Protocol

from schemas.commands import Command
from schemas.facts import AliasBound, DiscrepancyChanged, Fact, SessionRequested, Watch
from schemas.ledger import SessionLedger
from streams.core.session import PaymentSession, Pinned
from streams.core.strategy_policy import Policy


class Pins(Protocol):
    """Reference data, by request at the opening and by version ever after."""

    def opening(self, request: SessionRequested) -> tuple[str | None, Policy]:
        """The body of the request's tariff version (None: unknown), and the newest policy."""
        ...

    def policy(self, tenant: str, policy_id: str, version: str) -> Policy:
        """The very version that was pinned. Raises when it is not there: that is our mistake."""
        ...


class Step(NamedTuple):
    """What one fact led to. `ledger` is None while its content is what was published last."""

    session: PaymentSession
    commands: list[Command]
    watches: list[Watch]
    aliases: list[AliasBound]
    ledger: SessionLedger | None
    discrepancies: list[DiscrepancyChanged]
    deadline_at: int | None


def apply(session: PaymentSession | None, fact: Fact, clock_at: int, pins: Pins) -> Step:
    """Apply one fact at the partition's time `clock_at` (epoch ms, 0: not known yet).

    Raises SessionUnknown, ReferenceReused and schemas.codec.NotReadable before anything changed:
    the shell parks the input. A passing deadline is `TimeReached(at=clock_at)`.
    """
    raise NotImplementedError
