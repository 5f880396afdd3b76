"""Drivers' tokens: what is kept of them, whose charging they stand for, and never a card number."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from partners import example, examples, fact, kinds, refusal, told

from connectors.ocpi.feed import destination
from connectors.ocpi.quirks import Quirks
from schemas import codec, topics

TOKEN = {
    "country_code": "DE",
    "party_id": "EMP",
    "uid": "04A1B2C3D4E5F6",
    "type": "RFID",
    "contract_id": "DE-EMP-C12345678",
    "visual_number": "DE-EMP-0001",
    "issuer": "Example Mobility",
    "group_id": "FLEET-7",
    "valid": True,
    "whitelist": "ALLOWED",
    "language": "de",
    "last_updated": "2026-11-09T08:00:00Z",
}
OWNER = {"country_code": "DE", "party_id": "EMP"}
PATCH = {"object_hint": "token", "object_id": "04A1B2C3D4E5F6", "method": "PATCH", **OWNER}
BLOCKED = {"valid": False, "last_updated": "2026-11-09T09:00:00Z"}
CARD = "4111111111111111"


def test_of_a_token_is_kept_what_links_and_tells_who_pays():
    seen = fact(TOKEN)
    assert (seen.token_uid, seen.token_type, seen.contract_id) == (
        "04A1B2C3D4E5F6",
        "RFID",
        "DE-EMP-C12345678",
    )
    assert (seen.valid, seen.whitelist, seen.issuer, seen.group_id) == (
        True,
        "ALLOWED",
        "Example Mobility",
        "FLEET-7",
    )
    assert seen.payment_kind == "contract"
    assert "DE-EMP-0001" not in str(seen)
    assert destination(seen) == (
        topics.TOKENS,
        "nordlade/ocpi/de/emp/token/04a1b2c3d4e5f6%2Frfid",
    )


@pytest.mark.parametrize(
    ("token_type", "role", "kind"),
    [
        ("RFID", "unknown", "contract"),
        ("APP_USER", "emsp", "contract"),
        ("EMAID", "hub", "contract"),
        ("AD_HOC_USER", "ptp", "card"),
        ("OTHER", "hub", "unknown"),
    ],
)
def test_who_pays_is_by_type_and_role(token_type, role, kind):
    seen = fact(TOKEN | {"type": token_type}, quirks=Quirks(role=role))
    assert seen.payment_kind == kind


@pytest.mark.parametrize(("version", "name"), examples("token"))
def test_the_standards_own_tokens_are_taken(version, name):
    if "patch" in name:
        done = told(example(version, name), **PATCH)
        assert (done.facts, done.refused, kinds(done)) == ((), (), ["waits-for-its-object"])
        return
    done = told(example(version, name))
    (seen,) = done.facts
    assert (done.notes, seen.ocpi_version) == ((), "2.1.1" if version == "2.1.1" else "2.2.1")
    assert codec.decode(codec.encode(seen)) == seen


def test_auth_id_of_2_1_1_is_the_contract_and_its_owner_the_partners():
    seen = fact(example("2.1.1", "tokens_example"))
    assert (seen.contract_id, seen.country_code, seen.party_id) == ("DE8ACC12E46L89", "", "peer")
    seen = fact(example("2.1.1", "tokens_example"), country_code="DE", party_id="TNM")
    assert (seen.country_code, seen.party_id) == ("DE", "TNM")


def test_a_patch_blocks_a_token_once():
    state = told(TOKEN).state
    done = told(BLOCKED, state=state, **PATCH)
    (seen,) = done.facts
    assert (seen.valid, seen.contract_id, seen.payment_kind) == (
        False,
        "DE-EMP-C12345678",
        "contract",
    )
    again = told(BLOCKED, state=done.state, **PATCH)
    assert (again.facts, kinds(again)) == ((), ["repeated"])
    older = told(TOKEN, state=done.state)
    assert older.facts == ()


def test_types_of_one_uid_are_tokens_of_their_own():
    state = told(TOKEN).state
    done = told(TOKEN | {"type": "APP_USER", "valid": False}, state=state)
    assert [one.token_type for one in done.facts] == ["APP_USER"]
    said = PATCH | {"object_id": "04A1B2C3D4E5F6?type=APP_USER"}
    patch = {"whitelist": "NEVER", "last_updated": "2026-11-09T09:00:00Z"}
    (seen,) = told(patch, state=done.state, **said).facts
    assert (seen.token_type, seen.whitelist) == ("APP_USER", "NEVER")
    (seen,) = told(patch, state=done.state, **PATCH).facts
    assert seen.token_type == "RFID"  # OCPI's default


MESSAGES = [
    (TOKEN, {}),
    (TOKEN, {"partner": "hub"}),
    (BLOCKED, PATCH),
    (TOKEN | {"last_updated": "2026-11-09T10:00:00Z", "whitelist": "NEVER"}, {}),
    ({"group_id": None, "last_updated": "2026-11-09T11:00:00Z"}, PATCH),
]


@given(st.permutations(range(len(MESSAGES))))
def test_whatever_the_order_the_same_stands_at_the_end(order):
    states = []
    for indexes in (range(len(MESSAGES)), order):
        state = None
        for index in indexes:
            found, said = MESSAGES[index]
            state = told(found, state=state, **said).state
        states.append(state)
    assert states[0] == states[1]


@pytest.mark.parametrize("missing", ["valid", "type"])
def test_what_a_decision_rests_on_is_refused_when_it_is_missing(missing):
    found = refusal({name: value for name, value in TOKEN.items() if name != missing})
    assert (found.reason, found.field) == ("missing", missing)


def test_a_card_number_as_a_token_is_refused_and_not_repeated():
    found = refusal(TOKEN | {"uid": CARD})
    assert (found.reason, found.field) == ("card-number", "uid")
    assert CARD not in str(found)


@pytest.mark.parametrize("name", ["contract_id", "issuer", "group_id", "visual_number"])
def test_a_card_number_elsewhere_is_masked(name):
    done = told(TOKEN | {name: f"{CARD}"})
    assert CARD not in str(done)
    assert "card-number-masked" in kinds(done)
