from pathlib import Path

import pytest

from streams.replay import curve, folding, recorded

DATA = Path(recorded.__file__).parent / "data" / "epfl_dc_sessions.csv"
HEADER = "session,evse,power_type,arrival,charging_end,departure,energy_wh,power_max_w,readings\n"


def _file(tmp_path, text):
    path = tmp_path / "sessions.csv"
    path.write_text(text)
    return path


def test_the_shipped_file_is_read_whole():
    sessions = recorded.read_file(DATA)
    assert len(sessions) == 1878
    assert sum(one.energy_wh for one in sessions) == 60_441_936  # awk over the file says the same
    assert {one.power_type for one in sessions} == {"DC"}


def test_our_own_form_with_and_without_readings(tmp_path):
    rows = (
        "a,E1,AC,2024-01-01T10:00:00,2024-01-01T11:00:00,2024-01-01T12:00:00+00:00,5000.5,7000,\n"
        "b,E2,dc,2024-01-01T10:00:00,,2024-01-01T10:30:00,9000,60000,"
        "2024-01-01T10:10:00=4000;2024-01-01T10:20:00=8000\n"
    )
    first, second = recorded.read_file(_file(tmp_path, HEADER + rows))
    assert (first.energy_wh, first.departure_at - first.charging_end_at) == (5001, 3_600_000)
    assert second.charging_end_at == second.departure_at
    assert curve.energy_at(second, 10 * 60_000) == 4000
    assert curve.energy_at(second, 15 * 60_000) == 6000
    assert curve.energy_at(second, 30 * 60_000) == 9000


def test_acn_sessions_have_an_end_of_charging_before_the_end_of_parking(tmp_path):
    item = (
        '{"_items":[{"_id":"x1","stationID":"S","kWhDelivered":6.1465,'
        '"connectionTime":"Mon, 25 Mar 2019 16:24:42 GMT",'
        '"doneChargingTime":"Mon, 25 Mar 2019 17:32:48 GMT",'
        '"disconnectTime":"Tue, 26 Mar 2019 01:32:12 GMT"}]}'
    )
    (one,) = recorded.read_file(_file(tmp_path, item))
    assert one.energy_wh == 6147, "rounded half up from the decimal, not from a float"
    assert one.charging_end_at < one.departure_at


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("a,E,XX,2024-01-01T10:00:00,,2024-01-01T11:00:00,1,1,", "power_type"),
        ("a,E,AC,yesterday,,2024-01-01T11:00:00,1,1,", "arrival: 'yesterday'"),
        ("a,E,AC,2024-01-01T12:00:00,,2024-01-01T11:00:00,1,1,", "departure"),
        ("a,E,AC,2024-01-01T10:00:00,,2024-01-01T11:00:00,-1,1,", "energy_wh"),
        ("a,E,AC,2024-01-01T10:00:00,,2024-01-01T11:00:00,many,1,", "energy_wh: 'many'"),
        ("a,E,AC,2024-01-01T10:00:00,2025-01-01,2024-01-01T11:00:00,1,1,", "charging_end"),
        ("a,E,AC,2024-01-01T10:00:00,,2024-01-01T11:00:00,1,1,2024-01-01T10:10:00=9", "readings"),
    ],
)
def test_a_wrong_row_is_named_by_line_and_field(tmp_path, row, says):
    with pytest.raises(recorded.RecordingWrong, match=says) as caught:
        recorded.read_file(_file(tmp_path, HEADER + row + "\n"))
    assert "line 2" in str(caught.value)


def test_a_missing_column_and_an_empty_file_are_named(tmp_path):
    with pytest.raises(recorded.RecordingWrong, match="power_max_w missing"):
        recorded.read_file(_file(tmp_path, HEADER.replace(",power_max_w", "") + "a\n"))
    with pytest.raises(recorded.RecordingWrong, match="no session"):
        recorded.read_file(_file(tmp_path, HEADER))


def test_curves_never_fall_end_exactly_and_keep_below_the_peak():
    for one in recorded.read_file(DATA)[::50]:
        stay = one.charging_end_at - one.arrival_at
        steps = [curve.energy_at(one, at) for at in range(0, stay + 30_000, 30_000)]
        assert steps == sorted(steps)
        assert steps[0] == 0
        assert steps[-1] == one.energy_wh
        peak = curve.power_at(one, 30_000, 30_000)
        assert peak <= one.power_max_w + 120, "one Wh in 30 s is 120 W of rounding"


def test_folding_keeps_stays_and_never_puts_two_cars_on_one_evse():
    plans = folding.folded(recorded.read_file(DATA), 3 * 3_600_000, 1_000_000)
    assert len(plans) == 1878
    assert all(0 <= plan.arrival_at - 1_000_000 < 3 * 3_600_000 for plan in plans)
    leaves = {}
    for plan in plans:
        assert leaves.get(plan.evse, 0) <= plan.arrival_at
        stay = plan.recorded.departure_at - plan.recorded.arrival_at
        leaves[plan.evse] = plan.arrival_at + stay
