"""Sessions: PUTs and PATCHes in any order, repeated or not, come to the same session."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from partners import PERIODS, PRICES, RECEIVED_AT, fact, kinds, refusal, session, told

from connectors.ocpi.merging import PERIODS_MAX, Told, effective, merged
from connectors.ocpi.objects import ObjectState
from connectors.ocpi.quirks import Quirks
from connectors.ocpi.reading import Unreadable

HOW = {"object_hint": "session", "object_id": "krs-42", "country_code": "NO", "party_id": "NLD"}
RUNNING = session(status="ACTIVE", end_date_time=None, charging_periods=PERIODS[:1], kwh=12.5)


def stamp(minute):
    return f"2026-11-09T11:{minute:02}:00Z"


def put(minute, **changes):
    return "PUT", RUNNING | {"last_updated": stamp(minute)} | changes


def patch(minute, **changes):
    return "PATCH", {"last_updated": stamp(minute)} | changes


def after(messages):
    """The state and the last fact after these messages."""
    state, last = None, None
    for method, found in messages:
        done = told(found, state=state, method=method, **HOW)
        assert done.refused == ()
        state, last = done.state, (done.facts or (last,))[0]
    return state, last


def test_a_patch_changes_what_it_tells_and_nothing_else():
    _, seen = after([put(0), patch(1, kwh=15, total_cost=PRICES["2.2.1"])])
    assert (seen.kwh, seen.status, seen.authorization_reference) == (
        "15",
        "ACTIVE",
        "PT-8F3A-000417",
    )
    assert seen.last_updated_at > fact(RUNNING).last_updated_at


def test_appending_the_same_period_twice_is_appending_it_once():
    grows = patch(1, kwh=20, charging_periods=PERIODS[1:2])
    state, seen = after([put(0), grows])
    again = told(grows[1], state=state, method="PATCH", **HOW)
    assert again.state == state
    assert again.facts == ()
    assert kinds(again) == ["repeated"]
    assert seen.periods_known == 2
    # Until the session has ended a fact carries the periods that its push told.
    assert [one["start_date_time"] for one in json.loads(seen.charging_periods)] == [
        PERIODS[1]["start_date_time"]
    ]


def test_a_session_that_ended_has_all_its_periods():
    _, seen = after(
        [put(0), patch(1, charging_periods=PERIODS[1:]), patch(2, status="COMPLETED", kwh=20)]
    )
    assert json.loads(seen.charging_periods) == PERIODS


def test_an_empty_list_of_periods_changes_nothing():
    _, seen = after([put(0), patch(1, charging_periods=[])])
    assert seen.periods_known == 1


def test_a_put_replaces_the_periods():
    _, seen = after([put(0), patch(1, charging_periods=PERIODS[1:2]), put(2)])
    assert seen.periods_known == 1


@pytest.mark.parametrize("null", [None, "absent"])
@pytest.mark.parametrize("teller", [put, patch])
def test_a_known_reference_is_never_taken_away(teller, null):
    method, found = teller(1)
    found = {**found, "authorization_reference": None}
    if null == "absent":
        del found["authorization_reference"]
    _, seen = after([put(0), (method, found)])
    assert seen.authorization_reference == "PT-8F3A-000417"


def test_the_last_reference_given_counts():
    messages = [put(0), patch(2, authorization_reference="second"), patch(1, kwh=13)]
    _, seen = after(messages)
    assert seen.authorization_reference == "second"


def test_null_in_a_patch_clears_what_describes():
    _, seen = after([put(0, meter_id="M-1"), patch(1, meter_id=None)])
    assert seen.meter_id == ""


def test_null_in_a_patch_never_clears_what_every_session_has():
    nulls = dict.fromkeys(["kwh", "status", "currency", "id", "charging_periods", "odd"])
    _, seen = after([put(0), patch(1, **nulls, meter_id="M-1")])
    assert (seen.kwh, seen.status, seen.currency, seen.periods_known) == (
        "12.5",
        "ACTIVE",
        "NOK",
        1,
    )


def test_a_session_does_not_go_back_from_its_end_but_by_a_put():
    ended = [put(0), patch(2, status="COMPLETED"), patch(3, status="ACTIVE")]
    assert after(ended)[1].status == "COMPLETED"
    assert after([*ended, put(4)])[1].status == "ACTIVE"


@pytest.mark.parametrize("turn", [1, -1])
def test_of_two_puts_in_one_second_the_one_further_on_counts(turn):
    both = [
        put(1, kwh=9, total_cost={"excl_vat": 9}),
        put(1, kwh=12.5, total_cost={"excl_vat": 12.5}, status="COMPLETED"),
    ]
    _, seen = after(both[::turn])
    assert (seen.kwh, seen.costs[0].net, seen.status) == ("12.5", "12.5", "COMPLETED")


def test_a_patch_that_comes_first_waits_for_its_put():
    state, nothing = after([patch(1, kwh=15)])
    assert nothing is None
    assert state.fields.keys() == {"kwh", "last_updated"}
    assert after([patch(1, kwh=15), put(0)])[1].kwh == "15"


VALUES = {
    "kwh": st.sampled_from([12.5, 13, 14.25, 15]),
    "status": st.sampled_from(["PENDING", "ACTIVE", "COMPLETED", "ODD"]),
    "total_cost": st.sampled_from([{"excl_vat": 1}, {"excl_vat": 2, "incl_vat": 2.5}]),
    "meter_id": st.sampled_from(["M-1", "M-2", None]),
    "authorization_reference": st.sampled_from(["one", "two", None]),
    "charging_periods": st.lists(st.sampled_from(PERIODS), max_size=2, unique_by=str),
}
MESSAGES = st.lists(
    st.builds(
        lambda teller, minute, changes: teller(minute, **changes),
        st.sampled_from([put, patch, patch]),
        st.integers(0, 5),
        st.fixed_dictionaries({}, optional=VALUES),
    ),
    min_size=1,
    max_size=7,
)


@given(MESSAGES, st.data())
def test_in_any_order_and_with_repeats_the_session_is_the_same(messages, data):
    told_once, _ = after(messages)
    shuffled = data.draw(st.permutations(messages + messages[:3]))
    state, last = after(shuffled)
    assert state == told_once
    if last is not None:
        assert last.kwh == after(messages)[1].kwh
        assert last.status == after(messages)[1].status
        assert last.last_updated_at == after(messages)[1].last_updated_at


def test_a_put_without_a_field_that_money_needs_is_refused_by_its_name():
    for name in ("id", "kwh", "currency", "status", "last_updated"):
        found = {key: value for key, value in RUNNING.items() if key != name}
        done = refusal(found, method="PUT", object_hint="session")
        assert (done.reason, done.field) == ("missing", name)


def test_a_patch_without_an_instant_holds_from_when_it_came():
    state, _ = after([put(0)])
    done = told({"kwh": 16}, state=state, method="PATCH", **HOW, received_at=RECEIVED_AT + 9**8)
    assert (done.facts[0].kwh, kinds(done)) == ("16", ["no-last-updated"])


def test_the_path_must_be_the_body_s():
    other = refusal(RUNNING, method="PUT", object_id="another", object_hint="session")
    assert (other.reason, other.field) == ("contradicts-its-path", "id")


def test_a_session_without_an_evse_says_so():
    seen = fact(session(evse_uid="#NA", connector_id="#NA", status="RESERVATION"))
    assert (seen.evse_uid, seen.connector_id) == ("", "")


def test_1970_is_no_instant():
    assert fact(session(start_date_time="1970-01-01T00:00:00Z")).started_at == 0


def test_a_state_is_bounded():
    period = {"dimensions": [{"type": "ENERGY", "volume": 0}]}
    starts = [f"2026-11-{day:02}T{hour:02}:{minute:02}:00Z"
              for day in (1, 2, 3) for hour in range(24) for minute in range(60)]  # fmt: skip
    many = [{"start_date_time": at, **period} for at in starts[: PERIODS_MAX + 1]]
    done = refusal(session(charging_periods=many))
    assert (done.reason, done.field) == ("too-many", "charging_periods")


def test_what_is_more_than_a_plug_gives_is_refused_until_the_profile_says_wh():
    in_wh = [{**one, "dimensions": [
        {"type": each["type"], "volume": each["volume"] * (1000 if each["type"] == "ENERGY" else 1)}
        for each in one["dimensions"]]} for one in PERIODS]  # fmt: skip
    found = session(kwh=20_000, charging_periods=in_wh)
    assert refusal(found).reason == "impossible-energy"
    seen = fact(found, Quirks(energy_in_wh=True))
    assert (seen.kwh, seen.oddities) == ("20", ["energy-in-wh"])
    assert json.loads(seen.charging_periods) == PERIODS


def test_on_a_topic_without_methods_a_part_is_a_part():
    state = told(RUNNING).state
    part = {"id": "krs-42", "country_code": "NO", "party_id": "NLD", "kwh": 13,
            "last_updated": stamp(1)}  # fmt: skip
    done = told(part, state=state)
    assert [(one.kwh, one.status) for one in done.facts] == [("13", "ACTIVE")]
    assert kinds(done) == ["part-without-method"]
    assert refusal(part).reason == "missing"


def test_what_is_remembered_is_bounded():
    much = {f"extra-{number}": "x" * 5_000 for number in range(170)}
    state = merged(ObjectState(kind="tariff"), Told(much, 5, full=False))
    with pytest.raises(Unreadable, match="too-large"):
        merged(state, Told({f"{name}-too": text for name, text in much.items()}, 6, full=False))


def test_merging_leaves_the_old_state_alone():
    state = merged(ObjectState(kind="session"), Told({"kwh": 1}, 5, full=True))
    kept = merged(state, Told({"kwh": 2}, 6, full=False))
    assert (effective(state)["kwh"], effective(kept)["kwh"]) == (1, 2)
