"""The supervisor's promises on real processes."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from streams.engine.presses import SAME_PRESS_S
from streams.engine.supervisor import ChildSpec, RestartPolicy, Supervisor, What

QUICK = RestartPolicy(base_s=0.05, cap_s=0.2, healthy_after_s=30)
SLEEP = "import time; time.sleep(600)"
BEAT = """
import signal, sys, time
from streams.engine.heartbeat import Heart
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
heart = Heart.from_environment()
while True:
    heart.beat()
    time.sleep(0.05)
"""
DEAF = f"""
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("deaf", flush=True)
{SLEEP}
"""


def child(name: str, program: str, **changes) -> ChildSpec:
    given = {"silence_s": None, "restart": QUICK, "argv": (sys.executable, "-c", program)}
    return ChildSpec(name=name, **(given | changes))


def until(condition, within_s: float = 120.0):
    deadline = time.monotonic() + within_s
    while not (value := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)
    return value


def is_running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


class Watched:
    """A supervisor with the events it told."""

    def __init__(self, *children, **settings) -> None:
        self.events = []
        self.supervisor = Supervisor(children, on_event=self.events.append, **settings)

    def __enter__(self):
        self.supervisor.start()
        return self

    def __exit__(self, *_):
        self.supervisor.stop()

    def told(self, what: What, name: str = "a"):
        return [e for e in self.events if e.what is what and e.name == name]


def test_start_returns_with_every_child_running():
    with Watched(child("a", SLEEP), child("b", SLEEP)) as w:
        assert set(w.supervisor.pids()) == {"a", "b"}
        assert all(is_running(pid) for pid in w.supervisor.pids().values())
    assert w.supervisor.pids() == {}
    assert [e.signal for e in w.events if e.what is What.STOPPED] == ["SIGTERM", "SIGTERM"]


def test_a_killed_child_is_replaced_at_once_and_the_others_stay():
    with Watched(child("a", SLEEP), child("b", SLEEP)) as w:
        before = w.supervisor.pids()
        assert w.supervisor.kill("a") == before["a"]
        began = time.monotonic()
        until(lambda: w.supervisor.pids().get("a", before["a"]) != before["a"])
        assert time.monotonic() - began < 5.0  # at once, on a busy machine too
        assert w.supervisor.pids()["b"] == before["b"]
        (died,) = w.told(What.DIED)
        assert (died.signal, died.exit_code, died.again_in_s) == ("SIGKILL", None, 0.0)
        until(lambda: w.told(What.STARTED)[-1].restarts == 1)  # told a moment after it runs
    assert w.supervisor.stop() == 0


def test_delays_grow_and_a_crash_loop_ends_with_exit_code_1():
    limited = RestartPolicy(base_s=0.05, cap_s=0.1, healthy_after_s=30, limit=4)
    w = Watched(child("a", "raise SystemExit(3)", restart=limited), child("b", SLEEP))
    w.supervisor.start()
    assert w.supervisor.wait() == 1
    assert [e.again_in_s for e in w.told(What.DIED)] == [0.0, 0.05, 0.1, 0.1, None]
    assert [e.exit_code for e in w.told(What.GIVEN_UP)] == [3]
    assert not w.supervisor.refused
    assert len(w.told(What.STOPPED, "b")) == 1


def test_a_child_that_was_healthy_starts_with_a_clean_sheet():
    policy = RestartPolicy(base_s=0.05, cap_s=0.1, healthy_after_s=0.2, limit=1)
    with Watched(child("a", "import time; time.sleep(0.4)", restart=policy)) as w:
        until(lambda: len(w.told(What.DIED)) >= 3)
        assert {e.again_in_s for e in w.told(What.DIED)} == {0.0}
    assert w.supervisor.stop() == 0


def test_a_child_that_says_it_is_hopeless_is_not_tried_again():
    w = Watched(child("a", f"raise SystemExit({os.EX_CONFIG})"))
    w.supervisor.start()
    assert w.supervisor.wait() == 1
    assert w.supervisor.refused
    assert len(w.told(What.STARTED)) == 1


def test_a_program_that_does_not_exist_is_a_child_that_dies(tmp_path):
    spec = child("a", "", argv=("/no/such/program",), restart=RestartPolicy(limit=0))
    w = Watched(child("b", SLEEP), ChildSpec(**{**vars(spec), "log": tmp_path / "logs" / "a"}))
    w.supervisor.start()
    assert w.supervisor.wait() == 1
    assert "/no/such/program" in (tmp_path / "logs" / "a").read_text()


@pytest.mark.parametrize("how", ["stopped", "hung"])
def test_a_silent_child_is_replaced(how):
    program = BEAT if how == "stopped" else BEAT.replace("time.sleep(0.05)", SLEEP)
    with Watched(child("a", program, silence_s=0.8)) as w:
        until(lambda: w.told(What.ALIVE))
        if how == "stopped":
            w.supervisor.kill("a", signal.SIGSTOP)
        until(lambda: len(w.told(What.STARTED)) > 1)
        (silent,) = w.told(What.SILENT)[:1]
        assert silent.silent_s >= 0.8
        assert not is_running(silent.pid)
        assert w.told(What.DIED)[0].signal == "SIGKILL"


def test_a_beating_child_is_left_alone():
    with Watched(child("a", BEAT, silence_s=2.7)) as w:
        until(lambda: w.told(What.ALIVE))
        time.sleep(3)
        assert not w.told(What.SILENT)
    assert w.told(What.STOPPED)[0].exit_code == 0


def test_a_child_that_never_beats_has_until_the_end_of_its_grace():
    with Watched(child("a", SLEEP, silence_s=0.1, startup_s=1.0)) as w:
        until(lambda: w.told(What.SILENT))
        assert w.told(What.SILENT)[0].silent_s >= 1.0


def test_a_child_deaf_to_sigterm_is_killed_at_the_deadline(tmp_path):
    w = Watched(child("a", DEAF, log=tmp_path / "a.log"), stop_within_s=0.5)
    w.supervisor.start()
    until(lambda: (tmp_path / "a.log").read_text() == "deaf\n")
    began = time.monotonic()
    assert w.supervisor.stop() == 0
    assert time.monotonic() - began > 0.4
    assert w.told(What.STOPPED)[0].signal == "SIGKILL"


def test_a_stopped_child_can_still_be_asked_to_stop():
    w = Watched(child("a", BEAT, silence_s=60), stop_within_s=30)
    w.supervisor.start()
    until(lambda: w.told(What.ALIVE))
    w.supervisor.kill("a", signal.SIGSTOP)
    w.supervisor.stop()
    assert w.told(What.STOPPED)[0].exit_code == 0


def test_what_a_dead_child_left_in_its_group_is_killed(tmp_path):
    note = tmp_path / "grandchild"
    program = f"""
