"""Proposals out of what the pipeline said, decided by a person, and what then follows."""

import msgspec
import pytest
from test_link_and_sessions import SESSION, T0, Day, request
from test_partners import cdr, destination, linked, orphans, send

from schemas import topics
from schemas.ledger import SessionLedger
from schemas.roaming import CdrSeen
from streams.agents.waiting import ORPHAN_AFTER_MS
from streams.core.proposals import proposals
from streams.links import confirmation, rejection

END = T0 + 30 * 60_000
BY = ("a.keller", "same outlet, same minute")


def lost(**changed):
    """A CDR with a reference and a session id that nobody knows."""
    return cdr(authorization_reference="TYPO", evse_uid="E", **changed)


@pytest.fixture
def day():
    day = Day()
    day.charge()
    send(day.pipeline, lost())
    day.tick(END + 2 * ORPHAN_AFTER_MS)
    return day


def proposed(day):
    ledgers = {
        one.session_id: one
        for one in day.pipeline.said[topics.LEDGER]
        if isinstance(one, SessionLedger)
    }
    return [
        proposal
        for orphan in orphans(day.pipeline)
        for proposal in proposals(orphan, lost(), list(ledgers.values()))
    ]


def test_a_proposal_moves_nothing_and_links_nothing(day):
    (one,) = proposed(day)
    assert one.session_id == SESSION
    assert linked(day.pipeline, CdrSeen) == []
    assert day.ledger().cdr_id == ""


def test_a_confirmed_one_is_linked_as_by_an_alias_and_so_is_what_comes_after_it(day):
    (one,) = proposed(day)
    commands = len(day.commands())
    decision = confirmation(one, BY, END)
    day.pipeline.send(topics.DECISIONS, SESSION, decision)
    day.pipeline.run()
    assert linked(day.pipeline, CdrSeen) == [(SESSION, lost())]
    assert day.ledger().cdr_id == "C-1"
    assert len(day.commands()) == commands
    later = lost(cdr_id="C-2", credit=True, credit_reference_id="C-1")
    send(day.pipeline, later)
    assert day.ledger().cdr_status == "credited"
    assert (decision.who, decision.why) == BY
    assert decision.evidence.startswith("same outlet")


def test_a_rejected_one_changes_nothing_and_is_the_same_proposal_for_ever(day):
    (one,) = proposed(day)
    decision = rejection(one, BY, END)
    day.pipeline.send(topics.DECISIONS, SESSION, decision)
    day.pipeline.run()
    assert linked(day.pipeline, CdrSeen) == []
    assert day.ledger().cdr_id == ""
    assert [other.proposal_id for other in proposed(day)] == [decision.proposal_id]


def test_a_decision_for_a_session_that_is_not_there_yet_waits_for_it():
    day = Day()
    send(day.pipeline, lost())
    first = Day()
    first.charge()
    send(first.pipeline, lost())
    first.tick(END + 2 * ORPHAN_AFTER_MS)
    (one,) = proposed(first)
    day.pipeline.send(topics.DECISIONS, SESSION, confirmation(one, BY, END))
    day.pipeline.run()
    day.pipeline.send(topics.REQUESTS, SESSION, request(day.pipeline))
    day.tick(T0)
    assert linked(day.pipeline, CdrSeen) == [(SESSION, lost())]


def test_contract_chargings_are_never_proposed(day):
    contract = msgspec.structs.replace(lost(), payment_kind="contract")
    day.pipeline.send(*destination(contract), contract)
    day.tick(END + 9 * ORPHAN_AFTER_MS)
    assert len(orphans(day.pipeline)) == 1
    ledger = day.ledger()
    assert proposals(orphans(day.pipeline)[0], contract, [ledger]) == []
