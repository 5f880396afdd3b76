"""The mapping file of a feed: where, in an operator's own records, each thing sits.

TOML, checked as a whole: every mistake is named at once. `streams/agents/FEEDS.md` is its manual.
"""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import msgspec
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from connectors.ocpi import quirks
from connectors.ocpi.quirks import BadQuirks, Quirks
from connectors.ocpp.plausibility import Plausibility
from connectors.registry.avro import Schema, SchemaRefused, fingerprint_of, schema_of
from streams.agents.feed_meter_keys import KeysWrong, MeterKeys
from streams.agents.feed_pins import Pin

Source = Literal["ocpp", "ocpi", "acquirer"]
FramingKind = Literal["json", "avro-confluent", "avro-single-object"]
QUIRKS = Path(__file__).parents[2] / "deploy" / "quirks"

_STEP = re.compile(r"([^.\[\]]+)|\[(\d{1,6})\]")
_PATH = re.compile(r"([^.\[\]]+|\[\d{1,6}\])(\.[^.\[\]]+|\[\d{1,6}\])*")
_ANY_PARTNER = "*"
_OWN = {
    "plausibility": "ocpp", "utc_offset_min": "ocpp", "keys": "ocpp", "quirks": "ocpi",
    "verify": "acquirer",
}  # fmt: skip

OF_EVERY = frozenset({"payload", "tenant", "time"})
OF_SOURCE: dict[Source, frozenset[str]] = {
    "ocpp": frozenset(
        {"charger", "network", "version", "direction", "action", "message_id", "message_type"}
    ),
    "ocpi": frozenset(
        "partner version country_code party_id object object_id method answer_code".split()
    ),
    "acquirer": frozenset({"acquirer", "headers"}),
}
NEEDED: dict[Source, tuple[str, ...]] = {
    "ocpp": ("charger", "network"),
    "ocpi": ("partner",),
    "acquirer": ("acquirer",),
}


