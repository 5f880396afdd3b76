"""The Avro schema of a record class: how `avro/*.avsc` is made, and what it is checked against."""

from typing import Any

import msgspec
import msgspec.inspect as ins

from schemas.catalogue import NAMESPACE
from schemas.facts import Fact

_PRIMITIVES: dict[type[ins.Type], str] = {
    ins.IntType: "long",
    ins.StrType: "string",
    ins.LiteralType: "string",
    ins.BoolType: "boolean",
    ins.BytesType: "bytes",
}


class NotExpressible(TypeError):
    """A field has a type that no record of the contract may have: a union, a float, a date."""


def schema_of(record: type[Fact]) -> dict[str, Any]:
    """The schema in its newest version: fields in the order of the class, each documented.

    Raises NotExpressible. A default of the class is the default of the schema.
    """
    return _record(record, set())


def _record(record: type[msgspec.Struct], seen: set[str]) -> dict[str, Any]:
    info = ins.type_info(record)
    assert isinstance(info, ins.StructType), record
    seen.add(record.__name__)
    return {
        "type": "record",
        "name": record.__name__,
        "namespace": NAMESPACE,
        "doc": " ".join((record.__doc__ or "").split()),
        "fields": [_field(record.__name__, field, seen) for field in info.fields],
    }


def _field(record: str, field: ins.Field, seen: set[str]) -> dict[str, Any]:
    made: dict[str, Any] = {
        "name": field.name,
        "type": _type(f"{record}.{field.name}", field.type, seen),
        "doc": _doc(field.type),
    }
    if not field.required:
        factory = field.default_factory
        made["default"] = field.default if factory is msgspec.NODEFAULT else factory()
    return made


def _type(where: str, of: ins.Type, seen: set[str]) -> Any:
    if isinstance(of, ins.Metadata):
        return _type(where, of.type, seen)
    if isinstance(of, ins.ListType):
        return {"type": "array", "items": _type(where, of.item_type, seen)}
    if isinstance(of, ins.StructType):
        name = of.cls.__name__
        return f"{NAMESPACE}.{name}" if name in seen else _record(of.cls, seen)
    try:
        return _PRIMITIVES[type(of)]
    except KeyError:
        raise NotExpressible(f"{where}: {type(of).__name__}") from None


def _doc(of: ins.Type) -> str:
    if isinstance(of, ins.Metadata):
        return (of.extra_json_schema or {}).get("description") or _doc(of.type)
    if isinstance(of, ins.LiteralType):
        return f"one of: {', '.join(sorted(map(str, of.values)))}"
    return ""
