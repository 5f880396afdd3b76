"""Everything that can be set about the executor, checked at the start. Secrets come from outside.

Instances are made by whoever composes the program (its settings read the environment); nothing
here reads a file or a variable. `SecretStr` keeps keys out of logs and tracebacks.
"""

import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from schemas.facts import Performer
from schemas.topics import COMMANDS, LOOKUPS, PARKED, RESPONSES

Seconds = Annotated[float, Field(gt=0, le=600)]
AcquirerId = Annotated[str, Field(min_length=1, max_length=255, pattern="^[A-Za-z0-9_.-]+$")]
LOOPBACK = "127.0.0.1"
AdapterKind = Literal["simulator", "adyen", "stripe", "checkout"]
_CONVENTIONS: dict[str, str] = {"adyen": "TOTAL", "stripe": "TOTAL", "checkout": "DELTA"}


class Settings(BaseModel):
    """Frozen, and an unknown name is an error, so that a typo cannot pass for a default."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class AccountSettings(Settings):
    """One merchant account. `convention`: whether raises and lowers carry totals or differences.

    `webhook_secrets`: the acquirer's own kind of key, two during a rotation, none: its webhooks
    are refused. `account`: Adyen's merchant account, Stripe's `acct_`, Checkout.com's `pc_`.
    `tenant`: whose it is; what its webhooks say of payments without our metadata is that tenant's.
    `unnamed` ignore: such payments are another business's, which shares the account.
    """

    adapter: AdapterKind = "simulator"
    base_url: Annotated[str, Field(pattern="^https?://[^/]+$")]
    account: Annotated[str, Field(pattern="^[A-Za-z0-9_-]{1,64}$")]
    convention: Literal["TOTAL", "DELTA"]
    allow_partial: bool = True
    api_key: SecretStr | None = None
    webhook_secrets: Annotated[tuple[SecretStr, ...], Field(max_length=2)] = ()
    tenant: Annotated[str, Field(max_length=255)] = ""
    unnamed: Literal["find", "ignore"] = "find"

    @model_validator(mode="after")
    def _own_convention(self) -> Self:
        """An acquirer's API has one, and mixing the two cannot be made good (payments.md, 2.1)."""
        own = _CONVENTIONS.get(self.adapter, self.convention)
        if self.convention != own:
            raise ValueError(f"convention: {self.adapter} has {own}")
        if self.adapter == "adyen" and not all(map(_is_hex, self.webhook_secrets)):
            raise ValueError("webhook_secrets: Adyen's HMAC keys are hexadecimal")
        return self


def _is_hex(secret: SecretStr) -> bool:
    return bool(re.fullmatch("([0-9A-Fa-f]{2})+", secret.get_secret_value()))


class HttpSettings(Settings):
    """Time-outs of one exchange, seconds. `total_s` also ends an answer that drips for ever.

    `connect_attempts`: tries to open the connection, within `total_s`; once something is written
    there is no second.
    """

    connect_timeout_s: Seconds = 2
    read_timeout_s: Seconds = 10
    total_s: Seconds = 15
    connect_attempts: Annotated[int, Field(ge=1, le=10)] = 3
    answer_bytes_max: Annotated[int, Field(ge=1024)] = 1024 * 1024


class WebhookSettings(Settings):
    """Where acquirers' webhooks come in. Port 0: any free one."""

    host: str = LOOPBACK
    port: Annotated[int, Field(ge=0, le=65535)] = 0
    body_bytes_max: Annotated[int, Field(ge=1024)] = 256 * 1024
    kafka_timeout_s: Seconds = 8  # acquirers give up on an unanswered webhook after about 10 s


class ConsumerSettings(Settings):
    """Who reads money commands and answers them. `instance_id`: a static member, one a process.

    `performer`: the commands that are ours; all others are skipped.
    """

    bootstrap: Annotated[str, Field(min_length=1)]
    commands_topic: str = COMMANDS
    responses_topic: str = RESPONSES
    parked_topic: str = PARKED
    lookups_topic: str = LOOKUPS
    performer: Performer
    group_id: str
    instance_id: str
    sessions_at_once: Annotated[int, Field(ge=1, le=1024)] = 64
    commands_waiting_max: Annotated[int, Field(ge=1)] = 512
    commit_interval_s: Seconds = 0.2
    drain_s: Seconds = 3
    session_timeout_s: Seconds = 6
    heartbeat_s: Seconds = 1
    http: HttpSettings = HttpSettings()


class ExecutorSettings(ConsumerSettings):
    """One executor process.

    `memory`: the SQLite file of command ids seen; None keeps them in memory only, and then a
    conflict is not noticed across a restart (resending stays safe: see README).
    """

    accounts: Annotated[dict[AcquirerId, AccountSettings], Field(min_length=1)]
    performer: Performer = "executor"
    virtual_time: bool = False
    group_id: str = "holdfast-executor"
    instance_id: str = "holdfast-executor-0"
    memory: Path | None = None
    memory_days: Annotated[int, Field(ge=1)] = 30
    webhooks: WebhookSettings | None = None
