"""A CDR without anything odd is read in one go, to the same end as by the tables."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from partners import TOKEN, cdr, place

from connectors.ocpi import usual_cdr
from connectors.ocpi.feed import pieces, translate
from connectors.ocpi.quirks import NONE, Quirks, Rewrite
from connectors.ocpi.tables import CDR
from schemas import codec

OUTLET = cdr()["cdr_location"]
TARIFFS = [{"id": "T", "currency": "NOK", "elements": [{"price_components": []}], "n": None}]
SIGNED = {
    "encoding_method": "OCMF",
    "signed_values": [{"nature": "End", "plain_data": "", "signed_data": "OCMF|{}"}],
}
FULL = cdr(
    tariffs=TARIFFS,
    signed_data=SIGNED,
    session_id="S",
    authorization_reference="R",
    meter_id="M",
    remark="",
    credit=False,
    home_charging_compensation=False,
    total_energy_cost={"excl_vat": 1.5, "incl_vat": None},
    total_parking_time=0.1,
    invoice_reference_id="I",
)
CARD = "4111111111111111"
ODD = st.sampled_from(
    [
        None, "", " ", " A", "a", "no", "NOR", "N0", "#NA", "x" * 256, "\N{EURO SIGN}", "a\0b",
        "1e3", CARD, int(CARD), "4111 1111 1111 1111", f"a{CARD}", True, False, 0, -1, 5, 10**9,
        10**30, 1.5, -0.0, 1e-7, 0.1234567890123456789, 1e300, "1.5", "1,50",
        "2026-11-09T10:00:00+00:00",
        "2026-11-09T10:00:00.500Z", "2026-11-09T10:00:00", "1969-01-01T00:00:00Z", [], {}, [None],
        {"excl_vat": 1}, {"excl_vat": 2, "incl_vat": 1}, {"incl_vat": 1}, {"before_taxes": 1},
        {"excl_vat": "1"}, {"excl_vat": 1, "theirs": 2}, TARIFFS, SIGNED, OUTLET, TOKEN, "EUR",
        "eur", "XXX", "command", "COMMAND", "RFID", "EMAID", "NOBODYS",
    ]
)  # fmt: skip
PLACES = [
    *((name,) for name in sorted(CDR.fields)),
    *(("cdr_location", name) for name in sorted(OUTLET)),
    *(("cdr_token", name) for name in sorted(TOKEN)),
    *((name,) for name in ("theirs", "authorization_id", "status", "data", "status_code")),
    ("cdr_token", "theirs"),
    ("cdr_location", "theirs"),
    ("total_cost", "incl_vat"),
]


def changed(fields, path, value):
    """A copy, in which it stands at the path."""
    head, *rest = path
    inner = fields.get(head)
    return (
        {**fields, head: changed(inner if isinstance(inner, dict) else {}, rest, value)}
        if (rest)
        else {**fields, head: value}
    )


def without(fields, path):
    head, *rest = path
    if rest and isinstance(fields.get(head), dict):
        return {**fields, head: without(fields[head], rest)}
    return {name: value for name, value in fields.items() if name != head}


def both(fields, quirks=NONE, **where):
    (piece,) = pieces(json.dumps(fields).encode(), place(**where), quirks)
    assert piece.fields is not None
    done = translate(None, piece, quirks)
    assert done == translate(None, piece._replace(fields=None), quirks)
    assert [*map(codec.encode_checked, done.facts)] == [*map(codec.encode, done.facts)]
    return usual_cdr.told(piece, quirks), done


@pytest.mark.parametrize("fields", [cdr(), FULL])
def test_the_usual_is_read_in_one_go(fields):
    told, done = both(fields)
    assert told is not None
    assert done.facts
    assert done.notes == ()


def test_it_knows_no_field_that_the_table_does_not():
    assert CDR.fields.keys() >= usual_cdr.FIELDS
    assert CDR.must <= usual_cdr.NEEDED


@given(st.sampled_from(PLACES), ODD, st.sampled_from(PLACES), st.booleans())
def test_what_is_odd_is_told_by_the_tables(path, value, absent, leaves_out):
    fields = changed(FULL, path, value)
    both(without(fields, absent) if leaves_out else fields)


@pytest.mark.parametrize("path", PLACES, ids=".".join)
def test_each_field_without_its_value(path):
    both(changed(FULL, path, None))
    both(without(FULL, path))


@pytest.mark.parametrize("name", ["uid", "contract_id"])
@pytest.mark.parametrize("value", [CARD, f"{CARD[:4]}-{CARD[4:8]}-{CARD[8:12]}-{CARD[12:]}"])
def test_a_card_number_never_takes_the_quick_way(name, value):
    told, done = both(cdr(cdr_token={**TOKEN, name: value}))
    assert told is None
    assert value not in done.facts[0].body


@pytest.mark.parametrize("name", ["name", "address", "id"])
def test_an_outlet_known_by_its_bytes_is_each_ones_own(name):
    first, second = ({**OUTLET, name: f"number {n}".replace(" ", "-")} for n in (1, 2))
    for outlet in (first, second, first):
        _, done = both(cdr(cdr_location=outlet))
        assert json.loads(done.facts[0].body)["cdr_location"][name] == outlet[name]


QUIRKS = [
    Quirks(prices="gross"),
    Quirks(energy_in_wh=True),
    Quirks(local_zone="Europe/Oslo"),
    Quirks(most_kw=1),
    Quirks(role="ptp"),
    Quirks(rewrites=(Rewrite(of="evse_uid", pattern="(.*)", becomes=r"hub-\1"),)),
]
WHERE = [
    {"object_hint": "cdr"}, {"object_hint": "session"}, {"method": "PUT", "object_id": "else"},
    {"method": "PUT", "party_id": "NLA"}, {"answer_code": 2001}, {"version_hint": "2.3.0"},
]  # fmt: skip


@pytest.mark.parametrize(
    ("quirks", "where"), [*((q, {}) for q in QUIRKS), *((NONE, w) for w in WHERE)], ids=str
)
def test_what_is_known_of_partner_and_place_counts_both_ways(quirks, where):
    both(FULL, quirks, **where)
    both({**FULL, "total_energy": 20_000}, quirks, **where)
