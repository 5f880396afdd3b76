"""Who pays, by the words of OCPI: the whole table, and what must never be said."""

from itertools import product

import pytest

from connectors.ocpi.kinds import payment_kind, role_of, stored_kind
from connectors.ocpi.quirks import Quirks

TYPES = ("", "RFID", "EMAID", "APP_USER", "AD_HOC_USER", "OTHER", "SOMETHING_NEW")
METHODS = ("", "AUTH_REQUEST", "COMMAND", "WHITELIST", "SOMETHING_NEW")
ROLES = ("", "CPO", "EMSP", "PTP", "HUB", "NAP", "SOMETHING_NEW")


@pytest.mark.parametrize(
    ("token_type", "auth_method", "role", "kind"),
    [
        # OCPI 2.3.0 payments: the terminal starts with an ad-hoc token of its own.
        ("AD_HOC_USER", "COMMAND", "PTP", "card"),
        ("AD_HOC_USER", "COMMAND", "", "card"),
        # An operator's own terminal, authorised at the station.
        ("AD_HOC_USER", "WHITELIST", "", "card"),
        # An eMSP's QR code: paid there, or not; nobody can tell from here.
        ("AD_HOC_USER", "COMMAND", "EMSP", "unknown"),
        # Roaming as it always was.
        ("RFID", "WHITELIST", "EMSP", "contract"),
        ("RFID", "AUTH_REQUEST", "", "contract"),
        ("APP_USER", "COMMAND", "EMSP", "contract"),
        ("EMAID", "COMMAND", "", "contract"),
        # 2.1.1: sessions without a token's type, remote starts without a word of their own.
        ("", "WHITELIST", "", "contract"),
        ("", "AUTH_REQUEST", "", "unknown"),
        ("", "AUTH_REQUEST", "EMSP", "contract"),
        # Terminals that start with whatever token type their maker chose.
        ("RFID", "COMMAND", "PTP", "card"),
        ("OTHER", "COMMAND", "PTP", "card"),
        ("RFID", "WHITELIST", "PTP", "unknown"),
        # A remote start by whom?
        ("RFID", "COMMAND", "", "unknown"),
        ("APP_USER", "COMMAND", "HUB", "unknown"),
        ("OTHER", "WHITELIST", "", "unknown"),
    ],
)
def test_who_pays(token_type, auth_method, role, kind):
    assert payment_kind(token_type, auth_method, role) == kind
    assert payment_kind(token_type.lower(), auth_method.lower(), role.lower()) == kind


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("method", METHODS)
def test_an_ad_hoc_token_is_never_a_contract_and_a_terminals_charging_neither(method, role):
    assert payment_kind("AD_HOC_USER", method, role) != "contract"
    assert "contract" not in {payment_kind(one, method, "PTP") for one in TYPES}


@pytest.mark.parametrize("role", ["", "CPO", "HUB", "NAP", "SOMETHING_NEW"])
@pytest.mark.parametrize("method", METHODS)
def test_a_word_that_nobody_knows_decides_nothing(method, role):
    assert payment_kind("SOMETHING_NEW", method, role) == "unknown"
    assert payment_kind("RFID", "SOMETHING_NEW", role) == "unknown"


def test_nothing_told_is_unknown_and_only_three_words_come_out():
    assert payment_kind("", "") == "unknown"
    found = {payment_kind(*words) for words in product(TYPES, METHODS, ROLES)}
    assert found == {"card", "contract", "unknown"}


def test_a_token_pushed_to_be_stored_is_a_contracts_unless_it_is_ad_hoc():
    assert stored_kind("RFID") == stored_kind("APP_USER", "EMSP") == "contract"
    assert stored_kind("AD_HOC_USER") == "card"
    assert stored_kind("OTHER") == "unknown"


@pytest.mark.parametrize(
    ("role", "giver"), [("ptp", "PTP"), ("emsp", "EMSP"), ("hub", ""), ("cpo", ""), ("unknown", "")]
)
def test_only_who_has_drivers_of_its_own_gives_tokens(role, giver):
    assert role_of(Quirks(role=role)) == giver
