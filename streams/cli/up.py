"""`holdfast up`: the stack and the pipeline in the foreground until Ctrl-C."""

import time
from collections import Counter
from contextlib import ExitStack

import typer

from streams.cli.printed import Ended
from streams.cli.screen import (
    PROBLEM,
    Json,
    Use,
    fail,
    print_json,
    quiet,
    settings_or_exit,
    tell,
)
from streams.demo.simulated import chains_of, simulated_acquirer, simulated_fiscal
from streams.engine.supervisor import ChildEvent, What
from streams.policy_watch import PolicyWatch
from streams.settings import Settings
from streams.stack import Stack, auditor, children


def register(app: typer.Typer) -> None:
    app.command("up", help="Run the local stack and the pipeline until Ctrl-C.")(up)


def up(json: Json = False) -> None:
    quiet()
    settings = settings_or_exit(Use.STATE, Use.POLICY, Use.ACCOUNTS, Use.CHAINS)
    began_s = time.monotonic()
    happened = _Happened()
    try:
        code = _run(settings, happened)
    except KeyboardInterrupt:
        tell("stopped before it ran")
        code = 0
    if code:
        fail(f"{happened.given_up} cannot be kept running: see {settings.state_dir}/logs", PROBLEM)
    if json:
        seconds = int(time.monotonic() - began_s)
        print_json(Ended(process="up", exit_code=0, seconds=seconds, restarts=happened.restarts))


def _run(settings: Settings, happened: "_Happened") -> int:
    with ExitStack() as exits:
        stack = exits.enter_context(Stack(settings, tell))
        wanted = stack.settings
        if wanted.executor.accounts_file is None:
            tell("no HOLDFAST_EXECUTOR__ACCOUNTS_FILE: an acquirer is simulated")
            _, wanted = exits.enter_context(simulated_acquirer(wanted, 1, ()))
        chains = chains_of(wanted)
        if chains and wanted.fiscal.accounts_file is None:
            tell("no HOLDFAST_FISCAL__ACCOUNTS_FILE: a fiscal service is simulated")
            _, wanted = exits.enter_context(simulated_fiscal(wanted, chains, bad_days=False))
        stack.publish_policy()
        exits.enter_context(PolicyWatch(settings.policy_file, stack.publish_policy, tell))
        specs = [*children(wanted, 1, executor=True), *auditor(wanted)]
        supervisor = stack.run(specs, happened)
        tell(f"Kafka at {wanted.kafka.bootstrap}, state in {settings.state_dir}; Ctrl-C ends it")
        return supervisor.run_until_stopped()


class _Happened:
    """Tells what happens to the processes, and remembers what is worth it."""

    def __init__(self) -> None:
        self.given_up = ""
        self.restarts: Counter[str] = Counter()

    def __call__(self, event: ChildEvent) -> None:
        how = f" ({event.signal or f'exit code {event.exit_code}'})" if _has_ended(event) else ""
        tell(f"{event.what}: {event.name}{how}")
        if event.what is What.GIVEN_UP:
            self.given_up = event.name
        if event.what is What.DIED and event.again_in_s is not None:
            self.restarts[event.name] += 1


def _has_ended(event: ChildEvent) -> bool:
    return event.signal is not None or event.exit_code is not None
