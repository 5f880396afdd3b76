"""Rungs 3 and 4: when a CDR counts in place of the charger, and what it proves."""

import pytest
from proofworld import END, HOUR, MINUTE, bill, over, session_of
from sessionworld import T0, ended, reading, started, told_so, updated

from streams.core.partner_view import countable_cdr
from streams.core.pricing import Quantities
from streams.core.proof_charger import Asks
from streams.core.proof_partner import Asked, by_partner

TIMED = Asks(times=True, split=True)


def told(case, asks=None):
    asked = Asked(case.session, case.chargings, case.policy, 150_000, case.now_at)
    return by_partner(asked, countable_cdr(case.session), asks or Asks(False, False), taken=False)


@pytest.mark.parametrize(
    ("facts", "hours", "rung"),
    [
        ([bill()], 23, ""),
        ([bill()], 24, "CDR_AFTER_QUIET"),
        ([bill(), over()], 5, ""),
        ([bill(), over()], 6, "SESSION_AND_CDR"),
        ([bill(), over(9_950)], 6, "SESSION_AND_CDR"),
        ([bill(), over(5_000)], 6, ""),
        ([bill(), over(5_000)], 24, "CDR_AFTER_QUIET"),
        ([bill(), over(12_000)], 30, ""),
        ([bill(rejected_code=2001), over()], 30, ""),
        ([bill(), bill(cdr_id="C-9")], 30, ""),
        ([bill(currency="EUR")], 30, ""),
        ([bill(evse_uid="other")], 30, ""),
        ([bill(0, "0.00"), over(0)], 30, ""),
        ([bill(130_000, "102.70")], 30, ""),
        ([bill(started_at=0)], 30, ""),
        ([bill(started_at=T0 - 30 * MINUTE)], 30, "CDR_AFTER_QUIET"),
        ([bill(started_at=T0 - 2 * HOUR)], 30, ""),
    ],
)
def test_a_cdr_counts_once_it_was_waited_for_and_nothing_speaks_against_it(facts, hours, rung):
    case = session_of(*facts, after_ms=hours * HOUR)
    assert case.proof.rung == rung
    assert (case.cost_minor is None) == (not rung)


def test_the_chargers_last_word_begins_the_wait_anew():
    late = reading(6_000, END + 10 * HOUR)
    assert session_of(bill(), late, after_ms=33 * HOUR).proof.rung == ""
    assert session_of(bill(), late, after_ms=34 * HOUR).proof.rung == "CDR_AFTER_QUIET"


@pytest.mark.parametrize("wh", [9_990, 10_000, 10_010, 10_090])
def test_the_last_online_value_is_no_proof_but_for_the_chargers_own_end(wh):
    last = reading(wh, T0 + 30 * MINUTE)
    assert session_of(bill(), over(), last, after_ms=30 * HOUR).proof.rung == ""
    end = ended(10_090, END, complete=False)
    assert session_of(bill(), over(), last, end, after_ms=30 * HOUR).proof.rung != ""


def test_two_chargings_share_no_cdr():
    case = session_of(bill(), started(0, T0, tx="tx2"), after_ms=30 * HOUR)
    assert "several chargings" in case.proof.why


def test_nobody_asked_to_start_and_no_charging_is_proven():
    case = session_of(bill(), begun=False, after_ms=30 * HOUR)
    assert case.proof.rung == "CDR_AFTER_QUIET"
    assert case.chargings[0].charging_id == "", "nobody's to watch"
    assert case.total.final == Quantities(10_000, 45 * MINUTE, 0)


def test_where_parking_has_a_price_the_cdr_has_to_tell_of_it():
    silent = session_of(bill(), after_ms=30 * HOUR)
    assert "parking" in told(silent, TIMED).why
    case = session_of(bill(parking_hours="0.25"), after_ms=30 * HOUR)
    assert told(case, TIMED).rung == "CDR_AFTER_QUIET"
    assert case.total.final == Quantities(10_000, 30 * MINUTE, 15 * MINUTE)


def test_the_chargers_own_end_stands_unless_its_clock_is_doubtful():
    end = ended(10_000, T0 + 40 * MINUTE, complete=False)
    gap = updated("suspended_ev", 9_000, T0 + 30 * MINUTE, seq=2)
    case = session_of(bill(), end, gap, after_ms=30 * HOUR)
    assert case.total.final == Quantities(10_000, 30 * MINUTE, 10 * MINUTE)
    skewed = session_of(bill(), told_so(end, flags=1), after_ms=30 * HOUR)
    assert skewed.chargings[0].end.ended_at == END
