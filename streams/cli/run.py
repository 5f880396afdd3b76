"""The long-running processes: a worker with its stages, the executor, the sink."""

import dataclasses
import time
from collections.abc import Callable
from typing import Annotated, Literal, get_args

import typer
from pydantic import SecretStr

from connectors.acquirers.executor import run_executor
from connectors.acquirers.settings import ExecutorSettings, WebhookSettings
from connectors.fiscal.executor import run_fiscal_executor
from connectors.fiscal.settings import FiscalSettings
from connectors.settlement.endpoint import run_at
from connectors.settlement.settings import SettlementSettings
from schemas import codec, topics
from schemas.facts import Tick
from streams.agents.fiscal import fiscal_stage
from streams.agents.health import health_stage
from streams.agents.link import LinkSettings, link_stage
from streams.agents.sessions import sessions_stage
from streams.agents.visits import visits_stage
from streams.app import engine_settings
from streams.cli.accounts import (
    of_tenant,
    read_accounts,
    read_chains,
    with_secrets,
    with_tokens,
)
from streams.cli.answers import Ended
from streams.cli.screen import USAGE, Json, Use, fail, print_json, quiet, settings_or_exit
from streams.cli.serve import serve
from streams.crash_points import crash_points
from streams.engine.settings import REFUSED_EXIT
from streams.engine.stage import Stage, Ticker
from streams.engine.supervisor import Supervisor
from streams.engine.worker import run_stage
from streams.settings import Settings
from streams.stack import child

StageName = Literal["link", "sessions", "health", "visits", "fiscal"]
STAGES: tuple[StageName, ...] = get_args(StageName)

_DAY_MS = 24 * 60 * 60 * 1000


def register(app: typer.Typer) -> None:
    app.command("worker", help="Run a worker: one process a stage, or --stage alone.")(worker)
    app.command("executor", help="Perform money commands at the acquirers.")(executor)
    app.command("fiscal", help="Have receipts signed, in the order of their chains.")(fiscal)
    app.command("settlement", help="Give the operator's own commands to its endpoint, once each.")(
        settlement
    )


def _encode_tick(partition: int, now_at: int) -> tuple[bytes, bytes]:
    return str(partition).encode(), codec.encode(Tick(partition=partition, at=now_at))


def stage_named(name: StageName, settings: Settings) -> Stage:
    """Every stage is named here: Faust would only log an agent module that fails to import."""
    partitions, horizon_ms = settings.kafka.partitions, settings.horizon_days * _DAY_MS
    match name:
        case "sessions":
            return sessions_stage(partitions, horizon_ms)
        case "health":
            return health_stage(partitions)
        case "visits":
            return visits_stage(partitions)
        case "fiscal":
            return fiscal_stage(partitions)
        case "link":
            stage = link_stage(partitions, LinkSettings(horizon_ms=horizon_ms))
            if settings.clock.source == "replay":
                return stage
            ticker = Ticker(
                topic=topics.TICKS, period_ms=settings.clock.period_ms, encode=_encode_tick
            )
            return dataclasses.replace(stage, ticker=ticker)


def worker(
    slot: Annotated[int, typer.Option(help="Number of this worker: its static membership.")] = 0,
    stage: Annotated[str, typer.Option(help="Run this stage alone, in this process.")] = "",
    json: Json = False,
) -> None:
    name = next((one for one in STAGES if one == stage), None)
    if stage and name is None:
        fail(f"--stage: {stage!r} is none of {', '.join(STAGES)}", USAGE)
    settings = settings_or_exit(Use.BROKER, Use.STATE)
    quiet(settings.log_level)

    def run() -> int:
        if name is None:
            return _all_stages(settings, slot)
        return run_stage(stage_named(name, settings), engine_settings(settings, name, slot))

    end(f"worker-{slot}", run, json=json)


def end(process: str, run: Callable[[], int], *, json: bool) -> None:
    """Run what runs until it is stopped, say how it ended, and exit as it says."""
    began_s = time.monotonic()
    code = run()
    if json:
        seconds = int(time.monotonic() - began_s)
        print_json(Ended(process=process, exit_code=code, seconds=seconds))
    raise typer.Exit(code)


def _all_stages(settings: Settings, slot: int) -> int:
    specs = [
        dataclasses.replace(
            child(settings, name, ("worker", "--stage", name, "--slot", str(slot))),
            log=settings.state_dir / "logs" / f"{name}-{slot}.log",
        )
        for name in STAGES
    ]
    supervisor = Supervisor(specs)
    code = supervisor.run_until_stopped()
    return REFUSED_EXIT if supervisor.refused else code


def executor_settings(settings: Settings) -> ExecutorSettings:
    """Accounts from their file, the rest from the environment. Raises AccountsWrong."""
    file, port = settings.executor.accounts_file, settings.executor.webhook_port
    assert file is not None, "checked as Use.OWN_ACCOUNTS"
    group = f"{settings.app_id}-executor"
    return ExecutorSettings(
        bootstrap=settings.kafka.bootstrap,
        accounts=of_tenant(with_secrets(read_accounts(file), settings.executor), settings.tenant),
        group_id=group,
        instance_id=settings.executor.instance_id or f"{group}-0",
        virtual_time=settings.executor.virtual_time,
        memory=settings.state_dir / "executor.sqlite",
        webhooks=WebhookSettings(port=port) if port else None,
    )


def executor(json: Json = False) -> None:
    settings = settings_or_exit(Use.BROKER, Use.STATE, Use.OWN_ACCOUNTS)
    quiet(settings.log_level)
    wanted = executor_settings(settings)
    reached = crash_points("executor")
    end(
        "executor",
        lambda: serve(lambda stop: run_executor(wanted, stop=stop, reached=reached)),
        json=json,
    )


def settlement_settings(settings: Settings) -> SettlementSettings:
    """The consumer of commands that the operator performs itself."""
    group = f"{settings.app_id}-settlement"
    own = str(settings.state_dir / "settlement.sqlite")
    return SettlementSettings(
        bootstrap=settings.kafka.bootstrap,
        group_id=group,
        instance_id=settings.settlement.instance_id or f"{group}-0",
        book=SecretStr(settings.settlement.book.get_secret_value() or own),
    )


def settlement(json: Json = False) -> None:
    settings = settings_or_exit(Use.BROKER, Use.STATE, Use.ENDPOINT)
    quiet(settings.log_level)
    wanted, to = settlement_settings(settings), settings.settlement
    end(
        "settlement", lambda: serve(lambda stop: run_at(wanted, to.url, to.secret, stop)), json=json
    )


def fiscal_settings(settings: Settings) -> FiscalSettings:
    """Chains from their file, tokens from the environment. Raises AccountsWrong."""
    file = settings.fiscal.accounts_file
    assert file is not None, "checked as Use.OWN_CHAINS"
    group = f"{settings.app_id}-fiscal-executor"
    return FiscalSettings(
        bootstrap=settings.kafka.bootstrap,
        accounts=with_tokens(read_chains(file), settings.fiscal),
        group_id=group,
        instance_id=settings.fiscal.instance_id or f"{group}-0",
        virtual_time=settings.executor.virtual_time,
    )


def fiscal(json: Json = False) -> None:
    settings = settings_or_exit(Use.BROKER, Use.STATE, Use.OWN_CHAINS)
    quiet(settings.log_level)
    wanted = fiscal_settings(settings)
    reached = crash_points("fiscal")
    end(
        "fiscal",
        lambda: serve(lambda stop: run_fiscal_executor(wanted, stop=stop, reached=reached)),
        json=json,
    )
