"""What a settlement consumer does about a command: the part that is the operator's own."""

from typing import Protocol

from connectors.acquirers.acquirer import Operation, Verdict
from schemas.commands import InquireCommand


class Handler(Protocol):
    """The operator's payment system. Whatever either method raises is `unknown`, and logged.

    In a `Verdict`: `amount_minor` is the total now held for hold, raise and lower, else what was
    moved; `declined` is the issuer's no, `failed`: it could not be done; `expires_at` a hold's end.
    """

    async def perform(self, command: Operation) -> Verdict:
        """Do it, once: `idempotency_key` is the same whenever it is asked for again."""
        ...

    async def look_up(self, inquiry: InquireCommand) -> Verdict:
        """What became of `of_command_id`. `not_found` only where it certainly was not done.

        The key under which it was done is `merchant_reference(inquiry)`. A capture that was done
        and failed later is `failed`.
        """
        ...
