"""The launcher with a plain program in place of the broker; its owner is a process of its own."""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import psutil
import pytest

from connectors.kafka.process import LAUNCHER

SLEEP = (sys.executable, "-c", "import time; time.sleep(600)")
DEAF = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("deaf", flush=True)
time.sleep(600)
"""
STUBBORN = (sys.executable, "-c", DEAF)
# Starts the launcher from a thread that then ends, says both pids, and stays.
OWNER = """
import os, subprocess, sys, threading, time
launched = []
def launch():
    command = [sys.executable, "-I", "-S", sys.argv[1], str(os.getpid()), "10", *sys.argv[3:]]
    pipe = subprocess.PIPE
    launched.append(subprocess.Popen(command, stdin=pipe, stdout=pipe, start_new_session=True))
    launched.append(int(launched[0].stdout.readline()))
thread = threading.Thread(target=launch)
thread.start()
thread.join()
if sys.argv[2] == "forks" and os.fork() == 0:
    time.sleep(600)
print(launched[0].pid, launched[1], flush=True)
time.sleep(600)
"""


@contextmanager
def owned(mode, *program):
    """An owner with its launcher and program; whatever is left at the end is killed."""
    command = [sys.executable, "-c", OWNER, str(LAUNCHER), mode, *program]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as owner:
        launcher, child = (psutil.Process(int(pid)) for pid in owner.stdout.readline().split())
        everyone = [*psutil.Process(owner.pid).children(recursive=True), psutil.Process(owner.pid)]
        try:
            yield owner, launcher, child
        finally:
            for process in everyone:
                if process.is_running():
                    process.kill()


def ends(process, within_s=120):
    deadline = time.monotonic() + within_s
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


@contextmanager
def launch(program, *, grace_s=10):
    command = [sys.executable, "-I", "-S", str(LAUNCHER), str(os.getpid()), str(grace_s), *program]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe) as launcher:
        try:
            yield launcher
        finally:
            launcher.kill()


def test_the_program_outlives_the_thread_that_started_it():
    with owned("plain", *SLEEP) as (_, launcher, child):
        time.sleep(2.5)  # two looks of the launcher
        assert launcher.is_running()
        assert child.is_running()


def test_nothing_is_left_when_the_owner_is_killed():
    with owned("plain", *SLEEP) as (owner, launcher, child):
        owner.kill()
        assert ends(child)
        assert ends(launcher)


def test_nothing_is_left_when_a_fork_of_the_owner_still_holds_the_pipe():
    with owned("forks", *SLEEP) as (owner, launcher, child):
        owner.kill()
        assert ends(child)
        assert ends(launcher)


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux's")
def test_nothing_is_left_when_the_launcher_itself_is_killed():
    with owned("plain", *SLEEP) as (_, launcher, child):
        launcher.kill()
        assert ends(child)


def test_it_does_not_start_for_an_owner_that_is_gone():
    with subprocess.Popen([sys.executable, "-c", ""]) as dead:
        pass
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(LAUNCHER), str(dead.pid), "10", *SLEEP],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 128 + signal.SIGTERM


def test_told_to_stop_it_stops_the_program_first():
    with launch(SLEEP) as launcher:
        child = psutil.Process(int(launcher.stdout.readline()))
        launcher.terminate()
        assert launcher.wait(15) == 128 + signal.SIGTERM
        assert not child.is_running()


def test_closing_the_pipe_stops_the_program():
    with launch(SLEEP) as launcher:
        launcher.stdout.readline()
        launcher.stdin.close()
        assert launcher.wait(15) == 128 + signal.SIGTERM


def test_a_program_that_does_not_stop_is_killed_after_its_grace():
    with launch(STUBBORN, grace_s=0.5) as launcher:
        assert launcher.stderr.readline() == b"deaf\n"
        launcher.terminate()
        assert launcher.wait(15) == 128 + signal.SIGKILL


def test_it_exits_as_the_program_did():
    with launch((sys.executable, "-c", "raise SystemExit(7)")) as launcher:
        assert launcher.wait(15) == 7
