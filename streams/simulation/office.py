"""Whoever signs receipts: a fiscal service with a ledger of its own, and the executor before it.

It behaves as `connectors/fiscal` promises: a receipt is sent until the service has said what became
of it, what may have been sent is looked up first, and what was not there in time is signed late. No
line of it comes from the core, nor from the simulator that users run.
"""

from typing import NamedTuple

from schemas import codec, ids, topics
from schemas.fiscal import ReceiptAnswered, RequestReceipt, Signature, SignReceipt
from streams.simulation.chance import Chance
from streams.simulation.policies import MINUTE_MS
from streams.simulation.sky import TENANT, Sky


class Signed(NamedTuple):
    """One line of the service's ledger; refused ones have no name."""

    ordinal: int
    moment_at: int
    name: str
    asked: RequestReceipt


class Office:
    """One chain. `faults`, `refusals`: per mille of what is sent. `wrong`: what the law forbids."""

    def __init__(self, sky: Sky, chance: Chance) -> None:
        self._sky = sky
        self._chance = chance
        self.faults = 0
        self.refusals = 0
        self.outage = (0, 0)
        self.ledger: list[Signed] = []
        self.wrong: list[str] = []
        self._known: dict[str, tuple[bytes, Signed]] = {}  # by their key, for ever
        self._answered: set[str] = set()

    def take(self, command: SignReceipt) -> None:
        """A command was read from its topic; perhaps once more after a crash of the reader."""
        self._sky.after(self._sky.lag_ms(), lambda: self._send(command, again=False))
        if self.faults and self._chance.happens(self.faults // 4):
            again_ms = self._chance.skewed(MINUTE_MS, 20 * MINUTE_MS)
            self._sky.after(again_ms, lambda: self._send(command, again=True))

    def _send(self, command: SignReceipt, *, again: bool) -> None:
        known = self._known.get(command.operation_key) if again else None
        if known is not None:
            self._answer(command, known[1], late=True)
            return
        fault = "before" if self.outage[0] <= self._sky.now_at < self.outage[1] else ""
        if not fault and self.faults and self._chance.happens(self.faults):
            fault = self._chance.one_of(("before", "after"))
        if fault != "before":
            signed = self._sign(command)
            if not fault:
                self._answer(command, signed, late=again)
                return
        self._sky.after(
            self._chance.skewed(1_000, 30 * MINUTE_MS), lambda: self._send(command, again=True)
        )

    # --- the service ---

    def _sign(self, command: SignReceipt) -> Signed:
        known = self._known.get(command.operation_key)
        if known is not None:
            if known[0] != command.request:
                self.wrong.append(f"{command.command_id}: signed before with another body")
            return known[1]
        asked = codec.decode(command.request)
        assert isinstance(asked, RequestReceipt)
        last = self.ledger[-1] if self.ledger else None
        if last is not None and command.moment_at <= last.moment_at:
            self.wrong.append(f"{command.command_id}: its moment is not after the last one's")
        if command.ordinal != (last.ordinal if last is not None else 0) + 1:
            self.wrong.append(f"{command.command_id}: number {command.ordinal} leaves a gap")
        refused = self.refusals and self._chance.happens(self.refusals)
        name = "" if refused else f"ft{len(self.ledger) + 1:X}#"
        signed = Signed(command.ordinal, command.moment_at, name, asked)
        self.ledger.append(signed)
        self._known[command.operation_key] = (command.request, signed)
        return signed

    def _answer(self, command: SignReceipt, signed: Signed, *, late: bool) -> None:
        fact = ReceiptAnswered(
            tenant=TENANT,
            chain=command.chain,
            session_id=command.session_id,
            command_id=command.command_id,
            ordinal=signed.ordinal,
            outcome="signed" if signed.name else "refused",
            receipt=signed.name,
            signatures=[Signature(form="qr", caption="", data=signed.name)] if signed.name else [],
            late=late,
            reason="" if signed.name else "refused-400",
            answered_at=self._sky.now_at,
        )
        self._sky.deliver(topics.FISCAL_ANSWERS, ids.chain_key(TENANT, command.chain), fact)
