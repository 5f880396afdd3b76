"""Dark chargers through link, gate and sessions together, by ticks alone: where is the money?"""

import itertools
import random

import pytest
from test_link_and_sessions import (
    CHARGER,
    MINUTE,
    ON_CHARGER,
    SESSION,
    T0,
    Day,
    ended,
    reading,
    request,
    started,
)

from schemas import topics
from schemas.commands import CaptureHold
from schemas.facts import ChargerSeen, ChargerSilence, LinkedFact

HOUR, DAY = 60 * MINUTE, 24 * 60 * MINUTE
SEEN_WH = 1000  # the begin register


class DarkDay(Day):
    """Ten minutes with readings, then nothing for a while, and then all at once."""

    def begin(self):
        self.pipeline.send(topics.REQUESTS, SESSION, request(self.pipeline, **self.requested))
        self.tick(T0)
        self.tell(started(T0 + 10_000))
        for minute in range(1, 11):
            self.tell(reading(T0 + minute * MINUTE, minute, SEEN_WH + 1000 * minute))
            self.tick(T0 + minute * MINUTE)

    def dark(self, until_at, every_ms=MINUTE):
        for at in range(self.now_at + every_ms, until_at + 1, every_ms):
            self.tick(at)

    def kept(self, minutes=30):
        """What the charger remembers of the time that nobody heard of it."""
        at = T0 + minutes * MINUTE
        readings = [
            reading(T0 + minute * MINUTE, minute, SEEN_WH + 1000 * minute)
            for minute in range(11, minutes)
        ]
        return [*readings, ended(at, minutes, SEEN_WH + 1000 * minutes)]

    def silences(self):
        return [one for one in self.pipeline.said[topics.EVENTS] if isinstance(one, ChargerSilence)]

    def captured(self):
        return [one.amount_minor for one in self.commands(CaptureHold)]


def seen(at, kind="heartbeat"):
    charger = {name: value for name, value in ON_CHARGER.items() if name != "evse_uid"}
    return ChargerSeen(**charger, kind=kind, status="", seen_at=at)


def test_of_a_charger_that_tells_link_says_nothing():
    day = DarkDay()
    day.charge()
    assert day.silences() == []
    assert not day.ledger().risk_open


@pytest.mark.parametrize("dark_ms", [20 * MINUTE, 6 * HOUR, 3 * DAY])
@pytest.mark.parametrize("seed", range(4))
def test_whatever_it_kept_comes_late_mixed_and_repeated_and_is_captured_once(seed, dark_ms):
    chance = random.Random(seed)
    day = DarkDay(bin_country="US")  # within Europe a contactless hold ends two days after the end
    day.begin()
    back_at = T0 + 10 * MINUTE + dark_ms
    day.dark(back_at, MINUTE if dark_ms < DAY else HOUR)
    assert [one.state for one in day.silences()] == ["silent"]
    assert day.ledger().risk_open
    assert day.captured() == []
    kept = day.kept()
    told = [*kept, *chance.choices(kept, k=10)]
    chance.shuffle(told)
    for number, fact in enumerate(told):
        day.tell(fact)
        if chance.random() < 0.2:
            day.tick(back_at + number * 1_000)
        if chance.random() < 0.1:
            day.pipeline.crash()
    day.dark(day.now_at + 10 * MINUTE)
    assert day.captured() == [1_784]
    ledger = day.ledger()
    assert (ledger.phase, ledger.captured_minor, ledger.arrears_minor) == ("closed", 1_784, 0)
    assert not ledger.risk_open
    assert day.silences()[-1].state == "heard"


def test_dark_beyond_the_holds_time_nothing_is_captured_ever():
    day = DarkDay()
    day.begin()
    day.dark(T0 + 8 * DAY, HOUR)
    assert day.ledger().phase == "closed"
    assert not day.ledger().risk_open
    day.tell(seen(day.now_at, "boot"), *day.kept())
    day.dark(day.now_at + HOUR)
    assert day.captured() == []
    assert day.ledger().arrears_minor == day.ledger().priced_minor == 1_784


def test_two_sessions_at_one_charger_and_each_has_its_own_window():
    day = DarkDay()
    day.begin()
    told = day.kept()
    day.dark(T0 + HOUR)
    silent = {(one.session_id, one.charging_id.rpartition("/")[2]) for one in day.silences()}
    assert silent == {(SESSION, "x")}
    other = [
        reading(T0 + HOUR + minute * MINUTE, minute, 50_000 + 100 * minute) for minute in range(5)
    ]
    for fact in other:
        day.pipeline.send(topics.READINGS, CHARGER, _of_another(fact))
    day.dark(T0 + HOUR + 5 * MINUTE)
    assert day.ledger().risk_open  # nobody has heard of this one
    day.tell(*told)
    day.dark(day.now_at + 5 * MINUTE)
    assert day.captured() == [1_784]


def _of_another(fact):
    return type(fact)(**{**_fields(fact), "transaction_id": "y"})


def _fields(fact):
    return {name: getattr(fact, name) for name in fact.__struct_fields__}


@pytest.mark.parametrize("seed", range(12))
def test_every_window_closes_or_its_session_does_and_none_is_of_a_charging_that_is_over(seed):
    chance = random.Random(seed)
    day = DarkDay()
    day.begin()
    memory = day.kept()[: chance.choice([0, 5, 19, 20])]
    while day.now_at < T0 + 9 * DAY:
        day.dark(day.now_at + chance.choice([MINUTE, 20 * MINUTE, 3 * HOUR, DAY]), MINUTE * 20)
        if memory and chance.random() < 0.3:
            day.tell(memory.pop(chance.randrange(len(memory))))
        if chance.random() < 0.3:
            day.tell(seen(day.now_at, chance.choice(["heartbeat", "boot", "status"])))
        day.tick(day.now_at + MINUTE)
    ledger = day.ledger()
    assert ledger.phase == "closed"
    assert not ledger.risk_open
    assert len(day.captured()) <= 1
    states = ["heard", *(one.state for one in day.silences())]
    versions = [one.version for one in day.silences()]
    assert versions == list(range(1, len(versions) + 1))
    assert all(one != other for one, other in itertools.pairwise(states))


def test_what_was_last_seen_is_known_to_the_session_when_its_charger_goes_dark():
    day = DarkDay()
    day.begin()
    day.tell(reading(T0 + 11 * MINUTE, 11, SEEN_WH + 10_500))
    day.dark(T0 + 20 * MINUTE)
    told = [one for one in day.pipeline.said[topics.EVENTS] if isinstance(one, LinkedFact)]
    assert told[-1].source_topic == topics.READINGS
    assert day.ledger().energy_wh == 10_500