import subprocess, sys
left = subprocess.Popen([sys.executable, "-c", {SLEEP!r}])
open({str(note)!r}, "w").write(str(left.pid))
import os; os._exit(0)
"""
    with Watched(child("a", program, restart=RestartPolicy(base_s=20, limit=None))) as w:
        until(lambda: len(w.told(What.DIED)) >= 1)
        grandchild = int(note.read_text())
        until(lambda: not is_running(grandchild))


def test_environment_is_laid_over_ours(tmp_path, monkeypatch):
    monkeypatch.setenv("KEPT", "kept")
    monkeypatch.setenv("DROPPED", "dropped")
    program = f"""
import os
print(os.environ["KEPT"], os.environ["NEW"], "DROPPED" in os.environ, flush=True)
{SLEEP}
"""
    log = tmp_path / "out.log"
    with Watched(child("a", program, env={"NEW": "new", "DROPPED": None}, log=log)):
        until(lambda: log.read_text().endswith("\n"))
        assert log.read_text() == "kept new False\n"


def test_two_children_of_one_name_are_refused():
    with pytest.raises(ValueError, match="same name"):
        Supervisor([child("a", SLEEP), child("a", SLEEP)])


def test_a_callback_that_fails_does_not_harm_the_children():
    def fail(_event):
        raise RuntimeError("the display is broken")

    supervisor = Supervisor([child("a", SLEEP)], on_event=fail)
    supervisor.start()
    before = supervisor.kill("a")
    until(lambda: supervisor.pids().get("a", before) != before)
    assert supervisor.stop() == 0


def test_children_outlive_the_thread_that_called_start():
    """PR_SET_PDEATHSIG fires when the forking *thread* ends; ours must not be the caller's."""
    w = Watched(child("a", SLEEP))
    starter = threading.Thread(target=w.supervisor.start)
    starter.start()
    starter.join()
    time.sleep(0.5)
    try:
        assert not w.told(What.DIED)
    finally:
        w.supervisor.stop()


