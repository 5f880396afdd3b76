"""`holdfast worker`: one process a stage, or one stage in this one."""

import dataclasses
from typing import Annotated, Literal, get_args

import typer

from streams.cli.screen import USAGE, Json, Use, fail, quiet, settings_or_exit
from streams.cli.serve import end
from streams.engine.settings import REFUSED_EXIT
from streams.engine.supervisor import Supervisor
from streams.settings import Settings
from streams.stack import child
from streams.starting import modules_loading

StageName = Literal["link", "sessions", "health", "visits", "fiscal"]
STAGES: tuple[StageName, ...] = get_args(StageName)


def register(app: typer.Typer) -> None:
    app.command("worker", help="Run a worker: one process a stage, or --stage alone.")(worker)


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
        # Here, so that who only watches over the stages does not load Faust.
        with modules_loading():
            from streams.cli.stages import run_named  # noqa: PLC0415 - see above
        return run_named(name, settings, slot)

    end(f"worker-{slot}", run, json=json)


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
