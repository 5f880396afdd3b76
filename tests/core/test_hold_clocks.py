"""The clocks of a hold: the least counts, by the rules of the day, and only some can be put off."""

import datetime as dt

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sessionworld import T0

from streams.core.hold_clocks import NO_DEADLINE, Authorised, deadline, margin_ms, windows
from streams.core.hold_windows import DAY_MS, HOUR_MS, WINDOWS

CARD = Authorised(
    scheme="visa",
    entry_mode="chip",
    channel="terminal",
    merchant_country="DE",
    bin_country="DE",
    approved_at=T0,
    raised_at=0,
    ended_at=0,
    acquirer_ends_at=T0 + 28 * DAY_MS,
    acquirer_extends=False,
)

holds = st.builds(
    Authorised,
    scheme=st.sampled_from(
        ["visa", "Mastercard", "maestro", "amex", "cartes_bancaires", "new", ""]
    ),
    entry_mode=st.sampled_from(["contactless", "chip", "ecommerce", ""]),
    channel=st.sampled_from(["terminal", "web"]),
    merchant_country=st.sampled_from(["DE", "US", ""]),
    bin_country=st.sampled_from(["DE", "US", ""]),
    approved_at=st.integers(T0, T0 + DAY_MS),
    raised_at=st.just(0) | st.integers(T0, T0 + 5 * DAY_MS),
    ended_at=st.just(0) | st.integers(T0, T0 + 5 * DAY_MS),
    acquirer_ends_at=st.just(0) | st.integers(T0 + 2 * DAY_MS, T0 + 40 * DAY_MS),
    acquirer_extends=st.booleans(),
)


def days(hold):
    return (deadline(hold).ends_at - T0) / DAY_MS


@given(holds)
def test_the_deadline_is_the_least_of_all_clocks(hold):
    found = deadline(hold)
    if hold.acquirer_ends_at:
        assert found.ends_at <= hold.acquirer_ends_at
    for window in windows(hold):
        if window.anchor == "ended":
            if hold.ended_at:
                assert found.ends_at <= hold.ended_at + window.lifetime_ms
            continue
        begins_at = hold.approved_at
        if window.extends and hold.acquirer_extends:
            begins_at = max(begins_at, hold.raised_at)
        assert found.ends_at <= begins_at + window.lifetime_ms
    assert found.act_at <= found.ends_at
    assert found.why


@given(holds, st.integers(T0, T0 + 9 * DAY_MS))
def test_a_raise_puts_off_only_where_scheme_and_acquirer_allow_it(hold, raised_at):
    raised = hold._replace(raised_at=max(hold.raised_at, raised_at))
    before, after = deadline(hold), deadline(raised)
    assert after.ends_at >= before.ends_at
    if not before.extends:
        assert after.ends_at == before.ends_at


@given(holds)
def test_an_end_that_becomes_known_never_puts_off(hold):
    assume(hold.ended_at)
    assert deadline(hold).ends_at <= deadline(hold._replace(ended_at=0)).ends_at


def test_nothing_runs_before_the_approval():
    assert deadline(CARD._replace(approved_at=0)) == NO_DEADLINE


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, 5),
        ({"channel": "web"}, 10),
        ({"entry_mode": "ecommerce"}, 10),
        ({"scheme": "mastercard"}, 28),  # its 30 days are more than the acquirer's 28
        ({"scheme": "maestro"}, 7),
        ({"scheme": "maestro", "merchant_country": "US"}, 20 / (24 * 60)),
        ({"scheme": "amex"}, 7),
        ({"scheme": "cartes_bancaires"}, 12),
        ({"scheme": "somebody-new"}, 5),
        ({"acquirer_ends_at": T0 + 2 * DAY_MS}, 2),
        ({"raised_at": T0 + DAY_MS, "acquirer_extends": True}, 5),  # Visa: an increment never does
        (
            {"scheme": "mastercard", "raised_at": T0 + DAY_MS, "acquirer_ends_at": 0},
            30,
        ),
        (
            {
                "scheme": "mastercard",
                "raised_at": T0 + DAY_MS,
                "acquirer_ends_at": 0,
                "acquirer_extends": True,
            },
            31,
        ),
        ({"entry_mode": "contactless"}, 5),
        ({"entry_mode": "contactless", "ended_at": T0 + DAY_MS}, 3),
        ({"entry_mode": "NFC", "ended_at": T0 + DAY_MS}, 3),
        ({"entry_mode": "contactless", "ended_at": T0 + DAY_MS, "bin_country": "US"}, 5),
        ({"entry_mode": "contactless", "ended_at": T0 + DAY_MS, "bin_country": ""}, 3),
        ({"entry_mode": "contactless", "ended_at": T0 + DAY_MS, "merchant_country": "US"}, 5),
    ],
)
def test_windows_of_payments_md(changed, expected):
    assert days(CARD._replace(**changed)) == pytest.approx(expected)


def test_a_hold_goes_by_the_rules_of_its_day():
    """Visa's card-present window was 7 days until 14 April 2024."""
    day = dt.datetime(2024, 4, 14, tzinfo=dt.UTC).timestamp() * 1000
    for approved_at, lasts in ((int(day) - 1, 7), (int(day), 5)):
        hold = CARD._replace(approved_at=approved_at, acquirer_ends_at=0)
        assert deadline(hold).ends_at == approved_at + lasts * DAY_MS


@pytest.mark.parametrize(
    ("window_ms", "margin"),
    [(5 * DAY_MS, DAY_MS), (48 * HOUR_MS, 6 * HOUR_MS), (HOUR_MS, HOUR_MS // 8), (-1, 0)],
)
def test_the_margin_is_a_day_of_long_windows_and_an_eighth_of_short_ones(window_ms, margin):
    assert margin_ms(window_ms) == margin


def test_every_row_says_where_it_is_from():
    assert all(window.source and window.schemes for window in WINDOWS)
    assert all(scheme == scheme.casefold() for window in WINDOWS for scheme in window.schemes)
