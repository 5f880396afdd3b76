"""The simulated fiscal service as a child process, for tests and the demo; its journal read."""

from pathlib import Path

import httpx
import msgspec

from connectors.child_server import ChildServer
from connectors.fiscal.simulator.books import Signed
from connectors.fiscal.simulator.config import Config


class FiscalProcess(ChildServer):
    """The fiscal service, on a journal in `directory`."""

    def __init__(self, config: Config, directory: Path) -> None:
        super().__init__("connectors.fiscal.simulator", config, directory / "journal.sqlite")

    def journal(self) -> list[Signed]:
        """Everything that was ever signed, queue by queue in order."""
        response = httpx.get(f"{self.base_url}/journal", timeout=60.0, trust_env=False)
        response.raise_for_status()
        return msgspec.json.decode(response.content, type=list[Signed])
