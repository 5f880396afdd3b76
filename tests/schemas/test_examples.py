"""The golden examples: what every version looks like, and the bytes it is, for good."""

import base64
import io
import json
import re
from pathlib import Path

import fastavro
import msgspec
import pytest

from schemas import codec, ids
from schemas.catalogue import RECORDS
from schemas.commands import MoneyCommand
from schemas.freeze import hex_lines, mark

FOLDER = Path(codec.FOLDER.joinpath("..", "examples"))
FROZEN = json.loads(Path(codec.FOLDER.joinpath("..", "fingerprints.json")).read_text())
VERSIONS = {f"{one.name}.v{one.number}": one for of in codec.versions().values() for one in of}
EVERY_VERSION = pytest.mark.parametrize("stem", VERSIONS)
REFRESH = "If it is not released yet, run `python -m schemas.freeze`"


def example(stem):
    return msgspec.json.decode(
        (FOLDER / f"{stem}.json").read_bytes(), type=RECORDS[VERSIONS[stem].name]
    )


def frozen_bytes(stem):
    return bytes.fromhex((FOLDER / f"{stem}.hex").read_text())


@EVERY_VERSION
def test_the_bytes_are_read_as_the_example(stem):
    assert codec.decode(frozen_bytes(stem)) == example(stem), REFRESH


@EVERY_VERSION
def test_the_example_is_written_as_the_bytes(stem):
    version = VERSIONS[stem]
    if version is codec.versions()[version.name][-1]:
        written = codec.encode(example(stem))
    else:  # only an old version's own schema still writes it
        out = io.BytesIO()
        out.write(version.header)
        fields = json.loads((FOLDER / f"{stem}.json").read_text())
        for field in version.raw["fields"]:
            if field["type"] == "bytes":
                fields[field["name"]] = base64.b64decode(fields[field["name"]])
        fastavro.schemaless_writer(out, version.parsed, fields)
        written = out.getvalue()
    assert hex_lines(written) == (FOLDER / f"{stem}.hex").read_text(), REFRESH


@EVERY_VERSION
def test_a_frozen_schema_never_changes(stem):
    version, frozen = VERSIONS[stem], FROZEN.get(stem, {})
    advice = (
        "It is released: records of it are in topics for 400 days. Restore the file and run "
        "`python -m schemas.freeze`, which makes the next version of the class as it is now."
        if frozen.get("released")
        else "It is not released: run `python -m schemas.freeze` and commit what it writes."
    )
    assert mark(version.raw) == {
        key: value for key, value in frozen.items() if key != "released"
    }, f"avro/{stem}.avsc is not what was frozen. {advice}"


def test_nothing_is_left_of_versions_that_are_gone():
    files = {path.name for path in FOLDER.iterdir()}
    assert files == {f"{stem}.{end}" for stem in VERSIONS for end in ("json", "hex")}
    assert set(FROZEN) == set(VERSIONS)


@EVERY_VERSION
def test_no_example_has_a_card_number(stem):
    """No text has 12 to 19 digits in a row that pass the check of ISO/IEC 7812 (Luhn)."""
    for text in re.findall(r'"([^"]*)"', (FOLDER / f"{stem}.json").read_text()):
        for run in re.findall(r"(?<![0-9A-Za-z])(?:\d[ -]?){12,19}(?![0-9A-Za-z])", text):
            digits = [int(digit) for digit in run if digit.isdigit()]
            doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
            assert (sum(digits[-1::-2]) + sum(doubled)) % 10 != 0, run


@EVERY_VERSION
def test_the_examples_tell_one_story(stem):
    value = example(stem)
    expected = ids.session_id("nordlade", "paymint", "PM-7f3c19a2-KRS")
    assert getattr(value, "session_id", expected) == expected
    if isinstance(value, MoneyCommand):
        of = getattr(value, "of_command_id", value.command_id)
        travels = of if type(value).__name__ == "ResendCommand" else value.command_id
        assert value.idempotency_key == ids.idempotency_key(value.tenant, travels)
        assert value.body_hash == codec.body_hash(value)


@pytest.mark.parametrize(
    ("stem", "field", "inner"),
    [
        ("LinkedFact.v1", "fact", "ChargingEnded.v1"),
        ("AliasLookup.v1", "fact", "ChargingStarted.v1"),
        ("ResendCommand.v1", "original", "RaiseHold.v1"),
    ],
)
def test_what_an_example_carries_is_an_example(stem, field, inner):
    assert codec.decode(getattr(example(stem), field)) == example(inner)
