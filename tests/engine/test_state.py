"""State records: their bytes, their versions, and a transaction's working copy."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.engine.errors import StateTooNew
from streams.engine.stage import StateKind
from streams.engine.state import StateCodec, StateStore, WorkingCopy


class Pot(msgspec.Struct, array_like=True, frozen=True):
    name: str
    wh: int
    open: bool = True


class Wide(msgspec.Struct, array_like=True, frozen=True):
    """Fifteen fields: with the version one too many for a one-byte array header."""

    a: int
    b: int = 0
    c: int = 0
    d: int = 0
    e: int = 0
    f: int = 0
    g: int = 0
    h: int = 0
    i: int = 0
    j: int = 0
    k: int = 0
    m: int = 0
    n: int = 0
    o: int = 0
    p: int = 0


class Wider(Wide, array_like=True, frozen=True):
    q: int = 0
    r: int = 0


class Bag(msgspec.Struct, array_like=True):
    items: list[int]


POT = StateKind(prefix=b"p", type=Pot)


@given(st.text(), st.integers(-(2**63), 2**64 - 1), st.booleans())
def test_a_value_comes_back_as_it_was_put(name, wh, is_open):
    codec = StateCodec(POT)
    pot = Pot(name, wh, is_open)
    assert codec.decode(codec.encode(pot)) == pot


@pytest.mark.parametrize("value", [Wide(7, p=9), Wider(7, r=9)], ids=["16 elements", "18 elements"])
def test_wide_values_come_back_too(value):
    codec = StateCodec(StateKind(prefix=b"w", type=type(value), version=3))
    data = codec.encode(value)
    assert msgspec.msgpack.decode(data) == [3, *msgspec.structs.astuple(value)]
    assert codec.decode(data) == value


def test_the_bytes_are_an_array_that_begins_with_the_version():
    codec = StateCodec(StateKind(prefix=b"p", type=Pot, version=5))
    assert codec.encode(Pot("a", 1, open=False)) == bytes.fromhex("9405a16101c2")


def test_a_field_appended_with_a_default_reads_old_bytes():
    assert StateCodec(POT).decode(bytes.fromhex("9301a16101")) == Pot("a", 1, open=True)


def test_older_versions_are_lifted_step_by_step():
    kind = StateKind(
        prefix=b"p",
        type=Pot,
        version=3,
        upcasters={1: lambda old: [old[0], old[1] * 1000], 2: lambda old: [*old, False]},
    )
    golden = bytes.fromhex("9301a16102")  # version 1: name, kWh
    assert StateCodec(kind).decode(golden) == Pot("a", 2000, open=False)


def test_a_newer_version_is_refused_before_anything_is_decoded():
    newer = StateCodec(StateKind(prefix=b"p", type=Pot, version=2)).encode(Pot("a", 1))
    store = StateStore([POT])
    with pytest.raises(StateTooNew, match="version 2"):
        store.load(b"p1", newer, 0)


@pytest.mark.parametrize(
    ("kinds", "match"),
    [
        ([StateKind(prefix=b"\x00", type=Pot)], "engine"),
        ([StateKind(prefix=b"pp", type=Pot)], "one byte"),
        ([POT, POT], "twice"),
        ([StateKind(prefix=b"p", type=Pot, version=128)], "version"),
    ],
)
def test_kinds_that_cannot_be_told_apart_are_refused(kinds, match):
    with pytest.raises(ValueError, match=match):
        StateStore(kinds)


@pytest.fixture
def store() -> StateStore:
    store = StateStore([POT, StateKind(prefix=b"b", type=Bag)])
    store.load(b"p1", StateCodec(POT).encode(Pot("one", 1)), 0)
    store.load(b"b1", store.codecs[ord("b")].encode(Bag([1])), 1)
    return store


def test_what_is_put_is_seen_by_the_copy_and_by_nobody_else(store):
    copy, other = WorkingCopy(store), WorkingCopy(store)
    copy.put(b"p1", Pot("one", 2))
    copy.put(b"p2", Pot("two", 2))
    copy.delete(b"b1")
    assert (copy.get(b"p1"), copy.get(b"b1")) == (Pot("one", 2), None)
    assert (other.get(b"p1"), other.get(b"p2")) == (Pot("one", 1), None)
    assert other.get(b"b1") == Bag([1])


def test_a_commit_makes_changes_real(store):
    copy = WorkingCopy(store)
    copy.put(b"p1", Pot("one", 2))
    copy.delete(b"b1")
    store.commit(copy.changes())
    assert dict(store.decoded()) == {b"p1": Pot("one", 2)}


def test_only_what_differs_is_written(store):
    copy = WorkingCopy(store)
    copy.put(b"p1", Pot("one", 1))
    copy.delete(b"p9")
    assert copy.changes() == {}
    assert set(copy.touched) == {b"p1", b"p9"}


def test_a_tombstone_removes_a_key(store):
    store.load(b"p1", None, 2)
    assert WorkingCopy(store).get(b"p1") is None


def test_a_value_changed_in_place_is_found_out_and_not_stored(store):
    copy = WorkingCopy(store)
    copy.get(b"b1").items.append(2)
    assert copy.mutated() == [b"b1"]
    assert copy.changes() == {}
    assert WorkingCopy(store).get(b"b1") == Bag([1])


def test_a_value_fetched_to_be_changed_is_stored_if_it_was(store):
    copy = WorkingCopy(store)
    copy.change(b"b1").items.append(2)
    assert copy.change(b"b1") is copy.get(b"b1")
    copy.change(b"p1")
    assert copy.change(b"p9") is None
    assert list(copy.changes()) == [b"b1"]
    assert copy.mutated() == []
    store.commit(copy.changes())
    assert WorkingCopy(store).get(b"b1") == Bag([1, 2])
    copy.delete(b"b1")
    assert copy.change(b"b1") is None


def test_a_value_of_another_type_is_not_encoded(store):
    copy = WorkingCopy(store)
    copy.put(b"p1", Bag([1]))
    with pytest.raises(TypeError, match="Bag put where Pot belongs"):
        copy.changes()
