"""Profiles: all that are shipped can be used, and a mistake is named."""

from pathlib import Path

import pytest
from partners import cdr, fact, session

from connectors.ocpi.quirks import NONE, BadQuirks, Quirks, load, parse

SHIPPED = sorted((Path(__file__).parents[3] / "deploy" / "quirks").glob("*.toml"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_profile_is_named_as_its_file_and_can_be_used(path):
    profile = load(path)
    assert profile.name == path.stem
    assert profile.about
    found = session(kwh=20_000) if profile.energy_in_wh else session()
    assert fact(found, profile).ocpi_session_id == "krs-42"


def test_the_hub_s_profile_gives_the_peer_s_cdr():
    hub = load(SHIPPED[0])
    assert hub.name == "hub-that-rewrites"
    theirs = cdr(id="HUB-cdr-42", session_id="HUB-krs-42", party_id="HUB")
    assert fact(theirs, hub).body == fact(cdr()).body


def test_without_a_profile_it_is_ocpi_as_written():
    assert parse("") == NONE == Quirks()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("energy_in_wh = 1", "energy_in_wh"),
        ("wh = true", "wh"),
        ("role = 'boss'", "role"),
        ("local_zone = 'Mars/Olympus'", "local_zone"),
        ("local_zone = '/etc/passwd'", "local_zone"),
        ("[[rewrites]]\nof = 'id'\npattern = '('\nbecomes = ''", "rewrites[0].pattern"),
        ("[[rewrites]]\nof = 'id'\npattern = '(.)'\nbecomes = '\\2'", "rewrites[0].becomes"),
        ("[[rewrites]]\nof = 'kwh'\npattern = '.'\nbecomes = ''", "rewrites[0].of"),
        ("name = ", "Invalid value"),
    ],
)
def test_a_mistake_is_named(text, problem):
    with pytest.raises(BadQuirks) as refused:
        parse(text)
    assert problem in str(refused.value)
