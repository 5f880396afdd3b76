"""Facts of OCPI through link and sessions: who finds whom, who waits, what never waits."""

import itertools
import json
from pathlib import Path

import msgspec
import pytest
from pipeline import Pipeline
from test_link_and_sessions import SESSION, T0, Day, request, started

from connectors.ocpi import feed
from connectors.ocpi.feed import pieces, translate
from connectors.ocpi.objects import Place
from connectors.ocpi.quirks import parse as parse_quirks
from schemas import codec, ids, topics
from schemas.commands import CaptureHold
from schemas.decisions import LinkConfirmed
from schemas.facts import DiscrepancyChanged, LinkedFact, OrphanAged, SettlementNotified
from schemas.partners import AdviceConfirmed
from schemas.roaming import CdrSeen, SessionSeen
from streams.agents.waiting import HORIZON_MS, ORPHAN_AFTER_MS

EXAMPLES = Path(__file__).parents[2] / "schemas" / "examples"
MINUTE = 60_000
OWNER = ("CH", "ABC")
END = T0 + 30 * MINUTE
OBJECT = ids.ocpi_alias("t", OWNER, "session", "S-1")


def example(kind, **changed):
    fact = msgspec.json.decode((EXAMPLES / f"{kind.__name__}.v1.json").read_bytes(), type=kind)
    return msgspec.structs.replace(fact, tenant="t", **changed)


def of_ocpi(kind, **changed):
    usual = {
        "country_code": "CH", "party_id": "ABC", "ocpi_session_id": "S-1", "currency": "CHF",
        "evse_uid": "e", "evse_id": "",
        "authorization_reference": "REF-1", "energy_wh": 30_000, "kwh": "30",
        "started_at": T0 + 10_000, "ended_at": END, "last_updated_at": END, "received_at": END,
    }  # fmt: skip
    return example(kind, **{**usual, **changed})


def seen(**changed):
    return of_ocpi(SessionSeen, **changed)


def cdr(**changed):
    costs = [{"kind": "total", "net": "16.50", "gross": "17.84"}]
    usual = {"cdr_id": "C-1", "costs": msgspec.convert(costs, CdrSeen.__annotations__["costs"])}
    return of_ocpi(CdrSeen, **{**usual, **changed})


def total(gross):
    return msgspec.convert(
        [{"kind": "total", "net": "", "gross": gross}], CdrSeen.__annotations__["costs"]
    )


def advice(**changed):
    usual = {
        "partner": "p", "authorization_reference": "Ref-1", "captured_minor": 1784,
        "currency": "CHF", "last_updated_at": END, "received_at": END,
    }  # fmt: skip
    return example(AdviceConfirmed, **{**usual, **changed})


def destination(fact):
    if isinstance(fact, AdviceConfirmed):
        return topics.ADVICES, ids.reference_alias("t", fact.authorization_reference)
    topic = topics.OCPI_CDRS if isinstance(fact, CdrSeen) else topics.OCPI_SESSIONS
    owner = (fact.country_code, fact.party_id)
    if fact.ocpi_session_id:
        return topic, ids.ocpi_alias("t", owner, "session", fact.ocpi_session_id)
    return topic, ids.ocpi_alias("t", owner, "cdr", fact.cdr_id)


def send(pipeline, *facts):
    for fact in facts:
        pipeline.send(*destination(fact), fact)
    pipeline.run()


def linked(pipeline, kind):
    """What reached sessions: (session, the fact), each place once."""
    found = {
        (one.source_topic, one.source_partition, one.source_offset): (
            one.session_id,
            codec.decode(one.fact),
        )
        for one in pipeline.said[topics.EVENTS]
        if isinstance(one, LinkedFact) and codec.record_name(one.fact) == kind.__name__
    }
    return list(found.values())


def orphans(pipeline):
    return [one for one in pipeline.said[topics.DISCREPANCIES] if isinstance(one, OrphanAged)]


