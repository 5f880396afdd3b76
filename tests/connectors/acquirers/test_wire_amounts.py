"""Amounts on each acquirer's wire: there and back without loss, or refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.acquirers.acquirer import CannotAsk
from connectors.acquirers.adyen.amounts import AMOUNTS as ADYEN
from connectors.acquirers.checkout.amounts import AMOUNTS as CHECKOUT
from connectors.acquirers.stripe.amounts import AMOUNTS as STRIPE
from connectors.acquirers.wire_amounts import NotCountable
from schemas import money

CURRENCIES = sorted(money._EXPONENT_TWO | money._EXPONENTS_NOT_TWO.keys())
ALL = {"adyen": ADYEN, "stripe": STRIPE, "checkout": CHECKOUT}


@pytest.mark.parametrize(
    ("acquirer", "currency", "minor", "wire"),
    [
        ("adyen", "EUR", 1234, 1234),
        ("adyen", "CLP", 500, 50_000),
        ("adyen", "CVE", 500, 5),
        ("adyen", "IDR", 500, 5),
        ("adyen", "ISK", 500, 50_000),
        ("adyen", "JPY", 500, 500),
        ("adyen", "KWD", 1234, 1234),
        ("stripe", "JPY", 500, 500),
        ("stripe", "ISK", 500, 50_000),
        ("stripe", "UGX", 500, 50_000),
        ("stripe", "MGA", 500, 5),
        ("stripe", "HUF", 1234, 1234),
        ("stripe", "KWD", 1230, 1230),
        ("checkout", "ISK", 500, 500),
        ("checkout", "CLP", 500, 50_000),
        ("checkout", "BHD", 1230, 1230),
    ],
)
def test_the_exceptions_and_the_rule(acquirer, currency, minor, wire):
    assert ALL[acquirer].to_wire(minor, currency) == wire
    assert ALL[acquirer].from_wire(wire, currency) == minor


@pytest.mark.parametrize(
    ("acquirer", "currency", "minor"),
    [
        ("adyen", "IDR", 501),
        ("stripe", "KWD", 1234),
        ("stripe", "MGA", 1),
        ("checkout", "JOD", 1234),
        ("checkout", "EUR", 10**9),
        ("adyen", "QQQ", 1),
    ],
)
def test_what_the_wire_cannot_carry_is_not_sent_and_not_rounded(acquirer, currency, minor):
    with pytest.raises(CannotAsk, match="wrong_amount"):
        ALL[acquirer].to_wire(minor, currency)


def test_an_amount_that_is_none_of_ours_is_not_read():
    for amounts, value, currency in ((ADYEN, 1, "ISK"), (STRIPE, -1, "EUR"), (ADYEN, 1, "EURO")):
        with pytest.raises(NotCountable):
            amounts.from_wire(value, currency)


@given(st.sampled_from(sorted(ALL)), st.sampled_from(CURRENCIES), st.integers(0, 10**12))
def test_there_and_back_or_refused(acquirer, currency, minor):
    amounts = ALL[acquirer]
    try:
        wire = amounts.to_wire(minor, currency)
    except CannotAsk:
        return
    assert amounts.from_wire(wire, currency) == minor
