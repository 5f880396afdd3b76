"""The door: pages, envelopes, keys, quirks of hubs, and input that nobody foresaw."""

import json
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mutations import JSON, changed, places
from partners import RECEIVED_AT, cdr, example, fact, kinds, place, refusal, session, told

from connectors.ocpi import feed
from connectors.ocpi.feed import destination, key_of, pieces, translate
from connectors.ocpi.quirks import Quirks, Rewrite
from connectors.ocpi.reading import MAX_BYTES
from schemas import codec

HUB = Quirks(
    name="hub",
    rewrites=(
        Rewrite("session_id", r"HUB-(.+)", r"\1"),
        Rewrite("id", r"HUB-(.+)", r"\1"),
        Rewrite("party_id", r"HUB", "NLD"),
        Rewrite("evse_uid", r"(\d+)@hub", r"krs-\1-a"),
    ),
)


def keyed(found, **said):
    quirks = said.pop("quirks", Quirks())
    return key_of(json.dumps(found).encode(), place(**said), quirks)


def test_the_key_is_the_object_s_whoever_sends_it():
    assert keyed(session()) == "nordlade/ocpi/no/nld/session/krs-42"
    assert keyed(session(id="KRS-42", country_code="no"), partner="hub") == keyed(session())
    assert keyed(cdr()) == "nordlade/ocpi/no/nld/cdr/cdr-42"
    rewritten = session(id="HUB-krs-42", party_id="HUB")
    assert keyed(rewritten, quirks=HUB) == keyed(session())


def test_a_2_1_1_object_belongs_to_who_is_known_to_send_it():
    body = json.loads(example("2.1.1", "cdrs_example_of_a_cdr"))
    assert keyed(body, country_code="BE", party_id="BEC") == "nordlade/ocpi/be/bec/cdr/12345"
    assert keyed(body, partner="peer") == "nordlade/ocpi//peer/cdr/12345"
    assert (fact(body).country_code, fact(body).party_id) == ("", "peer")


def test_a_patch_has_its_object_s_key():
    patch = {"total_cost": {"excl_vat": 1}, "last_updated": "2026-11-09T11:00:00Z"}
    hints = {"object_hint": "session", "object_id": "krs-42", "method": "PATCH"}
    owner = {"country_code": "NO", "party_id": "NLD"}
    assert keyed(patch, **hints, **owner) == keyed(session())
    assert keyed(patch, **{**hints, "object_id": "HUB-krs-42"}, **owner, quirks=HUB) == keyed(
        session()
    )


def test_through_a_hub_and_from_the_peer_it_is_one_session():
    hub = session(id="HUB-krs-42", party_id="HUB", evse_uid="1@hub")
    seen, peer = fact(hub, HUB, partner="hub"), fact(session())
    assert destination(seen) == destination(peer)
    assert (seen.ocpi_session_id, seen.party_id, seen.evse_uid) == ("krs-42", "NLD", "krs-1-a")
    assert told(hub, HUB, state=told(session()).state, partner="hub").facts == ()


def test_a_session_and_its_cdr_go_to_the_same_key():
    assert destination(fact(session())) == (
        "ocpi.sessions.v1",
        "nordlade/ocpi/no/nld/session/krs-42",
    )
    assert destination(fact(cdr()))[1] == destination(fact(session()))[1]
    assert destination(fact(cdr(session_id=None))) == (
        "ocpi.cdrs.v1",
        "nordlade/ocpi/no/nld/cdr/cdr-42",
    )


def test_a_page_is_its_objects():
    page = {"data": [session(), cdr(), {"id": 1}], "status_code": 1000}
    kept = pieces(json.dumps(page).encode(), place())
    assert [one.key.rpartition("/")[0] for one in kept] == [
        "nordlade/ocpi/no/nld/session",
        "nordlade/ocpi/no/nld/cdr",
        "nordlade/ocpi//peer/unknown",
    ]
    done = [translate(None, one) for one in kept]
    assert [len(one.facts) for one in done] == [1, 1, 0]
    assert pieces(b"[]", place()) == ()


@pytest.mark.parametrize("found", [session(), cdr(), session("2.3.0"), cdr("2.3.0")])
def test_what_the_body_shows_counts_and_not_the_label(found):
    said = fact(found, object_hint="tariff", version_hint="2.1.1")
    assert said.ocpi_version == fact(found).ocpi_version != "2.1.1"
    assert "another-object-than-said" in said.oddities


def test_facts_can_be_written():
    for one in (session(), cdr(), cdr("2.3.0", credit=True, credit_reference_id="x")):
        seen = fact(one)
        assert codec.decode(codec.encode(seen)) == seen


# --- what nobody foresaw ----------------------------------------------------------------------

WHOLE = [session(), cdr(), session("2.3.0"), cdr("2.3.0")]
WHOLE += [json.loads(example("2.1.1", "cdrs_example_of_a_cdr"))]
WHOLE += [json.loads(example("2.2.1", "tariff_4_complex"))]
MUTATIONS = st.sampled_from(WHOLE).flatmap(
    lambda whole: st.builds(changed, st.just(whole), st.sampled_from(list(places(whole))), JSON)
)


