"""`holdfast whatif --sessions`: a policy tried on a recording, with nothing running."""

import json

import pytest
from sessionworld import POLICY_FILE as DEFAULT
from typer.testing import CliRunner

from streams.cli.main import app

DAY = """\
session,evse,power_type,arrival,charging_end,departure,energy_wh,power_max_w,readings
a,E1,DC,2026-01-05T08:00:00,2026-01-05T08:40:00,2026-01-05T08:45:00,60000,150000,
b,E2,DC,2026-01-05T08:10:00,2026-01-05T08:30:00,2026-01-05T08:30:00,15000,150000,
c,E3,AC,2026-01-06T09:00:00,2026-01-06T10:00:00,2026-01-06T12:00:00,11000,11000,
"""
TARIFF = {
    "currency": "EUR",
    "elements": [{"price_components": [{"type": "ENERGY", "price": 0.5, "step_size": 1}]}],
}
RATES = '[[rate]]\nkind = "hold"\napproved = 45\nanswered = 50\n'


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.setenv("HOLDFAST_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("HOLDFAST_POLICY_FILE", str(DEFAULT))
    larger = DEFAULT.read_text().replace("first_minor = 20_00", "first_minor = 70_00")
    larger = larger.replace("first_minor = 15_00", "first_minor = 70_00")
    larger = larger.replace('version = "2026-10-01"', 'version = "larger"')
    for name, text in (
        ("day.csv", DAY),
        ("larger.toml", larger),
        ("eur.json", json.dumps(TARIFF)),
        ("rates.toml", RATES),
        ("wrong.toml", "id = 1"),
    ):
        (tmp_path / name).write_text(text)
    return tmp_path


def ran(files, *arguments, expect=0):
    words = [str(files / word) if (files / word).is_file() else word for word in arguments]
    done = CliRunner().invoke(app, ["whatif", *words])
    assert done.exit_code == expect, done.output
    return done


def told(files, *arguments):
    return json.loads(ran(files, *arguments, "--json").stdout.splitlines()[-1])


def test_larger_holds_freeze_more_and_raise_less(files):
    found = told(files, "--policy", "larger.toml", "--sessions", "day.csv")
    (one,) = found["currencies"]
    assert (found["old_policy"], found["new_policy"]) == ("default 2026-10-01", "default larger")
    assert (one["currency"], one["sessions"], one["charged"]) == ("CHF", 3, 3)
    old, new = one["old"], one["new"]
    assert float(old["holds"]) == float(new["holds"]) == 3
    assert old["first_minor"] < new["first_minor"]
    assert float(old["frozen_currency_hours"]) < float(new["frozen_currency_hours"])
    assert float(old["raises"]) > float(new["raises"])
    assert old["declined_at_tap"]["expected"] != new["declined_at_tap"]["expected"]
    assert "demo" in found["rates"]
    assert "filled in" in found["recording"]
    assert one["calibration"] == []


def test_the_same_policy_makes_no_difference(files):
    found = told(files, "--policy", str(DEFAULT), "--sessions", "day.csv")
    assert found["currencies"][0]["old"] == found["currencies"][0]["new"]


def test_both_sides_stand_side_by_side(files):
    said = ran(files, "--policy", "larger.toml", "--sessions", "day.csv").stdout
    assert "default 2026-10-01\tdefault larger" in said
    for line in ("frozen credit", "write-offs", "declined at the tap", "exposure", "arrears"):
        assert line in said


def test_since_leaves_out_what_was_before(files):
    day = told(files, "--policy", "larger.toml", "--sessions", "day.csv", "--since", "2026-01-06")
    assert day["currencies"][0]["sessions"] == 1
    span = told(files, "--policy", "larger.toml", "--sessions", "day.csv", "--since", "25h")
    assert span["currencies"][0]["sessions"] == 3
    ran(files, "--policy", "larger.toml", "--sessions", "day.csv", "--since", "soon", expect=2)
    late = ("--since", "2027-01-01")
    ran(files, "--policy", "larger.toml", "--sessions", "day.csv", *late, expect=1)


def test_rates_and_tariff_of_ones_own(files):
    arguments = ("--tariff", "eur.json", "--rates", "rates.toml", "--country", "DE")
    found = told(files, "--policy", "larger.toml", "--sessions", "day.csv", *arguments)
    (one,) = found["currencies"]
    assert one["currency"] == "EUR"
    assert found["rates"].endswith("rates.toml")
    band = one["old"]["bands"][0]
    assert (band["rate"], band["answers"], band["source"]) == ("0.9", 50, "observed")
    assert float(band["low"]) < 0.9 < float(band["high"])
    declined = {name: float(value) for name, value in one["old"]["declined_at_tap"].items()}
    assert declined["expected"] == pytest.approx(0.3)
    assert declined["low"] < declined["expected"] < declined["high"]


@pytest.mark.parametrize("wrong", [("--policy", "wrong.toml"), ("--rates", "larger.toml")])
def test_a_wrong_file_ends_it(files, wrong):
    usual = ("--policy", str(DEFAULT)) if wrong[0] != "--policy" else ()
    said = ran(files, *usual, *wrong, "--sessions", "day.csv", expect=2).output
    assert wrong[1] in said
    assert "Traceback" not in said


def test_without_topics_it_says_what_to_do(files):
    done = ran(files, "--policy", "larger.toml", expect=3)
    assert "no Kafka" in done.output
