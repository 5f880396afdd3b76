"""One command, settled: begun in the book, done at most once, looked up when that is in doubt."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import structlog
from msgspec.structs import replace

from connectors.acquirers.acquirer import Operation, Verdict, answered, kind_of, look_up, unknown
from connectors.acquirers.intake import NotTakable, Taken, hash_of
from connectors.settlement.book import DEFINITE, Conflict, Created, Exists, Row
from connectors.settlement.handler import Handler
from connectors.settlement.sql_book import SettlementBook
from connectors.stripping import has_card
from schemas.commands import InquireCommand, PaymentCommand, ResendCommand
from schemas.facts import AcquirerAnswered

log = structlog.get_logger(__name__)
IN_PROGRESS = unknown("in_progress")
RAISED = unknown("handler_failed")


def _tellable(settled: Verdict, command: PaymentCommand | Operation) -> Verdict:
    """What can be written down of it: no card's number, and nothing out of the contract's bounds.

    Kept in the book as it came, it would be `unknown` to everybody for ever after.
    """
    words = ("reason", "raw_code", "psp_reference")
    cleaned = replace(settled, **{one: "" for one in words if has_card(getattr(settled, one))})
    assert not isinstance(command, ResendCommand), "a resend carries its operation"
    if answered(command, cleaned, command.issued_at).outcome != cleaned.outcome:
        return unknown("odd_answer")
    return cleaned


class Shell(NamedTuple):
    """Time and waiting, from outside."""

    now_at: Callable[[], int]
    sleep_ms: Callable[[int], Awaitable[None]]


class Settler:
    """Settles commands of one consumer. `lease_ms`: how long another may be at work on one."""

    def __init__(
        self, book: SettlementBook, handler: Handler, owner: str, lease_ms: int, shell: Shell
    ) -> None:
        self._book = book
        self._handler = handler
        self._owner = owner
        self._lease_ms = lease_ms
        self._shell = shell

    async def settle(self, taken: Taken) -> AcquirerAnswered:
        """The answer to the command. Raises NotTakable for a conflict, and what the book raises."""
        command, operation = taken
        if operation is None:
            assert isinstance(command, InquireCommand), "only inquiries send no operation"
            return self._answered(taken, await self._known(command))
        is_again = isinstance(command, ResendCommand)
        return self._answered(taken, await self._once(operation, is_again=is_again))

    async def _known(self, inquiry: InquireCommand) -> Verdict:
        """What the book says, or the handler where the book does not know the end of it.

        Nor the begin: a book that was lost or left behind knows nothing of what was done by it.
        """
        exists = await asyncio.to_thread(self._book.find, inquiry.tenant, inquiry.of_command_id)
        if exists is None:
            return await self._guarded(self._handler.look_up(inquiry), inquiry)
        if exists.settled is not None:
            return exists.settled
        if exists.owner != self._owner and self._left_ms(exists) > 0:
            return IN_PROGRESS
        settled = await self._guarded(self._handler.look_up(inquiry), inquiry)
        return await self._written(inquiry.tenant, inquiry.of_command_id, settled)

    async def _once(self, operation: Operation, *, is_again: bool) -> Verdict:
        begun = await asyncio.to_thread(self._book.begin, self._row(operation))
        if isinstance(begun, Conflict) and await self._gives_way(operation, begun.capture_id):
            begun = await asyncio.to_thread(self._book.begin, self._row(operation))
        match begun:
            case Conflict(why):
                raise NotTakable("conflict", f"{operation.command_id}: {why}")
            case Created() if is_again:  # it was sent before, and not by this book
                return await self._if_not_done(operation)
            case Created():
                return await self._performed(operation)
            case Exists(settled=Verdict() as settled):
                return settled
            case Exists():
                return await self._resumed(operation, begun)

    async def _gives_way(self, operation: Operation, capture_id: str) -> bool:
        """Whether the capture in the way failed after all, by the operator's own word."""
        if not capture_id:
            return False
        inquiry = replace(look_up(operation), of_command_id=capture_id)
        settled = await self._guarded(self._handler.look_up(inquiry), inquiry)
        if settled.outcome not in ("declined", "failed"):
            return False
        log.warning("capture taken back", command=capture_id, reason=settled.reason)
        await self._written(operation.tenant, capture_id, settled)
        await asyncio.to_thread(self._book.taken_back, operation.tenant, capture_id, settled)
        return True

    async def _resumed(self, operation: Operation, exists: Exists) -> Verdict:
        """Begun, by us or another, and not settled: asked after, and done only if it was not.

        A process that is still at work on it has until its lease ends; after that the command is
        ours by an update that only one can make.
        """
        left_ms = self._left_ms(exists)
        if exists.owner != self._owner and left_ms > 0:
            await self._shell.sleep_ms(left_ms)
        row = self._row(operation)
        if not await asyncio.to_thread(self._book.take_over, row, exists.begun_at):
            found = await asyncio.to_thread(self._book.find, row.tenant, row.command_id)
            assert found is not None, "rows are never deleted"
            return found.settled or IN_PROGRESS
        return await self._if_not_done(operation)

    async def _if_not_done(self, operation: Operation) -> Verdict:
        inquiry = look_up(operation)
        settled = await self._guarded(self._handler.look_up(inquiry), inquiry)
        if settled.outcome == "not_found":
            return await self._performed(operation)
        return await self._written(operation.tenant, operation.command_id, settled)

    async def _performed(self, operation: Operation) -> Verdict:
        settled = await self._guarded(self._handler.perform(operation), operation)
        if settled.outcome == "not_found":  # says nothing of an attempt
            return unknown("odd_answer")
        return await self._written(operation.tenant, operation.command_id, settled)

    async def _guarded(
        self, work: Awaitable[Verdict], command: PaymentCommand | Operation
    ) -> Verdict:
        try:
            return _tellable(await work, command)
        except Exception as error:  # noqa: BLE001 - nobody knows how far it came: that is unknown
            # Its words may quote what was sent: only the kind of error is told.
            log.warning("handler failed", command=command.command_id, error=type(error).__name__)
            return RAISED

    async def _written(self, tenant: str, command_id: str, settled: Verdict) -> Verdict:
        if settled.outcome in DEFINITE:
            await asyncio.to_thread(self._book.settle, tenant, command_id, settled)
        return settled

    def _left_ms(self, exists: Exists) -> int:
        return exists.begun_at + self._lease_ms - self._shell.now_at()

    def _row(self, operation: Operation) -> Row:
        return Row(
            tenant=operation.tenant,
            command_id=operation.command_id,
            session_id=operation.session_id,
            kind=kind_of(operation),
            body_hash=hash_of(operation),
            owner=self._owner,
            begun_at=self._shell.now_at(),
        )

    def _answered(self, taken: Taken, verdict: Verdict) -> AcquirerAnswered:
        command, operation = taken
        asked = operation or command
        assert not isinstance(asked, ResendCommand), "a resend carries its operation"
        answer = replace(answered(asked, verdict, self._shell.now_at()), source="consumer")
        if not isinstance(command, ResendCommand):
            return answer
        return replace(answer, command_id=command.command_id, resolves=command.of_command_id)