async def test_from_an_event_loop_cancelling_stops_the_children():
    w = Watched(child("a", SLEEP))
    task = asyncio.create_task(w.supervisor.run_async())
    await asyncio.to_thread(until, w.supervisor.pids)
    (pid,) = w.supervisor.pids().values()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not is_running(pid)


PARENT = """
import sys
from pathlib import Path
from streams.engine.supervisor import ChildSpec, Supervisor
program, notes = sys.argv[1:]
def note(event):
    if event.what.value == "child started":
        (Path(notes) / event.name).write_text(str(event.pid))
    if event.what.value == "child stopped":
        with Path(notes + ".ends").open("a") as ends:
            print(event.signal or event.exit_code, file=ends)
children = [
    ChildSpec(name=n, argv=(sys.executable, "-c", program), silence_s=None) for n in ("a", "b")
]
raise SystemExit(Supervisor(children, on_event=note, stop_within_s=20).run_until_stopped())
"""


def start_parent(program: str, notes: Path):
    parent = subprocess.Popen([sys.executable, "-c", PARENT, program, str(notes)])
    until(lambda: {f.name for f in notes.iterdir() if f.read_text()} == {"a", "b"})
    pids = [int(f.read_text()) for f in notes.iterdir()]
    until(lambda: not any("leash" in " ".join(psutil.Process(p).cmdline()) for p in pids))
    return parent, pids  # each past its exec, so bound to its parent


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_as_a_program_it_stops_on_a_signal(number, tmp_path):
    parent, pids = start_parent(SLEEP, tmp_path)
    parent.send_signal(number)
    assert parent.wait(timeout=120) == 0
    assert not any(is_running(pid) for pid in pids)


SLOW = """
import pathlib, signal, sys, time
def stop(*_):
    time.sleep(0.7)
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
while True:
    time.sleep(0.05)
"""


@pytest.mark.parametrize("program", [SLEEP, SLOW])
def test_two_signals_at_once_are_one_press_and_nobody_is_killed(program, tmp_path):
    """A terminal and `uv run` both send Ctrl-C on."""
    parent, pids = start_parent(program, tmp_path)
    time.sleep(0.5)
    parent.send_signal(signal.SIGINT)
    time.sleep(0.05)
    parent.send_signal(signal.SIGINT)
    assert parent.wait(timeout=120) == 0
    assert not any(is_running(pid) for pid in pids)
    ends = (tmp_path.parent / f"{tmp_path.name}.ends").read_text().split()
    assert "SIGKILL" not in ends
    assert len(ends) == 2


def test_a_second_press_does_not_wait(tmp_path):
    parent, pids = start_parent(DEAF, tmp_path)
    time.sleep(0.5)
    parent.send_signal(signal.SIGINT)
    time.sleep(SAME_PRESS_S + 0.3)
    assert parent.poll() is None
    parent.send_signal(signal.SIGINT)
    assert parent.wait(timeout=120) == 0
    assert not any(is_running(pid) for pid in pids)
    assert (tmp_path.parent / f"{tmp_path.name}.ends").read_text().split() == ["SIGKILL"] * 2


@pytest.mark.kill
@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux's")
def test_children_die_with_a_parent_that_is_killed(tmp_path):
    """Even a child that is stopped, deaf and has never heard of a heart."""
    parent, pids = start_parent(DEAF, tmp_path)
    os.kill(pids[0], signal.SIGSTOP)
    parent.kill()
    parent.wait(timeout=120)
    until(lambda: not any(is_running(pid) for pid in pids))
