"""What rules cap: tables with dates, and when they count."""

import datetime as dt

import pytest
from sessionworld import request

from schemas.money import exponent_of
from streams.core.strategy_cells import EEA
from streams.core.strategy_limits import (
    CONTACTLESS,
    NO_INCREMENTS,
    SCA_COUNTRIES,
    Forbidden,
    Limit,
    published,
    raises_barred,
    tap_limits,
)


def at(day):
    return int(dt.datetime.fromisoformat(f"{day}T00:00:00+00:00").timestamp()) * 1000


def limit(own=None, **changed):
    usual = {"merchant_country": "DE", "currency": "EUR", "cvm": "none"}
    return tap_limits(request(**{**usual, **changed}), own or {})


@pytest.mark.parametrize(
    ("country", "currency", "day", "minor"),
    [
        ("DE", "EUR", "2026-10-01", 50_00),
        ("DE", "EUR", "2020-01-01", 50_00),  # before the first row the first row
        ("HR", "EUR", "2026-04-17", 40_00),
        ("HR", "EUR", "2026-04-18", 50_00),
        ("CZ", "CZK", "2026-10-01", 500_00),
        ("IS", "ISK", "2026-10-01", 7_500),
        ("GB", "GBP", "2026-10-01", 100_00),
        ("LI", "CHF", "2026-10-01", 80_00),
        ("NO", "EUR", "2026-10-01", 50_00),
        ("SE", "EUR", "2026-10-01", 50_00),
        ("FR", "EUR", "2026-10-01", 50_00),
        ("BG", "EUR", "2026-10-01", 50_00),
        ("DK", "DKK", "2026-10-01", 350_00),
        ("HU", "HUF", "2026-10-01", 15_000_00),
        ("PL", "PLN", "2026-10-01", 100_00),
        ("RO", "RON", "2026-10-01", 250_00),
    ],
)
def test_a_tap_without_cvm_is_capped_by_its_country(country, currency, day, minor):
    found = limit(merchant_country=country, currency=currency, requested_at=at(day))
    assert [(one.minor, one.of) for one in found] == [(minor, "sum")]
    assert country in found[0].words


@pytest.mark.parametrize(
    "changed",
    [
        {"cvm": "cdcvm"},
        {"cvm": "online_pin"},
        {"entry_mode": "chip", "cvm": "online_pin"},
        {"entry_mode": "chip", "cvm": ""},  # not told: a chip asks for its PIN by itself
        {"merchant_country": "CH", "currency": "CHF"},
        {"merchant_country": "US", "currency": "USD"},
        {"merchant_country": ""},
    ],
)
def test_no_rule_no_limit(changed):
    assert limit(**changed) == []


@pytest.mark.parametrize("cvm", ["none", "", "No_CVM", "unknown", "signature"])
def test_who_is_not_known_to_be_authenticated_is_not(cvm):
    assert len(limit(cvm=cvm, entry_mode="Contactless")) == 1


@pytest.mark.parametrize("entry_mode", ["contactless_chip", "Mobile_Contactless", "nfc"])
def test_a_tap_is_a_tap_by_whatever_word(entry_mode):
    assert len(limit(entry_mode=entry_mode)) == 1


def test_a_contact_chip_without_a_pin_pays_nothing():
    found = limit(entry_mode="chip", cvm="none")
    assert isinstance(found, Forbidden)
    assert found.reason == "pin-required"


def test_a_currency_without_a_figure_is_refused_and_never_converted():
    found = limit(merchant_country="NO", currency="NOK")
    assert found == Forbidden(
        "cvm-limit-unknown", "contactless without CVM in NO: no limit is given in NOK"
    )
    known = limit({"NO": {"NOK": 550_00}}, merchant_country="NO", currency="NOK")
    assert known == [Limit(550_00, "sum", "contactless without CVM in NO: at most 550.00 NOK")]


def test_a_policy_may_lower_a_published_limit_and_not_raise_it():
    assert limit({"DE": {"EUR": 25_00}})[0].minor == 25_00
    assert limit({"DE": {"EUR": 99_00}})[0].minor == 50_00


def test_the_table_has_sound_rows():
    for row in CONTACTLESS:
        assert row.country in SCA_COUNTRIES
        assert row.minor > 0
        exponent_of(row.currency)
        dt.date.fromisoformat(row.valid_from)
    assert len({row[:3] for row in CONTACTLESS}) == len(CONTACTLESS)
    assert {row.country for row in CONTACTLESS} == EEA | {"GB"}
    assert published("HR", "EUR") == [40_00, 50_00]


@pytest.mark.parametrize("scheme", [*sorted(NO_INCREMENTS), "Maestro", "GIROCARD"])
def test_domestic_debit_is_never_raised(scheme):
    assert raises_barred(scheme)


def test_others_are_raised():
    assert not raises_barred("visa")
    assert not raises_barred("")
