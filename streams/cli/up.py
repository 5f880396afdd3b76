"""`holdfast up`: the stack and the pipeline in the foreground until Ctrl-C."""

from contextlib import ExitStack

import typer

from connectors.kafka.state_lock import StateDirectoryInUse
from streams.app import TopicsDiffer
from streams.cli.screen import PROBLEM, USAGE, fail, quiet, settings_or_exit, tell
from streams.core.strategy import PolicyInvalid
from streams.demo.simulated import simulated_acquirer
from streams.engine.supervisor import ChildEvent
from streams.settings import Settings
from streams.stack import Stack, children


def register(app: typer.Typer) -> None:
    app.command("up", help="Run the local stack and the pipeline until Ctrl-C.")(up)


def up() -> None:
    quiet()
    settings = settings_or_exit()
    try:
        code = _run(settings)
    except (StateDirectoryInUse, TopicsDiffer) as refused:
        fail(str(refused), PROBLEM)
    except PolicyInvalid as wrong:
        fail(f"{settings.policy_file}:\n{wrong}", USAGE)
    if code:
        fail(f"a process could not be kept running: see {settings.state_dir / 'logs'}", PROBLEM)


def _run(settings: Settings) -> int:
    with ExitStack() as exits:
        stack = exits.enter_context(Stack(settings, tell))
        wanted = stack.settings
        if wanted.executor.accounts_file is None:
            tell("no HOLDFAST_EXECUTOR__ACCOUNTS_FILE: an acquirer is simulated")
            _, wanted = exits.enter_context(simulated_acquirer(wanted, 1, ()))
        stack.publish_policy()
        supervisor = stack.run(children(wanted, 1, executor=True), _happened)
        tell(f"Kafka at {wanted.kafka.bootstrap}, state in {settings.state_dir}; Ctrl-C ends it")
        return supervisor.run_until_stopped()


def _happened(event: ChildEvent) -> None:
    tell(f"{event.what}: {event.name}")
