"""Everything that can be set about a settlement consumer. Secrets come from outside."""

from typing import Annotated

from pydantic import Field, SecretStr

from connectors.acquirers.settings import ConsumerSettings, Seconds
from schemas.facts import Performer


class SettlementSettings(ConsumerSettings):
    """One consumer process. `lease_s`: how long another process may be at work on a command.

    It must be longer than the handler ever takes; a command that a killed process had begun waits
    for it. `book`: `postgresql://...` or the path of a SQLite file.
    """

    performer: Performer = "operator"
    group_id: str = "holdfast-settlement"
    instance_id: str = "holdfast-settlement-0"
    book: SecretStr
    lease_s: Annotated[Seconds, Field(ge=0.1)] = 30
