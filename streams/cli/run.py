"""The long-running processes: a worker with its stages, the executor, the sink."""

import dataclasses
import sys
from typing import Annotated, Literal, get_args

import msgspec
import typer

from connectors.acquirers.executor import run_executor
from connectors.acquirers.settings import ExecutorSettings, WebhookSettings
from schemas import codec, topics
from schemas.facts import Tick
from streams.agents.health import health_stage
from streams.agents.link import link_stage
from streams.agents.sessions import sessions_stage
from streams.agents.visits import visits_stage
from streams.app import engine_settings
from streams.cli.screen import USAGE, fail, quiet, settings_or_exit
from streams.cli.serve import serve
from streams.engine.stage import Stage, Ticker
from streams.engine.supervisor import Supervisor
from streams.engine.worker import run_stage
from streams.settings import Settings
from streams.stack import child

StageName = Literal["link", "sessions", "health", "visits"]
STAGES: tuple[StageName, ...] = get_args(StageName)


def register(app: typer.Typer) -> None:
    app.command("worker", help="Run a worker: one process a stage, or --stage alone.")(worker)
    app.command("executor", help="Perform money commands at the acquirers.")(executor)


def _encode_tick(partition: int, now_at: int) -> tuple[bytes, bytes]:
    return str(partition).encode(), codec.encode(Tick(partition=partition, at=now_at))


def stage_named(name: StageName, settings: Settings) -> Stage:
    """Every stage is named here: Faust would only log an agent module that fails to import."""
    partitions = settings.kafka.partitions
    match name:
        case "sessions":
            return sessions_stage(partitions)
        case "health":
            return health_stage(partitions)
        case "visits":
            return visits_stage(partitions)
        case "link":
            stage = link_stage(partitions)
            if settings.clock.source == "replay":
                return stage
            ticker = Ticker(
                topic=topics.TICKS, period_ms=settings.clock.period_ms, encode=_encode_tick
            )
            return dataclasses.replace(stage, ticker=ticker)


def worker(
    slot: Annotated[int, typer.Option(help="Number of this worker: its static membership.")] = 0,
    stage: Annotated[str, typer.Option(help="Run this stage alone, in this process.")] = "",
) -> None:
    settings = settings_or_exit()
    if not settings.kafka.bootstrap:
        fail("HOLDFAST_KAFKA__BOOTSTRAP: a worker needs a broker (or use `holdfast up`)", USAGE)
    if stage == "":
        sys.exit(_all_stages(settings, slot))
    name = next((one for one in STAGES if one == stage), None)
    if name is None:
        fail(f"--stage: {stage!r} is none of {', '.join(STAGES)}", USAGE)
    sys.exit(run_stage(stage_named(name, settings), engine_settings(settings, slot)))


def _all_stages(settings: Settings, slot: int) -> int:
    specs = [
        dataclasses.replace(
            child(settings, name, ("worker", "--stage", name, "--slot", str(slot))),
            log=settings.state_dir / "logs" / f"{name}-{slot}.log",
        )
        for name in STAGES
    ]
    return Supervisor(specs).run_until_stopped()


def executor_settings(settings: Settings) -> ExecutorSettings:
    """Accounts from their file, the rest from the environment. Raises OSError, ValueError."""
    file = settings.executor.accounts_file
    if file is None:
        fail("HOLDFAST_EXECUTOR__ACCOUNTS_FILE: the executor needs its accounts", USAGE)
    accounts = msgspec.json.decode(file.read_text())
    secret = settings.executor.webhook_secret
    if secret.get_secret_value():
        for account in accounts.values():
            account["webhook_secrets"] = (secret,)
    port = settings.executor.webhook_port
    return ExecutorSettings(
        bootstrap=settings.kafka.bootstrap,
        accounts=accounts,
        virtual_time=settings.executor.virtual_time,
        memory=settings.state_dir / "executor.sqlite",
        webhooks=WebhookSettings(port=port) if port else None,
    )


def executor() -> None:
    settings = settings_or_exit()
    quiet(settings.log_level)
    wanted = executor_settings(settings)
    serve(lambda stop: run_executor(wanted, stop=stop))
