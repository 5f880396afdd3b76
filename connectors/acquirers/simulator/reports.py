"""What the ledger says as a whole: pages and sums, computed from its lines by plain SQL."""

import msgspec

from connectors.acquirers.simulator.ledger import Hold
from connectors.acquirers.simulator.messages import (
    Answer,
    LedgerPage,
    OperationsPage,
    Summary,
    Sums,
)
from connectors.acquirers.simulator.store import Store

_hold_decoder = msgspec.json.Decoder(Hold)
_answer_decoder = msgspec.json.Decoder(Answer)

_SUMS = """
SELECT currency, count(DISTINCT account || '/' || payment_reference), sum(approved), sum(captured),
       sum(released), sum(lapsed), sum(open), sum(refunded)
FROM operations WHERE outcome = 'done' AND (:account = '' OR account = :account) GROUP BY currency
"""
_COUNTS = """
SELECT operation, outcome, count(*) FROM operations
WHERE :account = '' OR account = :account GROUP BY operation, outcome
"""
_CODES = """
SELECT code, count(*) FROM operations
WHERE code <> '' AND (:account = '' OR account = :account) GROUP BY code
"""
# a capture that failed later no longer stands, and a second one is then no duplicate
_DUPLICATES = """
SELECT coalesce(sum(standing - 1), 0) FROM (
    SELECT sum(CASE operation WHEN 'capture' THEN 1 ELSE -1 END) AS standing FROM operations
    WHERE outcome = 'done' AND operation IN ('capture', 'capture_failure')
      AND (:account = '' OR account = :account) {only}
    GROUP BY {group}
) WHERE standing > 1
"""
_ABOVE_HOLD = """
SELECT count(*) FROM (
    SELECT sum(captured) AS captured, sum(approved) AS approved FROM operations
    WHERE :account = '' OR account = :account GROUP BY account, payment_reference
) WHERE captured > approved
"""
_UNBALANCED = """
SELECT count(*) FROM holds AS h LEFT JOIN (
    SELECT account, payment_reference, sum(approved) AS approved, sum(captured) AS captured,
           sum(released) AS released, sum(lapsed) AS lapsed, sum(open) AS open,
           sum(refunded) AS refunded
    FROM operations GROUP BY account, payment_reference
) AS l USING (account, payment_reference)
WHERE (:account = '' OR h.account = :account) AND (
    h.approved IS NOT l.approved OR h.captured IS NOT l.captured OR h.released IS NOT l.released
    OR h.lapsed IS NOT l.lapsed OR h.open IS NOT l.open OR h.refunded IS NOT l.refunded
    OR h.approved <> h.captured + h.released + h.lapsed + h.open)
"""


def summarise(store: Store, account: str = "") -> Summary:
    """Over one account, or all (empty)."""
    about = {"account": account}
    operations: dict[str, dict[str, int]] = {}
    for operation, outcome, count in store.db.execute(_COUNTS, about):
        operations.setdefault(operation, {})[outcome] = count
    return Summary(
        sums={row[0]: Sums(**_named(row[1:])) for row in store.db.execute(_SUMS, about)},
        operations=operations,
        codes=dict(store.db.execute(_CODES, about).fetchall()),
        duplicate_captures=_one(
            store, _DUPLICATES.format(only="", group="account, payment_reference"), about
        ),
        duplicate_captures_by_session=_one(
            store, _DUPLICATES.format(only="AND session_id <> ''", group="session_id"), about
        ),
        captures_above_hold=_one(store, _ABOVE_HOLD, about),
        unbalanced_holds=_one(store, _UNBALANCED, about),
    )


def page_of_holds(store: Store, account: str, after: int, limit: int) -> LedgerPage:
    rows = store.db.execute(
        "SELECT id, hold FROM holds WHERE id > ? AND (? = '' OR account = ?) ORDER BY id LIMIT ?",
        (after, account, account, limit),
    ).fetchall()
    holds = [_hold_decoder.decode(row[1]).view() for row in rows]
    return LedgerPage(holds=holds, next_after=rows[-1][0] if len(rows) == limit else 0)


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """Which ledger lines; an empty string asks for any."""

    account: str = ""
    merchant_reference: str = ""
    payment_reference: str = ""
    session_id: str = ""


def page_of_operations(store: Store, wanted: Filter, after: int, limit: int) -> OperationsPage:
    columns = {name: value for name, value in msgspec.structs.asdict(wanted).items() if value}
    conditions = "".join(f" AND {name} = :{name}" for name in columns)
    rows = store.db.execute(
        # S608: the names are the struct's own fields, the values are bound.
        f"SELECT id, answer FROM operations WHERE id > :after{conditions} ORDER BY id LIMIT :limit",  # noqa: S608
        {**columns, "after": after, "limit": limit},
    ).fetchall()
    answers = [_answer_decoder.decode(row[1]) for row in rows]
    return OperationsPage(operations=answers, next_after=rows[-1][0] if len(rows) == limit else 0)


def _named(values: tuple[int, ...]) -> dict[str, int]:
    return dict(zip(Sums.__struct_fields__, values, strict=True))


def _one(store: Store, statement: str, about: dict[str, str]) -> int:
    return int(store.db.execute(statement, about).fetchone()[0])
