"""Freezing: what is not released may change, what is released never does."""

import json
import shutil
from pathlib import Path

import msgspec
import pytest

from schemas import codec, freeze
from schemas.avsc import schema_of
from schemas.catalogue import RECORDS

SOURCE = Path(codec.FOLDER.joinpath(".."))


@pytest.fixture
def root(tmp_path):
    """A copy of what is frozen, to change at will."""
    for name in ("avro", "examples"):
        shutil.copytree(SOURCE / name, tmp_path / name)
    for name in (freeze.FINGERPRINTS, "README.md"):
        shutil.copy(SOURCE / name, tmp_path / name)
    return tmp_path


def changed(root):
    return {str(Path(path).relative_to(root)) for path in freeze.freeze(root)}


def edit(path, **changes):
    value = json.loads(path.read_text()) | changes
    path.write_text(json.dumps(value))


def without_last_field(root, name):
    """As if the class had gained its last field after this schema was written."""
    path = root / "avro" / f"{name}.v1.avsc"
    fields = json.loads(path.read_text())["fields"]
    edit(path, fields=fields[:-1])
    marks = json.loads((root / freeze.FINGERPRINTS).read_text())
    marks[f"{name}.v1"] |= freeze.mark(json.loads(path.read_text()))
    (root / freeze.FINGERPRINTS).write_text(json.dumps(marks))
    example = root / "examples" / f"{name}.v1.json"
    value = json.loads(example.read_text())
    value.pop(fields[-1]["name"])
    example.write_text(json.dumps(value))
    return fields[-1]["name"]


def release(root, name):
    marks = json.loads((root / freeze.FINGERPRINTS).read_text())
    marks[f"{name}.v1"]["released"] = True
    (root / freeze.FINGERPRINTS).write_text(json.dumps(marks))


def test_what_is_committed_is_frozen(root):
    assert changed(root) == set()


def test_an_unreleased_version_is_rewritten(root):
    without_last_field(root, "MeterReading")
    assert changed(root) == {
        "avro/MeterReading.v1.avsc",
        "examples/MeterReading.v1.json",
        freeze.FINGERPRINTS,
    }
    assert changed(root) == set()


def test_a_class_that_differs_from_a_released_version_becomes_the_next(root):
    came = without_last_field(root, "MeterReading")
    release(root, "MeterReading")
    before = (root / "avro" / "MeterReading.v1.avsc").read_bytes()
    assert changed(root) == {
        "avro/MeterReading.v2.avsc",
        "examples/MeterReading.v2.json",
        "examples/MeterReading.v2.hex",
        freeze.FINGERPRINTS,
    }
    assert (root / "avro" / "MeterReading.v1.avsc").read_bytes() == before
    both = codec.Codec(root / "avro", RECORDS)
    assert [version.number for version in both.versions["MeterReading"]] == [1, 2]
    example = msgspec.json.decode(
        (root / "examples" / "MeterReading.v2.json").read_bytes(), type=RECORDS["MeterReading"]
    )
    assert getattr(example, came) == 0
    assert both.decode(both.encode(example)) == example
    assert changed(root) == set()


def test_a_released_version_that_would_become_unreadable_is_refused(root):
    without_last_field(root, "AliasBound")  # `bound_to` has no default
    release(root, "AliasBound")
    with pytest.raises(
        freeze.NotFreezable, match=r"AliasBound\.v2 is not BACKWARD compatible.*default"
    ):
        freeze.freeze(root)
    assert not (root / "avro" / "AliasBound.v2.avsc").exists()


def test_words_may_always_change(root):
    freeze.freeze(root, release=True)
    edit(root / "avro" / "Tick.v1.avsc", doc="Old words.")
    assert changed(root) == {"avro/Tick.v1.avsc"}


def test_release_marks_everything(root):
    freeze.freeze(root, release=True)
    marks = json.loads((root / freeze.FINGERPRINTS).read_text())
    assert {mark["released"] for mark in marks.values()} == {True}
    assert changed(root) == set()


def test_a_record_without_an_example_is_refused_with_advice(root):
    (root / "examples" / "Tick.v1.json").unlink()
    with pytest.raises(freeze.NotFreezable, match=r"write an example.*examples/Tick\.v1\.json"):
        freeze.freeze(root)


def test_an_example_that_is_no_record_is_refused_with_its_field(root):
    edit(root / "examples" / "Tick.v1.json", at=-1)
    with pytest.raises(freeze.NotFreezable, match=r"mend examples/Tick\.v1\.json.*\$\.at"):
        freeze.freeze(root)


def test_what_an_example_carries_follows_the_example(root):
    edit(root / "examples" / "ChargingEnded.v1.json", energy_wh=18_500_000)
    assert changed(root) == {
        "examples/ChargingEnded.v1.json",
        "examples/ChargingEnded.v1.hex",
        "examples/LinkedFact.v1.json",
        "examples/LinkedFact.v1.hex",
    }


def test_a_mark_knows_defaults_and_not_words():
    schema = schema_of(RECORDS["MeterReading"])
    reworded = json.loads(json.dumps(schema).replace("a count", "how many"))
    redefaulted = json.loads(json.dumps(schema).replace('"default": 0', '"default": 1'))
    assert freeze.mark(reworded) == freeze.mark(schema)
    assert freeze.mark(redefaulted) != freeze.mark(schema)
    assert freeze.mark(redefaulted)["fingerprint"] == freeze.mark(schema)["fingerprint"]


def test_hexadecimal_comes_in_lines():
    assert freeze.hex_lines(bytes(40)) == "00" * 32 + "\n" + "00" * 8 + "\n"


def test_the_command_freezes_and_says_so(root, monkeypatch, capsys):
    monkeypatch.setattr(freeze.freeze, "__defaults__", (root,))
    monkeypatch.setattr("sys.argv", ["freeze"])
    freeze.main()
    assert capsys.readouterr().out == "nothing to do\n"
    (root / "examples" / "Tick.v1.hex").unlink()
    freeze.main()
    assert capsys.readouterr().out == f"wrote {root}/examples/Tick.v1.hex\n"
    (root / "examples" / "Tick.v1.json").unlink()
    with pytest.raises(SystemExit, match="write an example"):
        freeze.main()