def accounted(payload, **said):
    """Accepted, and then it can be written; or refused by the name of a reason; never a crash."""
    for piece in pieces(payload, place(**said)):
        done = translate(None, piece)
        for one in done.facts:
            codec.encode(one)
        for one in done.refused:
            assert one.reason
            assert len(one.problem) < 400
        assert done.facts or done.refused or done.notes


@given(MUTATIONS)
def test_a_mutation_is_accepted_or_refused_by_name(found):
    accounted(json.dumps(found).encode())


@given(st.one_of(st.binary(max_size=40), JSON.map(lambda one: json.dumps(one).encode())))
def test_any_bytes_are_accounted_for(payload):
    accounted(payload, object_hint="cdr", object_id="x")


@given(st.sampled_from(WHOLE), st.data())
def test_a_field_less_is_accepted_or_refused_by_that_name(whole, data):
    gone = data.draw(st.sampled_from(sorted(whole)))
    done = told({name: one for name, one in whole.items() if name != gone}, object_hint="session")
    assert done.facts or gone in {one.field for one in done.refused} or done.refused


NAN = json.dumps(cdr(total_energy=12345)).encode().replace(b"12345", b"NaN")
DEEP = b'{"id":"x","total_energy":1,"tariffs":' + b"[" * 200_000 + b"]" * 200_000 + b"}"
DEEPER = json.dumps(cdr()).encode()[:-1] + b',"tariffs":' + b"[" * 40 + b"]" * 40 + b"}"
PERIOD = b'{"start_date_time":"2026-11-09T10:00:00Z","dimensions":[]},'
MILLION = b'{"id":"x","total_energy":1,"charging_periods":[' + PERIOD * 160_000 + b"null]}"
PAGE = b"[" + b"{}," * 400_000 + b"{}]"
EXPONENT = json.dumps(cdr(total_energy=12345)).encode().replace(b"12345", b"1e999999999")
DIGITS = json.dumps(cdr(total_energy=12345)).encode().replace(b"12345", b"3" * 500_000)


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (NAN, "not-json"),
        (DEEP, "too-deep"),
        (DEEPER, "too-deep"),
        (MILLION, "too-large"),
        (PAGE, "too-large"),
        (EXPONENT, "impossible-number"),
        (DIGITS, "not-json"),
        (b'"x"', "not-an-object"),
        (b"{", "not-json"),
        (b"\xff\xfe", "not-json"),
        (b"", "not-json"),
        (b'{"id":"x"}', "unknown-object"),
    ],
    ids="nan deep deeper million page exponent digits string torn utf16 empty other".split(),
)
def test_limits(payload, reason):
    tracemalloc.start()
    try:
        reasons = {
            refused.reason
            for piece in pieces(payload, place())
            for refused in translate(None, piece).refused
        }
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert reasons <= {reason, "too-large"}
    assert reasons
    assert peak < 30 * max(len(payload), MAX_BYTES)


def test_a_string_of_nan_is_no_number():
    done = refusal(cdr(total_energy="NaN"))
    assert (done.reason, done.field) == ("impossible-number", "total_energy")


def test_a_refusal_names_the_path_in_the_message():
    broken = cdr()
    broken["charging_periods"] = json.loads(json.dumps(broken["charging_periods"]))
    broken["charging_periods"][1]["dimensions"][0]["volume"] = "lots"
    done = refusal(broken)
    assert done.field == "charging_periods[1].dimensions[0].volume"
    assert (done.reason, done.problem) == ("not-a-number", "a number wanted, not 'lots'")


def test_local_times_of_a_partner_without_zones():
    oslo = Quirks(local_zone="Europe/Oslo")
    found = session(start_date_time="2026-07-01T12:00:00", end_date_time="2026-07-01T12:36:00Z")
    seen = fact(found, oslo)
    assert seen.ended_at - seen.started_at == (2 * 60 + 36) * 60_000


def test_every_kind_that_is_translated_has_a_destination():
    assert {"session", "cdr", "tariff"} <= feed.TRANSLATORS.keys()
    with pytest.raises(AssertionError):
        destination(object())


def test_received_at_is_the_place_s():
    assert fact(cdr()).received_at == RECEIVED_AT


@pytest.mark.parametrize("more", [{}, {"data": None}])
@pytest.mark.parametrize("hint", ["", "session"])
def test_an_answer_without_data_has_nothing_for_us(more, hint):
    answer = {"status_code": 2001, "status_message": "no", "timestamp": "2020-01-21T02:47:32Z"}
    (piece,) = pieces(json.dumps(answer | more).encode(), place(object_hint=hint))
    done = translate(None, piece)
    assert (done.refused, kinds(done)) == ((), ["answer-without-data"])


def test_a_session_without_its_energy_is_refused_by_that_name():
    one = refusal(session(kwh=None))
    assert (one.reason, one.field) == ("missing", "kwh")
