"""Locations, EVSEs and connectors: at each level, in any order, by hub and peer, part by part."""

import copy
import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from partners import example, examples, kinds, place, refusal, told

from connectors.ocpi.feed import destination, key_of, pieces, translate
from connectors.ocpi.newest import STATE_MAX
from connectors.ocpi.quirks import NONE, Quirks, Rewrite
from schemas import codec, topics

LOCATION = {
    "country_code": "NO",
    "party_id": "NLD",
    "id": "KRS-1",
    "publish": True,
    "name": "Kristiansand",
    "address": "Markens gate 1",
    "city": "Kristiansand",
    "postal_code": "4611",
    "country": "NOR",
    "coordinates": {"latitude": "58.14600", "longitude": "7.99500"},
    "operator": {"name": "Nordlade"},
    "evses": [
        {
            "uid": "krs-1-a",
            "evse_id": "NO*NLD*E0042*1",
            "status": "AVAILABLE",
            "capabilities": ["CONTACTLESS_CARD_SUPPORT"],
            "connectors": [
                {
                    "id": "1",
                    "standard": "IEC_62196_T2_COMBO",
                    "format": "CABLE",
                    "power_type": "DC",
                    "max_voltage": 920,
                    "max_amperage": 500,
                    "max_electric_power": 150_000,
                    "tariff_ids": ["noon", "night"],
                    "last_updated": "2026-11-09T08:00:00Z",
                }
            ],
            "last_updated": "2026-11-09T08:00:00Z",
        },
        {
            "uid": "krs-1-b",
            "status": "CHARGING",
            "connectors": [
                {
                    "id": "1",
                    "standard": "IEC_62196_T2",
                    "format": "SOCKET",
                    "power_type": "AC_3_PHASE",
                    "max_voltage": 230,
                    "max_amperage": 32,
                    "last_updated": "2026-11-09T08:00:00Z",
                }
            ],
            "last_updated": "2026-11-09T08:00:00Z",
        },
    ],
    "time_zone": "Europe/Oslo",
    "last_updated": "2026-11-09T08:00:00Z",
}
OWNER = {"country_code": "NO", "party_id": "NLD"}
AT_EVSE = {"object_hint": "location", "object_id": "KRS-1/krs-1-a", "method": "PATCH", **OWNER}


def changed(at="2026-11-09T09:00:00Z", **changes):
    return LOCATION | {"last_updated": at} | changes


def status(word, at):
    return {"status": word, "last_updated": f"2026-11-09T{at}Z"}


def names(done):
    return [(type(one).__name__, getattr(one, "evse_uid", one.location_id)) for one in done.facts]


def after(*messages):
    """The state and all facts after messages of (object, what is said of its place)."""
    state, facts = None, []
    for found, said in messages:
        done = told(found, state=state, **said)
        assert done.refused == ()
        state = done.state
        facts += done.facts
    return state, facts


def newest(facts):
    """The last fact of each key, as a compacted topic keeps it: what it says, not who and when."""
    said = {}
    for one in facts:
        bare = msgspec.to_builtins(one)
        for name in ("partner", "raw_digest", "oddities", "received_at", "last_updated_at"):
            del bare[name]
        for plug in bare.get("connectors", []):
            del plug["last_updated_at"]
        said[destination(one)] = bare
    return said


def test_a_location_is_told_with_each_of_its_evses():
    done = told(LOCATION)
    assert names(done) == [
        ("LocationSeen", "KRS-1"),
        ("EvseSeen", "krs-1-a"),
        ("EvseSeen", "krs-1-b"),
    ]
    location, evse, other = done.facts
    assert (location.country_code, location.party_id, location.ocpi_version) == (
        "NO",
        "NLD",
        "2.2.1",
    )
    assert (location.city, location.country, location.time_zone, location.operator_name) == (
        "Kristiansand",
        "NOR",
        "Europe/Oslo",
        "Nordlade",
    )
    assert location.evse_uids == ["krs-1-a", "krs-1-b"]
    assert (evse.status, evse.evse_id, evse.time_zone, evse.country) == (
        "AVAILABLE",
        "NO*NLD*E0042*1",
        "Europe/Oslo",
        "NOR",
    )
    (plug,) = evse.connectors
    assert (plug.connector_id, plug.power_type, plug.power_max_w) == ("1", "DC", 150_000)
    assert plug.tariff_ids == ["noon", "night"]
    assert other.connectors[0].power_max_w == 22_080
    assert done.notes == ()


