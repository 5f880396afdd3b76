import os
import subprocess
import sys

import pytest

from connectors.kafka.state_lock import StateDirectoryInUse, claim

HOLD = (
    "import pathlib, sys, time;"
    "from connectors.kafka.state_lock import claim;"
    "lock = claim(pathlib.Path(sys.argv[1]), patience_s=0);"
    "print('held', flush=True); time.sleep(600)"
)


def test_a_second_owner_is_refused_with_pid_and_directory(tmp_path):
    with (
        claim(tmp_path, patience_s=0),
        pytest.raises(StateDirectoryInUse, match=rf"{tmp_path} is in use by process {os.getpid()}"),
    ):
        claim(tmp_path, patience_s=0)


def test_it_is_free_again_when_given_back(tmp_path):
    claim(tmp_path, patience_s=0).close()
    claim(tmp_path, patience_s=0).close()


def test_it_is_free_again_when_its_owner_was_killed(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE
    ) as owner:
        assert owner.stdout.readline() == b"held\n"
        with pytest.raises(StateDirectoryInUse, match=f"process {owner.pid};"):
            claim(tmp_path, patience_s=60)
        owner.kill()
        owner.wait()
        claim(tmp_path, patience_s=60).close()


def test_the_broker_of_a_dead_owner_is_waited_for(tmp_path):
    """A child that inherited the lock stands for the launcher that is stopping its broker."""
    lock = claim(tmp_path, patience_s=0)
    with subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=(lock.fileno(),)
    ) as heir:
        with subprocess.Popen([sys.executable, "-c", ""]) as dead:
            pass
        lock.truncate(0)
        lock.write(b"%d\n" % dead.pid)
        lock.close()
        with pytest.raises(StateDirectoryInUse, match=f"process {dead.pid};"):
            claim(tmp_path, patience_s=0.3)
        heir.kill()
        claim(tmp_path, patience_s=60).close()
