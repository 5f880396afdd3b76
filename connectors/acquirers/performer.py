"""One command, performed: asked after first when it may have been sent before, sent at most once.

What is never done here: deciding about money, or trying again because an answer did not come.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import structlog
from msgspec.structs import replace

from connectors.acquirers import metrics
from connectors.acquirers.acquirer import (
    Acquirer,
    Asked,
    CannotAsk,
    Operation,
    Verdict,
    answered,
    found,
    look_up,
    unknown,
)
from connectors.acquirers.exchange import Exchange, wall_at
from connectors.acquirers.intake import Taken
from schemas.commands import InquireCommand, PlaceHold, ResendCommand
from schemas.facts import AcquirerAnswered

log = structlog.get_logger(__name__)
_MARGIN_MS = 60 * 60 * 1000  # clocks differ, and a key is kept "about" so long


def _proven(operation: Operation, answer: AcquirerAnswered) -> AcquirerAnswered:
    """A first sending for which no connection ever stood was not done: that much is definite.

    Said of holds only, so that another acquirer can be asked while the driver waits. All else is
    asked after in time: an attempt at a capture must not be used up by a line that is down.
    """
    if not isinstance(operation, PlaceHold) or answer.reason != "not_sent":
        return answer
    return replace(answer, outcome="failed")


class Account(NamedTuple):
    """One merchant account: what to say to it, and the line to say it over."""

    acquirer: Acquirer
    exchange: Exchange
    key_guards_ms: int = 0  # the same key and bytes do no second thing for so long; 0: ask first


class Performer:
    """Performs commands of the accounts it was given, by acquirer id."""

    def __init__(
        self,
        accounts: Mapping[str, Account],
        reached: Callable[[str], None] = lambda _point: None,
    ) -> None:
        self._accounts = accounts
        self._reached = reached

    async def perform(self, taken: Taken, *, may_be_sent: bool) -> AcquirerAnswered:
        """The answer to `taken.command`. A resend may always have been sent: that is its point."""
        command, operation = taken
        if operation is None:
            assert isinstance(command, InquireCommand), "only inquiries send no operation"
            return await self._ask(command)
        if not isinstance(command, ResendCommand):
            first_at = operation.issued_at
            return await self._send_once(operation, first_at, may_be_sent=may_be_sent)
        # The resend's own instant counts in virtual time; body and key stay those of the original.
        again = replace(operation, issued_at=max(operation.issued_at, command.issued_at))
        answer = await self._send_once(again, operation.issued_at, may_be_sent=True)
        return replace(answer, command_id=command.command_id, resolves=command.of_command_id)

    async def _send_once(
        self, operation: Operation, first_at: int, *, may_be_sent: bool
    ) -> AcquirerAnswered:
        if may_be_sent and not self._is_guarded(operation.acquirer_id, first_at):
            metrics.LOOKED_UP.inc()
            answer = await self._ask(look_up(operation))
            log.info("looked up", command=operation.command_id, outcome=answer.outcome)
            if answer.outcome != "not_found":
                return found(operation, answer)
        answer = await self._ask(operation)
        return answer if may_be_sent else _proven(operation, answer)

    def _is_guarded(self, acquirer_id: str, first_at: int) -> bool:
        """Whether the acquirer's own key check is there for longer than sending can take."""
        account = self._accounts.get(acquirer_id)
        guards_ms = 0 if account is None else account.key_guards_ms
        return wall_at() - first_at < guards_ms - _MARGIN_MS

    async def _ask(self, command: Asked) -> AcquirerAnswered:
        account = self._accounts.get(command.acquirer_id)
        if account is None:
            verdict = (
                unknown("unknown_acquirer")  # says nothing of what another executor did
                if isinstance(command, InquireCommand)
                else Verdict(outcome="failed", reason="unknown_acquirer")
            )
            return answered(command, verdict, command.issued_at)
        try:
            request = account.acquirer.request(command)
        except CannotAsk as missing:
            verdict = (
                unknown(missing.reason)  # not to be asked says nothing of what was asked after
                if isinstance(command, InquireCommand)
                else Verdict(outcome="failed", reason=missing.reason)
            )
            return answered(command, verdict, command.issued_at)
        self._reached("before_call")
        result = await account.exchange.send(request, command.issued_at)
        self._reached("after_call")
        return account.acquirer.outcome(command, result)
