"""OCPI's own examples, contradictions and all: accepted, and what was odd about them counted."""

import json

import pytest
from partners import example, examples, fact, kinds, place, refusal, told

from connectors.ocpi.feed import pieces

SESSIONS = [one for one in examples("session") if "patch" not in one[1]]
PATCHES = examples("session_patch")
CDRS = examples("cdr")
TARIFFS = [one for one in examples("tariff") if "put" not in one[1]]


def test_the_examples_are_here():
    assert (len(SESSIONS), len(PATCHES), len(CDRS), len(TARIFFS)) == (6, 4, 3, 41)


@pytest.mark.parametrize(("version", "name"), SESSIONS)
def test_a_session_is_read_in_its_version(version, name):
    seen = fact(example(version, name))
    expected = ("41", 41000) if version == "2.1.1" else ("41.12", 41120)
    if "short" in name:
        assert (seen.kwh, seen.energy_wh) == expected
        assert seen.oddities == ["period-energy-in-wh"]  # 41000 beside kwh 41 (ocpi/ocpi 465)
        first = json.loads(seen.charging_periods)[0]["dimensions"][0]
        assert first == {"type": "ENERGY", "volume": 0.12}
    # A start with nothing but a net price looks alike in 2.2.1 and, but for its Price, in 2.3.0.
    assert seen.ocpi_version == version
    assert (seen.evse_uid, seen.connector_id, seen.location_id) == ("3256", "1", "LOC1")


@pytest.mark.parametrize(("version", "name"), PATCHES)
def test_a_patch_without_its_object_waits_for_it(version, name):
    done = told(example(version, name), method="PATCH", object_hint="session", object_id="101")
    assert done.facts == ()
    assert "patch-without-object" in kinds(done)


@pytest.mark.parametrize(("version", "name"), CDRS)
def test_a_cdr_is_read_in_its_version(version, name):
    seen = fact(example(version, name))
    assert seen.ocpi_version == version
    assert (seen.kwh, seen.energy_wh, seen.total_hours) == ("15.342", 15342, "1.973")
    total = seen.costs[0]
    assert (total.net, total.gross) == ("4", "" if version == "2.1.1" else "4.4")
    assert (seen.evse_uid, seen.payment_kind) == ("3256", "contract")


@pytest.mark.parametrize(("version", "name"), TARIFFS)
def test_a_tariff_is_published(version, name):
    seen = fact(example(version, name))
    assert seen.tariff_id == json.loads(example(version, name))["id"]


@pytest.mark.parametrize("version", ["2.2.1", "2.3.0"])
def test_the_put_without_last_updated_is_taken_and_counted(version):
    done = told(example(version, "tariff_put_example"), method="PUT")
    assert len(done.facts) == 1
    assert kinds(done) == ["no-last-updated"]


def test_a_version_list_is_none_of_ours():
    assert refusal({"version": "2.2.1", "url": "https://x"}).reason == "unknown-object"


def test_an_object_in_the_response_envelope_is_the_object_within():
    (piece,) = pieces(example("2.2.1", "transport_and_format_get_token_example"), place())
    assert json.loads(piece.payload)["uid"] == "012345678"
    assert piece.place.answer_code == 1000
