"""A small parent that keeps its children running: starts, hears, replaces and stops them.

It knows nothing of what they do. Its promises, each tested on real processes:

- a child that dies is started again, the first time at once, then with growing delays;
- a child silent for `ChildSpec.silence_s` is killed and replaced, be it hung or SIGSTOPped;
- `stop` ends all of them: SIGTERM, then SIGKILL after the deadline;
- they end with the supervisor even if it is killed -9 (`leash`, `heartbeat`).

One thread of its own does all the work and outlives every child, because the kernel ties a child
to the *thread* that started it: a caller's thread may end without harm.
"""

import asyncio
import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from types import FrameType

import structlog

from streams.engine.child import Child, ChildSpec, Death
from streams.engine.heartbeat import Heart
from streams.engine.presses import Presses
from streams.engine.watchdog import RestartPolicy

__all__ = ["ChildEvent", "ChildSpec", "RestartPolicy", "Supervisor", "What"]

log = structlog.get_logger(__name__)

TICK_S = 0.05  # how late a death, a signal or a due restart is noticed at most
STOP_WITHIN_S = 10.0
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class What(StrEnum):
    STARTED = "child started"
    ALIVE = "child alive"  # its first beat
    SILENT = "child silent"  # about to be killed for it
    DIED = "child died"
    STOPPED = "child stopped"  # died after it was asked to
    GIVEN_UP = "child given up"


@dataclass(frozen=True, kw_only=True, slots=True)
class ChildEvent:
    """What happened to a child. `restarts` counts those of its name since the supervisor began.

    `again_in_s` is set on DIED: seconds until the restart.
    """

    what: What
    name: str
    pid: int
    happened_at: int
    restarts: int
    exit_code: int | None = None
    signal: str | None = None
    silent_s: float | None = None
    again_in_s: float | None = None


@dataclass
class _Place:
    """A name and who holds it at the moment."""

    spec: ChildSpec
    child: Child | None = None
    due_s: float | None = 0.0  # monotonic time of the next start; None: not to be started
    restarts: int = 0
    consecutive: int = 0
    given_up: bool = False
    refused: bool = False


