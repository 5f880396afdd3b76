"""A row's content as one number: ClickHouse tells it of what it holds, we of what it should hold.

The first 8 bytes of SHA-256 over all columns, little endian. Sums of it modulo 2^64 do not depend
on order: two sets of rows with the same count and sum are the same.
"""

import hashlib
from typing import Any

from connectors.clickhouse.columns import INSTANT, NUMBER, PARTITION, YES_NO, Column, Table
from connectors.clickhouse.rows import Row

_BETWEEN, _WITHIN = "\x1f", "\x1e"
_WHOLE = frozenset({NUMBER, PARTITION, INSTANT})
MODULUS = 2**64


def content(table: Table, row: Row) -> int:
    """Of a row as `rows.row_of` makes it."""
    texts = (_text(column.type, value) for column, value in zip(table.columns, row, strict=True))
    digest = hashlib.sha256(_BETWEEN.join(texts).encode()).digest()
    return int.from_bytes(digest[:8], "little")


def content_sql(table: Table) -> str:
    """The same as an SQL expression over the table's columns."""
    texts = ", ".join(_column_sql(column) for column in table.columns)
    return f"reinterpretAsUInt64(substring(SHA256(concatWithSeparator('\\x1f', {texts})), 1, 8))"


def _element(kind: str) -> str | None:
    """The type within an array, None when it is none."""
    return kind[len("Array(") : -1] if kind.startswith("Array(") else None


def _text(kind: str, value: Any) -> str:
    element = _element(kind)
    if element is not None:
        # The length tells an empty array from an array of one empty text.
        return f"{len(value)}:" + _WITHIN.join(_text(element, one) for one in value)
    if kind in _WHOLE:
        return f"{value:d}"
    if kind == YES_NO:
        return "true" if value else "false"
    return str(value)


def _column_sql(column: Column) -> str:
    name = f"`{column.name}`"
    element = _element(column.type)
    if element is None:
        return _scalar_sql(column.type, name)
    parts = f"arrayMap(x -> {_scalar_sql(element, 'x')}, {name})"
    return f"concat(toString(length({name})), ':', arrayStringConcat({parts}, '\\x1e'))"


def _scalar_sql(kind: str, name: str) -> str:
    return f"toString(toUnixTimestamp64Milli({name}))" if kind == INSTANT else f"toString({name})"
