"""Holds that others placed, through the real stages: either order, crashes, a station's own."""

import pytest
from msgspec.structs import asdict, replace
from test_link_and_sessions import SESSION, T0, Day, ended, reading, request, started

from schemas import topics
from schemas.commands import CaptureHold, PlaceHold, RaiseHold, StartCharging
from schemas.facts import AcquirerAnswered, HoldReported


def reported(day, by="terminal", **changed):
    said = asdict(request(day.pipeline)) | {
        "reported_by": by, "psp_reference": "their-psp", "approved_minor": 2_000, "placed_at": T0,
        **changed,
    }  # fmt: skip
    said.pop("hold_by")
    return HoldReported(**said)


def tell_and_answer(day, *facts):
    """What a charger says, and the answer to what it led to before any more time passes."""
    day.tell(*facts)
    day.tick(day.now_at + 1)


@pytest.mark.parametrize("first", ["request", "report", "report alone"])
@pytest.mark.parametrize("crashes", [False, True])
def test_it_is_raised_and_captured_by_its_own_reference(first, crashes):
    day = Day()
    facts = [request(day.pipeline, hold_by="terminal"), reported(day), reported(day)]
    if first != "request":
        facts = facts[1:] + facts[: first == "report"]
    for at, fact in enumerate(facts):
        day.pipeline.send(topics.REQUESTS, SESSION, fact)
        day.tick(T0 + at)
        if crashes:
            day.pipeline.crash()
    day.tell(started(T0 + 10_000))
    for minute in range(1, 45):
        tell_and_answer(day, reading(T0 + minute * 60_000, minute, 1_000 * (1 + minute)))
        day.tick(T0 + minute * 60_000)
    tell_and_answer(day, ended(T0 + 45 * 60_000, 45, 46_000))
    day.tick(T0 + 46 * 60_000)
    assert day.commands(PlaceHold) == []
    assert day.commands(RaiseHold)
    (capture,) = day.commands(CaptureHold)
    assert {one.psp_reference for one in day.commands()} == {"their-psp"}
    assert day.ledger().phase == "closed"
    assert day.ledger().captured_minor == capture.amount_minor
    assert day.pipeline.parked == []


def test_what_came_before_it_waits_for_it():
    day = Day(answers=False)
    early = AcquirerAnswered(
        tenant="t", session_id=SESSION, command_id=f"{SESSION}/hold/1/raise/1", kind="raise",
        hold_id=f"{SESSION}/hold/1", acquirer_id="sim-total", outcome="done", amount_minor=2_500,
        currency="CHF", source="webhook", answered_at=T0,
    )  # fmt: skip
    day.pipeline.send(topics.RESPONSES, SESSION, early)
    day.tick(T0)
    assert day.pipeline.said[topics.LEDGER] == []
    day.pipeline.send(topics.REQUESTS, SESSION, reported(day))
    day.tick(T0 + 1_000)
    assert day.ledger().open_minor == 2_500


def test_a_stations_charging_is_found_by_the_name_of_its_payment():
    day = Day()
    day.tell(replace(started(T0 + 10_000), remote_start_id="", psp_reference="their-psp"))
    day.tick(T0 + 10_000)
    day.pipeline.send(topics.REQUESTS, SESSION, reported(day, by="station", channel="station"))
    day.tick(T0 + 20_000)
    tell_and_answer(day, reading(T0 + 60_000, 1, 2_000), ended(T0 + 600_000, 2, 11_000))
    day.tick(T0 + 670_000)
    asked = [one for said in day.pipeline.said.values() for one in said]
    assert not [one for one in asked if isinstance(one, StartCharging)]
    assert len(day.commands(CaptureHold)) == 1
    assert day.ledger().phase == "closed"


def reasons(day):
    return [bad.reason for _, bad in day.pipeline.parked]


def test_a_request_that_we_hold_for_and_a_report_of_another_hold_are_parked():
    day = Day()
    day.pipeline.send(topics.REQUESTS, SESSION, request(day.pipeline))
    day.pipeline.send(topics.REQUESTS, SESSION, reported(day))
    day.tick(T0)
    assert reasons(day) == ["reference-reused"]
    assert len(day.commands(PlaceHold)) == 1
    assert day.ledger().phase == "authorised"


def test_one_of_a_terminal_with_a_clock_days_ahead_is_parked():
    day = Day()
    day.tick(T0)
    day.pipeline.send(topics.REQUESTS, SESSION, reported(day, placed_at=T0 + 9 * 86_400_000))
    day.tick(T0 + 60_000)
    assert reasons(day) == ["impossible-field"]
    assert day.pipeline.said[topics.LEDGER] == []
