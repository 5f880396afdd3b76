"""Periods without anything odd are read without detours, to the same end as by their table."""

import json

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from partners import cdr, place

from connectors.ocpi.feed import pieces, translate
from connectors.ocpi.periods import usual
from schemas import codec

NUMBERS = st.one_of(
    st.sampled_from(["0", "0.0", "15.0", "1.50", "7.5", "1e3", "-1", "-0.0", "1E-7", "1000000000",
                     "12345678901234567890", "0.1234567890123456789", '"1.5"', "true", "null"]),
    st.decimals(0, 99, places=4).map(lambda one: f"{one:f}"),
)  # fmt: skip
WORDS = st.sampled_from(["ENERGY", "TIME", "PARKING_TIME", "MAX_POWER", "energy", "NOBODYS", ""])
STARTS = st.one_of(
    st.integers(0, 59).map(lambda one: f"2026-11-09T10:{one:02}:00Z"),
    st.sampled_from(["2026-11-09T10:07:00.000Z", "2026-11-09T10:07:00.500Z",
                     "1970-01-01T00:00:00Z",
                     "2026-11-09T10:07:00+00:00", "2026-11-09T10:07:00", "2026-13-09T10:07:00Z",
                     ""]),
)  # fmt: skip
TARIFFS = st.sampled_from(["krs-dc", " krs ", "", "#NA", "x" * 256, "\N{EURO SIGN}"])


@st.composite
def period(draw):
    """JSON, because a number is what stands there."""
    pairs = draw(st.lists(st.tuples(WORDS, NUMBERS), max_size=3))
    told = [f'{{"type":"{word}","volume":{number}}}' for word, number in pairs]
    fields = {"start_date_time": json.dumps(draw(STARTS)), "dimensions": f"[{','.join(told)}]"}
    if draw(st.booleans()):
        fields["tariff_id"] = json.dumps(draw(TARIFFS))
    if draw(st.integers(0, 9)) == 0:
        fields["theirs"] = "1"
    order = draw(st.permutations(sorted(fields)))
    return "{" + ",".join(f'"{name}":{fields[name]}' for name in order) + "}"


def payload(periods, **fields):
    rest = json.dumps(cdr(**fields))
    return rest.replace('"PERIODS"', f"[{','.join(periods)}]").encode()


@given(st.lists(period(), max_size=4))
def test_both_ways_give_the_same(periods):
    (piece,) = pieces(payload(periods, charging_periods="PERIODS"), place())
    assert piece.fields is not None
    done = translate(None, piece)
    assert done == translate(None, piece._replace(fields=None))
    assert [*map(codec.encode_checked, done.facts)] == [*map(codec.encode, done.facts)]


FIRST = (
    '{"start_date_time":"2026-11-09T10:00:00Z","tariff_id":"T","dimensions":'
    '[{"type":"ENERGY","volume":12.50},{"volume":0.1667,"type":"TIME"}]}'
)
SECOND = (
    '{"dimensions":[{"type":"ENERGY","volume":7917e-3}],'
    '"start_date_time":"2026-11-09T10:00:00.500Z"}'
)
USUAL = [FIRST, SECOND]


def test_the_usual_is_tallied_and_in_canonical_form():
    found = usual(msgspec.Raw(f"[{','.join(USUAL)}]".encode()))
    assert found.canonical.decode() == (
        '[{"dimensions":[{"type":"ENERGY","volume":12.5},{"type":"TIME","volume":0.1667}],'
        '"start_date_time":"2026-11-09T10:00:00Z","tariff_id":"T"},'
        '{"dimensions":[{"type":"ENERGY","volume":7.917}],'
        '"start_date_time":"2026-11-09T10:00:00.500Z"}]'
    )
    assert (len(found), str(found.tallied.energy), found.tallied.flows_back) == (2, "20.417", False)


def test_what_is_out_of_order_is_left_to_the_table():
    assert usual(msgspec.Raw(f"[{','.join(reversed(USUAL))}]".encode())) is None


def test_wh_where_kwh_are_meant_are_put_right_in_the_usual_too():
    told = [USUAL[0].replace("12.50", "12500"), USUAL[1].replace("7917e-3", "7917")]
    (piece,) = pieces(payload(told, charging_periods="PERIODS", total_energy=20.417), place())
    done = translate(None, piece)
    assert "period-energy-in-wh" in done.facts[0].oddities
    assert done == translate(None, piece._replace(fields=None))
