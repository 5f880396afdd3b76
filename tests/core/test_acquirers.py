"""The capability registry: what its tables say, and what they cannot mean."""

from pathlib import Path

import pytest

from streams.core.acquirers import Acquirer, Cost
from streams.core.strategy_policy import PolicyInvalid, parse_policy

DAY_MS = 24 * 60 * 60 * 1000
HEAD = """
id = "p"
version = "1"
start_grace_ms = 180_000
inquiry_schedule_ms = [5_000]
[look_ahead]
acquirer_latency_ms = 1
retries_ms = 1
meter_interval_ms = 1
stop_latency_ms = 1
power_when_unknown_w = 1
[[cell]]
name = "all"
strategy = "fixed"
first_minor = 100
[acquirers.a]
convention = "TOTAL"
remainder = "AUTO_AT_CAPTURE"
increments = true
attempts_cap = 10
idempotency_window_ms = 86_400_000
hold_lifetime_ms = 432_000_000
partial_capture = true
"""


def acquirer(more: str = "") -> Acquirer:
    return parse_policy(HEAD + more).acquirers["a"]


def problems(more: str) -> tuple[str, ...]:
    with pytest.raises(PolicyInvalid) as caught:
        parse_policy(HEAD + more)
    return caught.value.problems


def test_a_short_table_is_an_acquirer_that_can_be_asked_and_extends_nothing() -> None:
    known = acquirer()
    assert known.inquiry
    assert not known.increment_extends
    assert not known.reauthorise
    assert known.lifetime_ms("visa") == 432_000_000


def test_a_scheme_has_its_own_lifetime_in_any_letters() -> None:
    known = acquirer("lifetimes = { visa = 172_800_000 }")
    assert known.lifetime_ms("VISA") == 172_800_000
    assert known.lifetime_ms("mastercard") == 432_000_000


def test_a_currency_that_it_counts_more_coarsely_than_iso_is_not_taken() -> None:
    known = acquirer("exponents = { CVE = 0, ISK = 2 }")
    assert not known.takes("CVE")  # Adyen: a hold of 10.50 could not be written
    assert known.takes("ISK")
    assert known.takes("EUR")


def test_only_listed_currencies_are_taken_where_any_are_listed() -> None:
    known = acquirer('currencies = ["EUR"]')
    assert known.takes("EUR")
    assert not known.takes("CHF")


def test_cards_whose_holds_cannot_be_raised() -> None:
    known = acquirer('no_increments = { scheme = ["maestro"], funding = ["prepaid"] }')
    assert known.raises("visa", "debit")
    assert not known.raises("Maestro", "debit")
    assert not known.raises("visa", "prepaid")


def test_costs_are_compared_to_a_hundredth_of_a_minor_unit() -> None:
    assert Cost(basis_points=25, fixed_minor=5).hundredths(1999) == 499 + 500


def test_what_cannot_be_meant_is_named_by_its_path() -> None:
    found = problems(
        'exponents = { EURO = 2 }\ncurrencies = ["QQQ"]\nlifetimes = { Visa = 999_999_999 }'
    )
    assert any(one.startswith("acquirers.a.exponents.EURO") for one in found)
    assert any(one.startswith("acquirers.a.currencies.QQQ") for one in found)
    assert any("small letters" in one for one in found)
    assert any("longer than hold_lifetime_ms" in one for one in found)


def test_a_key_that_ours_would_not_fit_into_is_refused() -> None:
    assert any("key_length" in one for one in problems("key_length = 35"))


def test_a_hold_that_is_not_raised_is_not_extended_by_it() -> None:
    text = (HEAD + 'increment_extends = ["mastercard"]').replace(
        "increments = true", "increments = false"
    )
    with pytest.raises(PolicyInvalid, match="increment_extends"):
        parse_policy(text)


def test_what_is_known_of_real_acquirers_is_a_registry() -> None:
    known = (Path(__file__).parents[2] / "deploy" / "acquirers.toml").read_text()
    registry = parse_policy(HEAD + "\n" + known).acquirers
    assert registry["adyen"].convention == "TOTAL"
    assert registry["checkout"].convention == "DELTA"
    assert not registry["adyen"].takes("CVE")
    assert registry["stripe"].lifetime_ms("Mastercard") == 2 * DAY_MS
    assert not registry["stripe"].raises("amex", "credit")
    assert all(one.key_length >= 36 for one in registry.values())
