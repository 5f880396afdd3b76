import pytest

from connectors.acquirers.intake import NotTakable, hash_of, take
from schemas.codec import body_hash, encode


def test_an_own_command_is_taken(issue):
    place = issue().place()
    assert take(encode(place), "executor") == (place, place)


def test_anothers_is_not_even_when_it_is_odd(issue):
    assert take(encode(issue(performer="operator").place()), "executor") is None
    odd = issue(performer="operator").place(idempotency_key="k" * 36)
    assert take(encode(odd), "executor") is None


def test_a_resend_brings_its_original(issue):
    session = issue()
    place = session.place()
    resend = session.resend(place, "hold")
    assert take(encode(resend), "executor") == (resend, place)


def test_an_inquiry_sends_nothing(issue):
    inquiry = issue().inquire("x", "hold")
    assert take(encode(inquiry), "executor") == (inquiry, None)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"instead": b"nonsense"}, "undecodable"),
        ({"of_command_id": "another"}, "of_command_id"),
        ({"currency": "USD"}, "currency differs"),
        ({"acquirer_id": "other"}, "acquirer_id differs"),
        ({"tenant": "other"}, "tenant differs"),
    ],
)
def test_a_resend_must_be_of_what_it_says(issue, changed, told):
    session = issue()
    resend = session.resend(session.place(), "hold", **changed)
    with pytest.raises(NotTakable, match=told) as refused:
        take(encode(resend), "executor")
    assert refused.value.reason == "unusable-original"


def test_a_resend_of_a_resend_moves_no_money(issue):
    session = issue()
    place = session.place()
    inner = session.resend(place, "hold")
    outer = session.resend(place, "hold", 2, instead=encode(inner))
    with pytest.raises(NotTakable, match="ResendCommand moves no money"):
        take(encode(outer), "executor")


def test_nothing_at_all_is_refused():
    for value in (None, b""):
        with pytest.raises(NotTakable, match="undecodable"):
            take(value, "executor")


def test_the_issuers_hash_counts_and_a_missing_one_is_made(issue):
    place = issue().place()
    assert hash_of(place) == place.body_hash
    bare = issue().place(body_hash="")
    assert hash_of(bare) == body_hash(bare)
