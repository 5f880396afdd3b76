"""The commands over the sink: what they print and how they end."""

import json

import msgspec
import pytest
from sinkworld import session_record
from typer.testing import CliRunner

from connectors.clickhouse.client import Address, Warehouse
from connectors.clickhouse.migrations import migrate
from connectors.clickhouse.rows import Source, row_of
from connectors.clickhouse.tables import TABLES
from schemas import codec, topics
from streams.cli.main import app


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("HOLDFAST_STATE_DIR", str(tmp_path))
    monkeypatch.delenv("HOLDFAST_KAFKA__BOOTSTRAP", raising=False)
    return lambda *arguments: CliRunner().invoke(app, list(arguments))


@pytest.fixture
def one_session(tmp_path):
    """Analytics of a stopped sink with one session whose money does not add up."""
    warehouse = Warehouse(Address(tmp_path / "analytics"))
    migrate(warehouse)
    ledger = msgspec.structs.replace(
        session_record("SessionLedger", "it's \\one"), arrears_minor=77
    )
    source = Source("elsewhere", 0, 0, 0, b"k", codec.encode(ledger))
    table, row = row_of(source, topics.LEDGER)
    warehouse.insert(TABLES[table], [row], "elsewhere:0:0-0")
    warehouse.close()


def test_query_prints_rows_or_one_json_object(run, one_session):
    sql = "SELECT session_id, arrears_minor FROM v_session_money"
    assert "77" in run("query", sql).stdout
    told = run("query", "--json", sql)
    assert told.exit_code == 0
    assert json.loads(told.stdout.splitlines()[-1]) == {
        "columns": ["session_id", "arrears_minor"],
        "types": ["String", "Int64"],
        "rows": [["it's \\one", 77]],
    }


def test_query_that_does_not_read_is_wrong_use(run, one_session):
    told = run("query", "DROP TABLE parked")
    assert (told.exit_code, "only SELECT" in told.stderr) == (2, True)


def test_query_with_nothing_to_ask_says_what_to_run(run):
    told = run("query", "SELECT 1")
    assert (told.exit_code, "holdfast up" in told.stderr) == (3, True)


def test_sink_without_a_broker_is_wrong_use(run):
    told = run("sink")
    assert (told.exit_code, "HOLDFAST_KAFKA__BOOTSTRAP" in told.stderr) == (2, True)


@pytest.mark.broker
def test_verify_ends_with_1_and_names_the_session(run, one_session, kafka, monkeypatch):
    monkeypatch.setenv("HOLDFAST_KAFKA__BOOTSTRAP", kafka.bootstrap)
    told = run("verify", "--json")
    assert told.exit_code == 1
    body = json.loads(told.stdout.splitlines()[-1])
    assert not body["in_order"]
    assert {"of": "law", "kind": "not_conserved", "place": "it's \\one"}.items() <= next(
        one.items() for one in body["differences"] if one["of"] == "law"
    )
    assert "not_conserved" in run("verify").stdout


def test_verify_with_nothing_to_compare_says_what_to_run(run, monkeypatch):
    monkeypatch.setenv("HOLDFAST_KAFKA__BOOTSTRAP", "127.0.0.1:1")
    told = run("verify")
    assert (told.exit_code, "no sink has run here" in told.stderr) == (3, True)
