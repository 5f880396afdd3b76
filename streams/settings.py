"""The environment, read once into one frozen value; every mistake is named at once.

Variables begin with HOLDFAST_, nested ones by two underscores: HOLDFAST_KAFKA__BOOTSTRAP. Secrets
are `SecretStr` and never print. What they name is checked in `cli/named.py`.
"""

import os
import re
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import msgspec
from platformdirs import user_state_path
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
)
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)
from standardwebhooks import Webhook

from streams.crash_points import VARIABLE

PREFIX = "HOLDFAST_"
# Read elsewhere: where connectors/kafka keeps verified jars, and what tests ask crash_points.py.
_OUTSIDE = frozenset({"HOLDFAST_CACHE_DIR", VARIABLE})
DEFAULT_POLICY = Path(__file__).parent.parent / "deploy" / "policies" / "default.toml"


_ADDRESS = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^\s,:/\[\]]+):[0-9]{1,5}")


class SettingsWrong(ValueError):
    """At least one setting is wrong; `problems` has a line for each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def _addresses(value: str) -> str:
    if value and not all(_ADDRESS.fullmatch(one) for one in value.split(",")):
        raise ValueError("host:port is wanted, or several with commas between")
    return value


def _not_empty(value: Any) -> Any:
    if value == "":
        raise ValueError("is set, but empty: name a path, or do not set it")
    return value


def _dsn(value: SecretStr) -> SecretStr:
    try:
        parts = urlsplit(value.get_secret_value())
        _ = parts.port  # raises where it is no number
        usable = not value.get_secret_value() or bool(parts.scheme and parts.hostname)
    except ValueError:
        usable = False
    if not usable:
        raise ValueError("SCHEME://USER:PASSWORD@HOST:PORT/DATABASE is wanted")
    return value


def _webhook_secret(value: SecretStr) -> SecretStr:
    try:
        if value.get_secret_value():
            Webhook(value.get_secret_value())
    except Exception:  # noqa: BLE001 - whatever its library makes of it, the value must not show
        raise ValueError("a Standard Webhooks secret is wanted: whsec_ and base64") from None
    return value


def _keys(value: SecretStr) -> SecretStr:
    try:
        msgspec.json.decode(value.get_secret_value() or "{}", type=dict[str, str])
    except (msgspec.DecodeError, UnicodeError):
        raise ValueError('a JSON object is wanted: {"NAME": "KEY"}') from None
    return value


def _secrets(value: SecretStr) -> SecretStr:
    try:
        text = value.get_secret_value() or "{}"
        found = msgspec.json.decode(text, type=dict[str, list[str]])
    except (msgspec.DecodeError, UnicodeError):
        found = {"": []}
    if not all(1 <= len(one) <= 2 and all(one) for one in found.values()):  # noqa: PLR2004 - a rotation
        raise ValueError('a JSON object is wanted: {"ACQUIRER": ["SECRET", "OLD SECRET"]}')
    return value


_Path = Annotated[Path, BeforeValidator(_not_empty)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Kafka(_Part):
    """`bootstrap` empty: a broker of our own is started under the state directory."""

    bootstrap: Annotated[str, AfterValidator(_addresses)] = ""
    partitions: Annotated[int, Field(ge=1, le=1024)] = 4
    replication: Annotated[int, Field(ge=1, le=5)] = 1


class Clock(_Part):
    """`wall`: link's owners tick every `period_ms`. `replay`: whoever replays writes the ticks."""

    source: Literal["wall", "replay"] = "wall"
    period_ms: Annotated[int, Field(ge=100, le=60_000)] = 1000


class Silence(_Part):
    """How long a charger with a running charging may be silent (`streams.core.silence.Rhythm`).

    Three of its own waits within floor and ceiling, the ceiling where none is known. `settle_s`:
    how long one that is back has to send what it kept.
    """

    floor_s: Annotated[int, Field(ge=30, le=86_400)] = 5 * 60
    ceiling_s: Annotated[int, Field(ge=30, le=86_400)] = 45 * 60
    settle_s: Annotated[int, Field(ge=0, le=7 * 86_400)] = 30 * 60


class ClickHouse(_Part):
    """`dsn` empty: chDB in a directory under the state directory."""

    dsn: Annotated[SecretStr, AfterValidator(_dsn)] = SecretStr("")
    query_port: Annotated[int, Field(ge=0, le=65535)] = 0


class Executor(_Part):
    """`accounts_file`: JSON with the accounts as `connectors.acquirers.settings` has them.

    `api_keys`: a JSON object, the keys by acquirer id; they stand in no file. `instance_id`: its
    static membership; empty: the app id's first. `webhook_port` 0: none is opened.
    `virtual_time`: for a replay faster than the clock. `webhook_secrets`: JSON, by acquirer
    id one secret or two (rotation); an account that is not in it has `webhook_secret`.
    """

    accounts_file: _Path | None = None
    api_keys: Annotated[SecretStr, AfterValidator(_keys)] = SecretStr("")
    instance_id: Annotated[str, Field(pattern="^([A-Za-z0-9._-]{1,100})?$")] = ""
    webhook_secret: Annotated[SecretStr, AfterValidator(_webhook_secret)] = SecretStr("")
    webhook_secrets: Annotated[SecretStr, AfterValidator(_secrets)] = SecretStr("")
    webhook_port: Annotated[int, Field(ge=0, le=65535)] = 0
    virtual_time: bool = False


