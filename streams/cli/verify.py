"""`holdfast verify`: whether topics, ClickHouse, the acquirer and the fiscal service agree."""

import asyncio

import typer

from connectors.clickhouse.guard import QueryRefused
from streams.cli.place import OfDemo, cluster, placed
from streams.cli.screen import (
    PROBLEM,
    UNREACHABLE,
    Json,
    fail,
    out,
    print_json,
    print_rows,
    settings_or_exit,
)
from streams.cli.sink import sink_settings
from streams.receipts import simulator_journal
from streams.settings import Settings
from streams.sink.asking import SinkAway, open_analytics
from streams.sink.directory import AnalyticsInUse
from streams.verify import Scope, Verification, simulator_books, verify

_SHOWN = 50


def register(app: typer.Typer) -> None:
    app.command("verify", help="Compare topics, ClickHouse, the acquirer's and fiscal books.")(
        compare
    )


def compare(demo: OfDemo = False, json: Json = False) -> None:
    settings = placed(settings_or_exit(), demo=demo)
    try:
        found = _compared(settings)
    except SinkAway as away:
        fail(f"{away} (run `holdfast up` or `demo`)", UNREACHABLE)
    except (AnalyticsInUse, QueryRefused) as refused:
        fail(str(refused), PROBLEM)
    if json:
        print_json({"in_order": found.in_order, **_plain(found)})
    else:
        _print(found)
    raise typer.Exit(0 if found.in_order else PROBLEM)


def _compared(settings: Settings) -> Verification:
    ledger = settings.state_dir / "acquirer" / "ledger.sqlite"
    books = simulator_books(ledger) if ledger.exists() else None
    signed = settings.state_dir / "fiscal" / "journal.sqlite"
    journal = simulator_journal(signed) if signed.exists() else None
    address = sink_settings(settings).address
    with cluster(settings) as bootstrap, open_analytics(address) as analytics:
        return asyncio.run(verify(Scope(bootstrap=bootstrap), analytics, books, journal))


def _plain(found: Verification) -> dict[str, object]:
    return {name: getattr(found, name) for name in found.__struct_fields__}


def _print(found: Verification) -> None:
    rows = [
        [one.topic, one.partition, one.up_to, one.records, one.rows, one.topic_digest,
         "equal" if one.topic_digest == one.table_digest else one.table_digest]
        for one in found.partitions
    ]  # fmt: skip
    columns = ["topic", "partition", "up to", "records", "rows", "digest", "in ClickHouse"]
    print_rows(columns, rows)
    at = found.sessions_at_acquirer
    out.print(
        f"{found.sessions} sessions; "
        + ("no acquirer's ledger to compare" if at is None else f"{at} at the acquirer")
        + ("" if found.receipts is None else f"; {found.receipts} receipts at the fiscal service")
        + (f"; {len(found.under_way)} differ but are under way" if found.under_way else "")
    )
    for one in found.waiting:
        out.print(f"the sink has not reached the end of {one}", style="red", markup=False)
    money_first = sorted(found.differences, key=lambda one: one.of not in {"law", "fiscal"})
    for each in money_first[:_SHOWN]:
        line = f"{each.of} {each.kind}: {each.place} {each.detail}"
        out.print(line, style="red", markup=False)
    if len(found.differences) > _SHOWN:
        out.print(f"... and {len(found.differences) - _SHOWN} more", style="red")
    out.print("in order" if found.in_order else f"{len(found.differences)} differences")
