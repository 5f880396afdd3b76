"""Values as the field sends them: one form, or a refusal by name; fields read by their tables."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from partners import cdr, refusal, told

from connectors.ocpi.quirks import NONE, Quirks
from connectors.ocpi.reading import (
    CANONICAL,
    Reader,
    Unreadable,
    anything,
    at_of,
    decimal_text,
    decoded,
    identifier,
    instant,
    number,
    text,
    whole,
    written,
    yes,
)
from connectors.ocpi.shapes import Shape, many
from connectors.ocpi.versions import version_of


def read(rule, value, quirks=NONE):
    """The value in its form, and what was noted."""
    reader = Reader(quirks)
    return rule(value, reader), reader.oddities()


@pytest.mark.parametrize(
    ("value", "form", "notes"),
    [
        ("2026-11-09T10:00:00Z", "2026-11-09T10:00:00Z", []),
        ("2026-11-09T10:00:00.000Z", "2026-11-09T10:00:00Z", []),
        ("2026-11-09T10:00:00.25Z", "2026-11-09T10:00:00.250Z", []),
        ("2026-11-09T10:00:00.123456789Z", "2026-11-09T10:00:00.123Z", []),
        ("2026-11-09T10:00:00", "2026-11-09T10:00:00Z", ["instant-without-zone"]),
        ("2026-11-09 10:00:00Z", "2026-11-09T10:00:00Z", []),
        ("2026-11-09T11:00:00+01:00", "2026-11-09T10:00:00Z", ["instant-with-offset"]),
        ("2026-11-09T10:00:00+00:00", "2026-11-09T10:00:00Z", ["instant-with-offset"]),
        ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z", []),
    ],
)
def test_an_instant_in_its_one_form(value, form, notes):
    assert read(instant, value) == (form, notes)
    assert written(at_of(form)) == form


@pytest.mark.parametrize(
    "value",
    [
        "",
        "soon",
        "2026-13-09T10:00:00Z",
        "2026-02-30T10:00:00Z",
        "2019-06-29T14:23:600Z",
        "1969-12-31T23:59:59Z",
        "2100-01-01T00:00:01Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "2026-11-09T10:00:00Z" + " " * 30,
        1_794_212_361,
        None,
        ["2026-11-09T10:00:00Z"],
    ],
)
def test_what_is_no_instant(value):
    with pytest.raises(Unreadable, match="not-an-instant"):
        read(instant, value)


def form_or_refusal(value):
    try:
        return read(instant, value)[0]
    except Unreadable as refused:
        return refused.reason


_TWO = st.integers(0, 99).map("{:02}".format)
near_instants = st.tuples(
    st.sampled_from(["1969", "1970", "2024", "2099", "2100", "24"]), st.just("-"), _TWO,
    st.just("-"), _TWO, st.sampled_from(["T", "t", " ", "-"]), _TWO, st.just(":"), _TWO,
    st.sampled_from([":", "", ".", "٣"]), _TWO,
    st.sampled_from(["", ".", ".0", ".000", ".120", ".0001", ".-1"]), st.sampled_from("Zz0"),
).map("".join)  # fmt: skip


@given(near_instants | st.datetimes().map(lambda one: f"{one.isoformat()[:23]}Z"))
def test_the_usual_form_of_an_instant_is_what_the_careful_way_makes_of_it(value):
    assert form_or_refusal(value) == form_or_refusal(f" {value}")  # with a blank it is not usual


def test_an_instant_with_its_zone_is_not_taken_for_local():
    oslo = Quirks(local_zone="Europe/Oslo")
    assert read(instant, "2026-07-01T12:00:00", oslo) == ("2026-07-01T10:00:00Z", [])
    assert read(instant, "2026-07-01T12:00:00Z", oslo) == ("2026-07-01T12:00:00Z", [])


@given(st.decimals(-(10**9) + 1, 10**9 - 1, places=18) | st.decimals(-99, 99, allow_nan=False))
def test_a_number_is_exact_in_whatever_way_it_is_written(value):
    expected = Decimal(f"{value:f}").quantize(Decimal(1).scaleb(-18), "ROUND_DOWN")
    for payload in (f"{value:f}", f"{value:E}"):
        found, _ = read(number, decoded(payload.encode()))
        assert Decimal(found) == expected
        again = decoded(CANONICAL.encode(found))
        assert (again, type(again)) == (found, type(found))
        assert Decimal(decimal_text(found)) == expected


@pytest.mark.parametrize("value", [True, None, {}, [], "", "x", "1 2", "4,000", "1" * 41])
def test_what_is_no_number(value):
    with pytest.raises(Unreadable, match="not-a-number"):
        read(number, value)


@pytest.mark.parametrize("value", [b"1000000000", b"-1e9", b"1e99", b'"1e9"', b'"inf"', b'"-NaN"'])
def test_a_number_that_cannot_be(value):
    with pytest.raises(Unreadable, match="impossible-number"):
        read(number, decoded(value))


def test_what_is_told_and_what_is_not():
    assert [decimal_text(one) for one in (None, 0, Decimal("1.50"))] == ["", "0", "1.50"]
    assert read(whole, 3)[0] == 3
    with pytest.raises(Unreadable, match="not-whole"):
        read(whole, Decimal("3.5"))


@pytest.mark.parametrize(
    ("rule", "value", "form", "notes"),
    [
        (identifier, "krs-42", "krs-42", []),
        (identifier, "two words", "two words", []),
        (identifier, " krs ", "krs", ["blanks-around-an-identifier"]),
        (identifier, 42, "42", ["text-as-number"]),
        (text, "Kristiansand", "Kristiansand", []),
        (text, 7, "7", ["text-as-number"]),
        (yes, True, True, []),
        (yes, "FALSE", False, ["boolean-as-text"]),
    ],
)
def test_texts_and_flags(rule, value, form, notes):
    assert read(rule, value) == (form, notes)


@pytest.mark.parametrize(
    ("rule", "value", "reason"),
    [
        (identifier, "", "bad-identifier"),
        (identifier, "  ", "bad-identifier"),
        (identifier, "x" * 256, "bad-identifier"),
        (identifier, "a\nb", "bad-identifier"),
        (identifier, "krs-ø", "bad-identifier"),
        (identifier, True, "wrong-type"),
        (identifier, {}, "wrong-type"),
        (text, "x" * 8_001, "too-long"),
        (text, [], "wrong-type"),
        (yes, 1, "wrong-type"),
        (yes, "perhaps", "wrong-type"),
    ],
)
def test_what_they_are_not(rule, value, reason):
    with pytest.raises(Unreadable, match=reason):
        read(rule, value)


def test_whatever_else_is_in_one_form_and_not_too_deep():
    found = decoded(b'{"b":null,"a":[1.50,{"c":2.0,"d":true}],"e":1.5e1}')
    assert read(anything, found)[0] == {"a": [Decimal("1.5"), {"c": 2, "d": True}], "e": 15}
    deep = []
    for _ in range(40):
        deep = [deep]
    with pytest.raises(Unreadable, match="too-deep"):
        read(anything, deep)


@pytest.mark.parametrize("payload", [b'"\\ud800"', b"1e99999999999999999999", b"-", b"[1,]"])
def test_bytes_that_are_no_json(payload):
    with pytest.raises(Unreadable, match="not-json"):
        decoded(payload)


THING = Shape("Thing", {"id": identifier, "note": text, "size": number}, ("note",), ("id",))


def test_a_table_reads_what_it_has_and_counts_the_rest():
    found = {"id": "a", "size": None, "colour": "red"}
    reader = Reader(NONE)
    assert THING.read(found, reader) == {"id": "a"}
    assert [(one.kind, one.detail) for one in reader.notes] == [
        ("unknown-field", "Thing.colour"),
        ("missing-field", "Thing.note"),
    ]
    with pytest.raises(Unreadable) as refused:
        THING.read({"note": "x"}, Reader(NONE))
    assert refused.value.refused().field == "id"
    assert THING.read({"note": "x"}, Reader(NONE), partial=True) == {"note": "x"}


def test_a_list_of_a_table_s_objects():
    assert read(many(THING), {"id": "a", "note": "b"}) == (
        [{"id": "a", "note": "b"}],
        ["object-for-list"],
    )
    with pytest.raises(Unreadable) as refused:
        read(many(THING), [{"id": "a"}, {"id": "b", "size": "big"}])
    assert refused.value.refused().field == "[1].size"
    with pytest.raises(Unreadable, match="wrong-type"):
        read(many(THING), "a")


@pytest.mark.parametrize(
    ("body", "hint", "version"),
    [
        ({"kwh": 1, "start_date_time": ""}, "", "2.2.1"),
        ({"kwh": 1, "start_date_time": ""}, "2.3.0", "2.3.0"),
        ({"kwh": 1, "start_date_time": ""}, "2.1.1", "2.1.1"),
        ({"kwh": 1, "evse_uid": ""}, "2.1.1", "2.2.1"),
        ({"kwh": 1}, "9.9", "2.2.1"),
        ({"start_datetime": ""}, "2.3.0", "2.1.1"),
        ({"total_cost": 1}, "2.2.1", "2.1.1"),
        ({"total_cost": 1, "cdr_token": {}}, "", "2.2.1"),
        ({"total_cost": {"excl_vat": 1}}, "2.3.0", "2.2.1"),
        ({"total_time_cost": {"before_taxes": 1}, "auth_id": ""}, "2.1.1", "2.3.0"),
        ({"cdr_token": {"type": "EMAID"}}, "2.2.1", "2.3.0"),
    ],
)
def test_the_version_is_what_stands_in_the_body(body, hint, version):
    assert version_of(body, hint) == version


def test_a_refusal_shows_little_of_what_was_wrong():
    done = refusal(cdr(currency="4111 1111 1111 1111 and more of what nobody should read" * 9))
    assert len(done.problem) < 120
    assert told(cdr(tariffs={})).refused[0].field == "tariffs"
