"""Everything that can be set about the fiscal executor. Tokens come from the environment."""

from typing import Annotated

from pydantic import Field, SecretStr

from connectors.acquirers.settings import ConsumerSettings, Seconds, Settings
from schemas.facts import Performer
from schemas.topics import FISCAL_ANSWERS, FISCAL_COMMANDS

Guid = Annotated[str, Field(pattern="^[0-9A-Za-z-]{1,64}$")]


class FiscalAccount(Settings):
    """One fiscal chain's queue at its service (fiskaltrust's cash box)."""

    base_url: Annotated[str, Field(pattern="^https?://[^?#]+[^/?#]$")]
    cashbox_id: Guid
    pos_system_id: Guid
    access_token: SecretStr | None = None


class FiscalSettings(ConsumerSettings):
    """One executor process, `accounts` by chain. Virtual time: answers carry the moment."""

    accounts: Annotated[dict[str, FiscalAccount], Field(min_length=1)]
    commands_topic: str = FISCAL_COMMANDS
    responses_topic: str = FISCAL_ANSWERS
    performer: Performer = "executor"
    group_id: str = "holdfast-fiscal-executor"
    instance_id: str = "holdfast-fiscal-executor-0"
    virtual_time: bool = False
    retry_first_s: Seconds = 1
    retry_most_s: Seconds = 60
