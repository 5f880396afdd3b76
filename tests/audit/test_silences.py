"""Silences derived again: none that link told is doubted, each that it should have told is found.

Over worlds of the simulation, whose chargers go dark for minutes to days and come back with what
they kept, in passes while they live.
"""

import pytest
from worlds import Followed, RecordedWorld

from streams.agents.silences import Silences
from streams.core import silence

SEEDS = (0, 3, 9)
HOUR = 3_600_000


@pytest.mark.parametrize("seed", SEEDS)
def test_what_link_tells_is_not_doubted(seed):
    followed = Followed(RecordedWorld(seed).lived(), 80)
    assert followed.findings() == set()
    assert followed.auditor.memory.noted.heard.told > 0


def tells_nothing(monkeypatch):
    plain = Silences.look
    monkeypatch.setattr(Silences, "look", lambda *of: ([], plain(*of)[1]))


def gives_up_at_once(monkeypatch):
    plain = silence.look

    def look(*of):
        found = plain(*of)
        return found._replace(state="lost") if found.state in silence.WINDOW else found

    monkeypatch.setattr(silence, "look", look)


def hears_what_is_not_there(monkeypatch):
    plain = silence.look

    def look(charging, life, seen_at, now_at, rhythm):
        found = plain(charging, life, seen_at, now_at, rhythm)
        is_long = now_at - silence.told_last_at(charging) > 2 * HOUR
        return found._replace(state="heard") if is_long else found

    monkeypatch.setattr(silence, "look", look)


def waits_for_hours(monkeypatch):
    plain = silence.look
    patient = silence.Rhythm(floor_ms=3 * HOUR, ceiling_ms=6 * HOUR)
    monkeypatch.setattr(silence, "look", lambda *of: plain(*of[:4], patient))


EARS = {
    tells_nothing: {"silence-missed"},
    gives_up_at_once: {"silence-wrong", "silence-missed"},
    hears_what_is_not_there: {"silence-wrong", "silence-missed"},
    waits_for_hours: {"silence-missed", "silence-wrong"},
}


@pytest.mark.parametrize("ear", EARS)
def test_an_ear_that_hears_otherwise_is_found(monkeypatch, ear):
    ear(monkeypatch)
    found = set()
    for seed in SEEDS:
        found |= Followed(RecordedWorld(seed).lived(), 80).findings()
    kinds = {one.kind for one in found}
    assert kinds
    assert kinds <= EARS[ear]
    assert all("holdfast explain" in one.repair for one in found)
