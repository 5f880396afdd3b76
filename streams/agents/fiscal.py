"""Fiscal: receipts asked for in, one at a time out to be signed, in the order of their chain.

A shell of `streams.core.fiscal_chain`: one chain a key, and each receipt that it ever had.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from schemas import codec, ids, topics
from schemas.fiscal import ReceiptAnswered, RequestReceipt
from streams.agents.link import decoded
from streams.core import fiscal_chain
from streams.core.fiscal_chain import AnotherBody, Chain, Change, NotTheNext, Receipt
from streams.engine.stage import (
    BadRecord,
    Logic,
    Output,
    Record,
    References,
    Stage,
    StateKind,
    View,
)

CHAIN = b"c"
RECEIPT = b"r"
NEW = Chain()


class FiscalLogic(Logic):
    """One partition of fiscal."""

    def step(self, record: Record, view: View) -> Iterable[Output]:
        fact = decoded(record)
        if not isinstance(fact, RequestReceipt | ReceiptAnswered):
            raise BadRecord("wrong-topic", f"{type(fact).__name__} does not belong here")
        name = ids.chain_key(fact.tenant, fact.chain).encode()
        if name != record.key:
            raise BadRecord("wrong-key", f"chain: {fact.chain!r} is not the key")
        chain: Chain = view.get(CHAIN + name) or NEW
        receipt: Receipt | None = view.get(RECEIPT + fact.command_id.encode())
        try:
            if isinstance(fact, RequestReceipt):
                change = fiscal_chain.accept(chain, receipt, fact, record.value)
            else:
                change = fiscal_chain.answered(chain, receipt, fact)
        except AnotherBody as error:
            raise BadRecord("conflict", str(error)) from error
        except NotTheNext as error:
            raise BadRecord("not-outstanding", str(error)) from error
        return [] if change is None else self._applied(name, change, view)

    def _applied(self, name: bytes, change: Change, view: View) -> list[Output]:
        said = _outputs(name, change)
        self._put(name, change, view)
        command_id = fiscal_chain.next_waiting(change.chain)
        if command_id:
            receipt: Receipt = view.get(RECEIPT + command_id.encode())
            sent = fiscal_chain.send(change.chain, receipt)
            self._put(name, sent, view)
            said += _outputs(name, sent)
        return said

    def _put(self, name: bytes, change: Change, view: View) -> None:
        view.put(CHAIN + name, change.chain)
        for command_id, receipt in change.receipts.items():
            view.put(RECEIPT + command_id.encode(), receipt)

    def committed(self, touched: Mapping[bytes, Any]) -> None:
        """Nothing is derived from the state."""

    def aborted(self) -> None:
        """Nothing was planned."""


def _outputs(name: bytes, change: Change) -> list[Output]:
    said = []
    if change.sign is not None:
        said.append(Output(topics.FISCAL_COMMANDS, name, codec.encode(change.sign)))
    if change.settled is not None:
        key = change.settled.session_id.encode()
        said.append(Output(topics.FISCAL_RESPONSES, key, codec.encode(change.settled)))
    return said


@dataclass(frozen=True, kw_only=True)
class FiscalStage(Stage):
    """Fiscal as the engine runs it."""

    def open(self, partition: int, references: References) -> FiscalLogic:  # noqa: ARG002 - none
        return FiscalLogic()

    def keys_of(self, record: Record) -> tuple[bytes, ...]:
        """The receipt that the record is about, which may have left memory."""
        try:
            fact = codec.decode(record.value)
        except codec.NotReadable:
            return ()
        if not isinstance(fact, RequestReceipt | ReceiptAnswered):
            return ()
        return (RECEIPT + fact.command_id.encode(),)


def fiscal_stage(partitions: int) -> FiscalStage:
    return FiscalStage(
        name="fiscal",
        version=1,
        inputs=(topics.FISCAL_REQUESTS, topics.FISCAL_ANSWERS),
        state_topic=topics.FISCAL_STATE,
        parked_topic=topics.PARKED,
        partitions=partitions,
        kinds=(
            StateKind(prefix=CHAIN, type=Chain),
            StateKind(prefix=RECEIPT, type=Receipt, is_cold=fiscal_chain.is_over),
        ),
        barrier_topics=frozenset(),
    )
