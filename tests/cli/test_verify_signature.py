"""`holdfast verify-signature`, as a person or a script runs it, on records of the field."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from streams.cli.main import app

SAMPLES = Path(__file__).parents[1] / "connectors/ocpp/signed/samples"


@pytest.fixture
def verified():
    def run(*arguments):
        done = CliRunner().invoke(app, ["verify-signature", *map(str, arguments), "--json"])
        return done.exit_code, json.loads(done.stdout.splitlines()[-1])

    return run


def test_whole_and_billable(verified):
    code, body = verified(SAMPLES / "lem.xml")
    assert code == 0
    (record,) = body["records"]
    assert (record["outcome"], record["energy_wh"], record["billable"]) == ("valid", 1101, True)


@pytest.mark.parametrize("form", ["text", "file", "der", "registry"])
def test_a_key_as_text_or_in_a_file(verified, tmp_path, form):
    text = (SAMPLES / "iskra.key").read_text().strip()
    held = tmp_path / "key"
    contents = {
        "file": text.encode(),
        "der": bytes.fromhex(text),
        "registry": json.dumps({"W4155775": text}).encode(),
    }
    held.write_bytes(contents.get(form, b""))
    code, body = verified(SAMPLES / "iskra.txt", "--key", text if form == "text" else held)
    assert code == 1  # whole, but its clock says error
    (record,) = body["records"]
    assert (record["outcome"], record["reason"]) == ("valid-but-not-billable", "error flags EF t")
    assert record["signed"] == (SAMPLES / "iskra.txt").read_text().strip()
    assert record["key_from"] == ("registry" if form == "registry" else "given")


def test_without_its_key(verified):
    code, body = verified(SAMPLES / "iskra.txt")
    assert (code, body["records"][0]["outcome"]) == (1, "no-key")


@pytest.mark.parametrize("contents", [None, b"", b"<values>", b"<!DOCTYPE a []><values/>"])
def test_what_cannot_be_read_ends_with_2(verified, tmp_path, contents):
    file = tmp_path / "file"
    if contents is not None:
        file.write_bytes(contents)
    code, body = verified(file)
    assert (code, body["exit_code"]) == (2, 2)
    assert body["error"]


def test_a_registry_that_is_none_ends_with_2(verified):
    code, body = verified(SAMPLES / "iskra.txt", "--key", '{"a": 3}')
    assert code == 2
    assert "--key" in body["error"]


def test_for_people():
    done = CliRunner().invoke(app, ["verify-signature", str(SAMPLES / "isabellenhuette.xml")])
    assert done.exit_code == 1
    assert "valid-but-not-billable" in done.stdout
    assert "meter status ST E" in done.stdout
