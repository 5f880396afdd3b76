"""Terminals: told in full, in part, without an instant; what they serve and who invoices."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from partners import example, examples, fact, kinds, place, refusal, told

from connectors.ocpi.feed import destination, key_of
from schemas import codec, topics

PATCH = {"object_hint": "terminal", "object_id": "T-1", "method": "PATCH"}
TERMINAL = {
    "terminal_id": "T-1",
    "customer_reference": "C-17",
    "country_code": "NO",
    "party_id": "NLD",
    "address": "Markens gate 1",
    "city": "Kristiansand",
    "postal_code": "4611",
    "country": "NOR",
    "coordinates": {"latitude": "58.14600", "longitude": "7.99500"},
    "invoice_base_url": "https://invoices.example/",
    "invoice_creator": "CPO",
    "reference": "SN-0042",
    "location_ids": ["KRS-1"],
    "evse_uids": ["krs-2-a"],
    "last_updated": "2026-11-09T08:00:00Z",
}


def test_a_terminal_says_what_it_serves_and_who_invoices():
    done = told(TERMINAL, partner="paymint")
    (seen,) = done.facts
    assert done.notes == ()
    assert (seen.terminal_id, seen.reference, seen.customer_reference) == ("T-1", "SN-0042", "C-17")
    assert (seen.location_ids, seen.evse_uids) == (["KRS-1"], ["krs-2-a"])
    assert (seen.invoice_creator, seen.invoice_base_url) == ("CPO", "https://invoices.example/")
    assert (seen.country_code, seen.party_id, seen.country) == ("NO", "NLD", "NOR")
    assert (seen.latitude, seen.longitude, seen.ocpi_version) == ("58.146", "7.995", "2.3.0")
    assert destination(seen) == (topics.TERMINALS, "nordlade/ocpi//paymint/terminal/t-1")


@pytest.mark.parametrize(("version", "name"), examples("payment_terminal"))
def test_the_standards_own_terminals_are_taken(version, name):
    said = {} if "terminal_id" in example(version, name).decode() else PATCH
    if name.endswith("put_update"):
        said = PATCH | {"method": "PUT"}  # its id is in the path only
    done = told(example(version, name), **said)
    assert done.refused == ()
    if name.endswith("location_assignment"):
        assert (done.facts, kinds(done)) == ((), ["instant-not-told", "waits-for-its-object"])
    else:
        (seen,) = done.facts
        assert codec.decode(codec.encode(seen)) == seen


def test_a_terminal_of_nothing_but_its_id_is_one():
    done = told(example("2.3.0", "payment_terminal_create_minimal"))
    (seen,) = done.facts
    assert (seen.location_ids, seen.evse_uids, seen.last_updated_at) == ([], [], 0)
    assert kinds(done) == ["missing-field", "instant-not-told"]


def test_the_operator_assigns_locations_without_an_instant():
    """As in the standard's own example of PATCH."""
    state = told(TERMINAL).state
    body = example("2.3.0", "payment_terminal_location_assignment")
    done = told(body, state=state, **PATCH)
    (seen,) = done.facts
    assert (len(seen.location_ids), seen.evse_uids, seen.city) == (3, ["krs-2-a"], "Kristiansand")
    assert told(body, state=done.state, **PATCH).facts == ()


def test_null_unsets_absence_keeps_and_put_replaces():
    state = told(TERMINAL).state
    at = {"last_updated": "2026-11-09T09:00:00Z"}
    (seen,) = told({"evse_uids": None, **at}, state=state, **PATCH).facts
    assert (seen.evse_uids, seen.location_ids) == ([], ["KRS-1"])
    put = {"terminal_id": "T-1", "location_ids": ["KRS-2"], **at}
    (seen,) = told(put, state=state, method="PUT").facts
    assert (seen.evse_uids, seen.location_ids, seen.city) == ([], ["KRS-2"], "")


def test_the_same_again_and_what_is_older_change_nothing():
    state = told(TERMINAL).state
    assert kinds(told(TERMINAL, state=state)) == ["repeated"]
    older = TERMINAL | {"city": "Oslo", "last_updated": "2026-11-09T07:00:00Z"}
    assert told(older, state=state).facts == ()


@given(st.permutations(range(4)))
def test_whatever_the_order_the_same_stands_at_the_end(order):
    messages = [
        (TERMINAL, {}),
        ({"evse_uids": ["a"], "last_updated": "2026-11-09T09:00:00Z"}, PATCH),
        ({"location_ids": ["b"], "last_updated": "2026-11-09T10:00:00Z"}, PATCH),
        (TERMINAL | {"city": "Oslo", "last_updated": "2026-11-09T09:30:00Z"}, {}),
    ]
    states = []
    for indexes in (range(4), order):
        state = None
        for index in indexes:
            state = told(messages[index][0], state=state, **messages[index][1]).state
        states.append(state)
    assert states[0] == states[1]


def test_a_providers_terminal_is_its_own_whatever_party_it_serves():
    other = {name: value for name, value in TERMINAL.items() if name != "country_code"}
    bodies = [codec.msgspec.json.encode(one) for one in (TERMINAL, other)]
    assert len({key_of(body, place()) for body in bodies}) == 1
    assert len({key_of(bodies[0], place(partner=name)) for name in ("one", "other")}) == 2


@pytest.mark.parametrize(
    ("changes", "said", "reason", "field"),
    [
        ({"terminal_id": "T-2"}, PATCH, "contradicts-its-path", "terminal_id"),
        ({"location_ids": "\t"}, {}, "bad-identifier", "location_ids[0]"),
        ({"location_ids": ["a", 1.5]}, {}, "wrong-type", "location_ids[1]"),
        ({"coordinates": {"latitude": "north"}}, {}, "not-a-number", "coordinates.latitude"),
        ({"last_updated": "yesterday"}, {}, "not-an-instant", "last_updated"),
    ],
)
def test_what_is_wrong_is_refused_by_its_field(changes, said, reason, field):
    found = refusal(TERMINAL | changes, **said)
    assert (found.reason, found.field) == (reason, field)


def test_lists_that_grow_by_patches_are_bounded():
    state = told(TERMINAL).state
    for name in ("location_ids", "evse_uids"):
        many = [f"{number:0100}" for number in range(4_000)]
        patch = {name: many, "last_updated": "2026-11-09T09:00:00Z"}
        done = told(patch, state=state, **PATCH)
        state = done.state
    assert [one.reason for one in done.refused] == ["too-large"]


def test_a_serial_number_as_long_as_a_cards_is_kept_and_a_card_number_in_a_text_is_not():
    seen = fact(TERMINAL | {"reference": "4111111111111111", "address": "4111 1111 1111 1111"})
    assert seen.reference == "4111111111111111"
    assert "4111 1111" not in seen.address
