"""`holdfast price` and `holdfast tariff lint`: what they print, and how they end."""

import json

import pytest
from typer.testing import CliRunner

from streams.cli.main import app

TARIFF = {
    "country_code": "DE",
    "party_id": "ALL",
    "id": "15",
    "currency": "EUR",
    "elements": [
        {
            "price_components": [
                {"type": "FLAT", "price": 0.5, "vat": 20.0, "step_size": 1},
                {"type": "ENERGY", "price": 0.25, "vat": 10.0, "step_size": 1},
                {"type": "PARKING_TIME", "price": 2.0, "vat": 20.0, "step_size": 900},
            ]
        }
    ],
    "last_updated": "2018-12-17T11:36:01Z",
}
CDR = {
    "start_date_time": "2025-06-02T08:00:00Z",
    "end_date_time": "2025-06-02T09:40:00Z",
    "currency": "EUR",
    "tariffs": [TARIFF],
    "charging_periods": [
        {
            "start_date_time": "2025-06-02T08:00:00Z",
            "dimensions": [{"type": "ENERGY", "volume": 20}, {"type": "TIME", "volume": 1}],
        },
        {
            "start_date_time": "2025-06-02T09:00:00Z",
            "dimensions": [{"type": "PARKING_TIME", "volume": 0.6667}],
        },
    ],
    "total_cost": {"excl_vat": 7.0, "incl_vat": 7.9},
    "total_energy": 20,
    "total_time": 1.6667,
    "total_parking_time": 0.6667,
    "total_parking_cost": {"excl_vat": 1.5, "incl_vat": 1.8},
}


@pytest.fixture
def file(tmp_path):
    def write(name, value):
        path = tmp_path / name
        path.write_text(value if isinstance(value, str) else json.dumps(value))
        return str(path)

    return write


def run(*arguments):
    return CliRunner().invoke(app, list(arguments))


def test_a_cdr_by_its_own_tariff(file):
    ended = run("price", file("cdr.json", CDR), "--json")
    assert ended.exit_code == 0, ended.output
    found = json.loads(ended.stdout)
    assert found["total_cost"] == {"excl_vat": "7.00", "incl_vat": "7.90"}
    assert found["total_fixed_cost"] == {"excl_vat": "0.50", "incl_vat": "0.60"}
    assert found["total_energy_cost"] == {"excl_vat": "5.00", "incl_vat": "5.50"}
    assert found["total_time_cost"] == {"excl_vat": "0.00", "incl_vat": "0.00"}
    assert found["total_parking_cost"] == {"excl_vat": "1.50", "incl_vat": "1.80"}
    assert found["total_reservation_cost"] == {"excl_vat": "0.00", "incl_vat": "0.00"}
    times = (found["total_energy"], found["total_time"], found["total_parking_time"])
    assert times == (20, 1.6667, 0.6667)
    parking = next(one for one in found["lines"] if one["dimension"] == "PARKING_TIME")
    assert (parking["element"], parking["step_size"], parking["billed"]) == (0, 900, 0.75)
    assert found["differences"] == []


def test_a_cdr_by_another_tariff_and_what_differs(file):
    other = TARIFF | {"elements": [{"price_components": [{"type": "ENERGY", "price": "0.50"}]}]}
    arguments = ["price", file("cdr.json", CDR), "--tariff", file("tariff.json", other)]
    ended = run(*arguments, "--json")
    assert ended.exit_code == 1
    found = json.loads(ended.stdout)
    assert found["total_cost"] == {"excl_vat": "10.00", "incl_vat": "10.00"}
    assert found["differences"][0] == {
        "field": "total_cost.excl_vat", "stated": "7.00", "computed": "10.00"
    }  # fmt: skip
    shown = run(*arguments).stdout
    assert "total_cost.incl_vat: the CDR states 7.90, it comes to 10.00" in shown