def open_differences(pipeline):
    found = {}
    for one in pipeline.said[topics.DISCREPANCIES]:
        if isinstance(one, DiscrepancyChanged):
            found[one.kind] = one.status
    return {kind for kind, status in found.items() if status != "closed"}


@pytest.fixture
def opened():
    pipeline = Pipeline()
    pipeline.send(topics.REQUESTS, SESSION, request(pipeline))
    pipeline.tick(T0)
    return pipeline


# --- by which alias ---


@pytest.mark.parametrize("fact", [seen(), cdr(), advice()], ids=lambda one: type(one).__name__)
def test_the_reference_finds_the_session_in_any_case(opened, fact):
    send(opened, fact)
    assert linked(opened, type(fact)) == [(SESSION, fact)]


def test_what_one_fact_names_beside_the_reference_finds_it_for_the_next(opened):
    """The object's own id binds with the first that came in by the reference."""
    without = cdr(authorization_reference="")
    send(opened, without)
    assert linked(opened, CdrSeen) == []
    send(opened, seen())
    assert linked(opened, CdrSeen) == [(SESSION, without)]
    credit = cdr(
        cdr_id="C-2", ocpi_session_id="", authorization_reference="", credit=True,
        credit_reference_id="C-1",
    )  # fmt: skip
    send(opened, credit)
    assert (SESSION, credit) in linked(opened, CdrSeen)


def test_a_fact_before_its_session_waits_and_goes_on_with_it():
    pipeline = Pipeline()
    facts = [cdr(), seen(), advice()]
    send(pipeline, *facts)
    assert linked(pipeline, CdrSeen) == []
    pipeline.send(topics.REQUESTS, SESSION, request(pipeline))
    pipeline.tick(T0)
    for fact in facts:
        assert linked(pipeline, type(fact)) == [(SESSION, fact)]
    pipeline.tick(END + 2 * ORPHAN_AFTER_MS)
    assert orphans(pipeline) == []


def test_a_fact_found_by_a_later_alias_waits_nowhere_any_more(opened):
    send(opened, seen())
    send(opened, cdr(authorization_reference="FOREIGN"))
    assert len(linked(opened, CdrSeen)) == 1
    other = request(
        opened, session_id=ids.session_id("t", "p", "FOREIGN"), authorization_reference="FOREIGN"
    )
    opened.send(topics.REQUESTS, other.session_id, other)
    opened.run()
    assert linked(opened, CdrSeen)[0][0] == SESSION, "one fact, one session"
    opened.tick(END + HORIZON_MS + MINUTE)
    assert opened.aside == []


HUB = """
name = "hub-that-rewrites"
rewrites = [
  {of = "id", pattern = "HUB-(.*)", becomes = '\\1'},
  {of = "session_id", pattern = "HUB-(.*)", becomes = '\\1'},
  {of = "party_id", pattern = "HUB", becomes = "ABC"},
]
"""


def translated(partner, quirks, kind, **body):
    place = Place(tenant="t", partner=partner, received_at=END)
    usual = {
        "country_code": "CH", "currency": "CHF", "last_updated": "2026-01-05T08:30:00Z",
        "start_date_time": "2026-01-05T08:00:10Z", "end_date_time": "2026-01-05T08:30:00Z",
        "auth_method": "COMMAND",
        "cdr_token": {"country_code": "CH", "party_id": "PTP", "uid": "u", "type": "AD_HOC_USER",
                      "contract_id": "c"},
    }  # fmt: skip
    (piece,) = pieces(json.dumps({**usual, **body}).encode(), place, quirks)
    done = translate(None, piece, quirks)
    (fact,) = [one for one in done.facts if isinstance(one, kind)]
    assert done.refused == ()
    return fact