def test_its_facts_have_keys_of_their_own_on_the_topic_of_locations():
    assert [destination(one) for one in told(LOCATION).facts] == [
        (topics.LOCATIONS, "nordlade/ocpi/no/nld/location/krs-1"),
        (topics.LOCATIONS, "nordlade/ocpi/no/nld/evse/krs-1-a"),
        (topics.LOCATIONS, "nordlade/ocpi/no/nld/evse/krs-1-b"),
    ]


@pytest.mark.parametrize(("version", "name"), examples("location_example", "locations_example"))
def test_the_standards_own_locations_are_taken(version, name):
    done = told(example(version, name))
    assert done.refused == ()
    assert [type(one).__name__ for one in done.facts][:2] == ["LocationSeen", "EvseSeen"]
    assert done.facts[0].ocpi_version == (
        "2.1.1" if version == "2.1.1" else done.facts[0].ocpi_version
    )
    assert all(codec.decode(codec.encode(one)) == one for one in done.facts)


def test_shapes_of_the_versions_are_told_by_the_body():
    assert told(example("2.1.1", "locations_example")).facts[0].ocpi_version == "2.1.1"
    assert told(example("2.2.1", "location_example")).facts[0].ocpi_version == "2.2.1"
    # parking_places is new in 2.3.0; whatever the path says.
    body = example("2.3.0", "location_example")
    assert told(body, version_hint="2.2.1").facts[0].ocpi_version == "2.3.0"
    assert told(LOCATION, version_hint="2.3.0").facts[0].ocpi_version == "2.3.0"


def test_voltage_amperage_and_tariff_id_of_2_1_1_are_the_same_words_later():
    evse = told(example("2.1.1", "locations_example")).facts[1]
    assert [plug.tariff_ids for plug in evse.connectors] == [["11"], ["11"]]
    assert {plug.power_max_w for plug in evse.connectors} == {3 * 220 * 16}


# --- in part --------------------------------------------------------------------------------------


def test_a_status_is_patched_alone():
    state = told(LOCATION).state
    done = told(status("CHARGING", "09:00:00"), state=state, **AT_EVSE)
    (evse,) = done.facts
    assert (evse.evse_uid, evse.status, evse.last_updated_at) == (
        "krs-1-a",
        "CHARGING",
        1_794_214_800_000,
    )
    assert evse.connectors[0].tariff_ids == ["noon", "night"]
    assert evse.time_zone == "Europe/Oslo"


def test_the_same_patch_again_changes_nothing():
    state, _ = after((LOCATION, {}), (status("CHARGING", "09:00:00"), AT_EVSE))
    again = told(status("CHARGING", "09:00:00"), state=state, **AT_EVSE)
    assert (again.facts, again.state, kinds(again)) == ((), state, ["repeated"])


def test_an_older_patch_that_comes_late_changes_nothing():
    state, _ = after((LOCATION, {}), (status("CHARGING", "09:00:00"), AT_EVSE))
    late = told(status("BLOCKED", "08:30:00"), state=state, **AT_EVSE)
    assert (late.facts, late.state) == ((), state)


def test_a_connectors_tariffs_are_patched_alone():
    state = told(LOCATION).state
    patch = {"tariff_ids": ["dusk"], "last_updated": "2026-11-09T09:00:00Z"}
    done = told(patch, state=state, **AT_EVSE | {"object_id": "KRS-1/krs-1-a/1"})
    (evse,) = done.facts
    assert evse.connectors[0].tariff_ids == ["dusk"]
    assert evse.connectors[0].power_max_w == 150_000


