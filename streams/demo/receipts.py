"""The demo's receipts: our public view against the fiscal service's own journal. Pure.

As `report.py`, nothing here is taken from the core: which sessions need a receipt is told by where
their charger stands, and for how much by what the acquirer's books say was captured.
"""

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from connectors.fiscal.simulator.books import Signed, verify
from schemas import ids
from schemas.ledger import SessionLedger
from schemas.money import exponent_of

_SCALE = 4  # of the service's amounts: ten-thousandths


class Receipts(msgspec.Struct, kw_only=True):
    """Of the sessions in `country`. `wanted`: those of which something was captured.

    `signed` and `voided`: documents in the service's journal, `late` those of them that were signed
    late; `outstanding`: sessions that still wait for theirs. `chain_intact`: each signature is over
    the one before it.
    """

    country: str = ""
    wanted: int = 0
    signed: int = 0
    voided: int = 0
    late: int = 0
    outstanding: int = 0
    chain_intact: bool = True
    problems: list[str] = []

    @property
    def green(self) -> bool:
        return self.chain_intact and not self.outstanding and not self.problems


def compared(
    country: str,
    captured: Mapping[str, int],
    ledgers: Mapping[str, SessionLedger],
    journal: Sequence[Signed],
) -> Receipts:
    """`captured`: by session of that country what its acquirer says, in minor units."""
    by_reference: dict[str, list[Signed]] = {}
    for one in journal:
        by_reference.setdefault(one.reference, []).append(one)
    problems: list[str] = []
    voided = 0
    for session_id, minor in captured.items():
        ledger = ledgers.get(session_id)
        if ledger is None:
            continue  # a problem of its own, named by the report
        sales = by_reference.pop(_reference(ledger, "sale"), [])
        voids = by_reference.pop(_reference(ledger, "void"), [])
        voided += len(voids)
        problems += _problems(ledger, minor, sales, voids)
    problems += [f"{one}: signed, and no session of ours asked for it" for one in by_reference]
    return Receipts(
        country=country,
        wanted=sum(minor > 0 for minor in captured.values()),
        signed=len(journal) - voided,
        voided=voided,
        late=sum(one.late for one in journal),
        outstanding=sum(
            ledgers[one].receipt_status in {"due", "requested"}
            for one in captured
            if one in ledgers
        ),
        chain_intact=all(verify([*chain]) for chain in _chains(journal)),
        problems=problems,
    )


def _reference(ledger: SessionLedger, cause: str) -> str:
    return ids.idempotency_key(ledger.tenant, ids.receipt_id(ledger.session_id, cause))


def _problems(
    ledger: SessionLedger, captured_minor: int, sales: list[Signed], voids: list[Signed]
) -> Iterator[str]:
    session_id = ledger.session_id
    if captured_minor and len(sales) != 1:
        yield f"{session_id}: captured, with {len(sales)} receipts"
    if captured_minor and voids:
        yield f"{session_id}: captured, and its receipt was voided"
    if not captured_minor and len(sales) != len(voids):
        yield f"{session_id}: nothing captured, {len(sales)} receipts and {len(voids)} voided"
    paid = sum(one.paid for one in (*sales, *voids))
    scaled = captured_minor * 10 ** (_SCALE - exponent_of(ledger.currency))
    if paid != scaled:
        yield f"{session_id}: receipts of {paid}, captured {scaled} (ten-thousandths)"
    if sales and ledger.receipt_status != "signed":
        yield f"{session_id}: signed there, {ledger.receipt_status or 'nothing'} here"


def _chains(journal: Sequence[Signed]) -> Iterator[list[Signed]]:
    queues = {one.queue for one in journal}
    for queue in sorted(queues):
        yield [one for one in journal if one.queue == queue]
