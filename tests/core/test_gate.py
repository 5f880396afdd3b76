import copy
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import codec
from schemas.facts import ChargingEnded, ChargingStarted, ChargingUpdated, MeterReading, Watch
from streams.core import gate
from streams.core.gate import Charging, Kept

BASE = {"tenant": "t", "network": "n", "charger_id": "c", "evse_uid": "e", "transaction_id": "x"}
_offsets = itertools.count()


def _kept(fact):
    return Kept("topic", 0, next(_offsets), codec.encode(fact))


def reading(seq, energy, at):
    return MeterReading(**BASE, seq=seq, energy_wh=energy, power_w=0, read_at=at)


def start(seq=0, energy=1000, at=1000, kind="card"):
    return ChargingStarted(
        **BASE, remote_start_id="r", payment_kind=kind, seq=seq, energy_wh=energy, offline=False,
        started_at=at,
    )  # fmt: skip


def update(seq, energy, at):
    return ChargingUpdated(
        **BASE, seq=seq, charging_state="suspended_ev", energy_wh=energy, power_w=0,
        offline=False, updated_at=at,
    )  # fmt: skip


def end(seq, energy, at):
    return ChargingEnded(**BASE, seq=seq, energy_wh=energy, reason="x", offline=False, ended_at=at)


def watch(version, wake_energy=10**9, wake_read_at=0, session="s", closing=False, **more):
    return Watch(
        tenant="t", network="n", charger_id="c", transaction_id="x", session_id=session,
        version=version, wake_energy_wh=wake_energy, wake_read_at=wake_read_at, closing=closing,
        **more,
    )  # fmt: skip


def take(charging, fact):
    if isinstance(fact, Watch):
        forwards = gate.take_watch(charging, fact)
    elif isinstance(fact, MeterReading):
        forwards = gate.take_reading(charging, fact, _kept(fact))
    else:
        forwards = gate.take_transaction(charging, fact, _kept(fact))
    return [(codec.decode(one.fact.value), one.crossing, one.sequence_complete) for one in forwards]


def run(*facts):
    charging, out = Charging(), []
    for fact in facts:
        out += take(charging, fact)
    return charging, out


def test_readings_below_the_watch_end_here():
    _, out = run(start(), watch(1, 5000), reading(1, 2000, 2000), reading(2, 3000, 3000))
    assert [type(fact).__name__ for fact, *_ in out] == ["ChargingStarted"]


def test_a_crossing_lets_the_reading_before_and_the_one_after_through_once():
    charging, out = run(start(), watch(1, 5000), reading(1, 4000, 2000), reading(2, 6000, 3000))
    assert [(fact.seq, crossing) for fact, crossing, _ in out] == [(0, 0), (1, 0), (2, 1)]
    assert take(charging, reading(3, 7000, 4000)) == []
    assert take(charging, watch(1, 5000)) == [], "a repeated watch changes nothing"


def test_a_new_watch_is_compared_at_once_with_the_newest_reading():
    charging, _ = run(start(), watch(1, 10**9), reading(1, 6000, 2000))
    out = take(charging, watch(2, 5000))
    assert [(fact.seq, crossing) for fact, crossing, _ in out] == [(1, 2)]
    assert take(charging, watch(1, 1)) == [], "a lower version is ignored"


def seqs(out):
    return [fact.seq for fact, *_ in out]


def test_the_readings_around_a_mark_go_on_though_the_watch_has_fired():
    charging, _ = run(start(), watch(1, 1500, marks=[5_000, 9_000]), reading(1, 2000, 2000))
    assert charging.fired_version == 1
    assert take(charging, reading(2, 3000, 4_900)) == []
    assert seqs(take(charging, reading(3, 3100, 5_000))) == [2, 3]
    assert take(charging, reading(4, 3200, 8_000)) == []
    assert seqs(take(charging, reading(5, 3300, 9_500))) == [4, 5]
    assert charging.marks == []


def test_one_reading_past_several_marks_goes_on_once():
    charging, _ = run(start(), watch(1, marks=[5_000, 9_000]), reading(1, 2000, 2000))
    assert seqs(take(charging, reading(2, 3000, 10_000))) == [1, 2]
    assert take(charging, reading(3, 3000, 11_000)) == []


def test_a_mark_told_too_late_gets_the_newest_reading():
    charging, _ = run(start(), watch(1), reading(1, 2000, 2000), reading(2, 3000, 6_000))
    assert seqs(take(charging, watch(2, marks=[5_000, 9_000]))) == [2]
    assert charging.marks == [9_000]
    assert take(charging, watch(3, marks=[5_000, 9_000])) == []
    assert take(charging, reading(3, 3100, 7_000)) == []
    assert take(charging, watch(4, marks=[5_000, 9_000])) == [], "nothing changed since it was read"


def test_a_watch_may_ask_for_readings_more_often():
    charging, _ = run(start(), watch(1, every_ms=60_000), reading(1, 2000, 1_000_000))
    assert take(charging, reading(2, 2100, 1_059_999)) == []
    assert seqs(take(charging, reading(3, 2200, 1_060_000))) == [3]


