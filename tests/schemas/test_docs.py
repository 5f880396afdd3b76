"""The tables in the README are the catalogue."""

from pathlib import Path

import pytest

from schemas import codec, docs
from schemas.catalogue import HOT, RECORDS
from schemas.topics import TOPICS

README = Path(codec.FOLDER.joinpath("..", "README.md")).read_text()


def test_the_readme_has_the_tables_as_they_are():
    assert docs.readme(README) == README, "run `python -m schemas.freeze`"
    assert docs.table() in README
    assert docs.records() in README


def test_every_topic_has_a_line():
    lines = docs.table().splitlines()
    assert len(lines) == len(TOPICS) + 2
    for line, topic in zip(lines[2:], TOPICS, strict=True):
        assert line.startswith(f"| `{topic.name}` | {topic.key} |")
        assert all(record in line for record in topic.records)


@pytest.mark.parametrize(
    ("topic", "kept"),
    [
        ("charger.readings.v1", "7 days"),
        ("payment.commands.v1", "400 days"),
        ("session.ledger.v1", "newest of every key"),
        ("policies.v1", "newest of every key, one partition"),
    ],
)
def test_the_table_says_how_long_records_are_kept(topic, kept):
    line = next(line for line in docs.table().splitlines() if f"`{topic}`" in line)
    assert f"| {kept} |" in line


def test_every_record_has_a_line():
    lines = docs.records().splitlines()[2:]
    assert len(lines) == len(RECORDS)
    assert {line.split()[1] for line in lines if "(hot)" in line} == HOT
    assert any(line.startswith("| CaptureHold | FULL | `payment.commands.v1` |") for line in lines)


def test_the_tables_are_tables():
    for table in (docs.table(), docs.records()):
        assert len({line.count("|") for line in table.splitlines()}) == 1


def test_what_stands_between_the_marks_is_replaced():
    text = "a\n<!-- x -->\nold\n<!-- /x -->\nb\n"
    assert docs.filled(text, "x", "new\n") == "a\n<!-- x -->\nnew\n<!-- /x -->\nb\n"


@pytest.mark.parametrize(
    "text", ["", "<!-- x -->\n", "<!-- /x -->\n<!-- x -->\n", "<!-- x -->\n<!-- /x --><!-- x -->"]
)
def test_missing_or_repeated_marks_are_refused(text):
    with pytest.raises(ValueError, match="'x'"):
        docs.filled(text, "x", "new")