def test_a_list_of_tariffs_in_the_envelope_of_ocpi(file):
    envelope = file("tariffs.json", {"data": [TARIFF], "status_code": 1000})
    ended = run("price", file("cdr.json", CDR | {"tariffs": []}), "--tariff", envelope)
    assert ended.exit_code == 0
    assert "total 7.00 excl., 7.90 incl. VAT EUR" in ended.stdout


@pytest.mark.parametrize("data", [CDR, [CDR]])
def test_a_cdr_in_the_envelope_of_ocpi(file, data):
    ended = run("price", file("cdr.json", {"data": data, "status_code": 1000}))
    assert ended.exit_code == 0
    assert "total 7.00 excl., 7.90 incl. VAT EUR" in ended.stdout


def test_net_prices_of_2_1_1_have_no_gross(file):
    plain = {"id": "1", "currency": "EUR", "elements": [], "last_updated": "2015-01-01T00:00:00Z"}
    plain["elements"] = [
        {"price_components": [{"type": "TIME", "price": "2.00", "step_size": 300}]}
    ]
    record = {
        "id": "12345",
        "start_date_time": "2015-06-29T21:39:09Z",
        "stop_date_time": "2015-06-29T23:37:32Z",
        "currency": "EUR",
        "tariffs": [plain],
        "charging_periods": [
            {
                "start_date_time": "2015-06-29T21:39:09Z",
                "dimensions": [{"type": "TIME", "volume": 1.973}],
            }
        ],
        "total_cost": 4.0,
        "total_time": 1.973,
    }
    ended = run("price", file("cdr.json", record), "--json")
    assert ended.exit_code == 0
    assert json.loads(ended.stdout)["total_cost"] == {"excl_vat": "4.00", "incl_vat": None}


@pytest.mark.parametrize(
    ("record", "named"),
    [
        ("{", "not-json"),
        (CDR | {"charging_periods": None}, "charging_periods"),
        (CDR | {"tariffs": []}, "no-tariff: tariffs"),
        (CDR | {"tariffs": [TARIFF | {"elements": []}]}, "no-price: elements"),
        (CDR | {"currency": "CHF"}, "currency"),
        ([CDR, CDR], "2 objects where one CDR is wanted"),
        ({"data": [], "status_code": 1000}, "0 objects where one CDR is wanted"),
    ],
)
def test_input_that_cannot_be_priced_is_named(file, record, named):
    ended = run("price", file("cdr.json", record))
    assert ended.exit_code == 2
    assert named in ended.stderr


def test_a_time_zone_can_be_told(file):
    night = {"start_time": "22:00", "end_time": "23:00"}
    parts = [{"type": "ENERGY", "price": 1, "step_size": 1}]
    tariff = TARIFF | {"elements": [{"price_components": parts, "restrictions": night}]}
    record = file("cdr.json", CDR | {"tariffs": [tariff]})
    told = run("price", record, "--zone", "Pacific/Auckland", "--json")  # twelve hours ahead
    assert json.loads(told.stdout)["total_cost"]["excl_vat"] == "0.00"
    told = run("price", record, "--zone", "Asia/Vladivostok", "--json")
    assert json.loads(told.stdout)["total_cost"]["excl_vat"] == "0.00"
    told = run("price", record, "--zone", "Pacific/Kiritimati", "--json")  # fourteen: 22:00
    assert json.loads(told.stdout)["total_cost"]["excl_vat"] == "20.00"


def test_lint(file):
    ended = run("tariff", "lint", file("tariff.json", TARIFF), "--power-kw", "22")
    assert (ended.exit_code, ended.stdout.strip()) == (0, "nothing found")
    ended = run("tariff", "lint", file("tariff.json", TARIFF), "--json")
    assert ended.exit_code == 1
    assert {one["kind"] for one in json.loads(ended.stdout)["findings"]} == {"afir"}
    assert run("tariff", "lint", file("no.json", "nonsense")).exit_code == 2
