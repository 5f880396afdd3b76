"""Webhooks to be delivered, in the ledger's database: written with the operation, sent after it."""

from collections.abc import Sequence

import msgspec

from connectors.acquirers.simulator.config import Webhooks
from connectors.acquirers.simulator.fate import Fate
from connectors.acquirers.simulator.messages import Answer, Event, EventType
from connectors.acquirers.simulator.store import Store

_TYPES: dict[tuple[str, str], EventType] = {
    ("authorise", "done"): "hold.approved",
    ("authorise", "declined"): "hold.declined",
    ("raise", "done"): "hold.raised",
    ("raise", "declined"): "hold.raise_declined",
    ("lower", "done"): "hold.lowered",
    ("reverse", "done"): "hold.released",
    ("lapse", "done"): "hold.lapsed",
    ("capture", "done"): "capture.succeeded",
    ("capture_failure", "done"): "capture.failed",
    ("refund", "done"): "refund.succeeded",
    ("refund_failure", "done"): "refund.failed",
}


class Pending(msgspec.Struct, frozen=True, kw_only=True):
    """One delivery that is due: `lane` keeps the webhooks of one hold in order."""

    row: int
    account: str
    event_id: str
    lane: str
    body: bytes


def put(store: Store, account: str, settings: Webhooks | None, answer: Answer, fate: Fate) -> None:
    """Queue the webhook of an answer, as fate has it. Refusals are not told twice: no webhook."""
    event_type = _TYPES.get((answer.operation, answer.outcome))
    if settings is None or event_type is None:
        return
    event = Event(
        id=f"evt_{answer.operation_id}",
        type=event_type,
        account=account,
        occurred_at=answer.occurred_at,
        data=answer,
    )
    wait_ms, waits_for_next = 0, "reorder_webhook" in fate.after
    if "delay_webhook" in fate.after:
        wait_ms = settings.delay_ms
    elif waits_for_next:
        wait_ms = settings.reorder_ms
    state = "dropped" if "drop_webhook" in fate.after else "pending"
    for _ in range(2 if "duplicate_webhook" in fate.after else 1):
        store.db.execute(
            "INSERT INTO webhooks (account, event_id, payment_reference, body, due_at,"
            " waits_for_next, state) VALUES (?,?,?,?,?,?,?)",
            (account, event.id, answer.payment_reference, msgspec.json.encode(event),
             answer.occurred_at + wait_ms, int(waits_for_next), state),
        )  # fmt: skip


def due(store: Store, account: str, at: int, skip: Sequence[int] = ()) -> list[Pending]:
    """Up to 200 deliveries that are due by the account's time, in the order of their operations."""
    rows = store.db.execute(
        "SELECT id, account, event_id, payment_reference, body FROM webhooks"
        " WHERE account = ? AND state = 'pending' AND due_at <= ? ORDER BY id LIMIT ?",
        (account, at, 200 + len(skip)),
    )
    pending = (
        Pending(row=row[0], account=row[1], event_id=row[2], lane=row[3], body=row[4])
        for row in rows
    )
    return [one for one in pending if one.row not in skip]


def delivered(store: Store, pending: Pending) -> None:
    """Done; and what was to be overtaken has been, so it may go now."""
    with store.transaction():
        store.db.execute("UPDATE webhooks SET state = 'delivered' WHERE id = ?", (pending.row,))
        store.db.execute(
            "UPDATE webhooks SET due_at = 0, waits_for_next = 0"
            " WHERE account = ? AND state = 'pending' AND waits_for_next = 1 AND id < ?",
            (pending.account, pending.row),
        )


def undelivered(store: Store, pending: Pending, rounds: int) -> None:
    """Count a round of attempts in vain; after `rounds` of them nobody will hear of it."""
    with store.transaction():
        store.db.execute(
            "UPDATE webhooks SET rounds = rounds + 1,"
            " state = CASE WHEN rounds + 1 >= ? THEN 'abandoned' ELSE state END WHERE id = ?",
            (rounds, pending.row),
        )
