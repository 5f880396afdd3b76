"""`holdfast policy lint` and `holdfast policy explain`: what they print, and how they end."""

import json

import pytest
from sessionworld import POLICY_FILE as DEFAULT
from typer.testing import CliRunner

from streams.cli.main import app

TARIFF = {
    "currency": "EUR",
    "elements": [{"price_components": [{"type": "ENERGY", "price": 0.5, "step_size": 1}]}],
}
CARD = {"scheme": "visa", "funding": "credit", "entry_mode": "contactless", "cvm": "none"}


def run(*words):
    return CliRunner().invoke(app, ["policy", *map(str, words)])


@pytest.fixture
def write(tmp_path):
    def written(name, content):
        path = tmp_path / name
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    return written


def test_the_default_policy_has_no_findings():
    told = run("lint", DEFAULT)
    assert (told.exit_code, "nothing found" in told.stdout) == (0, True)
    plain = run("lint", DEFAULT, "--json")
    assert json.loads(plain.stdout) == {"file": str(DEFAULT), "findings": []}


def test_findings_are_told_by_kind_and_place(write):
    text = DEFAULT.read_text().replace('funding = ["debit", "prepaid", "unknown"]\n', "")
    told = run("lint", write("p.toml", text))
    assert told.exit_code == 1
    assert "unreachable\tcell[3]\t'dc-credit' comes after" in told.stdout
    plain = json.loads(run("lint", write("p.toml", text), "--json").stdout)
    kinds = [(one["kind"], one["path"]) for one in plain["findings"]]
    assert ("unreachable", "cell[3]") in kinds


def test_what_is_no_policy_has_its_problems_as_findings(write):
    text = DEFAULT.read_text().replace("start_grace_ms = 180_000", "start_grace = 1")
    told = run("lint", write("p.toml", text), "--json")
    assert told.exit_code == 1
    assert {
        "kind": "contradiction",
        "path": "start_grace_ms",
        "message": "missing",
    } in json.loads(told.stdout)["findings"]


@pytest.mark.parametrize("content", ["= 1", "[[cell", None])
def test_what_cannot_be_read_ends_with_two(write, tmp_path, content):
    path = tmp_path / "missing.toml" if content is None else write("p.toml", content)
    assert run("lint", path).exit_code == 2


def test_bytes_that_are_no_text_end_with_two(tmp_path):
    path = tmp_path / "p.toml"
    path.write_bytes(b"\xff\xfe\x00")
    assert run("lint", path).exit_code == 2


def explained(write, request, *words):
    return run(
        "explain", DEFAULT, "--request", write("r.json", request),
        "--tariff", write("t.json", TARIFF), *words,
    )  # fmt: skip


def test_a_choice_is_explained(write):
    told = explained(write, CARD | {"merchant_country": "DE"})
    assert told.exit_code == 0
    words = " ".join(told.stdout.split())
    assert words.startswith("20.00 EUR, at most 50.00 EUR cell dc-credit (incremental)")
    assert "Bounded: contactless without CVM in DE: at most 50.00 EUR." in words
    plain = json.loads(explained(write, CARD, "--json").stdout)
    assert (plain["decided"], plain["cell"], plain["ceiling_minor"]) == (
        "choice",
        "dc-credit",
        120_00,
    )


def test_a_refusal_is_told_by_name(write):
    told = explained(write, CARD | {"currency": "JPY"})
    assert told.exit_code == 1
    assert told.stdout.startswith("refused, currency-mismatch: hold in JPY")


@pytest.mark.parametrize("request_", [{"colour": "red"}, {"funding": "gold"}, "no JSON"])
def test_a_request_that_is_none_ends_with_two(write, request_):
    assert explained(write, request_).exit_code == 2