def test_through_a_hub_with_ids_of_its_own_and_from_a_peer_it_is_one_session(opened):
    """What the hub rewrites is undone by its profile, which is a table and no code."""
    hub, told = parse_quirks(HUB), {"kwh": 30, "status": "COMPLETED", "connector_id": "1"}
    told |= {"location_id": "L1", "evse_uid": "e"}
    by_hub = translated("hub", hub, SessionSeen, id="HUB-S-1", party_id="HUB",
                        authorization_reference="ref-1", **told)  # fmt: skip
    by_peer = translated("abc", parse_quirks(""), SessionSeen, id="s-1", party_id="abc", **told)
    assert by_peer.authorization_reference == ""
    for partner, fact in (("hub", by_hub), ("abc", by_peer)):
        assert fact.partner == partner
        opened.send(*feed.destination(fact), fact)
        opened.run()
    assert {session for session, _ in linked(opened, SessionSeen)} == {SESSION}
    assert len(linked(opened, SessionSeen)) == 2
    send(opened, cdr(partner="hub", cdr_id="c-1"), cdr(partner="abc"))
    assert opened.said[topics.LEDGER][-1].cdr_status == "told"
    assert open_differences(opened) == set()


def test_a_reference_of_two_providers_links_nothing_but_by_the_objects_own_name():
    pipeline = Pipeline()
    for provider in ("p", "q"):
        one = request(
            pipeline, provider=provider, session_id=ids.session_id("t", provider, "ref-1")
        )
        pipeline.send(topics.REQUESTS, one.session_id, one)
    pipeline.tick(T0)
    send(pipeline, cdr())
    assert linked(pipeline, CdrSeen) == []
    pipeline.tick(END + 2 * ORPHAN_AFTER_MS)
    (told,) = orphans(pipeline)
    assert "more than one session" in told.detail
    confirmed = LinkConfirmed(
        tenant="t", session_id=SESSION, proposal_id="x", alias=told.alias, bound_from=0,
        bound_to=4_102_444_800_000, source_topic=told.source_topic,
        source_partition=told.source_partition, source_offset=told.source_offset, who="a",
        why="b", evidence="c", decided_at=END,
    )  # fmt: skip
    pipeline.send(topics.DECISIONS, SESSION, confirmed)
    pipeline.run()
    assert [session for session, _ in linked(pipeline, CdrSeen)] == [SESSION]


# --- who waits, and for how long ---


def test_a_card_fact_without_a_session_is_told_of_once_and_set_aside_at_the_horizon():
    pipeline = Pipeline()
    pipeline.tick(END)
    send(pipeline, cdr(received_at=END))
    pipeline.tick(END + ORPHAN_AFTER_MS - 1)
    assert orphans(pipeline) == []
    pipeline.tick(END + ORPHAN_AFTER_MS)
    (told,) = orphans(pipeline)
    assert told.alias == ids.ocpi_alias("t", OWNER, "cdr", "C-1")
    pipeline.tick(END + HORIZON_MS + MINUTE)
    assert len(pipeline.aside) == 1, "it waited at three aliases, and is set aside once"


@pytest.mark.parametrize("make", [seen, cdr])
def test_contract_chargings_never_wait_and_are_never_told_of(make):
    pipeline = Pipeline()
    fact = make(payment_kind="contract", authorization_reference="ROAM-9")
    send(pipeline, fact)
    pipeline.tick(END + HORIZON_MS + MINUTE)
    assert orphans(pipeline) == []
    assert pipeline.aside == []
    keys = [key for store in pipeline.stores.values() for key, _ in store.decoded()]
    assert not any(key.startswith(b"a") for key in keys), "nothing of it is kept"


