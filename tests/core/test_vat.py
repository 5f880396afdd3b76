"""An amount by rates of VAT: the parts add up, to the minor unit, whatever the shares are."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from streams.core.pricing import Amounts, Course, Segment, parse, price
from streams.core.vat import by_rate, parts_of

TARIFF = (
    '{"id":"t","currency":"EUR","elements":[{"price_components":['
    '{"type":"ENERGY","price":0.50,"vat":20,"step_size":1},'
    '{"type":"PARKING_TIME","price":6,"vat":10,"step_size":1},'
    '{"type":"FLAT","price":1,"step_size":1}]}]}'
)
HOUR_MS = 3_600_000
RATES = st.one_of(st.none(), st.decimals("0", "99", places=2).map(Fraction))
SHARES = st.dictionaries(RATES, st.fractions(Fraction(1, 1000), 1000), max_size=5)


def test_lines_are_summed_by_their_rate_and_an_untold_one_stays_untold():
    segments = (
        Segment(0, HOUR_MS, Amounts(energy_wh=10_000, charging_ms=HOUR_MS)),
        Segment(HOUR_MS, 2 * HOUR_MS, Amounts(parking_ms=HOUR_MS)),
    )
    breakdown = price(parse(TARIFF), Course(segments, "Europe/Vienna"))
    shares = by_rate(breakdown)
    assert shares == {Fraction(20): Fraction(6), Fraction(10): Fraction("6.6"), None: Fraction(1)}
    parts = parts_of(shares, 1360)
    assert [(one.rate, one.net_minor, one.vat_minor, one.gross_minor) for one in parts] == [
        ("20", 500, 100, 600), ("10", 600, 60, 660), ("", 100, 0, 100),
    ]  # fmt: skip


def test_a_capture_below_the_price_shares_its_base_alike():
    shares = {Fraction(20): Fraction(6), Fraction(10): Fraction(6)}
    parts = parts_of(shares, 601)
    assert [(one.rate, one.gross_minor, one.vat_minor) for one in parts] == [
        ("20", 301, 50), ("10", 300, 27),
    ]  # fmt: skip


def test_a_rate_that_nobody_told_is_the_operators_where_there_is_one():
    (part,) = parts_of({None: Fraction(1)}, 1200, "20")
    assert (part.rate, part.net_minor, part.vat_minor) == ("20", 1000, 200)


def test_without_any_line_the_whole_stands_untold():
    (part,) = parts_of({}, 50)
    assert (part.rate, part.gross_minor, part.vat_minor) == ("", 50, 0)


def test_rates_are_exact_decimals():
    (part,) = parts_of({Fraction("8.1"): Fraction(3)}, 1081)
    assert (part.rate, part.net_minor, part.vat_minor) == ("8.1", 1000, 81)


@given(shares=SHARES, gross=st.integers(0, 10**9))
def test_the_parts_always_add_up(shares, gross):
    parts = parts_of(shares, gross)
    assert sum(one.gross_minor for one in parts) == gross
    for one in parts:
        assert one.net_minor + one.vat_minor == one.gross_minor
        assert 0 <= one.vat_minor <= one.gross_minor


@given(shares=SHARES, gross=st.integers(0, 10**9))
def test_no_part_is_a_minor_unit_off_its_share(shares, gross):
    whole = sum(shares.values())
    for part in parts_of(shares, gross):
        if whole and len(shares) == len({one for one in shares if one is not None}):
            share = shares[Fraction(part.rate)] / whole if part.rate else 0
            assert abs(part.gross_minor - gross * share) < 1