def test_a_crossing_tells_how_long_its_reading_was_waited_for():
    charging, _ = run(start(), watch(1, 5000), reading(1, 4000, 2000))
    forwards = gate.take_reading(
        charging, reading(2, 6000, 32_000), _kept(reading(2, 6000, 32_000))
    )
    assert [one.gap_ms for one in forwards] == [0, 30_000]


def test_an_instant_wakes_as_well_as_an_energy():
    charging, _ = run(start(), watch(1, 10**9, wake_read_at=2500), reading(1, 1100, 2000))
    assert [c for _, c, _ in take(charging, reading(2, 1200, 2600))] == [0, 1]


def test_a_late_link_loses_nothing():
    charging, out = run(start(), reading(1, 2000, 2000), update(2, 2000, 2500), end(3, 2000, 3000))
    assert out == []
    names = [(type(f).__name__, done) for f, _, done in take(charging, watch(1))]
    assert names == [
        ("ChargingStarted", False),
        ("ChargingUpdated", False),
        ("MeterReading", False),
        ("ChargingEnded", True),
    ]


def test_a_closing_watch_keeps_the_binding_and_wakes_nobody():
    charging, _ = run(start(), watch(1, 5000), watch(2, closing=True))
    assert take(charging, reading(1, 6000, 2000)) == []
    assert [done for *_, done in take(charging, end(2, 6000, 3000))] == [True]


def test_a_falling_register_is_refused_and_changes_nothing():
    charging, _ = run(start(), watch(1), reading(1, 3000, 2000))
    before = copy.deepcopy(charging)
    with pytest.raises(gate.ReadingFalls):
        take(charging, reading(2, 2999, 3000))
    assert charging == before


def test_an_end_below_the_newest_reading_goes_on_and_says_that_the_register_fell():
    charging, _ = run(start(), watch(1), reading(1, 3000, 2000))
    assert seqs(take(charging, end(2, 2980, 3000))) == [2]
    assert charging.fell
    rounded, _ = run(start(), watch(1), reading(1, 3000, 2000))
    assert seqs(take(rounded, end(2, 2995, 3000))) == [2]
    assert not rounded.fell


def refused(charging, fact):
    with pytest.raises(gate.ReadingFalls):
        take(charging, fact)
    forwards = gate.note_refused(charging, fact.seq, fact.energy_wh)
    return [(codec.decode(one.fact.value).seq, one.sequence_complete) for one in forwards]


def test_a_register_that_fell_is_told_with_the_end_and_once_more_after_it():
    charging, _ = run(start(), watch(1), reading(1, 3000, 2000))
    assert refused(charging, reading(2, 20, 3000)) == []
    assert charging.fell
    late, _ = run(start(), watch(1), reading(1, 3000, 2000), end(3, 9_000, 4000))
    assert refused(late, reading(2, 20, 3000)) == [(3, True)]
    assert late.fell
    told, _ = run(start(), watch(1), reading(1, 3000, 2000), end(4, 9_000, 4000))
    assert refused(told, reading(2, 20, 3000)) == [(4, False)]
    assert refused(told, reading(2, 10, 3000)) == [], "once is enough"


def test_a_first_reading_below_the_begin_is_a_fall_in_any_order():
    for facts in (
        [start(energy=1000), watch(1), reading(1, 20, 2000)],
        [reading(1, 20, 2000), start(energy=1000), watch(1)],
    ):
        charging, _ = run(*facts)
        assert charging.fell


def test_a_clock_that_went_back_is_no_register_that_fell():
    charging, _ = run(start(), watch(1), reading(1, 3000, 9000))
    assert refused(charging, reading(2, 3100, 8000)) == []
    assert not charging.fell
    assert refused(charging, reading(0, 3100, 8000)) == []
    assert charging.fell, "told before the newest, and higher"


def test_an_end_without_a_number_goes_after_the_newest_reading():
    charging, _ = run(start(seq=-1), watch(1), reading(-1, 2000, 2000))
    assert [type(fact).__name__ for fact, *_ in take(charging, end(-1, 2000, 3000))] == [
        "MeterReading",
        "ChargingEnded",
    ]
    late, _ = run(start(seq=-1), reading(-1, 2000, 2000), end(-1, 2000, 3000))
    assert [type(fact).__name__ for fact, *_ in take(late, watch(1))] == [
        "ChargingStarted",
        "MeterReading",
        "ChargingEnded",
    ]


def test_a_leap_is_refused_and_true_readings_go_on():
    """50 kW for a minute is 833 Wh; a tenth and a kWh more may be."""
    charging, _ = run(start(), watch(1, power_w=50_000), reading(1, 1_500, 60_000))
    before = copy.deepcopy(charging)
    with pytest.raises(gate.ReadingLeaps, match="3416 since 1500"):
        take(charging, reading(2, 3_417, 120_000))
    assert charging == before
    take(charging, reading(2, 3_416, 120_000))
    take(charging, reading(3, 3_900, 180_000))
    assert seqs(take(charging, end(4, 3_900, 181_000))) == [4]


