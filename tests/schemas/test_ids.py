"""Identifiers: the same for the same purpose, another for another, and short enough to travel."""

import base64
import hashlib
import re
from itertools import product

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from schemas import ids

# What may stand in an identifier is for others to say: anything, the separators above all.
parts = st.text(
    st.sampled_from("ab/%\x1f\x1e25F") | st.characters(exclude_categories=("Cs",)),
    min_size=1,
    max_size=12,
)
printable = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=36)
SESSION = ids.session_id("nordlade", "paymint", "PM-1")


@given(tenant=parts, provider=parts, reference=printable)
def test_a_session_is_32_hex_characters_and_blind_to_case(tenant, provider, reference):
    one = ids.session_id(tenant, provider, reference)
    assert re.fullmatch(r"[0-9a-f]{32}", one)
    assert one == ids.session_id(tenant, provider, reference.upper())
    assert one == ids.session_id(tenant, provider, reference.lower())


@given(one=st.tuples(parts, parts, printable), other=st.tuples(parts, parts, printable))
def test_two_sessions_are_two(one, other):
    assume((*one[:2], one[2].casefold()) != (*other[:2], other[2].casefold()))
    assert ids.session_id(*one) != ids.session_id(*other)


@pytest.mark.parametrize("separator", ["/", "\x1f", "%"])
def test_moving_a_separator_makes_another_id(separator):
    left, right = (f"a{separator}b", "c"), ("a", f"b{separator}c")
    assert ids.session_id(*left, "r") != ids.session_id(*right, "r")
    assert ids.idempotency_key(*left) != ids.idempotency_key(*right)
    assert ids.charger_key(*left, "r") != ids.charger_key(*right, "r")
    assert ids.tariff_key(*left, "r") != ids.tariff_key(*right, "r")
    assert ids.policy_key(*left, "r") != ids.policy_key(*right, "r")
    assert ids.charging_id(*left, "r", "t") != ids.charging_id(*right, "r", "t")
    assert ids.charger_alias(*left, "r", "k", "t") != ids.charger_alias(*right, "r", "k", "t")
    assert ids.ocpi_alias("t", left, "cdr", "1") != ids.ocpi_alias("t", right, "cdr", "1")
    assert ids.reference_alias(*left) != ids.reference_alias(*right)
    assert ids.psp_alias(*left) != ids.psp_alias(*right)
    assert ids.refund_id(*left) != ids.refund_id(*right)


@given(one=st.tuples(parts, parts, parts, parts), other=st.tuples(parts, parts, parts, parts))
def test_joined_ids_collide_for_no_parts(one, other):
    assume(one != other)
    assert ids.charging_id(*one) != ids.charging_id(*other)


@given(one=st.lists(parts, min_size=3, max_size=3))
def test_a_joined_id_can_be_taken_apart(one):
    texts = ids.charger_key(*one).split("/")
    assert [text.replace("%2F", "/").replace("%25", "%") for text in texts] == one


def test_ordinary_parts_stand_as_they_are():
    assert ids.charger_key("nordlade", "no", "NL-1") == "nordlade/no/NL-1"
    assert ids.charging_id("nordlade", "no", "NL-1", "77") == "nordlade/no/NL-1/77"
    assert ids.stop_id(SESSION, "77") == f"{SESSION}/stop/77"
    assert ids.stop_id(SESSION, "") == f"{SESSION}/stop/"


def test_an_ocpi_alias_is_blind_to_case_in_owner_and_value():
    alias = ids.ocpi_alias("t", ("NO", "NLD"), "session", "ABCdef")
    assert alias == "t/ocpi/no/nld/session/abcdef"
    assert alias == ids.ocpi_alias("t", ("no", "nld"), "session", "abcDEF")
    assert ids.reference_alias("t", "PT-8F") == ids.reference_alias("t", "pt-8f")
    assert ids.reference_alias("T", "pt-8f") != ids.reference_alias("t", "pt-8f")


