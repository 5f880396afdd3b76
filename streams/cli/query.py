"""`holdfast query "SELECT ..."`: read-only SQL, of a running sink or of what one left."""

from typing import Annotated

import typer

from connectors.clickhouse.guard import QueryRefused
from streams.cli.place import OfDemo, placed
from streams.cli.screen import (
    PROBLEM,
    UNREACHABLE,
    USAGE,
    Json,
    fail,
    print_json,
    print_rows,
    settings_or_exit,
)
from streams.cli.sink import sink_settings
from streams.sink.asking import SinkAway, open_analytics
from streams.sink.directory import AnalyticsInUse


def register(app: typer.Typer) -> None:
    app.command("query", help="Ask the analytics in SQL: v_session_money, v_hold and others.")(
        query
    )


def query(
    sql: Annotated[str, typer.Argument(help='SQL that reads; "SHOW TABLES" lists what there is.')],
    demo: OfDemo = False,
    json: Json = False,
) -> None:
    wanted = sink_settings(placed(settings_or_exit(), demo=demo))
    try:
        with open_analytics(wanted.address) as analytics:
            answer = analytics.query(sql)
    except QueryRefused as refused:
        fail(str(refused), USAGE)
    except SinkAway as away:
        fail(f"{away} (run `holdfast up` or `demo`)", UNREACHABLE)
    except AnalyticsInUse as used:
        fail(str(used), PROBLEM)
    if json:
        print_json(answer._asdict())
    else:
        print_rows(answer.columns, answer.rows)
