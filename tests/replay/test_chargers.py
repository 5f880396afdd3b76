import itertools

import pytest

from schemas.commands import StartCharging, StopCharging
from schemas.facts import ChargingEnded, ChargingUpdated, MeterReading
from streams.replay import pricing
from streams.replay.chargers import READING_MS, Charger, Delivered, Outage, Site
from streams.replay.folding import Planned
from streams.replay.recorded import Recorded

MINUTE = 60_000


def _recorded(charge_min=20, stay_min=30):
    return Recorded(
        session="s", evse="E", power_type="DC", arrival_at=0, charging_end_at=charge_min * MINUTE,
        departure_at=stay_min * MINUTE, energy_wh=20_000, power_max_w=90_000,
    )  # fmt: skip


def _charger(outage=None, **recorded):
    plan = Planned(recorded=_recorded(**recorded), evse="E-0001", arrival_at=0)
    return Charger(plan, Site(tenant="t", network="n"), 1_000_000, outage)


def _command(kind, **more):
    common = {
        "tenant": "t", "session_id": "s", "command_id": "c", "network": "n",
        "charger_id": "E-0001", "evse_uid": "E-0001", "remote_start_id": "r", "rule": "x",
        "issued_at": 0,
    }  # fmt: skip
    return kind(**common, **more)


def _run(charger, stop_after_min=None, total_min=60):
    told = list(charger.command(_command(StartCharging, connector_id=""), 0))
    for minute in range(1, total_min):
        if minute == stop_after_min:
            charger.command(_command(StopCharging, transaction_id="s", reason="x"), minute * MINUTE)
        told += charger.until(minute * MINUTE)
    return told


def test_a_quiet_day_tells_everything_once_in_order():
    charger = _charger()
    facts = [one.fact for one in _run(charger)]
    assert [fact.seq for fact in facts] == list(range(len(facts)))
    assert isinstance(facts[-1], ChargingEnded)
    assert facts[-1].energy_wh == 1_020_000
    assert sum(isinstance(fact, ChargingUpdated) for fact in facts) == 1
    assert charger.delivered is not None
    assert not charger.delivered.cut_short
    assert charger.finished


def test_a_second_start_command_starts_nothing():
    charger = _charger()
    _run(charger)
    assert charger.command(_command(StartCharging, connector_id=""), 99 * MINUTE) == []


def test_a_stop_is_obeyed_after_its_latency_and_cuts_the_session_short():
    charger = _charger()
    last = _run(charger, stop_after_min=5)[-1].fact
    assert isinstance(last, ChargingEnded)
    assert last.ended_at == 5 * MINUTE + 5_000
    assert charger.delivered is not None
    assert charger.delivered.cut_short
    assert charger.delivered.energy_wh == last.energy_wh - 1_000_000


@pytest.mark.parametrize("repeat_every", [2, 3, 7])
def test_a_dark_charger_comes_back_with_all_of_it_shuffled_and_in_part_twice(repeat_every):
    quiet = [one.fact for one in _run(_charger())]
    outage = Outage(7 * MINUTE, 17 * MINUTE, 104_729, repeat_every)
    told = _run(_charger(outage))
    late = [one for one in told if one.arrives_at == 17 * MINUTE + 3_000]
    assert len(late) > 10 * MINUTE // READING_MS
    assert len(told) > len(quiet), "some came twice"
    assert {one.fact.seq for one in told} == {fact.seq for fact in quiet}
    assert [one.fact.seq for one in late] != sorted(one.fact.seq for one in late)
    energies = {one.fact.seq: one.fact.energy_wh for one in told}
    assert energies == {fact.seq: fact.energy_wh for fact in quiet}


def test_nothing_is_told_while_dark():
    outage = Outage(7 * MINUTE, 17 * MINUTE, 104_729, 2)
    arrivals = [one.arrives_at for one in _run(_charger(outage))]
    assert not [at for at in arrivals if 7 * MINUTE + 3_000 <= at < 17 * MINUTE + 3_000]


def test_a_stop_sent_into_the_dark_is_obeyed_when_the_link_is_back():
    outage = Outage(7 * MINUTE, 17 * MINUTE, 104_729, 2)
    charger = _charger(outage)
    _run(charger, stop_after_min=10)
    assert charger.delivered is not None
    assert charger.delivered.ended_at > 17 * MINUTE


def test_readings_are_half_a_minute_apart():
    times = [one.fact.read_at for one in _run(_charger()) if isinstance(one.fact, MeterReading)]
    assert {after - before for before, after in itertools.pairwise(times)} == {READING_MS}


def test_the_independent_price_is_rounded_once_half_up():
    body = (
        '{"currency":"CHF","elements":[{"price_components":['
        '{"type":"ENERGY","price":0.4,"vat":25},{"type":"FLAT","price":"1"},'
        '{"type":"PARKING_TIME","price":6},{"type":"TIME","price":0.6}]}]}'
    )
    hour = 3_600_000
    delivered = Delivered(
        started_at=0, charging_end_at=hour, ended_at=hour + 600_000, energy_wh=10_010,
        cut_short=False,
    )  # fmt: skip
    # 5.005 energy + 1.00 flat + 1.00 parking + 0.60 time
    assert pricing.cost_minor(body, delivered) == 761
    nothing = Delivered(
        started_at=0, charging_end_at=0, ended_at=hour, energy_wh=0, cut_short=False
    )
    assert pricing.cost_minor(body, nothing) == 0