class Supervisor:
    """Keeps `children` running from `start` to `stop`. Names must be distinct.

    `on_event` is called on the supervisor's thread and must return at once; what it raises is
    logged. Without it the events themselves are. When a child is given up, everything is stopped
    and the exit code is 1.
    """

    def __init__(
        self,
        children: Sequence[ChildSpec],
        *,
        on_event: Callable[[ChildEvent], None] | None = None,
        stop_within_s: float = STOP_WITHIN_S,
    ) -> None:
        self._places = {spec.name: _Place(spec) for spec in children}
        if len(self._places) != len(children):
            raise ValueError("two children have the same name")
        self._on_event = on_event
        self._stop_within_s = stop_within_s
        self._lock = threading.Lock()  # children begin and end under it, so `kill` never misses
        self._stops_asked = 0
        self._crash: BaseException | None = None
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, name="supervisor")
        self._heart = Heart.from_environment()
        self._presses = Presses()

    def start(self) -> None:
        """Start every child once and return; may be called once."""
        self._thread.start()
        self._started.wait()

    def pids(self) -> dict[str, int]:
        """The process ids of the children that run now, by name."""
        with self._lock:
            return {n: p.child.pid for n, p in self._places.items() if p.child is not None}

    def kill(self, name: str, sig: signal.Signals = signal.SIGKILL) -> int | None:
        """Signal a child as an outsider would; its pid, or None if it is not running now.

        A child killed this way is restarted like any that died. Raises KeyError on a wrong name.
        """
        with self._lock:
            child = self._places[name].child
            if child is not None:
                child.signal(sig)
            return None if child is None else child.pid

    def ask_to_stop(self) -> None:
        """Begin to stop, from any thread or signal handler; a second call no longer waits."""
        self._stops_asked += 1

    def stop(self) -> int:
        """Stop every child, wait for their ends and give the exit code. Harmless when repeated."""
        if self._stops_asked == 0:
            self.ask_to_stop()
        return self.wait()

    def wait(self) -> int:
        """Wait until all has stopped; the exit code: 1 if a child could not be kept running.

        Raises what broke the supervisor itself, if anything did.
        """
        if self._thread.ident is not None:
            self._thread.join()
        if self._crash is not None:
            raise self._crash
        return 1 if any(place.given_up for place in self._places.values()) else 0

    @property
    def refused(self) -> bool:
        """Whether a child was given up because it said that it cannot run as it is configured."""
        return any(place.refused for place in self._places.values())

    def run_until_stopped(self) -> int:
        """From the main thread: start if need be, stop on SIGTERM or SIGINT, give the exit code.

        A second press of Ctrl-C kills at once; see `Presses` for what a press is.
        """
        before = [(number, signal.signal(number, self._signalled)) for number in STOP_SIGNALS]
        try:
            if self._thread.ident is None:
                self.start()
            return self.wait()
        finally:
            self._presses.wait_for_echo()
            for number, handler in before:
                signal.signal(number, handler)

    async def run_async(self) -> int:
        """`run_until_stopped` for an event loop, which owns the signals: cancelling it stops."""
        if self._thread.ident is None:
            self.start()
        try:
            return await asyncio.to_thread(self.wait)
        except asyncio.CancelledError:
            await asyncio.shield(asyncio.to_thread(self.stop))
            raise

    def _signalled(self, number: int, _frame: FrameType | None) -> None:
        if self._presses.is_new(number):
            self.ask_to_stop()

    def _run(self) -> None:
        try:
            self._start_due()
            self._started.set()
            self._keep_running()
            self._stop_all()
        except BaseException as problem:  # noqa: BLE001 - handed to whoever waits
            self._crash = problem
        finally:
            self._started.set()
            self._kill_all()

    def _keep_running(self) -> None:
        before_s = time.monotonic()
        while self._stops_asked == 0 and not any(p.given_up for p in self._places.values()):
            time.sleep(TICK_S)
            now_s = time.monotonic()
            self._heart.beat()
            for place in self._places.values():
                self._hear(place, now_s - before_s)
                self._bury(place)
            before_s = now_s
            self._start_due()

    def _start_due(self) -> None:
        now_s = time.monotonic()
        for place in self._places.values():
            if place.child is None and place.due_s is not None and place.due_s <= now_s:
                with self._lock:
                    place.child = Child(place.spec)
                place.due_s = None
                self._tell(place, What.STARTED, place.child.pid)

    def _hear(self, place: _Place, elapsed_s: float) -> None:
        child = place.child
        if child is None or child.silence is None:
            return
        is_first = not child.silence.beaten
        if child.listen():
            if is_first:
                self._tell(place, What.ALIVE, child.pid)
            return
        child.silence.pass_time(elapsed_s)
        if child.silence.is_too_long:
            silent_s = round(child.silence.silent_s, 1)
            self._tell(place, What.SILENT, child.pid, silent_s=silent_s)
            child.kill()
            child.silence = None  # said once; its death is on the way

    def _bury(self, place: _Place) -> None:
        child = place.child
        death = self._take_death(place)
        if child is None or death is None:
            return
        if child.up_s >= place.spec.restart.healthy_after_s:
            place.consecutive = 0
        place.consecutive += 1
        delay_s = place.spec.restart.delay(place.consecutive)
        if death.exit_code in place.spec.hopeless:
            delay_s = None
            place.refused = True
        self._tell(place, What.DIED, child.pid, death=death, again_in_s=delay_s)
        if delay_s is None:
            place.given_up = True
            self._tell(place, What.GIVEN_UP, child.pid, death=death)
            return
        place.restarts += 1
        place.due_s = time.monotonic() + delay_s

    def _take_death(self, place: _Place) -> Death | None:
        with self._lock:
            death = None if place.child is None else place.child.death()
            if death is not None:
                place.child = None
        return death

    def _stop_all(self) -> None:
        for place in self._living():
            if place.child is not None:
                place.child.signal(signal.SIGTERM)
                place.child.signal(signal.SIGCONT)  # a stopped child cannot hear the other
        deadline_s = time.monotonic() + self._stop_within_s
        while self._living() and time.monotonic() < deadline_s and self._stops_asked <= 1:
            self._heart.beat()
            self._bury_stopped()
            time.sleep(TICK_S)
        self._bury_stopped()

    def _kill_all(self) -> None:
        for place in self._living():
            if place.child is not None:
                log.warning("child killed at stop", child=place.spec.name, pid=place.child.pid)
                place.child.kill()
        while self._living():
            self._bury_stopped()
            time.sleep(TICK_S)

    def _bury_stopped(self) -> None:
        for place in self._living():
            pid = 0 if place.child is None else place.child.pid
            death = self._take_death(place)
            if death is not None:
                self._tell(place, What.STOPPED, pid, death=death)

    def _living(self) -> list[_Place]:
        return [place for place in self._places.values() if place.child is not None]

    def _tell(
        self,
        place: _Place,
        what: What,
        pid: int,
        death: Death | None = None,
        **seconds: float | None,  # silent_s, again_in_s
    ) -> None:
        event = ChildEvent(
            what=what,
            name=place.spec.name,
            pid=pid,
            happened_at=int(time.time() * 1000),
            restarts=place.restarts,
            exit_code=None if death is None else death.exit_code,
            signal=None if death is None or death.signal is None else death.signal.name,
            **seconds,
        )
        if self._on_event is None:
            _log(event)
            return
        try:
            self._on_event(event)
        except Exception:  # a display that fails must not stop what it displays
            log.exception("the event callback failed", event_told=what.value)


def _log(event: ChildEvent) -> None:
    fields = {k: v for k, v in asdict(event).items() if v is not None}
    what = fields.pop("what").value
    quiet = event.what in {What.STARTED, What.ALIVE, What.STOPPED}
    (log.info if quiet else log.warning)(what, **fields)
