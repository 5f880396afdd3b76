"""Laws of money: whole minor units, one currency, nothing lost."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.money import CurrencyMismatch, Money, UnknownCurrency, exponent_of

minors = st.integers(-(10**15), 10**15)
currencies = st.sampled_from(["EUR", "NOK", "JPY", "KWD"])


@given(a=minors, b=minors, c=minors, currency=currencies)
def test_adding_loses_nothing(a, b, c, currency):
    one, two, three = (Money(currency, minor) for minor in (a, b, c))
    assert one + two == two + one
    assert (one + two) + three == one + (two + three)
    assert (one + two) - two == one
    assert one - one == Money.zero(currency)
    assert one + Money.zero(currency) == one


@given(a=minors, b=minors)
def test_two_currencies_never_meet(a, b):
    with pytest.raises(CurrencyMismatch, match="EUR"):
        Money("EUR", a) + Money("SEK", b)
    with pytest.raises(CurrencyMismatch, match="EUR"):
        Money("EUR", a) - Money("SEK", b)
    assert Money("EUR", a) != Money("SEK", a)


def test_money_has_no_order_because_currencies_have_none():
    with pytest.raises(TypeError):
        assert Money("EUR", 1) < Money("EUR", 2)


def test_money_is_a_value():
    with pytest.raises(AttributeError):
        Money("EUR", 1).minor = 2
    assert len({Money("EUR", 1), Money("EUR", 1)}) == 1


@given(minor=minors, currency=currencies)
def test_major_units_and_back(minor, currency):
    major = Decimal(minor).scaleb(-exponent_of(currency))
    assert Money.from_major(major, currency) == Money(currency, minor)


@given(minor=minors, currency=currencies)
def test_what_is_printed_says_it_all(minor, currency):
    text, code = str(Money(currency, minor)).split()
    assert Money.from_major(Decimal(text), code) == Money(currency, minor)


@given(amount=st.decimals(-(10**9), 10**9, allow_nan=False, places=6), currency=currencies)
def test_rounding_is_to_the_nearest(amount, currency):
    exact = amount.scaleb(exponent_of(currency))
    off = abs(Money.from_major(amount, currency).minor - exact)
    assert off <= Decimal("0.5")


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("1.005", "EUR", 101),
        ("1.0049", "EUR", 100),
        ("-1.005", "EUR", -101),
        ("0.5", "JPY", 1),
        ("1.2345", "KWD", 1235),
    ],
)
def test_a_half_is_rounded_away_from_zero(amount, currency, minor):
    assert Money.from_major(Decimal(amount), currency) == Money(currency, minor)


@pytest.mark.parametrize(
    ("money", "text"),
    [
        (Money("EUR", 12345), "123.45 EUR"),
        (Money("EUR", -5), "-0.05 EUR"),
        (Money("JPY", 500), "500 JPY"),
        (Money("KWD", 1500), "1.500 KWD"),
    ],
)
def test_money_is_printed_in_major_units(money, text):
    assert str(money) == text


@pytest.mark.parametrize(
    ("currency", "digits"),
    [("EUR", 2), ("JPY", 0), ("ISK", 0), ("UGX", 0), ("KWD", 3), ("TND", 3), ("HUF", 2)],
)
def test_minor_units_are_those_of_iso_4217(currency, digits):
    assert exponent_of(currency) == digits


@pytest.mark.parametrize("code", ["", "eur", "EUR ", "EUR\n", "XXX", "HRK", "XAU", "€"])
def test_an_unknown_currency_is_refused(code):
    with pytest.raises(UnknownCurrency, match="currency"):
        exponent_of(code)