_URL = r"^(https?://[^\s/]+(/[^\s]*)?)?$"


class Registry(_Part):
    """`url` empty: our topics carry Avro single-object encoding, else Confluent's wire format.

    Any registry with Confluent's REST API; the same one for every process of an installation.
    """

    url: Annotated[str, Field(pattern=_URL)] = ""
    user: str = ""
    password: SecretStr = SecretStr("")


class Feed(_Part):
    """Of `run feed`. `registry_*`: for operators' own topics, where their mapping names a registry.

    `metrics_port` 0: none is opened; else Prometheus finds the counts there, on loopback.
    """

    registry_user: str = ""
    registry_password: SecretStr = SecretStr("")
    metrics_port: Annotated[int, Field(ge=0, le=65535)] = 0


class Settlement(_Part):
    """The consumer of the operator's own commands. `url` of its endpoint, `secret` to sign with.

    `book`: a `postgresql://` address or the path of a SQLite file; empty: one under the state
    directory. `instance_id`: its static membership; empty: the app id's first.
    """

    url: Annotated[str, Field(pattern="^(https?://[^?#]+[^/?#])?$")] = ""
    secret: Annotated[SecretStr, AfterValidator(_webhook_secret)] = SecretStr("")
    book: SecretStr = SecretStr("")
    instance_id: Annotated[str, Field(pattern="^([A-Za-z0-9._-]{1,100})?$")] = ""


class Fiscal(_Part):
    """`accounts_file`: JSON with the fiscal chains as `connectors.fiscal.settings` has them.

    `tokens`: a JSON object, the access tokens by chain; they stand in no file. `instance_id`: its
    static membership; empty: the app id's first.
    """

    accounts_file: _Path | None = None
    tokens: Annotated[SecretStr, AfterValidator(_keys)] = SecretStr("")
    instance_id: Annotated[str, Field(pattern="^([A-Za-z0-9._-]{1,100})?$")] = ""


class Audit(_Part):
    """The auditor beside the pipeline in `up`. `metrics_port` 0: none is opened."""

    period_s: Annotated[int, Field(ge=0, le=86_400)] = 30
    metrics_port: Annotated[int, Field(ge=0, le=65535)] = 0


class Settings(BaseSettings):
    """Everything that can be set. A variable with our prefix that is not here is an error."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True
    )

    state_dir: _Path = Field(default_factory=lambda: user_state_path("holdfast"))
    app_id: Annotated[str, Field(pattern="^[a-z][a-z0-9-]{0,30}$")] = "holdfast"
    tenant: Annotated[str, Field(pattern="^[a-z0-9-]{1,40}$")] = "demo"
    policy_file: _Path = DEFAULT_POLICY
    horizon_days: Annotated[int, Field(ge=1, le=4000)] = 400
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    kafka: Kafka = Kafka()
    clock: Clock = Clock()
    silence: Silence = Silence()
    clickhouse: ClickHouse = ClickHouse()
    executor: Executor = Executor()
    registry: Registry = Registry()
    feed: Feed = Feed()
    settlement: Settlement = Settlement()
    fiscal: Fiscal = Fiscal()
    audit: Audit = Audit()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - pydantic names the parameters
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - as above
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - as above
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment only, and no group as JSON: its mistakes could not be named."""
        assert isinstance(env_settings, EnvSettingsSource)
        groups = {PREFIX.lower() + name for name in cls.model_fields}
        groups -= {one.lower() for one in names(cls)}
        env_settings.env_vars = {
            name: value for name, value in env_settings.env_vars.items() if name not in groups
        }
        return init_settings, env_settings


def names(model: type[BaseModel] = Settings, prefix: str = PREFIX) -> Iterator[str]:
    """Every variable that can be set, HOLDFAST_CACHE_DIR excepted."""
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from names(inner, f"{prefix}{name.upper()}__")
        else:
            yield f"{prefix}{name.upper()}"


def _unknown(known: list[str]) -> Iterator[str]:
    for name in os.environ:
        if name.startswith(PREFIX) and name.upper() not in {*known, *_OUTSIDE}:
            near = get_close_matches(name.upper(), known, 1, 0.8)
            yield f"{name}: there is no such setting" + (f"; {near[0]} is meant?" if near else "")


def read_settings() -> Settings:
    """The settings of this process. Raises SettingsWrong with a line for every mistake."""
    found = [*_unknown(list(names()))]
    settings = None
    try:
        settings = Settings()
    except ValidationError as error:
        found += [*_said(error)]
    if found or settings is None:
        raise SettingsWrong(sorted(set(found)))
    return settings


def _said(error: ValidationError) -> Iterator[str]:
    for one in error.errors(include_url=False, include_input=False):
        path = [str(part) for part in one["loc"]]
        if one["type"] == "extra_forbidden":
            continue  # named as unknown
        yield f"{PREFIX}{'__'.join(path).upper()}: {one['msg'].removeprefix('Value error, ')}"
