"""What a no means: every listed code, any other, and the dates of the tables."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.acquirers.adyen.refusals import reason_of as adyen
from connectors.acquirers.checkout.declines import reason_of as checkout
from connectors.acquirers.reasons import DECLINES, of_iso8583
from connectors.acquirers.simulator.declines import CANONICAL_REASONS
from connectors.acquirers.stripe.declines import reason_of as stripe
from streams.core.declines import LONGEST_WINDOW_MS, limits_of, understood
from streams.core.declines_codes import (
    ADVICE,
    CATEGORIES,
    DAY_MS,
    REASON_OF,
    REASONS,
    category_of,
    day_at,
)

NOW = day_at(2026, 11, 21)
SYSTEMS = sorted(REASON_OF)
LISTED = [(system, code) for system in SYSTEMS for code in REASON_OF[system]]
words = st.text(max_size=12)


def raw(system, code):
    return code if system == "iso8583" else f"{system}:{code}"


def test_every_reason_that_a_connector_gives_is_understood():
    assert REASONS.keys() >= DECLINES
    assert set(CANONICAL_REASONS.values()) <= REASONS.keys()


# Too many wrong PINs are no matter of another PIN, although connectors call both wrong_pin.
@pytest.mark.parametrize("code", sorted(CANONICAL_REASONS.keys() - {"75", "86"}))
def test_what_the_simulator_says_is_of_a_kind_that_its_reason_is_of(code):
    by_reason = understood(CANONICAL_REASONS[code])
    assert understood(of_iso8583(code), code, at=NOW).kind == by_reason.kind


@pytest.mark.parametrize(("system", "code"), LISTED)
def test_every_listed_code_has_one_reason_with_a_meaning(system, code):
    decline = understood("do_not_honor", raw(system, code), at=NOW)
    assert decline.reason == REASON_OF[system][code]
    assert decline.kind == REASONS[decline.reason].kind
    assert decline.kind != "unknown"


@given(words, words, words, st.sampled_from(SYSTEMS), st.integers(0, 2 * NOW))
def test_any_words_are_understood_and_what_is_not_listed_is_unknown(
    reason, code, advice, system, at
):
    decline = understood(reason, raw(system, code), advice, at=at)
    if reason not in REASONS and all(code not in rows for rows in REASON_OF.values()):
        assert decline.kind == "unknown"
        assert not decline.again


@pytest.mark.parametrize("code", ["Q7", "000", "51 ", "\u0661"])
def test_a_generic_no_with_a_code_that_is_not_listed_is_unknown(code):
    assert understood("do_not_honor", code).kind == "unknown"
    assert understood("do_not_honor", "").kind == "soft"
    assert understood("", code).reason == "unknown"
    assert understood("do_not_honor", code).reason == "do_not_honor"
    assert understood("insufficient_funds", code).kind == "funds"  # whoever said so knew the code


@given(st.sampled_from(LISTED), st.sampled_from(sorted(ADVICE)))
def test_a_never_stands_whoever_said_it(listed, advice):
    system, code = listed
    plain = understood("", raw(system, code), at=NOW)
    advised = understood("", raw(system, code), advice, at=NOW)
    if "never" in (plain.retry, ADVICE[advice].retry):
        assert advised.retry == "never"
        assert not advised.again
    if advised.wait_ms:
        assert not advised.again


@pytest.mark.parametrize(
    ("code", "at", "category"),
    [
        ("43", day_at(2020, 1, 1), 1),
        ("43", NOW, 1),
        ("62", day_at(2021, 4, 16), 1),
        ("62", day_at(2021, 4, 17), 2),
        ("83", day_at(2026, 10, 24), 1),
        ("83", day_at(2026, 10, 25), 2),
        ("05", NOW, 4),
        ("??", NOW, 4),
    ],
)
def test_the_categories_are_dated(code, at, category):
    assert category_of(code, at) == category


def test_visas_first_category_is_never_tried_again():
    for code in CATEGORIES[0].codes & REASON_OF["iso8583"].keys():
        if category_of(code, NOW) == 1:
            assert understood("", code, at=NOW).retry == "never"


def test_the_caps_of_the_schemes_are_dated():
    def caps(scheme, at):
        return [(one.within_ms // DAY_MS, one.most) for one in limits_of(scheme, at)]

    assert caps("visa", day_at(2025, 5, 24)) == [(30, 15)]
    assert caps("Visa", day_at(2025, 5, 25)) == [(30, 20)]
    assert caps("mastercard", NOW) == [(1, 10), (30, 35)]
    assert caps("girocard", NOW) == []
    assert LONGEST_WINDOW_MS == 30 * DAY_MS


@pytest.mark.parametrize(
    ("raw_code", "reason"),
    [
        ("12", "not_permitted"),
        ("checkout:20012", "not_permitted"),
        ("adyen:12", "insufficient_funds"),
        ("adyen:5", "lost_or_stolen"),
        ("5", "technical"),
        ("nobody:51", "technical"),
    ],
)
def test_a_code_is_read_by_the_list_that_it_names(raw_code, reason):
    assert understood("technical", raw_code, at=NOW).reason == reason


def test_a_code_of_the_acquirers_own_has_no_category_of_visa():
    """ISO 8583's 12 is never tried again; Adyen's is a card without money."""
    assert understood("", "12", at=NOW).retry == "never"
    assert understood("", "checkout:30012", at=NOW).retry == "never"
    assert understood("insufficient_funds", "adyen:12", at=NOW).again
    assert understood("insufficient_funds", "checkout:20051", at=NOW).again


@pytest.mark.parametrize(
    ("adapter", "reason_of"), [("adyen", adyen), ("stripe", stripe), ("checkout", checkout)]
)
def test_adapters_and_we_read_an_acquirers_codes_alike(adapter, reason_of):
    """Where the words differ, ours are the finer ones."""
    finer = {"other_interface", "pin_blocked", "account_unusable", "currency", "blocked"}
    for code, reason in REASON_OF[adapter].items():
        assert reason in (reason_of(code), *finer), (adapter, code)
