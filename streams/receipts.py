"""Receipts of `holdfast verify`: the public view of every session against a fiscal journal.

Which countries ask for receipts is not looked up: where one session of a country was signed for,
every captured one of it must have been.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import msgspec
from aiokafka import AIOKafkaConsumer

from connectors.fiscal.simulator.books import Signed
from connectors.fiscal.simulator.books import verify as is_intact
from schemas import codec, ids
from schemas.ledger import SessionLedger
from schemas.money import exponent_of
from streams.reading import records_of

_SCALE = 4  # of the service's amounts: ten-thousandths


class Receipted(msgspec.Struct, frozen=True, kw_only=True):
    """What of one session's public view its receipt has to agree with."""

    tenant: str
    session_id: str
    country: str
    currency: str
    is_closed: bool
    captured_minor: int
    status: str


class Wrong(NamedTuple):
    """A difference: its kind, the session or queue, and what is said of it."""

    kind: str
    place: str
    detail: str = ""


def simulator_journal(database: Path) -> list[Signed]:
    """The simulated fiscal service's journal, out of its database, which is only read."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as opened:
        rows = opened.execute("SELECT body FROM signed ORDER BY queue, row").fetchall()
    return [msgspec.json.decode(body, type=Signed) for (body,) in rows]


async def receipted(consumer: AIOKafkaConsumer, topic: str, partitions: int) -> list[Receipted]:
    """The newest public view of every session, on the topic of ledgers."""
    newest: dict[str, Receipted] = {}
    async for record in records_of(consumer, topic, range(partitions)):
        if record.value is None:
            continue
        try:
            ledger = codec.decode(record.value)
        except codec.NotReadable:
            continue  # compared as a row, where it differs
        if isinstance(ledger, SessionLedger):
            newest[ledger.session_id] = _of(ledger)
    return [*newest.values()]


def _of(ledger: SessionLedger) -> Receipted:
    return Receipted(
        tenant=ledger.tenant,
        session_id=ledger.session_id,
        country=ledger.merchant_country,
        currency=ledger.currency,
        is_closed=ledger.phase == "closed",
        captured_minor=ledger.captured_minor,
        status=ledger.receipt_status,
    )


def against_journal(sessions: Sequence[Receipted], journal: Sequence[Signed]) -> list[Wrong]:
    """Every captured session of a country that asks for it signed once, each chain unbroken.

    What is under way is no difference: a session that is not closed may wait for its receipt.
    """
    by_reference: dict[str, list[Signed]] = {}
    for row in journal:
        by_reference.setdefault(row.reference, []).append(row)
    found: list[Wrong] = []
    asked = {one.country for one in sessions if one.status == "signed"}
    refunds = _named_by_refunds(journal)
    for one in sessions:
        sales = by_reference.pop(_reference(one, "sale"), [])
        by_reference.pop(_reference(one, "void"), None)
        if one.is_closed:
            found += _differences(one, sales, refunds, wanted=one.country in asked)
    left = [row for rows in by_reference.values() for row in rows if row.amount >= 0]
    found += [Wrong("receipt_of_nobody", row.queue, row.reference) for row in left]
    for queue in sorted({row.queue for row in journal}):
        if not is_intact([row for row in journal if row.queue == queue]):
            found.append(Wrong("chain_broken", queue))
    return found


def _differences(
    one: Receipted, sales: list[Signed], refunds: Mapping[tuple[str, str], int], *, wanted: bool
) -> Iterator[Wrong]:
    if len(sales) > 1 or (sales and one.status != "signed"):
        yield Wrong("receipts", one.session_id, f"{len(sales)} signed, here {one.status!r}")
    if not sales:
        if one.status == "signed" or (wanted and one.captured_minor and one.status != "refused"):
            yield Wrong("no_receipt", one.session_id, f"here {one.status!r}")
        return
    back = sum(refunds.get((row.queue, _name_of(row)), 0) for row in sales)
    paid = sum(row.paid for row in sales)
    scaled = one.captured_minor * 10 ** (_SCALE - exponent_of(one.currency))
    if paid + back > scaled or paid < scaled:
        detail = f"receipts of {paid} and {back}, captured {scaled} (ten-thousandths)"
        yield Wrong("receipt_amount", one.session_id, detail)


def _named_by_refunds(journal: Sequence[Signed]) -> dict[tuple[str, str], int]:
    """What was taken back, by queue and the name of the receipt that it corrects."""
    refunds: dict[tuple[str, str], int] = {}
    for row in journal:
        if row.previous_reference:
            key = (row.queue, row.previous_reference)
            refunds[key] = refunds.get(key, 0) + row.paid
    return refunds


def _name_of(row: Signed) -> str:
    """How the service names it to us (`ftReceiptIdentification`)."""
    return f"ft{row.row:X}#"


def _reference(one: Receipted, cause: str) -> str:
    return ids.idempotency_key(one.tenant, ids.receipt_id(one.session_id, cause))
