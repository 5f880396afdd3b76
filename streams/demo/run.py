"""The main job on real input: a stack of its own, recorded days through it, the books compared."""

import asyncio
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from connectors.acquirers.simulator.process import SimulatorProcess
from connectors.fiscal.simulator.books import Signed
from connectors.fiscal.simulator.process import FiscalProcess
from schemas.facts import TariffPublished
from streams.app import policy_fact, topics_there, wall_at
from streams.core.strategy import parse_policy
from streams.demo.openloop import readings_per_second
from streams.demo.report import Books, Oracle, Report, report
from streams.demo.scenery import (
    ABROAD,
    ACQUIRERS,
    COUNTRY,
    CURRENCY,
    CURRENCY_ABROAD,
    RECEIPTS,
    tariffs,
    tariffs_abroad,
)
from streams.demo.simulated import chains_of, simulated_acquirer, simulated_fiscal
from streams.engine.supervisor import ChildEvent, Supervisor
from streams.replay.driver import ClosedLoop, Progress, ReplaySettings
from streams.replay.fleet import Fleet, FleetSettings, Market
from streams.replay.folding import folded
from streams.replay.recorded import Recorded
from streams.settings import Settings
from streams.stack import Stack, Tell, children

MARK = "holdfast-demo"
WINDOW_MS = 3 * 3_600_000
STEP_MS = 30_000
ABROAD_PERCENT = 10
BEGIN_AT = 1_767_600_000_000  # 2026-01-05 08:00 UTC: virtual, and the same in every run
WORKERS = 2
VICTIM = "worker-1"


class DemoSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`abroad_percent` of the chargers stand in a country that asks for signed receipts."""

    seed: int = 1
    bad_days_percent: int = 5
    abroad_percent: int = 0
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


def _with_receipts(settings: Settings) -> Settings:
    """The policy with what the country abroad asks of a receipt, unless it says so itself."""
    text = settings.policy_file.read_text()
    if ABROAD in parse_policy(text).fiscal:
        return settings
    file = settings.state_dir / "policy.toml"
    file.write_text(text + RECEIPTS)
    return settings.model_copy(update={"policy_file": file})


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
    fleet_settings = FleetSettings(
        tenant=settings.tenant,
        network="recorded",
        run=f"{demo.seed}-{begin_at}",
        seed=demo.seed,
        bad_day_percent=demo.bad_days_percent,
        currency=CURRENCY,
        country=COUNTRY,
        tariffs=_versions(tariffs(settings.tenant, begin_at)),
        acquirers=ACQUIRERS,
        abroad=Market(
            country=ABROAD,
            currency=CURRENCY_ABROAD,
            tariffs=_versions(tariffs_abroad(settings.tenant, begin_at)),
        ),
        abroad_percent=demo.abroad_percent,
    )
    return Fleet(fleet_settings, folded(sessions, window_ms, begin_at))


def _versions(facts: dict[str, TariffPublished]) -> dict[str, tuple[str, str, str]]:
    return {kind: (one.tariff_id, one.tariff_hash, one.body) for kind, one in facts.items()}


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
        self._settings = _with_receipts(self._settings)
        with Stack(self._settings, self._display.tell) as stack:
            bad_days = self._fleet.bad_day_sessions()
            seed = self._demo.seed
            with (
                simulated_acquirer(stack.settings, seed, bad_days) as (acquirer, some),
                simulated_fiscal(some, chains_of(some), bad_days=bool(bad_days)) as (fiscal, all_),
            ):
                found = self._through(stack, all_, acquirer, fiscal)
        found.seconds = int(time.monotonic() - began)
        return found

    def _through(
        self, stack: Stack, settings: Settings, acquirer: SimulatorProcess, fiscal: FiscalProcess
    ) -> Report:
        tenant = self._settings.tenant
        priced = [*tariffs(tenant, BEGIN_AT).values(), *tariffs_abroad(tenant, BEGIN_AT).values()]
        stack.publish([policy_fact(settings, wall_at()), *priced])
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
        acquirer.move_clock(loop.progress.now_at)
        oracle = _oracle(acquirer, fiscal.journal())
        found = report(self._fleet, loop.ledgers, oracle, self._kills)
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


def _oracle(acquirer: SimulatorProcess, receipts: list[Signed]) -> Oracle:
    by_session: dict[str, Books] = {}
    for hold in acquirer.holds():
        books = Books(
            approved=hold.approved_minor,
            captured=hold.captured_minor,
            released=hold.released_minor,
            lapsed=hold.lapsed_minor,
            open=hold.open_minor,
        )
        by_session.setdefault(hold.session_id, Books()).add(books)
    summary = acquirer.summary()
    return Oracle(
        by_session=by_session,
        duplicate_captures=summary.duplicate_captures + summary.duplicate_captures_by_session,
        captures_above_hold=summary.captures_above_hold,
        unbalanced_holds=summary.unbalanced_holds,
        receipts=receipts,
    )
