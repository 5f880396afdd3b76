"""`holdfast sink`: topics into ClickHouse, and a port for queries."""

import typer

from connectors.clickhouse.migrations import MigrationRefused
from streams.cli.screen import PROBLEM, Json, Use, fail, settings_or_exit
from streams.cli.serve import end, serve
from streams.crash_points import crash_points
from streams.settings import Settings
from streams.sink.directory import AnalyticsInUse
from streams.sink.run import ClusterDiffers, run_sink
from streams.sink.settings import SinkSettings


def register(app: typer.Typer) -> None:
    app.command("sink", help="Write topics into ClickHouse and answer queries.")(sink)


def sink_settings(settings: Settings) -> SinkSettings:
    return SinkSettings(
        bootstrap=settings.kafka.bootstrap,
        directory=settings.state_dir / "analytics",
        dsn=settings.clickhouse.dsn,
        group_id=f"{settings.app_id}-sink",
        instance_id=f"{settings.app_id}-sink-0",
        query_port=settings.clickhouse.query_port,
    )


def sink(json: Json = False) -> None:
    settings = settings_or_exit(Use.BROKER, Use.STATE)
    try:
        end(
            "sink",
            lambda: serve(
                lambda stop: run_sink(
                    sink_settings(settings), stop=stop, reached=crash_points("sink")
                )
            ),
            json=json,
        )
    except (AnalyticsInUse, MigrationRefused, ClusterDiffers) as refused:
        fail(str(refused), PROBLEM)
