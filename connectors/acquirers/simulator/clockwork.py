"""Time at the acquirer: per account the wall clock, or the latest virtual instant it has seen.

An account turns virtual with the first virtual instant and stays so, over restarts too; a request
without one is then dated by the account's clock. As time passes, holds lapse and successes that
were false come to light, each dated by the instant at which it fell due.
"""

from collections.abc import Callable

from connectors.acquirers.simulator import rules
from connectors.acquirers.simulator.books import Books, Entry
from connectors.acquirers.simulator.config import Account, Config
from connectors.acquirers.simulator.ledger import Hold
from connectors.acquirers.simulator.messages import Answer


class Clockwork:
    """Owner of the accounts' clocks. `wall` gives epoch milliseconds."""

    def __init__(self, config: Config, books: Books, wall: Callable[[], int]) -> None:
        self._config = config
        self._books = books
        self._wall = wall
        self._clocks = books.store.clocks()

    def now(self, name: str) -> int:
        return self._clocks.get(name) or self._wall()

    def advance(self, name: str, virtual_at: int | None) -> int:
        """Bring the account to `virtual_at` (or now) and let fall due what does; holds lapsed."""
        store = self._books.store
        if virtual_at is not None and virtual_at > self._clocks.get(name, -1):
            store.put_clock(name, virtual_at)
            self._clocks[name] = virtual_at
        now = self.now(name)
        account = self._config.accounts[name]
        for operation_id, due_at in store.take_failures(name, now):
            self._fail(name, account, store.answer(operation_id), due_at)
        lapsing = store.holds_to_lapse(name, now)
        for hold in lapsing:
            self._lapse(name, account, hold)
        return len(lapsing)

    def restore(self) -> None:
        """Forget clocks moved by a transaction that was rolled back."""
        self._clocks = self._books.store.clocks()

    def _lapse(self, name: str, account: Account, hold: Hold) -> None:
        at = max(hold.expires_at, hold.changed_at)
        entry = Entry(
            operation="lapse",
            outcome="done",
            merchant_reference=hold.merchant_reference,
            currency=hold.currency,
            occurred_at=at,
            requested=hold.open,
            before=hold,
            after=rules.lapse(hold, at),
            metadata=self._books.store.answers(name, hold.merchant_reference)[0].metadata,
        )
        self._books.write(name, account, entry)

    def _fail(self, name: str, account: Account, answer: Answer, at: int) -> None:
        hold = self._books.store.hold(name, answer.payment_reference)
        assert hold is not None, f"an operation on no hold: {answer}"
        is_capture = answer.operation == "capture"
        at = max(at, hold.changed_at)
        after = (
            rules.fail_capture(hold, answer.moved_minor, at)
            if is_capture
            else rules.fail_refund(hold, answer.moved_minor, at)
        )
        if after is None:
            return
        entry = Entry(
            operation="capture_failure" if is_capture else "refund_failure",
            outcome="done",
            merchant_reference=answer.merchant_reference,
            currency=hold.currency,
            occurred_at=at,
            requested=answer.moved_minor,
            before=hold,
            after=after,
            metadata=answer.metadata,
        )
        self._books.write(name, account, entry)
