"""The environment, read once into one frozen value; every mistake is named at once.

Variables begin with HOLDFAST_, nested ones by two underscores: HOLDFAST_KAFKA__BOOTSTRAP. Secrets
are `SecretStr` and never print.
"""

import os
from pathlib import Path
from typing import Annotated, Literal

from platformdirs import user_state_path
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "HOLDFAST_"
# Read by connectors/kafka before there are settings: where verified jars are kept.
_OUTSIDE = frozenset({"HOLDFAST_CACHE_DIR"})
DEFAULT_POLICY = Path(__file__).parent.parent / "deploy" / "policies" / "default.toml"


class SettingsWrong(ValueError):
    """At least one setting is wrong; the message has a line for each."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Kafka(_Part):
    """`bootstrap` empty: a broker of our own is started under the state directory."""

    bootstrap: str = ""
    partitions: Annotated[int, Field(ge=1, le=1024)] = 4
    replication: Annotated[int, Field(ge=1, le=5)] = 1


class Clock(_Part):
    """`wall`: link's owners tick every `period_ms`. `replay`: whoever replays writes the ticks."""

    source: Literal["wall", "replay"] = "wall"
    period_ms: Annotated[int, Field(ge=100, le=60_000)] = 1000


class ClickHouse(_Part):
    """`dsn` empty: chDB in a directory under the state directory."""

    dsn: SecretStr = SecretStr("")
    query_port: Annotated[int, Field(ge=0, le=65535)] = 0


class Executor(_Part):
    """`accounts_file`: JSON with the accounts as `connectors.acquirers.settings` has them.

    `webhook_port` 0: none is opened. `virtual_time`: for a replay faster than the clock.
    """

    accounts_file: Path | None = None
    webhook_secret: SecretStr = SecretStr("")
    webhook_port: Annotated[int, Field(ge=0, le=65535)] = 0
    virtual_time: bool = False


class Settings(BaseSettings):
    """Everything that can be set. A variable with our prefix that is not here is an error."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True
    )

    state_dir: Path = Field(default_factory=lambda: user_state_path("holdfast"))
    app_id: Annotated[str, Field(pattern="^[a-z][a-z0-9-]{0,30}$")] = "holdfast"
    tenant: Annotated[str, Field(pattern="^[a-z0-9-]{1,40}$")] = "demo"
    policy_file: Path = DEFAULT_POLICY
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    kafka: Kafka = Kafka()
    clock: Clock = Clock()
    clickhouse: ClickHouse = ClickHouse()
    executor: Executor = Executor()


def _unknown() -> list[str]:
    known = set(Settings.model_fields)
    found = []
    for name in os.environ:
        if name.startswith(PREFIX) and name not in _OUTSIDE:
            first = name.removeprefix(PREFIX).lower().split("__")[0]
            if first not in known:
                found.append(f"{name}: there is no such setting")
    return found


def read_settings() -> Settings:
    """The settings of this process. Raises SettingsWrong with a line for every mistake."""
    problems = _unknown()
    settings = None
    try:
        settings = Settings()
    except ValidationError as error:
        for one in error.errors(include_url=False, include_input=False):
            path = "__".join(str(part) for part in one["loc"]).upper()
            problems.append(f"{PREFIX}{path}: {one['msg']}")
    if problems or settings is None:
        raise SettingsWrong("\n".join(sorted(problems)))
    return settings
