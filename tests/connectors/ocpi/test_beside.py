"""All objects beside sessions: whatever changes in them, they are taken or refused by name."""

import json
import re

import msgspec
import pytest
from hypothesis import example as case
from hypothesis import given, settings
from hypothesis import strategies as st
from mutations import JSON, changed, places
from partners import EXAMPLES, example, examples, place

from connectors.ocpi.feed import destination, pieces, translate
from connectors.ocpi.quirks import NONE
from schemas import codec
from schemas.topics import BY_NAME

CARD = "4111111111111111"
VALID = [
    *examples("location_example", "locations_example", "location_put"),
    *examples("token", "payment"),
]
HINTS = {"location": "location", "token": "token", "payment": "terminal", "tokens": "token"}
# What tells whose or which object it is is refused, not masked, or left alone: test_advices,
# test_tokens. Places and terminals have serial numbers as long as a card's.
BODIES = [
    json.loads(example("2.3.0", "payment_financial_advice_confirmation_create")),
    json.loads(example("2.2.1", "token_example_2_full_rfid")),
]


def said(name):
    """What a mapping would say of where an example comes from."""
    if "patch" in name or name.endswith("location_assignment"):
        path = "LOC1/3256" if name.startswith("location") else "X-1"
        return {"object_hint": HINTS[name.split("_")[0]], "object_id": path, "method": "PATCH"}
    if name.endswith(("put_update", "add_evse")):
        return {"object_hint": HINTS[name.split("_")[0]], "object_id": "X-1", "method": "PUT"}
    return {}


def is_one_of_ours(done):
    """Facts that can be written and sent, refusals that name what is wrong; nothing else."""
    for one in done.facts:
        topic, key = destination(one)
        assert type(one).__name__ in BY_NAME[topic].records
        assert key
        assert codec.decode(codec.encode(one)) == one
    for one in done.refused:
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", one.reason)
        assert one.problem
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(done.state), type=type(done.state) | None)
    return True


def every(payload, **where):
    state = None
    for piece in pieces(payload, place(**where), NONE):
        done = translate(state, piece, NONE)
        assert done.state is None or is_one_of_ours(done)
        yield done


def test_there_are_examples_of_every_kind():
    assert len(VALID) == 35
    assert (EXAMPLES / "README.md").exists()


@pytest.mark.parametrize(("version", "name"), VALID)
def test_the_standards_own_examples_are_not_refused(version, name):
    for done in every(example(version, name), **said(name)):
        assert done.refused == ()


@settings(max_examples=400)
@given(data=st.data())
def test_any_change_of_a_valid_object_is_taken_or_refused_by_name(data):
    version, name = data.draw(st.sampled_from(VALID))
    body = json.loads(example(version, name))
    at = data.draw(st.sampled_from(list(places(body))))
    other = changed(body, at, data.draw(JSON))
    for done in every(json.dumps(other).encode(), **said(name)):
        for one in done.refused:
            assert one.field or one.reason in ("not-json", "not-an-object", "unknown-object")


@settings(max_examples=200)
@given(data=st.data())
def test_a_part_that_is_left_out_is_taken_or_refused_by_its_name(data):
    version, name = data.draw(st.sampled_from(VALID))
    body = json.loads(example(version, name))
    if not isinstance(body, dict):
        return
    left_out = data.draw(st.sampled_from(sorted(body)))
    without = {field: value for field, value in body.items() if field != left_out}
    for done in every(json.dumps(without).encode(), **said(name)):
        assert [one for one in done.refused if one.reason == "missing" and not one.field] == []


@given(payload=st.binary(max_size=200))
@case(payload=b"[" * 100_000)
@case(payload=b'{"terminal_id":' * 5_000)
@case(payload=b'{"terminal_id":"T","x":NaN}')
@case(payload=b'{"terminal_id":"T","coordinates":{"latitude":1e999999999}}')
@case(
    payload=b'{"capture_status_code":"SUCCESS","id":"1","authorization_reference":"r","currency":"EUR","x":1e400}'
)
@case(
    payload=b'{"capture_status_code":"SUCCESS","id":"1","authorization_reference":"r","currency":"EUR","total_costs":{"incl_vat":1e-400}}'
)
@case(payload=b'{"invoice_id":"i","cdrs":[' + b'"c",' * 200_000 + b'"c"],"id":"1"}')
@case(payload=b'{"evses":[' + b'{"uid":"1"},' * 70_000 + b'{}],"id":"1"}')
def test_any_bytes_are_taken_or_refused(payload):
    for done in every(payload):
        assert done.state is None or is_one_of_ours(done)


@settings(max_examples=300)
@given(data=st.data())
def test_no_card_number_gets_through_from_anywhere(data):
    """PCI DSS 3.4: wherever a terminal or a token puts it, in whatever form."""
    body = data.draw(st.sampled_from(BODIES))
    at = data.draw(st.sampled_from(list(places(body))))
    form = data.draw(
        st.sampled_from(
            [
                CARD,
                f"x {CARD} y",
                "4111 1111 1111 1111",
                int(CARD),
                [CARD],
                {CARD: 1},
                {"a": [CARD]},
            ]
        )
    )
    payload = json.dumps(changed(body, at, form)).encode()
    for done in every(payload):
        written = [codec.encode(one).decode(errors="replace") for one in done.facts]
        for text in (*written, str(done)):
            assert CARD not in text
            assert "4111 1111" not in text
