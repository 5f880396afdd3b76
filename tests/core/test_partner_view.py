import pytest
from partnerworld import advice, cdr, credit, linked, seen, settlement
from sessionworld import T0, World, answered, ended, request, started

from streams.core import partner_view
from streams.core.reconciliation_policy import Reconciliation

HOUR = 3_600_000
LIMITS = Reconciliation(energy_wh=100, energy_per_mille=10)


def told(*facts, **requested):
    """A session of 10 kWh within a quarter of an hour, and what partners say of it."""
    world = World()
    world.apply(request(**requested))
    world.apply(answered("hold/1", "done", 2000))
    world.apply(started(0, T0))
    world.apply(ended(10_000, T0 + 900_000))
    for fact in facts:
        world.apply(linked(fact))
    return world.session


@pytest.mark.parametrize(
    ("facts", "status", "counts"),
    [
        ([], "", False),
        ([cdr()], "told", True),
        ([cdr(), cdr(partner="another")], "told", True),
        ([cdr(rejected_code=2001)], "rejected", False),
        ([cdr(), cdr(rejected_code=2001)], "rejected", False),
        ([cdr(rejected_code=2001), cdr(accepted=True)], "told", True),
        ([cdr(rejected_code=2001, partner="hub"), cdr(accepted=True)], "rejected", False),
        ([cdr(rejected_code=2001), cdr(cdr_id="C-3")], "told", True),
        ([cdr(rejected_code=2001), cdr(accepted=True), cdr(cdr_id="C-3")], "told", False),
        ([cdr(), cdr(gross="8.00")], "changed", False),
        ([cdr(), credit()], "credited", False),
        ([credit()], "credited", False),
        ([cdr(), credit(), cdr(cdr_id="C-3")], "told", True),
        ([cdr(), cdr(cdr_id="C-3")], "told", False),
        ([cdr(currency="EUR")], "told", False),
        ([cdr(started_at=T0 + 2 * HOUR, at=T0 + 3 * HOUR)], "told", False),
        ([cdr(started_at=T0 - 5 * HOUR, at=T0 - 4 * HOUR)], "told", False),
        ([cdr(started_at=T0 - HOUR, at=T0 + 900_000)], "told", True),
        ([cdr(evse_uid="other")], "told", False),
        ([cdr(evse_uid="C-E")], "told", True),
        ([cdr(evse_uid="", evse_id="")], "told", True),
        ([cdr(evse_uid="x1"), seen(evse_uid="X1")], "told", True),
        ([cdr(evse_uid="x1"), seen(evse_uid="e")], "told", False),
        ([cdr(), seen(party_id="abc")], "told", True),
        ([cdr(), seen(party_id="XYZ")], "told", False),
    ],
)
def test_which_cdr_counts(facts, status, counts):
    for order in (facts, facts[::-1]):
        session = told(*order)
        assert partner_view.cdr_status(session) == status
        assert (partner_view.countable_cdr(session) is not None) == counts


def test_a_credit_takes_back_the_cdr_that_it_names_in_any_case():
    session = told(cdr(), credit(of="c-1"))
    assert partner_view.cdrs(session) == []
    assert [one.cdr_id for one in partner_view.credits(session)] == ["C-2"]


def test_the_newest_word_of_a_session_counts_then_the_later_status():
    older = seen(status="COMPLETED", at=T0)
    newer = seen(status="ACTIVE", at=T0 + 1)
    beside = seen(status="COMPLETED", at=T0 + 1)
    for facts in ([older, newer], [newer, older]):
        assert partner_view.ocpi_session(told(*facts)).status == "ACTIVE"
    for facts in ([beside, newer], [newer, beside]):
        assert partner_view.ocpi_session(told(*facts)).status == "COMPLETED"
    assert partner_view.ocpi_session(told()) is None


def test_session_and_cdr_agree_when_the_session_is_over_and_shows_the_same():
    for status, energy, name, agrees in (
        ("COMPLETED", 10_000, "s-1", True),
        ("ACTIVE", 10_000, "s-1", False),
        ("COMPLETED", 9_900, "s-1", True),
        ("COMPLETED", 9_700, "s-1", False),
        ("COMPLETED", 10_000, "s-2", False),
    ):
        session = told(cdr(), seen(energy, status=status, ocpi_session_id=name))
        assert partner_view.agrees(session, partner_view.countable_cdr(session), LIMITS) == agrees
    session = told(cdr())
    assert not partner_view.agrees(session, partner_view.countable_cdr(session), LIMITS)


def test_a_total_is_rounded_once_and_a_net_is_none():
    (one,) = partner_view.cdrs(told(cdr(gross="7.905")))
    assert partner_view.total_minor(one) == 791
    (one,) = partner_view.cdrs(told(cdr(gross="")))
    assert partner_view.total_minor(one) is None


@pytest.mark.parametrize(
    ("capture_by", "fact", "minor"),
    [
        ("terminal_provider", advice(), 790),
        ("terminal_provider", advice(outcome="partial"), 790),
        ("terminal_provider", advice(partner="P"), 790),
        ("terminal_provider", advice(partner="q"), None),
        ("terminal_provider", advice(outcome="failed"), None),
        ("terminal_provider", advice(outcome="unknown"), None),
        ("terminal_provider", advice(currency="EUR"), None),
        ("terminal_provider", advice(-1), None),
        ("terminal_provider", settlement(), None),
        ("executor", advice(), None),
        ("station", advice(), None),
        ("station", settlement(), 790),
        ("station", settlement(status="rejected"), None),
        ("station", settlement("7.905"), None),
        ("station", settlement("much"), None),
    ],
)
def test_what_a_third_party_took_is_for_the_one_who_captures_to_say(capture_by, fact, minor):
    taken = partner_view.taken(told(fact, capture_by=capture_by))
    assert [one.minor for one in taken] == ([] if minor is None else [minor])


def test_the_acquirers_own_word_of_the_same_capture_is_not_counted_twice():
    world = World()
    world.apply(request(capture_by="terminal_provider"))
    world.apply(answered("hold/1", "done", 2000))
    world.apply(linked(advice()))
    world.apply(answered("capture/their-7", "done", 790))
    assert partner_view.taken(world.session) == []
    assert world.ledger.captured_minor == 790


def test_of_several_words_the_newest_of_who_captures_is_shown():
    session = told(
        advice(790, T0 + 5), advice(100, T0 + 9, partner="q"), capture_by="terminal_provider"
    )
    assert partner_view.advice(session).captured_minor == 790
    assert partner_view.advice(told()) is None
