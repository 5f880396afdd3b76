"""The demo's checks must be able to fail: each is shown on books that were tampered with."""

import msgspec
import pytest

from schemas.ledger import HoldLine, SessionLedger
from streams.demo.report import Books, Oracle, report
from streams.demo.scenery import tariffs
from streams.replay.chargers import Delivered
from streams.replay.fleet import Fleet, FleetSettings
from streams.replay.folding import folded
from streams.replay.recorded import Recorded

MINUTE = 60_000


@pytest.fixture
def fleet():
    recorded = Recorded(
        session="s", evse="E", power_type="DC", arrival_at=0, charging_end_at=20 * MINUTE,
        departure_at=20 * MINUTE, energy_wh=20_000, power_max_w=90_000,
    )  # fmt: skip
    facts = tariffs("demo", 0)
    settings = FleetSettings(
        tenant="demo", network="n", run="r", seed=1, bad_day_percent=0, currency="CHF",
        country="CH", acquirers=("sim-total",),
        tariffs={kind: (one.tariff_id, one.tariff_hash, one.body) for kind, one in facts.items()},
    )  # fmt: skip
    fleet = Fleet(settings, folded([recorded], 0, 0))
    (driver,) = fleet.drivers.values()
    driver.charger.delivered = Delivered(
        started_at=0, charging_end_at=20 * MINUTE, ended_at=20 * MINUTE, energy_wh=20_000,
        cut_short=False,
    )  # fmt: skip
    return fleet


def _ledger(fleet, **changed):
    (driver,) = fleet.drivers.values()
    request = driver.request
    hold = HoldLine(
        hold_id=f"{request.session_id}/hold/1", acquirer_id="sim-total", psp_reference="p",
        requested_minor=2000, approved_minor=2000, captured_minor=1189, released_minor=811,
        lapsed_minor=0, open_minor=0, raises_issued=0, raises_approved=0, raises_declined=0,
        status="captured", decline_reason="", approved_at=1, expires_at=2,
    )  # fmt: skip
    shared = {
        name: getattr(request, name)
        for name in SessionLedger.__struct_fields__
        if name in request.__struct_fields__
    }
    numbers = {
        field.name: 0
        for field in msgspec.structs.fields(SessionLedger)
        if field.name not in shared and field.name.endswith(("_minor", "_at", "_wh"))
    }
    words = {
        "version": 1, "phase": "closed", "closed_reason": "", "transaction_id": "s",
        "strategy": "fixed", "policy_version": "1", "policy_cell": "c", "proof": "P", "raises": 0,
        "declined_at_tap": False, "declined_mid_charge": False, "stop_sent": False,
        "conflicts": 0, "explanation": "", "holds": [hold], "commands": [], "receipt_status": "",
        "receipt_id": "", "receipt_ordinal": 0,
    }  # fmt: skip
    ledger = SessionLedger(**{**shared, **numbers, **words})
    money = {"priced_minor": 1189, "captured_minor": 1189}
    return msgspec.structs.replace(ledger, **{**money, **changed})


def _report(fleet, books=None, oracle=None, **changed):
    ledger = _ledger(fleet, **changed)
    theirs = books or Books(approved=2000, captured=1189, released=811)
    counted = {"duplicate_captures": 0, "captures_above_hold": 0, "unbalanced_holds": 0}
    seen = Oracle(by_session={ledger.session_id: theirs}, **{**counted, **(oracle or {})})
    return report(fleet, {ledger.session_id: ledger}, seen, worker_kills=1)


def test_books_that_agree_are_green(fleet):
    found = _report(fleet)
    assert found.problems == []
    assert found.green


def test_one_minor_unit_too_much_is_a_wrong_amount(fleet):
    found = _report(fleet, priced_minor=1190, arrears_minor=1)
    assert found.wrong_amount_sessions == 1
    assert not found.green


def test_an_acquirer_that_says_otherwise_is_a_problem(fleet):
    found = _report(fleet, books=Books(approved=2000, captured=1188, released=812))
    assert not found.conserved
    assert "the acquirer" in found.problems[0]


def test_money_that_is_nowhere_is_a_problem(fleet):
    assert not _report(fleet, captured_minor=1000).conserved


def test_a_session_left_open_is_a_problem(fleet):
    assert _report(fleet, phase="charging").unfinished_sessions == 1


@pytest.mark.parametrize("count", ["duplicate_captures", "captures_above_hold", "unbalanced_holds"])
def test_what_the_acquirer_counts_against_us_is_red(fleet, count):
    assert not _report(fleet, oracle={count: 1}).green


def test_a_session_nobody_reported_is_a_problem(fleet):
    empty = Oracle(by_session={}, duplicate_captures=0, captures_above_hold=0, unbalanced_holds=0)
    found = report(fleet, {}, empty, worker_kills=0)
    assert not found.conserved
    assert found.unfinished_sessions == 1
