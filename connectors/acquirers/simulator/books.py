"""Writing lines: every operation becomes an answer, a ledger line and maybe a webhook, at once."""

from hashlib import blake2b

import msgspec

from connectors.acquirers.simulator import outbox
from connectors.acquirers.simulator.config import Account
from connectors.acquirers.simulator.fate import Fate
from connectors.acquirers.simulator.ledger import Hold, Move, move_between
from connectors.acquirers.simulator.messages import (
    Answer,
    LedgerOperation,
    Outcome,
)
from connectors.acquirers.simulator.store import Line, Store

NO_FATE = Fate()


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be written of one operation. `before` is None for a hold that did not exist."""

    operation: LedgerOperation
    outcome: Outcome
    merchant_reference: str
    currency: str
    occurred_at: int
    requested: int = 0
    before: Hold | None = None
    after: Hold | None = None
    payment_reference: str = ""
    code: str = ""
    reason: str = ""
    partial: bool = False
    metadata: dict[str, str] = {}
    fate: Fate = NO_FATE


def derive_id(prefix: str, account: str, merchant_reference: str, number: int) -> str:
    """An identifier that a replay derives again: from the reference and its count of lines."""
    about = f"{prefix}\x1f{account}\x1f{merchant_reference}\x1f{number}".encode()
    return f"{prefix}_{blake2b(about, digest_size=12).hexdigest()}"


class Books:
    """The ledger of all accounts. Every method runs inside the caller's transaction."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def write(self, name: str, account: Account, entry: Entry) -> Answer:
        """Append the line, store the hold, queue webhook and later failure; the answer given."""
        number = self.store.count_lines(name, entry.merchant_reference)
        operation_id = derive_id("op", name, entry.merchant_reference, number)
        move = Move() if entry.after is None else move_between(entry.before, entry.after)
        answer = _answer(entry, move, operation_id)
        session = entry.metadata.get("session_id", "")
        if entry.after is not None:
            session = session or entry.after.session_id
            self.store.put_hold(name, entry.after)
        self.store.append(Line(account=name, answer=answer, session_id=session, move=move))
        outbox.put(self.store, name, account.webhooks, answer, entry.fate)
        fails = (entry.operation == "capture" and "capture_fails" in entry.fate.after) or (
            entry.operation == "refund" and "refund_fails" in entry.fate.after
        )
        if fails and entry.outcome == "done":
            self.store.add_failure(name, operation_id, entry.occurred_at + account.fails_after_ms)
        return answer


def _answer(entry: Entry, move: Move, operation_id: str) -> Answer:
    hold = entry.after or entry.before
    moved = _moved(entry.operation, move)
    tells_held = entry.operation in ("authorise", "raise", "lower") and entry.outcome == "done"
    return Answer(
        operation_id=operation_id,
        operation=entry.operation,
        outcome=entry.outcome,
        merchant_reference=entry.merchant_reference,
        payment_reference=hold.payment_reference if hold else entry.payment_reference,
        requested_minor=entry.requested,
        amount_minor=hold.held if hold and tells_held else moved,
        moved_minor=moved,
        currency=entry.currency,
        occurred_at=entry.occurred_at,
        code=entry.code,
        reason=entry.reason,
        partial=entry.partial,
        metadata=entry.metadata,
        hold=hold.view() if hold else None,
    )


def _moved(operation: LedgerOperation, move: Move) -> int:
    moved: dict[LedgerOperation, int] = {
        "authorise": move.approved,
        "raise": move.approved,
        "lower": move.released,
        "reverse": move.released,
        "capture": move.captured,
        "capture_failure": -move.captured,
        "refund": move.refunded,
        "refund_failure": -move.refunded,
        "lapse": move.lapsed,
    }
    return moved[operation]
