"""The main job on real input: a stack of its own, recorded days through it, the books compared."""

import asyncio
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from connectors.acquirers.simulator.process import SimulatorProcess
from streams.app import topics_there
from streams.demo.openloop import readings_per_second
from streams.demo.report import Books, Oracle, Report, report
from streams.demo.scenery import (
    ACQUIRERS,
    COUNTRY,
    CURRENCY,
    tariffs,
)
from streams.demo.simulated import simulated_acquirer
from streams.engine.supervisor import ChildEvent, Supervisor
from streams.replay.driver import ClosedLoop, Progress, ReplaySettings
from streams.replay.fleet import Fleet, FleetSettings
from streams.replay.folding import folded
from streams.replay.recorded import Recorded
from streams.settings import Settings
from streams.stack import Stack, Tell, children

MARK = "holdfast-demo"
WINDOW_MS = 3 * 3_600_000
STEP_MS = 30_000
BEGIN_AT = 1_767_600_000_000  # 2026-01-05 08:00 UTC: virtual, and the same in every run
WORKERS = 2
VICTIM = "worker-1"


class DemoSettings(msgspec.Struct, frozen=True, kw_only=True):
    seed: int = 1
    bad_days_percent: int = 5
    kill_worker: bool = True


class Display(msgspec.Struct, kw_only=True):
    """What a run tells while it goes on; both are called often and must return at once."""

    tell: Tell
    progress: Callable[[Progress, Fleet, int], None]


def demo_directory(settings: Settings) -> Path:
    return settings.state_dir / "demo"


def fresh_directory(directory: Path) -> Path:
    """An empty state directory; only one that an earlier demo marked as its own is emptied."""
    if directory.exists():
        if not (directory / MARK).exists():
            raise FileExistsError(f"{directory} is not a demo's: remove it yourself")
        shutil.rmtree(directory)
    directory.mkdir(parents=True)
    (directory / MARK).touch()
    return directory


class ClusterUsed(RuntimeError):
    """The cluster has lived already: virtual time begins anew, and a cluster's never goes back."""


def _demo_settings(settings: Settings) -> Settings:
    clock = settings.clock.model_copy(update={"source": "replay"})
    return settings.model_copy(update={"state_dir": demo_directory(settings), "clock": clock})


def _refuse_used(settings: Settings, tell: Tell) -> None:
    bootstrap = settings.kafka.bootstrap
    there = asyncio.run(topics_there(settings, tell)) if bootstrap else []
    if there:
        raise ClusterUsed(
            f"HOLDFAST_KAFKA__BOOTSTRAP: {bootstrap} has {len(there)} of our topics already "
            f"({there[0]}, ...); the demo needs a cluster without them, or none to be named"
        )


def build_fleet(
    settings: Settings,
    demo: DemoSettings,
    sessions: list[Recorded],
    begin_at: int,
    window_ms: int,
) -> Fleet:
    """Recorded sessions with their cards, tariffs and bad days."""
    facts = tariffs(settings.tenant, begin_at)
    fleet_settings = FleetSettings(
        tenant=settings.tenant,
        network="recorded",
        run=f"{demo.seed}-{begin_at}",
        seed=demo.seed,
        bad_day_percent=demo.bad_days_percent,
        currency=CURRENCY,
        country=COUNTRY,
        tariffs={kind: (one.tariff_id, one.tariff_hash, one.body) for kind, one in facts.items()},
        acquirers=ACQUIRERS,
    )
    return Fleet(fleet_settings, folded(sessions, window_ms, begin_at))


class Demo:
    """One run. `run` returns the report; the state directory stays for `explain` and `query`."""

    def __init__(
        self, settings: Settings, demo: DemoSettings, sessions: list[Recorded], display: Display
    ) -> None:
        self._demo = demo
        self._display = display
        self._settings = _demo_settings(settings)
        self._fleet = build_fleet(settings, demo, sessions, BEGIN_AT, WINDOW_MS)
        self._kills = 0
        self._supervisor: Supervisor | None = None

    def run(self) -> Report:
        began = time.monotonic()
        _refuse_used(self._settings, self._display.tell)
        fresh_directory(self._settings.state_dir)
        with Stack(self._settings, self._display.tell) as stack:
            bad_days = self._fleet.bad_day_sessions()
            seed = self._demo.seed
            with simulated_acquirer(stack.settings, seed, bad_days) as (simulator, settings):
                found = self._through(stack, settings, simulator)
        found.seconds = int(time.monotonic() - began)
        return found

    def _through(self, stack: Stack, settings: Settings, simulator: SimulatorProcess) -> Report:
        stack.publish_policy()
        stack.publish([*tariffs(self._settings.tenant, BEGIN_AT).values()])
        specs = children(settings, WORKERS, executor=True)
        self._supervisor = stack.run(specs, self._happened)
        loop = ClosedLoop(
            ReplaySettings(
                bootstrap=settings.kafka.bootstrap,
                partitions=settings.kafka.partitions,
                begin_at=BEGIN_AT,
                step_ms=STEP_MS,
            ),
            self._fleet,
            self._stepped,
        )
        self._display.tell("replaying")
        asyncio.run(loop.run())
        simulator.move_clock(loop.progress.now_at)
        found = report(self._fleet, loop.ledgers, _oracle(simulator), self._kills)
        found.virtual_hours = (loop.progress.now_at - BEGIN_AT) // 3_600_000
        self._display.tell("the same readings open-loop")
        found.readings_per_second = asyncio.run(
            readings_per_second(
                settings.kafka.bootstrap,
                settings.kafka.partitions,
                self._fleet,
                loop.progress.now_at + STEP_MS,
            )
        )
        return found

    def _stepped(self, progress: Progress) -> None:
        """Show it, and kill a worker once, in the middle of everything."""
        half = len(self._fleet.drivers) // 2
        if self._demo.kill_worker and not self._kills and progress.requested >= max(half, 1):
            assert self._supervisor is not None
            self._kills += self._supervisor.kill(VICTIM) is not None
            self._display.tell(f"killed {VICTIM} with SIGKILL")
        self._display.progress(progress, self._fleet, self._kills)

    def _happened(self, event: ChildEvent) -> None:
        self._display.tell(f"{event.what}: {event.name}")


def _oracle(simulator: SimulatorProcess) -> Oracle:
    by_session: dict[str, Books] = {}
    for hold in simulator.holds():
        books = Books(
            approved=hold.approved_minor,
            captured=hold.captured_minor,
            released=hold.released_minor,
            lapsed=hold.lapsed_minor,
            open=hold.open_minor,
        )
        by_session.setdefault(hold.session_id, Books()).add(books)
    summary = simulator.summary()
    return Oracle(
        by_session=by_session,
        duplicate_captures=summary.duplicate_captures + summary.duplicate_captures_by_session,
        captures_above_hold=summary.captures_above_hold,
        unbalanced_holds=summary.unbalanced_holds,
    )
