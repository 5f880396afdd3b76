"""Tariffs go on in the one form by which the core prices and hashes them."""

import json

import pytest
from partners import RECEIVED_AT, example, examples, fact, kinds, refusal, told

from connectors.ocpi.feed import destination
from streams.app import tariff_fact

TARIFF = {
    "country_code": "NO",
    "party_id": "NLD",
    "id": "krs-dc",
    "currency": "NOK",
    "elements": [{"price_components": [{"type": "ENERGY", "price": 5.8, "step_size": 1}]}],
    "last_updated": "2026-11-09T10:00:00Z",
}


@pytest.mark.parametrize(("version", "name"), examples("tariff_", "tariffs_"))
def test_the_form_and_the_hash_are_the_core_s(version, name):
    body = example(version, name).decode()
    assert fact(body.encode()) == tariff_fact("nordlade", json.loads(body)["id"], body, RECEIVED_AT)


def test_the_same_tariff_is_published_once():
    first = told(TARIFF)
    again = told(TARIFF | {"tariff_alt_url": None}, state=first.state, partner="hub")
    assert (again.facts, kinds(again)) == ((), ["repeated"])


def test_a_new_price_is_a_new_version():
    first = told(TARIFF)
    elements = [{"price_components": [{"type": "ENERGY", "price": 6, "step_size": 1}]}]
    newer = TARIFF | {"elements": elements, "last_updated": "2026-11-10T10:00:00Z"}
    (second,) = told(newer, state=first.state).facts
    assert second.tariff_hash != first.facts[0].tariff_hash
    assert destination(second) == (
        "ocpi.tariffs.v1",
        f"nordlade/krs-dc/{second.tariff_hash}",
    )


def test_a_price_changed_without_a_new_instant_is_a_new_version_and_whole():
    first = told(TARIFF | {"tariff_alt_url": "https://z"})
    elements = [{"price_components": [{"type": "ENERGY", "price": 0.5, "step_size": 1}]}]
    done = told(TARIFF | {"elements": elements}, state=first.state)
    assert [json.loads(one.body)["elements"] for one in done.facts] == [elements]
    assert "tariff_alt_url" not in done.facts[0].body


def test_2_1_1_patches_a_tariff():
    first = told(TARIFF)
    change = {"currency": "SEK", "last_updated": "2026-11-10T10:00:00Z"}
    done = told(change, state=first.state, method="PATCH", object_hint="tariff",
                object_id="krs-dc")  # fmt: skip
    assert [one.currency for one in done.facts] == ["SEK"]


def test_an_older_put_changes_nothing():
    first = told(TARIFF)
    older = TARIFF | {"currency": "SEK", "last_updated": "2026-11-08T10:00:00Z"}
    assert told(older, state=first.state).facts == ()


def test_what_was_deleted_is_still_known():
    first = told(TARIFF)
    done = told({"id": "krs-dc"}, state=first.state, method="DELETE", object_hint="tariff")
    assert (done.facts, kinds(done), done.state) == ((), ["deleted"], first.state)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"elements": []}, "elements"),
        ({"elements": [{}]}, "elements[0].price_components"),
        ({"currency": "QQQ"}, "currency"),
        ({"id": None}, "id"),
        ({"elements": [{"price_components": [{"price": 1e99}]}]}, "elements"),
        ({"start_date_time": "soon"}, "start_date_time"),
    ],
)
def test_what_is_no_tariff_is_refused_by_its_field(change, field):
    assert refusal(TARIFF | change, object_hint="tariff").field == field
