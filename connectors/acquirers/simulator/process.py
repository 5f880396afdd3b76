"""The simulator as a child process, for tests and the demo; its ledger read as an oracle."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypeVar

import httpx
import msgspec

from connectors.acquirers.simulator.config import Config
from connectors.acquirers.simulator.messages import (
    Answer,
    Clock,
    ClockRequest,
    HoldView,
    LedgerPage,
    OperationsPage,
    Summary,
)
from connectors.child_server import ChildServer

_PAGE = "2000"
_Answer = TypeVar("_Answer")


class SimulatorProcess(ChildServer):
    """The acquirer; without an account: `{base_url}/v1/{account}/holds`."""

    def __init__(
        self, config: Config, directory: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        module = "connectors.acquirers.simulator"
        super().__init__(module, config, directory / "ledger.sqlite", environment)

    # --- the oracle -----------------------------------------------------------------------------

    def holds(self, account: str = "") -> Iterator[HoldView]:
        """Every hold with its sums, oldest first."""
        after = 0
        while True:
            page = self._get(LedgerPage, "/ledger", account=account, after=str(after))
            yield from page.holds
            after = page.next_after
            if not after:
                return

    def operations(self, **wanted: str) -> Iterator[Answer]:
        """Ledger lines by account, merchant_reference, payment_reference or session_id."""
        after = 0
        while True:
            page = self._get(OperationsPage, "/operations", after=str(after), **wanted)
            yield from page.operations
            after = page.next_after
            if not after:
                return

    def summary(self, account: str = "") -> Summary:
        return self._get(Summary, "/ledger/summary", account=account)

    def move_clock(self, at: int, account: str = "") -> Clock:
        """Virtual time, epoch milliseconds; holds lapse as it passes."""
        order = msgspec.json.encode(ClockRequest(at=at, account=account))
        response = httpx.post(f"{self.base_url}/clock", content=order, trust_env=False)
        response.raise_for_status()
        return msgspec.json.decode(response.content, type=Clock)

    def _get(self, form: type[_Answer], path: str, **query: str) -> _Answer:
        response = httpx.get(
            self.base_url + path,
            params={"limit": _PAGE, **query},
            timeout=60.0,
            trust_env=False,
        )
        response.raise_for_status()
        return msgspec.json.decode(response.content, type=form)
