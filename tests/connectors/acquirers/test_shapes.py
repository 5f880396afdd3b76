"""What is told of a webhook's form: names, never values, and only so many."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.acquirers.shapes import BODY_MAX, EVERY, FIELDS_MAX, FIRST, Shape, Shapes, shape_of

GOLDEN = Path(__file__).parent / "golden"


def test_version_event_and_fields_of_stripes():
    body = {
        "type": "charge.expired",
        "api_version": "2025-03-31.basil",
        "data": {"object": {"id": "ch_1", "metadata": {"session_id": "s"}, "a": [{"b": {"c": 1}}]}},
    }
    assert shape_of(json.dumps(body).encode()) == Shape(
        version="2025-03-31.basil",
        events=("type=charge.expired",),
        fields=(
            "type",
            "api_version",
            "data",
            "data.object",
            "data.object.id",
            "data.object.a",
            "data.object.a.b",
        ),
    )


def test_every_item_of_adyens_batch_is_an_event():
    items = [
        {"NotificationRequestItem": {"eventCode": code, "additionalData": {"metadata.x": "1"}}}
        for code in ("CAPTURE", "CAPTURE", "EXPIRE")
    ]
    found = shape_of(json.dumps({"live": "false", "notificationItems": items}).encode())
    assert (found.version, found.events) == ("", ("eventCode=CAPTURE", "eventCode=EXPIRE"))
    assert "notificationItems.NotificationRequestItem.additionalData" in found.fields
    assert not any("metadata" in one for one in found.fields)


@pytest.mark.parametrize(
    "name", ["adyen/webhooks/capture", "stripe/webhooks/captured", "checkout/webhooks/captured"]
)
def test_a_capture_is_told_by_its_event(name):
    webhook = json.loads((GOLDEN / f"{name}.json").read_text())["webhook"]
    found = shape_of(json.dumps(webhook).encode())
    assert len(found.events) == 1
    assert len(found.fields) > 5


def test_version_and_events_of_every_body_and_fields_of_some():
    shapes = Shapes()
    files = sorted(GOLDEN.glob("*/webhooks/*.json"))
    assert len(files) > 50
    for file in files:
        body = json.dumps(json.loads(file.read_text())["webhook"]).encode()
        assert shapes.of(body) == shape_of(body), file
    body = b'{"type":"x","api_version":"1","new":0}'
    found = [shapes.of(body) for _ in range(FIRST + 2 * EVERY)]
    assert {one[:2] for one in found} == {("1", ("type=x",))}
    assert [bool(one.fields) for one in found].count(True) == FIRST + 2


def test_a_body_that_is_too_large_is_not_looked_into():
    assert shape_of(b'{"type":"' + b"x" * BODY_MAX + b'"}') == Shape()


def test_too_many_fields_are_cut():
    body = json.dumps({f"f{number}": 1 for number in range(10_000)}).encode()
    assert len(shape_of(body).fields) == FIELDS_MAX


@given(st.binary() | st.recursive(
    st.none() | st.integers() | st.text(max_size=5),
    lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text(max_size=5), part, max_size=3)
).map(lambda value: json.dumps(value).encode()))  # fmt: skip
def test_any_bytes_have_a_shape(body):
    found = shape_of(body)
    assert len(set(found.fields)) == len(found.fields) <= FIELDS_MAX
