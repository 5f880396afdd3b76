"""Schemas are made from classes, of the few types that every reader of Avro agrees on."""

from typing import Annotated

import msgspec
import pytest

from schemas import codec
from schemas.avsc import NotExpressible, schema_of
from schemas.catalogue import RECORDS
from schemas.facts import Fact


class Inner(Fact, frozen=True, kw_only=True):
    """A line."""

    amount_minor: int


class Outer(Fact, frozen=True, kw_only=True):
    """Several
    lines."""

    name: Annotated[str, msgspec.Meta(description="a name")]
    lines: list[Inner]
    more: list[Inner] = []  # noqa: RUF012 msgspec copies the default
    flags: int = 3


def test_a_class_becomes_a_schema():
    inner = {
        "type": "record",
        "name": "Inner",
        "namespace": "holdfast",
        "doc": "A line.",
        "fields": [{"name": "amount_minor", "type": "long", "doc": ""}],
    }
    assert schema_of(Outer) == {
        "type": "record",
        "name": "Outer",
        "namespace": "holdfast",
        "doc": "Several lines.",
        "fields": [
            {"name": "name", "type": "string", "doc": "a name"},
            {"name": "lines", "type": {"type": "array", "items": inner}, "doc": ""},
            {
                "name": "more",
                "type": {"type": "array", "items": "holdfast.Inner"},
                "doc": "",
                "default": [],
            },
            {"name": "flags", "type": "long", "doc": "", "default": 3},
        ],
    }


@pytest.mark.parametrize("wrong", [int | None, float, dict[str, int], bytearray])
def test_a_type_outside_the_contract_is_refused_by_the_field(wrong):
    record = msgspec.defstruct("Wrong", [("total", wrong)], bases=(Fact,), frozen=True)
    with pytest.raises(NotExpressible, match=r"Wrong\.total"):
        schema_of(record)


@pytest.mark.parametrize("name", RECORDS)
def test_the_newest_schema_is_the_class(name):
    newest = codec.versions()[name][-1]
    assert newest.raw == schema_of(RECORDS[name]), (
        f"{name} and avro/{name}.v{newest.number}.avsc differ: run `python -m schemas.freeze`, "
        "which rewrites an unreleased version and makes the next one of a released one"
    )
