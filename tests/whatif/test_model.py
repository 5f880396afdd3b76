"""Sessions under a policy: what their ways come to, that they weigh one, where money was short."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from sessionworld import POLICY, POLICY_FILE, T0, request

from schemas.facts import CardRead
from streams.core.strategy_policy import parse_policy
from streams.whatif.bank import Bank
from streams.whatif.compare import compare
from streams.whatif.exposure import exposure_of
from streams.whatif.model import run
from streams.whatif.rates import Assumption, assumed
from streams.whatif.recorded import Booked, Course, Happened, LeftOut, Recording
from streams.whatif.side import frozen_minor_ms

BODY = POLICY_FILE.read_text()
TARIFF = (
    '{"currency":"CHF","elements":[{"price_components":'
    '[{"type":"ENERGY","price":0.50,"step_size":1}]}]}'
)
HOUR = 3_600_000
REQUEST = request(power_max_w=60_000, cvm="cdcvm")


def fixed(minor, version="fixed"):
    """A policy that holds so much, once, whatever comes."""
    head, _, rest = BODY.partition("[[cell]]")
    tail = rest[rest.index("# --- When the card says no") :]
    cell = (
        '[[cell]]\nname = "all"\nwhy = "test"\nstrategy = "fixed"\n'
        f"[cell.amounts]\nCHF = {{ first_minor = {minor} }}\n"
    )
    return parse_policy(head.replace("2026-10-01", version) + cell + tail)


def bank(percent="100", latencies=(1_000,)):
    stated = [Assumption(kind, "", 0, Decimal(percent) / 100) for kind in ("hold", "raise")]
    return Bank(assumed(stated, "here"), latencies, "insufficient_funds", {})


def charged(kwh, minutes=60, **more):
    ms = minutes * 60_000
    course = Course(start_ms=3_000, points=((0, 0), (ms, kwh * 1000)), **more)
    return Happened(request=REQUEST, tariff_body=TARIFF, policy=POLICY, course=course)


def recording(sessions, rates_of=None, **more):
    known = rates_of or bank("95")
    return Recording(
        sessions=sessions,
        left_out=more.pop("left_out", []),
        rates=known.rates,
        latencies_ms=known.latencies_ms,
        decline_reason=known.decline_reason,
        health={},
        words="here",
    )


def only(found):
    """The ways of the one hold that was asked for."""
    (tap,) = found.taps
    return tap.ways


def quiet(_done, _of):
    pass


def test_a_certain_yes_has_one_way_and_ends_captured():
    found = run(charged(50), POLICY, bank())
    (way,) = found.taps[0].ways
    assert [tap.ask.amount_minor for tap in found.taps] == [20_00]
    assert way.weight == 1
    assert way.ledger.closed_reason == "captured"
    assert (way.ledger.captured_minor, way.ledger.arrears_minor) == (25_00, 0)
    assert [ask.amount_minor for ask in way.asks] == [40_00]
    assert exposure_of(way) == (0, 0)


def graded(takes_less):
    """Nine in ten cards bear less than 20 CHF, six in ten as much or more."""
    stated = [
        Assumption("hold", "", 0, Decimal("0.9")),
        Assumption("hold", "", 20_00, Decimal("0.6")),
    ]
    return Bank(assumed(stated, "here"), (1_000,), "insufficient_funds", {}, Decimal(takes_less))


@pytest.mark.parametrize(
    ("takes_less", "asked", "approved"), [("1", "0.4", "0.3"), ("0.5", "0.2", "0.15")]
)
def test_a_no_is_followed_by_the_smaller_hold_that_is_offered(takes_less, asked, approved):
    first, second, *_ = run(charged(20), POLICY, graded(takes_less)).taps
    assert (first.ask.amount_minor, first.asked, first.approved) == (20_00, 1, Decimal("0.6"))
    assert (second.ask.kind, second.ask.amount_minor) == ("offer", 15_00)
    assert (second.asked, second.approved) == (Decimal(asked), Decimal(approved))
    assert second.ask.rate.rate == Decimal("0.75")  # of those who refused 20 CHF
    (way,) = second.ways
    assert way.ledger.captured_minor == 10_00
    assert [hold.requested_minor for hold in way.ledger.holds] == [20_00, 15_00]


def test_who_is_not_there_any_more_is_asked_for_nothing_smaller():
    taps = run(charged(20), POLICY, graded("0")).taps
    assert [tap.ask.amount_minor for tap in taps] == [20_00]


def test_smaller_holds_bring_back_who_would_have_gone():
    """A recording counts whole under its own policy, whatever way its card was approved."""
    known = graded("1")
    was = replace(charged(20), by_approval=True)
    told = replace(recording([was], rates_of=known), takes_less=known.takes_less)
    found = compare(told, fixed(30_00), quiet).currencies[0]
    assert found.old.charged == 1
    assert found.old.offers == Decimal("0.40")
    assert found.old.declined_at_tap.expected == Decimal("0.40")
    # Nothing smaller than 30 CHF is in that policy: six of ten stay, out of nine.
    assert found.new.charged == Decimal("0.67")
    assert found.new.offers == 0


def test_a_certain_no_to_every_raise_ends_inside_the_hold():
    known = bank()
    known.rates.rows.update(
        {row: (rates[0].__class__(Decimal(0), Decimal(0), Decimal(0), 0, "assumed"),) * len(rates)
         for row, rates in known.rates.rows.items() if row[1] == "raise"}
    )  # fmt: skip
    found = run(charged(50), POLICY, known)
    last = max(found.taps[0].ways, key=lambda way: way.weight)
    assert last.weight == 1
    assert last.charger.stopped_for == "cover-reached"
    assert last.charger.missed_wh > 0
    assert last.ledger.captured_minor <= 20_00
    assert last.ledger.arrears_minor == 0


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 99), st.integers(1, 90), st.integers(10, 120))
def test_the_ways_weigh_one_and_each_is_at_rest(percent, kwh, minutes):
    found = run(charged(kwh, minutes), POLICY, bank(str(percent)))
    assert all(sum(way.weight for way in tap.ways) == 1 for tap in found.taps if tap.approved)
    for way in (way for tap in found.taps for way in tap.ways):
        ledger = way.ledger
        assert ledger.phase == "closed"
        assert ledger.open_minor == way.held[-1][1] == 0
        due = ledger.captured_minor + ledger.arrears_minor + ledger.forgiven_minor
        assert due == ledger.priced_minor


def test_a_fixed_hold_is_frozen_until_its_capture():
    """30 CHF from the approval a second after the tap, to the capture a second after the end."""
    (way,) = only(run(charged(20), fixed(30_00), bank()))
    assert frozen_minor_ms(way.held) == 30_00 * (HOUR + 3_000 + 1_000)


def test_what_flows_above_the_hold_is_exposed():
    """A charger that hears a stop only when all is over: 30 kWh at 60 kW on 10 CHF, 20 kWh."""
    happened = charged(30, 30, interval_ms=40 * 60_000)
    (way,) = only(run(happened, fixed(10_00), bank()))
    exposed = exposure_of(way)
    assert exposed.most_minor == way.ledger.arrears_minor == 5_00
    # Half a minor unit rounds down, and the search looks once a second.
    assert 10_000 - 10 - 60_000 // 3_600 - 1 <= exposed.wh <= 10_000


def test_a_session_without_a_charging_is_asked_for_only():
    happened = Happened(request=REQUEST, tariff_body=TARIFF, policy=POLICY, why="declined")
    found = run(happened, POLICY, bank())
    assert [(tap.ask.amount_minor, tap.ways) for tap in found.taps] == [(20_00, ())]


def test_a_refusal_keeps_its_name():
    happened = Happened(request=REQUEST, tariff_body=None, policy=POLICY)
    assert run(happened, POLICY, bank()).refused == "no-tariff"


# --- both sides -----------------------------------------------------------------------------------


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 80), st.integers(10, 90)), min_size=1, max_size=3))
def test_the_same_policy_on_both_sides_says_the_same(courses):
    sessions = [charged(*one) for one in courses]
    again = parse_policy(BODY + "\n# the same in other words\n")
    (found,) = compare(recording(sessions), again, quiet, POLICY).currencies
    assert found.old == found.new


def test_a_larger_hold_freezes_more_and_is_exposed_to_less():
    sessions = [charged(40), charged(10, 15)]
    found = compare(recording(sessions), fixed(60_00), quiet, fixed(15_00, "thin")).currencies[0]
    old, new = found.old, found.new
    assert (old.first_minor, new.first_minor) == (30_00, 120_00)
    assert old.frozen_currency_hours < new.frozen_currency_hours
    assert old.cut_short == Decimal("0.95")
    assert new.cut_short == 0
    assert old.undelivered_wh > new.undelivered_wh == 0
    assert (old.holds, new.holds) == (2, 2)
    assert old.declined_at_tap.expected == Decimal("0.10")


def test_a_recording_that_exists_by_a_yes_counts_it_once():
    """Charged sessions of the topics were approved: under the same rate they count whole."""
    happened = charged(10)
    was = Happened(
        request=REQUEST,
        tariff_body=TARIFF,
        policy=POLICY,
        course=happened.course,
        by_approval=True,
        booked=Booked(
            raises=0,
            raises_declined=0,
            declined_at_tap=False,
            stopped=False,
            energy_wh=10_000,
            captured_minor=5_00,
            arrears_minor=0,
            frozen_minor_ms=20_00 * (HOUR + 4_000),
        ),
    )
    (found,) = compare(recording([was]), POLICY, quiet).currencies
    assert found.old.charged == 1
    assert found.old.captured_minor == 5_00
    checks = {one.figure: (one.model, one.recorded) for one in found.calibration}
    assert checks["captured_minor"] == (500, 500)
    assert checks["delivered_wh"] == (10_000, 10_000)
    assert checks["frozen_currency_hours"][0] == checks["frozen_currency_hours"][1]


def test_what_was_left_out_is_counted_and_named():
    left = [LeftOut("a", "no end yet"), LeftOut("b", "no end yet")]
    found = compare(recording([charged(5)], left_out=left), POLICY, quiet)
    assert found.left_out == {"no end yet": 2}
    assert found.left_out_sessions == {"no end yet": ["a", "b"]}


@pytest.mark.parametrize("stage", ["amount_first", "tap_first"])
def test_a_recorded_card_agrees_to_what_is_offered(stage):
    card = CardRead(
        tenant="t", session_id=REQUEST.session_id, terminal_id="term", tap=1, scheme="visa",
        funding="credit", entry_mode="contactless", cvm="cdcvm", bin_country="CH",
        card_token="tok", read_at=T0 + 1_000,
    )  # fmt: skip
    unknown = {"scheme": "", "funding": "unknown", "entry_mode": "", "cvm": "", "bin_country": "",
               "card_token": ""}  # fmt: skip
    happened = replace(charged(5), request=replace(REQUEST, stage=stage, **unknown), card=card)
    found = run(happened, POLICY, bank())
    assert only(found)[0].ledger.captured_minor == 2_50
