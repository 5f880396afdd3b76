"""Whether versions of one record can be read by each other, by Avro's own schema resolution.

BACKWARD: today's reader takes yesterday's data; enough for what we alone read. FULL: yesterday's
reader takes today's data as well; due where others read or write on their own schedule.
"""

import io
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any, Literal

import fastavro
from fastavro.read import SchemaResolutionError

from schemas import topics

Mode = Literal["BACKWARD", "FULL"]

_SHARED_WITH_OTHERS = (
    topics.COMMANDS,
    topics.CHARGER_COMMANDS,
    topics.TERMINAL_COMMANDS,
    topics.OCPI_COMMANDS,
    topics.RESPONSES,
    topics.LEDGER,
)
_SAMPLES: dict[str, tuple[Any, Any]] = {
    "long": (-1, 2**63 - 1),
    "string": ("", "Straße 7"),
    "boolean": (False, True),
    "bytes": (b"", b"\x00\xff"),
}


def mode_of(record: str) -> Mode:
    """FULL for commands, the answers to them and the ledger, BACKWARD for everything else."""
    shared = (name for topic in _SHARED_WITH_OTHERS for name in topics.BY_NAME[topic].records)
    return "FULL" if record in shared else "BACKWARD"


def problems(oldest_first: Sequence[dict[str, Any]], mode: Mode) -> list[str]:
    """What forbids these versions of one record, over every pair of them; empty: nothing does."""
    found: list[str] = []
    for (older, old), (newer, new) in combinations(enumerate(oldest_first, start=1), 2):
        found += [f"v{newer} cannot read v{older}: {why}" for why in _refusals(old, new)]
        if mode == "FULL":
            found += [f"v{older} cannot read v{newer}: {why}" for why in _refusals(new, old)]
    return found


def _refusals(writer: dict[str, Any], reader: dict[str, Any]) -> Iterator[str]:
    for which in (0, 1):
        value = _sample(writer, which)
        stream = io.BytesIO()
        fastavro.schemaless_writer(stream, fastavro.parse_schema(writer), value)
        stream.seek(0)
        try:
            seen = fastavro.schemaless_reader(
                stream, fastavro.parse_schema(writer), fastavro.parse_schema(reader)
            )
        except SchemaResolutionError as error:
            yield str(error)
            return
        if lost := _changed(value, seen):
            yield f"{lost} arrives changed"
            return


def _changed(written: Any, read: Any) -> str:
    """The first field that both have and that differs, as a dotted name; '' when none does."""
    for name in written.keys() & read.keys():
        pairs = [(written[name], read[name])]
        if isinstance(written[name], list) and isinstance(read[name], list):
            pairs = list(zip(written[name], read[name], strict=True))
        for one, other in pairs:
            if isinstance(one, dict) and isinstance(other, dict):
                if inner := _changed(one, other):
                    return f"{name}.{inner}"
            elif one != other or type(one) is not type(other):
                return str(name)
    return ""


def _sample(schema: Any, which: int) -> Any:
    kind = schema["type"] if isinstance(schema, dict) else schema
    if kind == "record":
        return {field["name"]: _sample(field["type"], which) for field in schema["fields"]}
    if kind == "array":
        return [_sample(schema["items"], which)] * which
    return _SAMPLES[kind][which]