def test_a_tariff_of_2_1_1_is_unset_by_null():
    body = json.loads(example("2.1.1", "locations_example"))
    said = AT_EVSE | {"object_id": "LOC1/3256/1", "country_code": "BE", "party_id": "BEC"}
    state = told(body, country_code="BE", party_id="BEC").state
    patch = {"tariff_id": None, "last_updated": "2015-07-01T00:00:00Z"}
    (evse,) = told(patch, state=state, **said).facts
    assert [plug.tariff_ids for plug in evse.connectors] == [[], ["11"]]


def test_null_in_a_patch_unsets_and_absence_keeps():
    state = told(LOCATION).state
    patch = {"evse_id": None, "last_updated": "2026-11-09T09:00:00Z"}
    (evse,) = told(patch, state=state, **AT_EVSE).facts
    assert (evse.evse_id, evse.status) == ("", "AVAILABLE")
    # What the standard requires cannot be unset.
    patch = {"status": None, "last_updated": "2026-11-09T10:00:00Z"}
    assert told(patch, state=state, **AT_EVSE).facts == ()


def test_a_patch_before_its_object_waits_and_then_counts():
    early = told(status("CHARGING", "09:00:00"), **AT_EVSE)
    assert (early.facts, kinds(early)) == ((), ["waits-for-its-object"])
    done = told(LOCATION, state=early.state)
    assert [one.status for one in done.facts[1:]] == ["CHARGING", "CHARGING"]


def test_an_evse_is_put_alone_by_the_path_of_its_location():
    state = told(LOCATION).state
    put = LOCATION["evses"][0] | {"uid": "krs-1-c", "last_updated": "2026-11-09T09:00:00Z"}
    said = {"object_id": "KRS-1", "method": "PUT", **OWNER}
    done = told(put, state=state, **said)
    assert names(done) == [("LocationSeen", "KRS-1"), ("EvseSeen", "krs-1-c")]
    assert done.facts[0].evse_uids == ["krs-1-a", "krs-1-b", "krs-1-c"]
    assert told(put, state=state, **said | {"object_id": "KRS-1/krs-1-c"}).facts == done.facts


def test_an_evse_without_its_location_is_refused_by_name():
    found = refusal(LOCATION["evses"][0])
    assert (found.reason, found.field) == ("missing", "id")


def test_a_removed_evse_is_told_and_its_location_has_it_no_more():
    state = told(LOCATION).state
    done = told(status("REMOVED", "09:00:00"), state=state, **AT_EVSE)
    assert names(done) == [("LocationSeen", "KRS-1"), ("EvseSeen", "krs-1-a")]
    assert (done.facts[0].evse_uids, done.facts[1].status) == (["krs-1-b"], "REMOVED")


def test_an_evse_that_a_newer_list_leaves_out_is_removed():
    state = told(LOCATION).state
    done = told(changed(evses=LOCATION["evses"][:1]), state=state)
    gone = done.facts[-1]
    assert (gone.evse_uid, gone.status) == ("krs-1-b", "REMOVED")
    assert done.facts[0].evse_uids == ["krs-1-a"]
    back = told(changed("2026-11-09T10:00:00Z"), state=done.state)
    assert back.facts[-1].status == "CHARGING"


def test_a_location_without_its_list_keeps_its_evses():
    state = told(LOCATION).state
    without = {name: value for name, value in changed(name="Renamed").items() if name != "evses"}
    done = told(without, state=state)
    assert names(done) == [("LocationSeen", "KRS-1")]
    assert (done.facts[0].name, done.facts[0].evse_uids) == ("Renamed", ["krs-1-a", "krs-1-b"])


def test_another_time_zone_is_told_of_every_evse():
    done = told(changed(time_zone="Europe/Stockholm"), state=told(LOCATION).state)
    assert {one.time_zone for one in done.facts} == {"Europe/Stockholm"}
    assert len(done.facts) == 3


