"""Fields by their newest teller: in any order, told any number of times, by anybody."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.ocpi.newest import Told, View, merged, path
from connectors.ocpi.objects import ObjectState

NONE = ObjectState()
told = st.builds(
    Told,
    part=st.sampled_from(["", "evses/1"]),
    at=st.integers(0, 4),
    whole=st.booleans(),
    fields=st.dictionaries(st.sampled_from("abc"), st.none() | st.integers(0, 2), max_size=3),
)


def put(at, part="", **fields):
    return Told(part, at, True, fields)


def patch(at, part="", **fields):
    return Told(part, at, False, fields)


@given(messages=st.lists(told, max_size=8), data=st.data())
def test_neither_order_nor_repetition_matters(messages, data):
    again = data.draw(st.permutations(messages + messages[:3]))
    one_by_one = NONE
    for message in again:
        one_by_one = merged(one_by_one, [message])
    assert one_by_one == merged(NONE, messages)


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        ([put(1, a=1, b=2)], {"a": 1, "b": 2}),
        ([put(1, a=1), patch(2, b=2)], {"a": 1, "b": 2}),
        ([put(1, a=1, b=2), patch(2, a=None)], {"b": 2}),  # null unsets
        ([put(1, a=1, b=2), patch(2)], {"a": 1, "b": 2}),  # absent keeps
        ([put(1, a=1, b=2), put(2, a=3)], {"a": 3}),  # absent in a PUT unsets
        ([patch(1, b=2), put(2, a=3)], {"a": 3}),
        ([patch(3, b=2), put(2, a=3)], {"a": 3, "b": 2}),
        ([put(2, a=3), put(1, a=1, b=2)], {"a": 3}),
        ([put(2, a=3), patch(1, b=2)], {"a": 3}),
    ],
)
def test_what_stands_is_what_was_said_last(messages, expected):
    assert View(merged(NONE, messages)).values() == expected


def test_parts_are_told_apart_and_listed():
    messages = [put(1, a=1), put(2, "evses/2", a=2), patch(3, "evses/1", a=3)]
    view = View(merged(NONE, [*messages, put(4, "evses/1/connectors/1", a=4)]))
    assert view.parts("evses") == ["evses/1", "evses/2"]
    assert view.parts("evses/1/connectors") == ["evses/1/connectors/1"]
    assert [view.values(one) for one in ("", "evses/1", "x")] == [{"a": 1}, {"a": 3}, {}]
    assert [view.whole_at(one) for one in ("evses/2", "evses/1", "x")] == [2, -1, -1]
    assert [view.told_at(one) for one in ("evses/2", "evses/1", "x")] == [2, 3, -1]
    assert (view.field_at("evses/1", "a"), view.field_at("evses/1", "b")) == (3, -1)
    assert (view.next_at("evses/1"), view.next_at("x")) == (4, 0)


def test_an_identifier_with_a_stroke_is_one_step():
    assert path("evses", "A/b%") == "evses/a%2fb%25"
    assert path("a/b", "c") != path("a", "b/c")
