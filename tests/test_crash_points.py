"""A process dies where it is asked to, once a request, and nowhere when nobody asks."""

import subprocess
import sys

from streams.crash_points import VARIABLE, CrashPoints, crash_points


class Kills:
    def __init__(self):
        self.count = 0

    def __call__(self):
        self.count += 1


def test_without_the_variable_nothing_is_looked_up(monkeypatch, tmp_path):
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link.poll").touch()
    crash_points("link")("poll")
    assert (tmp_path / "link.poll").exists()


def test_a_request_is_met_once_and_by_its_own_process_at_its_own_point(tmp_path):
    kills = Kills()
    reached = CrashPoints(tmp_path, "link", kills)
    (tmp_path / "link.poll").touch()
    reached("decode")
    CrashPoints(tmp_path, "sessions", kills)("poll")
    assert kills.count == 0
    reached("poll")
    reached("poll")
    assert kills.count == 1
    assert [one.name for one in tmp_path.iterdir()] == ["link.poll.done"]


def test_the_number_in_the_request_is_counted_from_the_request_on(tmp_path):
    kills = Kills()
    reached = CrashPoints(tmp_path, "sink", kills)
    for _ in range(2):
        reached("before_insert")
        (tmp_path / "sink.before_insert").write_text("3")
        for expected in (0, 0, 1):
            reached("before_insert")
            assert kills.count == expected
        kills.count = 0


def test_the_process_is_gone_by_sigkill_and_the_next_one_goes_on(monkeypatch, tmp_path):
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    (tmp_path / "executor.after_call").touch()
    program = "from streams.crash_points import crash_points as at; at('executor')('after_call')"
    codes = [subprocess.run([sys.executable, "-c", program], check=False) for _ in range(2)]
    assert [one.returncode for one in codes] == [-9, 0]