class MappingWrong(ValueError):
    """The mapping cannot be used; `problems` has a line for each mistake."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _a_path(text: str) -> str:
    if not _PATH.fullmatch(text):
        raise ValueError("names with dots between and [0] behind are wanted: a.b[0].c")
    return text


def _a_regex(text: str) -> str:
    try:
        groups = re.compile(text).groups
    except re.error as error:
        raise ValueError(f"no regular expression: {error}") from None
    if groups != 1:
        raise ValueError("one group is wanted, around what counts: ^cp-(.*)$")
    return text


def _constant(value: Any) -> Any:
    """A bare text is that text, whatever the record says."""
    return {"value": value} if isinstance(value, str) else value


class Where(_Part):
    """One place: `path` in the value, the `header` of that name, the `key`, or always `value`.

    `match`: only the group of this regular expression, which must fit the whole; `words` says what
    the operator's own words mean.
    """

    path: Annotated[str, AfterValidator(_a_path)] | None = None
    header: Annotated[str, Field(min_length=1)] | None = None
    key: Literal[True] | None = None
    value: str | None = None
    match: Annotated[str, AfterValidator(_a_regex)] | None = None
    words: dict[str, str] = {}

    @model_validator(mode="after")
    def _one(self) -> Self:
        told = [self.path, self.header, self.key, self.value]
        if sum(one is not None for one in told) != 1:
            raise ValueError("one of path, header, key = true and value is wanted")
        return self

    @property
    def steps(self) -> tuple[str | int, ...]:
        """Of `path`: names, and indices as integers."""
        found = _STEP.finditer(self.path or "")
        return tuple(one[1] if one[1] is not None else int(one[2]) for one in found)


Located = Annotated[Where, BeforeValidator(_constant)]


class Framing(_Part):
    """How a value is wrapped. `schemas`: files, for single-object encoding; `registry`: its URL."""

    kind: FramingKind = "json"
    schemas: tuple[str, ...] = ()
    registry: Annotated[str, Field(pattern=r"^(https?://[^\s]+)?$")] = ""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if bool(self.schemas) != (self.kind == "avro-single-object"):
            raise ValueError("schemas are given with avro-single-object, and only with it")
        if self.registry and self.kind != "avro-confluent":
            raise ValueError("a registry is asked for avro-confluent only")
        return self


class Mapping(_Part):
    """One feed. What it names is read by `read_mapping`: see `Feed`."""

    source: Source
    name: Annotated[str, Field(pattern="^[a-z][a-z0-9-]{0,30}$")]
    topic: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,249}$")] | None = None
    framing: Framing = Framing()
    where: dict[str, Located] = {}
    utc_offset_min: Annotated[int, Field(ge=-14 * 60, le=14 * 60)] | None = None
    max_bytes: Annotated[int, Field(ge=1_000, le=64 << 20)] = 16 << 20
    plausibility: dict[str, Any] = {}
    keys: Annotated[str, Field(min_length=1)] | None = None
    quirks: dict[str, str] = {}
    verify: bool = True
    pins: tuple[Pin, ...] = ()


def _of_source(told: dict[str, Any]) -> Iterator[str]:
    """What does not belong to its source, or is missing; asked of what may be wrong elsewhere."""
    source, where = told.get("source"), told.get("where", {})
    if source not in OF_SOURCE or not isinstance(where, dict):
        return
    known = OF_EVERY | OF_SOURCE[source]
    for name in sorted(where.keys() - known):
        yield f"where.{name}: there is no such place; known are {', '.join(sorted(known))}"
    for name in NEEDED[source]:
        if name not in where:
            yield f"where.{name}: is wanted"
    for name, owner in _OWN.items():
        if name in told and source != owner:
            yield f"{name}: belongs to {owner}"


class Feed(msgspec.Struct, frozen=True, kw_only=True):
    """A mapping with what it names: rules, meters' keys, partners' profiles ('*': all), schemas."""

    mapping: Mapping
    rules: Plausibility
    quirks: dict[str, Quirks]
    schemas: dict[bytes, Schema]
    keys: MeterKeys

    def quirks_of(self, partner: str) -> Quirks:
        return self.quirks.get(partner) or self.quirks.get(_ANY_PARTNER) or quirks.NONE


def read_mapping(file: Path) -> Feed:
    """The feed that a file describes. Raises MappingWrong."""
    try:
        text = file.read_bytes().decode()
        found = tomllib.loads(text)
    except OSError as error:
        raise MappingWrong([error.strerror or repr(error)]) from error
    except UnicodeDecodeError:
        raise MappingWrong(["not text in UTF-8"]) from None
    except tomllib.TOMLDecodeError as error:
        raise MappingWrong([f"no TOML: {error}"]) from error
    return feed_of(found, file.parent)


def feed_of(found: dict[str, Any], folder: Path) -> Feed:
    """The feed in these tables; files are looked for from `folder` on. Raises MappingWrong."""
    problems = [*_of_source(found)]
    try:
        mapping = Mapping.model_validate(found)
    except ValidationError as error:
        raise MappingWrong([*_said(error), *problems]) from error
    feed = Feed(
        mapping=mapping,
        rules=_rules(mapping.plausibility, problems),
        quirks=_profiles(mapping.quirks, folder, problems),
        schemas=_schemas(mapping.framing.schemas, folder, problems),
        keys=_keys(mapping.keys, folder, problems),
    )
    if problems:
        raise MappingWrong(problems)
    return feed


def _said(error: ValidationError) -> Iterator[str]:
    for one in error.errors(include_url=False, include_input=False):
        path = ".".join(str(part) for part in one["loc"])
        said = one["msg"].removeprefix("Value error, ")
        yield f"{path}: {said}" if path else said


def _rules(told: dict[str, Any], problems: list[str]) -> Plausibility:
    try:
        return msgspec.convert(told, Plausibility)
    except msgspec.ValidationError as error:
        problems.append(f"plausibility: {error}")
        return Plausibility()


def _keys(name: str | None, folder: Path, problems: list[str]) -> MeterKeys:
    """The public keys of meters: each must be one."""
    if name is None:
        return MeterKeys()
    try:
        return MeterKeys(folder / name)
    except KeysWrong as wrong:
        problems.extend(f"keys: {name}: {line}" for line in wrong.problems)
        return MeterKeys()


def _profiles(told: dict[str, str], folder: Path, problems: list[str]) -> dict[str, Quirks]:
    """By partner: a file beside the mapping, else a profile that comes with the program."""
    found = {}
    for partner, name in told.items():
        own = folder / name
        file = own if own.is_file() else QUIRKS / f"{name}.toml"
        try:
            found[partner] = quirks.load(file)
        except BadQuirks as wrong:
            problems.append(f"quirks.{partner}: {file}: {wrong}")
        except (OSError, UnicodeError):
            problems.append(f"quirks.{partner}: neither a file nor a profile is {name!r}")
    return found


def _schemas(files: tuple[str, ...], folder: Path, problems: list[str]) -> dict[bytes, Schema]:
    found = {}
    for name in files:
        try:
            text = (folder / name).read_text(encoding="utf-8")
            found[fingerprint_of(text)] = schema_of(text)
        except (OSError, UnicodeError) as error:
            problems.append(f"framing.schemas: {name}: {getattr(error, 'strerror', error)}")
        except SchemaRefused as refused:
            problems.append(f"framing.schemas: {name}: {refused}")
    return found
