"""The long-running processes that act on commands: at acquirers, fiscal services, the operator."""

import typer
from pydantic import SecretStr

from connectors.acquirers.executor import run_executor
from connectors.acquirers.settings import ExecutorSettings, WebhookSettings
from connectors.fiscal.executor import run_fiscal_executor
from connectors.fiscal.settings import FiscalSettings
from connectors.settlement.endpoint import run_at
from connectors.settlement.settings import SettlementSettings
from streams.cli.accounts import (
    of_tenant,
    read_accounts,
    read_chains,
    with_secrets,
    with_tokens,
)
from streams.cli.screen import Json, Use, quiet, settings_or_exit
from streams.cli.serve import end, serve
from streams.crash_points import crash_points
from streams.settings import Settings


def register(app: typer.Typer) -> None:
    app.command("executor", help="Perform money commands at the acquirers.")(executor)
    app.command("fiscal", help="Have receipts signed, in the order of their chains.")(fiscal)
    app.command("settlement", help="Give the operator's own commands to its endpoint, once each.")(
        settlement
    )


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
