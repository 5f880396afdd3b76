"""How acquirers answer on both sides of a what-if: by observed rates, as late as was recorded."""

import hashlib
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from schemas import ids
from schemas.commands import CaptureHold, LowerHold, PlaceHold, RaiseHold, ReleaseHold
from schemas.facts import AcquirerAnswered, AcquirerHealth
from streams.whatif.rates import Kind, Rate, Rates
from streams.whatif.recorded import Fated, Happened

Asking = PlaceHold | RaiseHold
Money = PlaceHold | RaiseHold | LowerHold | CaptureHold | ReleaseHold
AskKind = Literal["hold", "offer", "raise"]
"""offer: a smaller hold after a no, which the driver agreed to."""

_KINDS: dict[type[Money], str] = {
    PlaceHold: "hold",
    RaiseHold: "raise",
    LowerHold: "lower",
    CaptureHold: "capture",
    ReleaseHold: "release",
}
_ONE = Decimal(1)


class Bank(NamedTuple):
    """How acquirers answer, under any policy. `latencies_ms`: observed ones, never empty.

    `takes_less`: how often a driver whose card said no agrees to a smaller hold.
    """

    rates: Rates
    latencies_ms: tuple[int, ...]
    decline_reason: str
    health: dict[str, AcquirerHealth]
    takes_less: Decimal = _ONE

    def fate(self, happened: Happened, command: Money) -> tuple[Fated, ...]:
        """What is answered, and when: as recorded under this id, else a definite word in time."""
        recorded = happened.fates.get(command.command_id)
        if recorded is not None:
            return recorded
        return (Fated(self._latency_ms(command.command_id), "done"),)

    def _latency_ms(self, command_id: str) -> int:
        """One of the observed latencies, always the same one for the same command."""
        digest = hashlib.sha256(command_id.encode()).digest()
        return self.latencies_ms[int.from_bytes(digest[:8], "big") % len(self.latencies_ms)]

    def rate(self, happened: Happened, command: Asking) -> Rate:
        """How often such an ask is approved, whatever was asked of the card before."""
        kind = kind_of(command)
        return self.rates.of(command.currency, kind, happened.funding, command.amount_minor)


class Ask(NamedTuple):
    """Money asked for, a raise's as its new total; how likely it is approved, and whether it was.

    `rule` tells a raise while energy flows from one to the proven cost.
    """

    kind: AskKind
    amount_minor: int
    rate: Rate
    approved: bool
    rule: str


def kind_of(command: Asking) -> Kind:
    return "hold" if isinstance(command, PlaceHold) else "raise"


def after_a_no(rate: Rate, refused: Rate) -> Rate:
    """The rate at which a card approves, given that it refused a larger amount.

    Who approves the larger amount approves the smaller one; of the others so many are left.
    """

    def left(share: Decimal, of_refused: Decimal) -> Decimal:
        rest = _ONE - of_refused
        return max(share - of_refused, Decimal(0)) / rest if rest else Decimal(0)

    shares = (
        left(rate.rate, refused.rate),
        left(rate.low, refused.low),
        left(rate.high, refused.high),
    )
    return Rate(
        shares[0],
        min(shares),
        max(shares),
        min(rate.answered, refused.answered),
        rate.source,
    )


def answer(
    command: Money, outcome: str, amount_minor: int, at: int, reason: str = ""
) -> AcquirerAnswered:
    """The executor's word on a command."""
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
