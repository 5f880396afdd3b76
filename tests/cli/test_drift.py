"""`holdfast drift`: what changed, of whom, since when; nothing told where nothing did."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from connectors.clickhouse.client import Address, Warehouse
from connectors.clickhouse.migrations import migrate
from connectors.clickhouse.rows import Source, row_of
from connectors.clickhouse.tables import FEED_SEEN
from schemas import codec, topics
from schemas.drift import FeedMark, FeedSeen
from streams.cli.main import app
from streams.drift import Counted, Marked, Who, changes

DAY = 86_400_000
NOW = 1_790_000_000_000
LONG_AGO, LATELY = NOW - 30 * DAY, NOW - DAY
OLD = [("version", "1.6", LONG_AGO), ("note", "letter-case", LONG_AGO)]


def span(at, marks, accepted=1_000, refused=10, **changes):
    """`marks`: what, detail and when first."""
    told = [FeedMark(what=w, detail=d, count=accepted, first_at=first) for w, d, first in marks]
    about = {"tenant": "t", "feed": "csms", "source": "ocpp", "partner": "volt", "make": "ABB/T/1"}
    return FeedSeen(
        accepted=accepted, refused=refused, marks=told, from_at=at, to_at=at + 5, **about | changes
    )


class World:
    def __init__(self, directory, monkeypatch):
        monkeypatch.setenv("HOLDFAST_STATE_DIR", str(directory))
        self.directory = directory
        self.offset = 0

    def put(self, *spans):
        warehouse = Warehouse(Address(self.directory / "analytics"))
        migrate(warehouse)
        for one in spans:
            self.offset += 1
            source = Source("d", 0, self.offset, 0, b"k", codec.encode(one))
            row = row_of(source, topics.DRIFT)[1]
            warehouse.insert(FEED_SEEN, [row], f"d:0:{self.offset}-{self.offset}")
        warehouse.close()

    def drift(self, *options):
        """Exit code, and what was printed as JSON."""
        told = CliRunner().invoke(app, ["drift", "--json", *options])
        return told.exit_code, json.loads(told.stdout.splitlines()[-1])

    def changes(self, *options):
        code, found = self.drift(*options)
        assert code == bool(found["changes"])
        return [(one["make"], one["kind"], one["detail"]) for one in found["changes"]]


@pytest.fixture
def world(tmp_path, monkeypatch):
    return World(tmp_path, monkeypatch)


def test_nothing_has_changed_where_all_is_as_before(world):
    world.put(span(LONG_AGO, OLD), span(LATELY, OLD))
    code, found = world.drift()
    assert (code, found["changes"], found["newest_at"]) == (0, [], LATELY + 5)
    (party,) = found["parties"]
    assert (party["messages"], party["refusal_rate"], party["version"]) == (1010, "0.0099", "1.6")
    assert (party["messages_before"], party["refused_before"]) == (1010, 10)


def test_a_new_field_word_and_refusal_are_told_with_when_they_began(world):
    new = [("field", "a.b", LATELY), ("word", "unit=kVAh", LATELY), ("refusal", "r x", LATELY)]
    world.put(span(LONG_AGO, OLD), span(LATELY, OLD + new))
    assert world.changes() == [
        ("ABB/T/1", "field", "a.b"),
        ("ABB/T/1", "refusal", "r x"),
        ("ABB/T/1", "word", "unit=kVAh"),
    ]
    assert {one["first_at"] for one in world.drift()[1]["changes"]} == {LATELY}
    assert world.changes("--since", "2026-09-22") == []
    assert world.changes("--source", "ocpi") == []


def test_what_another_partition_had_seen_before_is_not_new(world):
    field = ("field", "a.b")
    world.put(span(LONG_AGO, [*OLD, (*field, LONG_AGO)]), span(LATELY, [*OLD, (*field, LATELY)]))
    assert world.changes() == []


def test_another_version_and_one_that_comes_back(world):
    world.put(span(LONG_AGO, OLD), span(LATELY, [("version", "2.0.1", LATELY)]))
    assert world.changes() == [("ABB/T/1", "version", "2.0.1")]
    back = [("version", "2.1", LONG_AGO)]
    world.put(span(LONG_AGO, back, make="b", accepted=5), span(LONG_AGO, OLD, make="b"))
    world.put(span(LATELY, back, make="b"))
    assert ("b", "version", "2.1 after 1.6") in world.changes()


def test_a_new_firmware_is_told_with_what_no_other_had(world):
    new = [("version", "1.6", LATELY), ("field", "a.b", LATELY)]
    world.put(span(LONG_AGO, OLD), span(LATELY, OLD), span(LATELY, new, make="ABB/T/2"))
    assert world.changes() == [("ABB/T/2", "make", "ABB/T/2"), ("ABB/T/2", "field", "a.b")]


def test_a_new_partner_is_one_change(world):
    marks = [("field", str(one), LATELY) for one in range(50)]
    world.put(span(LONG_AGO, OLD), span(LATELY, OLD))
    world.put(
        span(LATELY, marks, partner="p", make="x"), span(LATELY, marks, partner="p", make="y")
    )
    assert world.changes() == [("", "partner", "")]


@pytest.mark.parametrize(("refused", "changed"), [(10, False), (13, False), (40, True), (0, True)])
def test_a_refusal_rate_is_told_where_it_is_no_chance(world, refused, changed):
    world.put(span(LONG_AGO, OLD), span(LATELY, OLD, refused=refused))
    assert [kind for _, kind, _ in world.changes()] == ["refusal_rate"] * changed


def test_people_see_the_same_and_an_empty_world_has_not_changed(world):
    world.put()
    told = CliRunner().invoke(app, ["drift"])
    assert (told.exit_code, "0 changes" in told.stdout) == (0, True)
    world.put(span(LONG_AGO, OLD), span(LATELY, [*OLD, ("field", "a.b", LATELY)]))
    told = CliRunner().invoke(app, ["drift"])
    assert (told.exit_code, "a.b" in told.stdout, "1 changes" in told.stdout) == (1, True, True)


def test_a_since_that_is_none_is_wrong_use_and_no_analytics_are_out_of_reach(world):
    assert CliRunner().invoke(app, ["drift"]).exit_code == 3
    world.put(span(LATELY, OLD))
    assert CliRunner().invoke(app, ["drift", "--since", "soon"]).exit_code == 2


WHO = Who("t", "f", "ocpp", "p", "m")
numbers = st.tuples(st.integers(0, 10**6), st.integers(0, 10**6))


@given(numbers, numbers)
def test_any_counts_are_compared_and_the_same_are_no_change(before, since):
    counted = Counted(WHO, 0, 10, before, since)
    same = Counted(WHO, 0, 10, before, before)
    assert changes([same], [], 5) == []
    assert len(changes([counted], [], 5)) <= 1


def test_marks_of_nobody_who_was_counted_are_passed_over():
    mark = Marked(WHO, "field", "x", 9, 9, 0, 1)
    assert changes([], [mark], 5) == []
    assert [one.kind for one in changes([Counted(WHO, 0, 9, (1, 0), (1, 0))], [mark], 5)] == [
        "field"
    ]
    assert (
        msgspec.structs.asdict(changes([Counted(WHO, 6, 9, (0, 0), (1, 0))], [mark], 5)[0])["kind"]
        == "partner"
    )