# A sender that forgets to bring one of the two instants forward.


def test_a_status_changed_in_a_location_counts_although_the_evse_kept_its_instant():
    newer = copy.deepcopy(changed())
    newer["evses"][0]["status"] = "OUTOFORDER"
    done = told(newer, state=told(LOCATION).state)
    assert [one.status for one in done.facts if one.__class__.__name__ == "EvseSeen"] == [
        "OUTOFORDER"
    ]


def test_a_status_changed_counts_although_the_location_kept_its_instant():
    newer = copy.deepcopy(LOCATION)
    newer["evses"][0] |= {"status": "OUTOFORDER", "last_updated": "2026-11-09T09:00:00Z"}
    assert names(told(newer, state=told(LOCATION).state)) == [("EvseSeen", "krs-1-a")]


# --- through a hub and from a peer ----------------------------------------------------------------


def test_a_location_through_a_hub_and_from_its_peer_is_one():
    peer = place(partner="nordlade-cpo")
    hub = place(partner="gireve")
    rewritten = LOCATION | {"id": "krs-1", "country_code": "no", "party_id": "nld"}
    assert key_of(json.dumps(LOCATION).encode(), peer) == key_of(
        json.dumps(rewritten).encode(), hub
    )
    state = told(LOCATION, partner="nordlade-cpo").state
    again = told(LOCATION, state=state, partner="gireve")
    assert (again.facts, kinds(again)) == ((), ["repeated"])


HUB = Quirks(
    role="hub",
    rewrites=(
        Rewrite(of="location_id", pattern="NLD-(.+)", becomes=r"\1"),
        Rewrite(of="evse_uid", pattern="NO\\*(.+)", becomes=r"\1"),
        Rewrite(of="party_id", pattern="HUB", becomes="NLD"),
    ),
)


def test_a_hubs_own_ids_are_undone_at_every_level():
    hubs = copy.deepcopy(LOCATION) | {"id": "NLD-KRS-1", "party_id": "HUB"}
    for one in hubs["evses"]:
        one["uid"] = f"NO*{one['uid']}"
    state = told(LOCATION).state
    again = told(hubs, quirks=HUB, state=state, partner="hub")
    assert (again.facts, kinds(again)) == ((), ["repeated"])
    path = {"object_id": "NLD-KRS-1/NO*krs-1-a", "country_code": "NO", "party_id": "HUB"}
    for where in (path, path | {"object_id": "locations/NO/HUB/NLD-KRS-1/NO*krs-1-a"}):
        patch = json.dumps(status("CHARGING", "09:00:00")).encode()
        (piece,) = pieces(patch, place(**AT_EVSE | where), HUB)
        assert piece.key == key_of(json.dumps(LOCATION).encode(), place())
        (evse,) = translate(state, piece, HUB).facts
        assert (evse.evse_uid, evse.location_id, evse.party_id) == ("krs-1-a", "KRS-1", "NLD")


def test_parts_have_the_state_of_their_location():
    whole = key_of(json.dumps(LOCATION).encode(), place())
    patch = json.dumps(status("CHARGING", "09:00:00")).encode()
    for path in ("KRS-1/krs-1-a", "NO/NLD/krs-1/KRS-1-A", "locations/NO/NLD/KRS-1/krs-1-a"):
        assert key_of(patch, place(**AT_EVSE | {"object_id": path})) == whole


def test_two_peers_of_2_1_1_without_owners_do_not_meet():
    body = example("2.1.1", "locations_example")
    keys = {key_of(body, place(partner=name)) for name in ("one", "other")}
    assert len(keys) == 2
    assert key_of(body, place(partner="one", country_code="BE", party_id="BEC")) == key_of(
        body, place(partner="hub", country_code="be", party_id="bec")
    )