def test_a_contract_that_names_our_reference_is_ours(opened):
    send(opened, seen(payment_kind="contract"))
    assert len(linked(opened, SessionSeen)) == 1


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_the_order_of_facts_changes_nothing(order):
    """Request, session, CDR by session id only, credit CDR by its reference only."""
    credit = cdr(
        cdr_id="C-2", ocpi_session_id="", authorization_reference="", credit=True,
        credit_reference_id="C-1",
    )  # fmt: skip
    pipeline = Pipeline()
    asked = request(pipeline)
    steps = [
        lambda: (pipeline.send(topics.REQUESTS, SESSION, asked), pipeline.run()),
        lambda: send(pipeline, seen()),
        lambda: send(pipeline, cdr(authorization_reference="")),
        lambda: send(pipeline, credit),
    ]
    for step in order:
        steps[step]()
    assert {session for session, _ in linked(pipeline, SessionSeen)} == {SESSION}
    assert len(linked(pipeline, CdrSeen)) == 2
    ledger = pipeline.said[topics.LEDGER][-1]
    assert (ledger.ocpi_session_id, ledger.cdr_status) == ("S-1", "credited")


# --- what it leads to ---


def test_a_cdr_of_a_charged_session_agrees_and_moves_nothing():
    day = Day()
    day.charge()
    before = len(day.commands())
    send(day.pipeline, seen(), cdr())
    ledger = day.ledger()
    assert (ledger.cdr_id, ledger.cdr_total_minor, ledger.cdr_status) == ("C-1", 1784, "told")
    assert open_differences(day.pipeline) == set()
    assert len(day.commands()) == before


def test_a_cdr_that_says_otherwise_is_shown_and_one_refused_proves_nothing():
    day = Day()
    day.charge()
    send(day.pipeline, cdr(energy_wh=35_000, costs=total("19.99")))
    assert open_differences(day.pipeline) == {"cdr-energy", "cdr-cost", "cdr-captured"}
    send(day.pipeline, cdr(energy_wh=35_000, costs=total("19.99"), rejected_code=2001))
    assert open_differences(day.pipeline) == {"cdr-rejected"}
    assert day.ledger().cdr_status == "rejected"
    assert len(day.commands(CaptureHold)) == 1


def test_the_advice_of_who_captures_is_the_outcome():
    day = Day(capture_by="terminal_provider")
    day.charge()
    assert day.ledger().captured_minor == 0
    send(day.pipeline, advice())
    ledger = day.ledger()
    assert (ledger.phase, ledger.captured_minor, ledger.priced_minor) == ("closed", 1784, 1784)
    assert ledger.approved_minor == 1784 + ledger.released_minor
    assert open_differences(day.pipeline) == set()


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        (advice(partner="another"), "advice-not-theirs"),
        (advice(captured_minor=-1), "advice-untold"),
        (advice(outcome="failed", captured_minor=0), "advice-failed"),
        (advice(currency="EUR"), "advice-currency"),
        (advice(captured_minor=1000), "advice-below-cost"),
        (advice(captured_minor=1900), "captured-above-cost"),
    ],
)
def test_an_advice_that_does_not_fit_is_shown(told, kind):
    day = Day(capture_by="terminal_provider")
    day.charge()
    send(day.pipeline, told)
    assert kind in open_differences(day.pipeline)


def test_an_advice_where_we_capture_moves_nothing():
    day = Day()
    day.charge()
    send(day.pipeline, advice())
    assert day.ledger().captured_minor == 1784
    assert len(day.commands(CaptureHold)) == 1
    assert open_differences(day.pipeline) == {"advice-not-theirs"}


def test_a_station_that_settled_is_found_by_its_transaction():
    day = Day(capture_by="station")
    settled = SettlementNotified(
        tenant="t", network="n", charger_id="c1", transaction_id="x", psp_reference="P-1",
        status="settled", amount="17.84", settled_at=END,
    )  # fmt: skip
    day.tell(settled)
    day.charge()
    assert day.ledger().captured_minor == 1784
    assert day.commands(CaptureHold) == []


def test_a_begin_that_claims_a_card_and_names_nothing_is_told_of():
    pipeline = Pipeline()
    begin = msgspec.structs.replace(started(T0), remote_start_id="")
    pipeline.send(topics.TRANSACTIONS, ids.charger_key("t", "n", "c1"), begin)
    pipeline.tick(T0 + ORPHAN_AFTER_MS)
    assert len(orphans(pipeline)) == 1
