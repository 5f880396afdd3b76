"""Everything that can be set about the executor, checked at the start. Secrets come from outside.

Instances are made by whoever composes the program (its settings read the environment); nothing
here reads a file or a variable. `SecretStr` keeps keys out of logs and tracebacks.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from schemas.facts import Performer
from schemas.topics import COMMANDS, PARKED, RESPONSES

Seconds = Annotated[float, Field(gt=0, le=600)]
AcquirerId = Annotated[str, Field(min_length=1, max_length=255, pattern="^[A-Za-z0-9_.-]+$")]
LOOPBACK = "127.0.0.1"


class Settings(BaseModel):
    """Frozen, and an unknown name is an error, so that a typo cannot pass for a default."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class AccountSettings(Settings):
    """One merchant account. `convention`: whether raises and lowers carry totals or differences.

    `webhook_secrets`: `whsec_...`, two during a rotation, none: its webhooks are refused.
    """

    adapter: Literal["simulator"] = "simulator"
    base_url: Annotated[str, Field(pattern="^https?://[^/]+$")]
    account: Annotated[str, Field(pattern="^[A-Za-z0-9_-]{1,64}$")]
    convention: Literal["TOTAL", "DELTA"]
    allow_partial: bool = True
    api_key: SecretStr | None = None
    webhook_secrets: Annotated[tuple[SecretStr, ...], Field(max_length=2)] = ()


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


class ExecutorSettings(Settings):
    """One executor process. `instance_id` makes it a static member: distinct for each process.

    `memory`: the SQLite file of command ids seen; None keeps them in memory only, and then a
    conflict is not noticed across a restart (resending stays safe: see README).
    """

    bootstrap: Annotated[str, Field(min_length=1)]
    commands_topic: str = COMMANDS
    responses_topic: str = RESPONSES
    parked_topic: str = PARKED
    accounts: Annotated[dict[AcquirerId, AccountSettings], Field(min_length=1)]
    performer: Performer = "executor"
    virtual_time: bool = False
    group_id: str = "holdfast-executor"
    instance_id: str = "holdfast-executor-0"
    memory: Path | None = None
    memory_days: Annotated[int, Field(ge=1)] = 30
    sessions_at_once: Annotated[int, Field(ge=1, le=1024)] = 64
    commands_waiting_max: Annotated[int, Field(ge=1)] = 512
    commit_interval_s: Seconds = 0.2
    drain_s: Seconds = 3
    session_timeout_s: Seconds = 6
    heartbeat_s: Seconds = 1
    http: HttpSettings = HttpSettings()
    webhooks: WebhookSettings | None = None
