"""Tables as the sink fills them: column names with ClickHouse's types, in the order of the DDL.

The types are stated, never asked of the server: with them an insert needs no DESCRIBE, and a test
holds them to the migrations.
"""

from typing import Any, NamedTuple

WORD = "LowCardinality(String)"  # from a list that stays short
TEXT = "String"
TEXTS = "Array(String)"
NUMBER = "Int64"
PARTITION = "Int32"
INSTANT = "DateTime64(3, 'UTC')"  # given as epoch milliseconds
YES_NO = "Bool"

_EMPTY: dict[str, Any] = {NUMBER: 0, PARTITION: 0, INSTANT: 0, YES_NO: False}


class Column(NamedTuple):
    """`name` may be `group.field`: one of the parallel arrays that stand for a list of records."""

    name: str
    type: str

    @property
    def empty(self) -> Any:
        """What stands there when a record has no such field."""
        return _EMPTY.get(self.type, "")


class Table(NamedTuple):
    name: str
    columns: tuple[Column, ...]

    @property
    def names(self) -> list[str]:
        return [column.name for column in self.columns]

    @property
    def types(self) -> list[str]:
        return [column.type for column in self.columns]


PLACE = (
    Column("kafka_topic", WORD),
    Column("kafka_partition", PARTITION),
    Column("kafka_offset", NUMBER),
    Column("record_sha256", TEXT),
    Column("written_at", INSTANT),
)


def typed(**types: str) -> tuple[Column, ...]:
    """Columns by name, in the order given."""
    return tuple(Column(name, kind) for name, kind in types.items())


def grouped(group: str, columns: tuple[Column, ...]) -> tuple[Column, ...]:
    """The same columns as parallel arrays."""
    return tuple(Column(f"{group}.{one.name}", f"Array({one.type})") for one in columns)