def test_a_spike_that_comes_late_is_a_spike_and_no_fall():
    """In whatever order: it neither is believed nor makes the whole charging doubtful."""
    charging, _ = run(start(energy=1_000, at=60_000), watch(1, power_w=50_000))
    take(charging, reading(2, 1_800, 180_000))
    with pytest.raises(gate.ReadingLeaps, match="5000000 at 120000"):
        take(charging, reading(1, 5_000_000, 120_000))
    assert not charging.fell
    with pytest.raises(gate.ReadingFalls):  # this much may have flowed by then
        take(charging, reading(1, 2_500, 120_000))


def test_the_first_reading_is_measured_against_the_begin():
    charging, _ = run(start(energy=1_000, at=60_000), watch(1, power_w=50_000))
    with pytest.raises(gate.ReadingLeaps):
        take(charging, reading(1, 5_000_000, 120_000))
    take(charging, reading(2, 1_800, 120_000))
    assert charging.energy_wh == 1_800


def test_no_power_told_refuses_nothing_and_the_leap_is_forgotten_once_it_is():
    charging, _ = run(start(), reading(1, 5_000_000, 60_000))
    out = take(charging, watch(1, power_w=50_000))
    assert [type(fact) for fact, *_ in out] == [ChargingStarted]
    take(charging, reading(2, 1_800, 120_000))
    assert (charging.energy_wh, charging.read_at) == (1_800, 120_000)
    unknown, _ = run(start(), watch(1), reading(1, 5_000_000, 60_000))
    assert unknown.energy_wh == 5_000_000


@given(
    st.lists(st.integers(0, 800), min_size=1, max_size=12),
    st.sets(st.integers(0, 11)),
    st.integers(10**5, 10**9),
)
def test_spikes_change_nothing_of_what_goes_on(risen, spikes, height):
    charging, _ = run(start(), watch(1, 3_000, power_w=50_000))
    plain, out, said, energy = copy.deepcopy(charging), [], [], 1_000
    for number, step in enumerate(risen):
        at, energy = 60_000 * (number + 1), energy + step
        if number in spikes:
            with pytest.raises(gate.ReadingLeaps):
                take(charging, reading(2 * number, energy + height, at - 30_000))
        out += seqs(take(charging, reading(2 * number + 1, energy, at)))
        said += seqs(take(plain, reading(2 * number + 1, energy, at)))
    last = end(99, energy, at + 1)
    assert out == said
    assert seqs(take(charging, last)) == seqs(take(plain, last)) == [99]


def test_a_charging_is_never_rebound():
    charging, _ = run(start(), watch(1))
    with pytest.raises(gate.BoundElsewhere):
        take(charging, watch(9, session="other"))


def test_an_unclaimed_charging_keeps_so_much_and_refuses_the_rest_by_name():
    charging = Charging()
    for seq in range(gate.KEPT_MAX):
        take(charging, update(seq, 1000, 1000 + seq))
    with pytest.raises(gate.TooManyKept):
        take(charging, update(9999, 1000, 99999))


def test_contract_readings_pass_unwritten_within_a_minute():
    charging, _ = run(start(kind="contract"), reading(1, 2000, 100_000))
    assert gate.may_pass_unwritten(charging, 130_000)
    assert not gate.may_pass_unwritten(charging, 170_000)
    card, _ = run(start(), reading(1, 2000, 100_000))
    assert not gate.may_pass_unwritten(card, 130_000)


STORY = [start(), reading(1, 2000, 2000), update(2, 2000, 2500), reading(3, 2000, 2600),
         end(4, 2000, 3000), watch(1)]  # fmt: skip


@given(st.permutations(STORY), st.lists(st.sampled_from(STORY), max_size=4))
def test_in_any_order_and_repeated_the_session_learns_all_and_a_whole_end(order, repeated):
    _, out = run(*order, *repeated)
    facts = [fact for fact, *_ in out]
    assert {type(fact) for fact in facts} >= {ChargingStarted, ChargingUpdated, ChargingEnded}
    assert any(done for *_, done in out)


@given(st.permutations(STORY))
def test_whatever_makes_the_end_whole_goes_before_it(order):
    """Else the price is settled before the state that it depends on (found by the simulation)."""
    _, out = run(*order)
    first = next(place for place, (*_, done) in enumerate(out) if done)
    before = {type(fact) for fact, *_ in out[:first]}
    assert before >= {ChargingStarted, ChargingUpdated}


@given(st.permutations(STORY), st.integers(0, 4))
def test_with_a_number_missing_the_end_is_never_whole(order, missing):
    _, out = run(*(fact for fact in order if isinstance(fact, Watch) or fact.seq != missing))
    assert not any(done for *_, done in out)
