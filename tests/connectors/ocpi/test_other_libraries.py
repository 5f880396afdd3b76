"""Objects as other people's libraries and fixtures have them, told anew.

Shapes of TECHS-Technological-Solutions/ocpi and elumobility/ocpi-python (a blank for the T, country
codes in lower case, coordinates that are none), rally-finance/ocpi-mock-hub (tokens without owner,
fields of its own), citrineos/citrineos-ocpi (pull requests 76 and 77: `kwh` as text, time just
below zero), and of credit CDRs whose senders negate all of them, not just the costs.
"""

from copy import deepcopy

import pytest
from partners import PERIODS, SPOT, TOKEN, cdr, fact, kinds, refusal, session, told

from streams.core.pricing.cdr import decode, read_cdr

BEHIND = -0.00015333333333333334  # hours: half a second


def minus(found, *names):
    return {name: one for name, one in found.items() if name not in names}


def times(*volumes):
    first = deepcopy(PERIODS[0])
    first["dimensions"] = [{"type": "ENERGY", "volume": 20}]
    first["dimensions"] += [{"type": "TIME", "volume": one} for one in volumes]
    return [first]


def test_python_libraries_write_instants_with_a_blank():
    found = cdr(
        country_code="no",
        start_date_time="2026-11-09 10:00:00+00:00",
        end_date_time="2026-11-09 10:36:00+00:00",
        last_updated="2026-11-09 10:38:00+00:00",
        cdr_location=minus(SPOT, "evse_uid")
        | {"coordinates": {"latitude": "latitude", "longitude": "longitude"}},
    )
    seen = fact(found)
    assert (seen.country_code, seen.evse_uid, seen.evse_id) == ("NO", "", "NO*NLD*E0042*1")
    assert seen.ended_at - seen.started_at == 36 * 60_000
    assert seen.started_at == fact(cdr()).started_at


def test_a_mock_hub_leaves_out_whose_token_it_is():
    done = told(
        session(cdr_token=minus(TOKEN, "country_code", "party_id", "contract_id"))
        | {"_created_at": "x", "_callback_sent": True}
    )
    (seen,) = done.facts
    assert (seen.energy_wh, seen.token_uid, seen.contract_id) == (20_000, "tap-000417", "")
    assert {"missing-field", "unknown-field"} <= set(kinds(done))


@pytest.mark.parametrize("make", [cdr, session])
def test_half_a_second_below_zero_is_none(make):
    done = told(make(charging_periods=times(BEHIND)))
    (seen,) = done.facts
    assert kinds(done).count("time-below-zero") == 1
    assert seen.energy_wh == 20_000
    told_of = seen.body if make is cdr else seen.charging_periods
    assert '{"type":"TIME","volume":0}' in told_of
    assert "-0.0" not in told_of


@pytest.mark.parametrize("hours", [-0.01, -0.5])
def test_more_than_clocks_differ_is_refused(hours):
    refused = refusal(cdr(charging_periods=times(BEHIND, hours)))
    assert (refused.reason, refused.field) == ("negative", "charging_periods[0].dimensions")
    assert str(hours) in refused.problem


def test_a_text_where_a_number_belongs_and_a_tariff_without_its_id():
    assert fact(session(kwh="20")).energy_wh == 20_000
    seen = fact(cdr(tariffs=[{"tariff_id": "day"}]))
    assert read_cdr(decode(seen.body)).tariffs == ({"tariff_id": "day"},)


def negated(found):
    """All figures below zero, but for the costs, which the standard wants so."""
    turned = deepcopy(found)
    for name in ("total_energy", "total_time", "total_parking_time"):
        turned[name] = -turned[name]
    for period in turned["charging_periods"]:
        for one in period["dimensions"]:
            one["volume"] = -one["volume"]
    return turned


def credit(**changes):
    return cdr(id="cdr-42-C", credit=True, credit_reference_id="cdr-42", **changes)


def test_a_credit_that_negates_all_is_the_one_that_negates_its_costs():
    plain, done = fact(credit()), told(negated(credit()))
    (seen,) = done.facts
    assert "credit-negates-all" in kinds(done)
    assert "energy-to-the-grid" not in kinds(done)
    for name in ("energy_wh", "total_hours", "parking_hours", "costs", "body", "periods_digest"):
        assert getattr(seen, name) == getattr(plain, name), name
    assert seen.energy_wh == 20_000
    assert {one.net for one in seen.costs} == {"-80"}


def test_energy_alone_below_zero_may_have_flowed_to_the_grid():
    found = credit(total_energy=-20)
    for period in (found := deepcopy(found))["charging_periods"]:
        for one in period["dimensions"]:
            one["volume"] = -one["volume"] if one["type"] == "ENERGY" else one["volume"]
    assert fact(found).energy_wh == -20_000


def test_some_time_below_zero_is_neither():
    found = negated(credit()) | {"total_time": 0.6}
    assert refusal(found).reason == "negative"


def test_without_being_a_credit_it_is_refused():
    assert refusal(negated(cdr())).reason == "negative"