MESSAGES = [
    (LOCATION, {}),
    (LOCATION, {"partner": "hub"}),
    (status("CHARGING", "09:00:00"), AT_EVSE),
    (status("AVAILABLE", "09:30:00"), AT_EVSE),
    (
        {"tariff_ids": ["dusk"], "last_updated": "2026-11-09T09:10:00Z"},
        AT_EVSE | {"object_id": "KRS-1/krs-1-a/1"},
    ),
    ({"name": "Renamed", "last_updated": "2026-11-09T09:20:00Z"}, AT_EVSE | {"object_id": "KRS-1"}),
    (changed("2026-11-09T09:15:00Z", evses=LOCATION["evses"][:1]), {}),
]


@given(st.permutations(range(len(MESSAGES))), st.lists(st.integers(0, len(MESSAGES) - 1)))
def test_whatever_the_order_the_same_stands_at_the_end(order, again):
    expected, in_order = after(*MESSAGES)
    state, facts = after(*(MESSAGES[index] for index in [*order, *again]))
    assert state == expected
    assert newest(facts) == newest(in_order)


# --- bad input ------------------------------------------------------------------------------------


def test_a_bad_part_is_refused_by_its_path_and_takes_nothing_along():
    bad = copy.deepcopy(LOCATION)
    bad["evses"][0]["connectors"][0]["id"] = None
    done = told(bad)
    (found,) = done.refused
    assert (found.reason, found.field) == ("missing", "evses[0].connectors[0].id")
    assert names(done) == [
        ("LocationSeen", "KRS-1"),
        ("EvseSeen", "krs-1-a"),
        ("EvseSeen", "krs-1-b"),
    ]
    del bad["evses"][1]["status"]
    done = told(bad, state=told(LOCATION).state)
    assert [one.field for one in done.refused] == ["evses[0].connectors[0].id", "evses[1].status"]
    # What could not be read is not taken for gone.
    assert [one for one in done.facts if getattr(one, "status", "") == "REMOVED"] == []


def test_a_path_that_says_another_evse_is_refused():
    found = refusal(LOCATION["evses"][0], object_id="KRS-1/krs-1-b", **OWNER)
    assert (found.reason, found.field) == ("contradicts-its-path", "uid")


def test_too_much_to_remember_is_refused_and_what_is_known_stays():
    many = [
        {"uid": f"{number:036}", "status": "AVAILABLE", "connectors": []} for number in range(6_000)
    ]
    state = told(LOCATION).state
    done = told(changed(evses=many), state=state)
    assert [one.reason for one in done.refused] == ["too-large"]
    assert (done.state, done.facts) == (state, ())
    assert sum(len(slot.text) for slot in state.fields.values()) < STATE_MAX


def test_a_thousand_evses_fit():
    evses = [LOCATION["evses"][0] | {"uid": f"evse-{number}"} for number in range(1_000)]
    done = told(changed(evses=evses))
    assert (len(done.facts), done.refused) == (1_001, ())
    patch = status("CHARGING", "10:00:00")
    one = told(patch, state=done.state, **AT_EVSE | {"object_id": "KRS-1/evse-500"})
    assert names(one) == [("EvseSeen", "evse-500")]


def test_unknown_words_are_kept_and_counted():
    odd = copy.deepcopy(LOCATION)
    odd["evses"][0]["status"] = "RESTING"
    done = told(odd)
    assert done.facts[1].status == "RESTING"
    assert kinds(done) == ["unknown-word"]


def test_parts_of_a_page_are_pieces():
    page = json.dumps({"data": [LOCATION, changed(id="KRS-2")], "status_code": 1000}).encode()
    found = pieces(page, place())
    assert [len(translate(None, one, NONE).facts) for one in found] == [3, 3]


@pytest.mark.parametrize("of", [True, 7, 1e300, "text"])
def test_connectors_that_are_no_list_are_refused_by_their_path(of):
    wrong = copy.deepcopy(LOCATION)
    wrong["evses"][0]["connectors"] = of
    assert "evses[0].connectors" in [one.field for one in told(wrong).refused]