def test_an_acquirers_name_of_a_payment_is_compared_as_it_stands():
    assert ids.psp_alias("t", "pi_3Hold") == "t/psp/pi_3Hold"
    assert ids.psp_alias("t", "pi_3Hold") != ids.psp_alias("t", "pi_3HOLD")


def test_a_refund_is_named_by_its_cause_whatever_that_looks_like():
    assert ids.refund_id(SESSION, "goodwill") == f"{SESSION}/refund/goodwill"
    assert ids.refund_id(SESSION, "NL/CDR/1").rpartition("/")[2] == "NL%2FCDR%2F1"


def test_an_alias_is_blind_to_case_in_its_value_only():
    alias = ids.charger_alias("t", "n", "NL-1", "remote_start", "ABCdef")
    assert alias == ids.charger_alias("t", "n", "NL-1", "remote_start", "abcDEF")
    assert alias != ids.charger_alias("t", "n", "nl-1", "remote_start", "ABCdef")
    assert alias != ids.charger_alias("t", "n", "NL-1", "id_tag", "ABCdef")


@given(worst=st.sampled_from(["/", "%", "ΐ", "\x1f", "a"]))
def test_whatever_is_joined_fits_a_path_field(worst):
    longest = worst * 255
    assert len(ids.charging_id(longest, longest, longest, longest)) <= 4096
    assert len(ids.charger_alias(longest, longest, longest, "remote_start", longest)) <= 4096
    stop = ids.stop_id(SESSION, longest)
    assert len(ids.resend_id(ids.inquiry_id(stop, 10**6), 10**6)) <= 4096


@given(tenant=parts, command=parts)
def test_a_key_on_the_wire_is_36_url_safe_characters(tenant, command):
    assert re.fullmatch(r"[A-Za-z0-9_-]{36}", ids.idempotency_key(tenant, command))


def test_a_key_on_the_wire_is_what_we_tell_settlement_consumers():
    """The recipe of schemas/README.md, written out."""
    digest = hashlib.sha256(b"nordlade\x1f" + f"{SESSION}/hold/1".encode()).digest()
    expected = base64.urlsafe_b64encode(digest[:27]).decode()
    assert ids.idempotency_key("nordlade", ids.hold_id(SESSION, 1)) == expected


@given(session=parts)
def test_a_remote_start_survives_any_protocol_and_any_case(session):
    """OCPP 1.6 idTag: 20 characters without regard to case; OCPP 2.x idToken: 36."""
    remote = ids.remote_start_id(session)
    assert re.fullmatch(r"[a-z2-7]{20}", remote)


@given(sessions=st.sets(parts, min_size=2, max_size=20))
def test_two_sessions_have_two_remote_starts(sessions):
    assert len({ids.remote_start_id(session).upper() for session in sessions}) == len(sessions)


def test_the_commands_of_a_session_are_all_different():
    holds = [ids.hold_id(SESSION, number) for number in (1, 2, 11)]
    makers = (ids.raise_id, ids.lower_id, ids.release_id)
    found = holds + [make(hold, step) for make, hold, step in product(makers, holds, (1, 2, 11))]
    found += [ids.capture_id(SESSION, 1), ids.capture_id(SESSION, 11), ids.start_id(SESSION)]
    found += [ids.stop_id(SESSION, ""), ids.stop_id(SESSION, "1"), ids.stop_id(SESSION, "1/2")]
    found += [ids.decline_notice_id(SESSION)]
    found += [make(of, 1) for make in (ids.inquiry_id, ids.resend_id) for of in list(found)]
    assert len(set(found)) == len(found)
    assert all(command.startswith(SESSION) for command in found)


def test_ids_are_what_they_always_were():
    """They are in topics, in acquirers' books and on chargers: a change is a new contract."""
    assert SESSION == "8965792c373ad93f310f02cfc8ff14a1"
    assert ids.idempotency_key("nordlade", "s/hold/1") == "HlDlHFOe-xTndrwnPHLF6JHCxI__PkcAX0kd"
    assert ids.remote_start_id("s") == "o726areq7nxpz4rgo6ea"
