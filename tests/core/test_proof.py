"""The ladder as a whole: which rung is taken, at which price, and what is waited for."""

import pytest
from proofworld import END, HOUR, bill, over, session_of
from sessionworld import ended, released

from streams.core.proof_policy import LADDER

GAP = ended(10_000, END, complete=False)


def test_the_highest_that_holds_is_taken():
    case = session_of(ended(10_000, END), bill(), over(), released(9_000), after_ms=30 * HOUR)
    assert case.proof.rung == "COMPLETE_TRANSACTION"
    case = session_of(GAP, bill(), over(), released(9_000), after_ms=30 * HOUR)
    assert case.proof.rung in ("SESSION_AND_CDR", "OPERATOR_RELEASE")
    assert LADDER[0] == "SIGNED_END"


@pytest.mark.parametrize(
    ("way", "energy_wh", "cost", "authority"),
    [
        ("lower", 6_000, 474, "tariff"),
        ("cdr", 6_000, 474, "cdr"),
        ("charger", 10_000, 790, "tariff"),
    ],
)
def test_a_difference_is_settled_as_the_policy_says(way, energy_wh, cost, authority):
    proof = session_of(bill(6_000, "4.74"), ended(10_000, END), disagreement=way).proof
    assert (proof.settled_by, proof.price_authority) == (way, authority)
    assert (proof.final.energy_wh, proof.cost_minor) == (energy_wh, cost)


def test_the_lower_price_counts_where_the_energy_agrees():
    proof = session_of(bill(10_000, "5.00"), ended(10_000, END), disagreement="lower").proof
    assert (proof.final.energy_wh, proof.cost_minor) == (10_000, 500)
    dear = session_of(bill(10_000, "9.90"), ended(10_000, END), disagreement="lower").proof
    assert dear.cost_minor == 790


def test_the_usual_policy_waits_for_a_person():
    waiting = session_of(bill(6_000, "4.74"), ended(10_000, END)).proof
    assert (waiting.rung, waiting.waits, waiting.charger_wh) == ("", "disagree", 10_000)
    decided = session_of(bill(6_000, "4.74"), ended(10_000, END), released(9_000)).proof
    assert (decided.rung, decided.settled_by) == ("OPERATOR_RELEASE", "person")
    assert decided.final.energy_wh == 9_000


def test_the_cdrs_total_is_the_price_where_the_policy_says_so():
    said = {"price_authority": "cdr"}
    waiting = session_of(ended(10_000, END), **said).proof
    assert (waiting.rung, waiting.waits) == ("", "awaits-cdr")
    assert waiting.again_at > END
    told = session_of(ended(10_000, END), bill(10_000, "9.90"), **said).proof
    assert (told.cost_minor, told.price_authority, told.settled_by) == (990, "cdr", "")
    net_only = session_of(ended(10_000, END), bill(10_000, ""), **said).proof
    assert net_only.waits == "awaits-cdr"
    alone = session_of(ended(10_000, END), after_ms=waiting.again_at - END, **said).proof
    assert (alone.cost_minor, alone.price_authority) == (790, "tariff_alone")


def test_a_rung_below_the_lowest_accepted_is_none():
    for lowest, rung in (("SESSION_AND_CDR", ""), ("CDR_AFTER_QUIET", "CDR_AFTER_QUIET")):
        proof = session_of(GAP, bill(), lowest_rung=lowest, after_ms=30 * HOUR).proof
        assert proof.rung == rung
    signed_only = session_of(ended(10_000, END), lowest_rung="SIGNED_END").proof
    assert "accepts no COMPLETE_TRANSACTION" in signed_only.why
