import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.clickhouse.guard import QueryRefused, checked


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1",
        "  select 1 ;  ",
        "(SELECT 1) UNION ALL (SELECT 2)",
        "WITH 1 AS x SELECT x",
        "-- why\nSELECT 1",
        "/* why; */ SELECT 1",
        "SELECT ';', \";\", `;` FROM t -- it's; fine",
        r"SELECT 'a\';b'",
        "SELECT 'a'';b'",
        "SHOW TABLES",
        "DESCRIBE TABLE v_hold",
        "EXPLAIN SELECT 1",
        "EXISTS TABLE t",
    ],
)
def test_reading_is_allowed(sql):
    assert checked(sql) == sql.strip().rstrip(";").strip()


@pytest.mark.parametrize(
    "sql",
    [
        "",
        ";",
        "DROP TABLE t",
        "INSERT INTO t VALUES (1)",
        "USE system",
        "KILL QUERY WHERE 1",
        "SET readonly = 0",
        "/* SELECT */ DROP TABLE t",
        "SELECT 1; DROP TABLE t",
        "SELECT 1 -- it's\n; USE system -- '",
        r"SELECT '\\'; USE system; SELECT ''",
        "SELECT /* ' */ 1; USE system /* ' */",
        "SELECT $a$'$a$; USE system; SELECT '",
        "SELECT 1 INTO OUTFILE '/tmp/x'",
        "SELECT 1 INTO /* */ outFile '/tmp/x'",
    ],
)
def test_anything_else_is_refused(sql):
    with pytest.raises(QueryRefused):
        checked(sql)


@given(st.text(max_size=60))
def test_nothing_but_reading_begins_what_passes(sql):
    try:
        passed = checked(sql)
    except QueryRefused:
        return
    assert "outfile" not in passed.lower()
