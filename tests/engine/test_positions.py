"""Positions: where a stage goes on, and when it must not."""

import pytest

from streams.engine.errors import InputsChanged, PositionsMissing, StateTooNew
from streams.engine.positions import encode_positions, starting_positions
from streams.engine.stage import Stage


class AnyStage(Stage):
    def open(self, partition, references):
        raise NotImplementedError


def stage(version: int = 1, inputs: tuple[str, ...] = ("a", "b")) -> Stage:
    return AnyStage(
        name="s",
        version=version,
        inputs=inputs,
        state_topic="state",
        parked_topic="parked",
        partitions=1,
        kinds=(),
    )


def test_what_was_stored_is_where_it_goes_on():
    stored = encode_positions(stage(), {"a": 5, "b": 2**40})
    assert starting_positions(stage(), stored, has_state=True) == {"a": 5, "b": 2**40}


def test_an_empty_state_topic_starts_at_the_beginning():
    assert starting_positions(stage(), None, has_state=False) == {}


def test_state_without_positions_is_refused():
    with pytest.raises(PositionsMissing, match="no positions"):
        starting_positions(stage(), None, has_state=True)


def test_positions_of_a_newer_stage_are_refused():
    stored = encode_positions(stage(version=2), {"a": 5, "b": 6})
    with pytest.raises(StateTooNew, match="version 2"):
        starting_positions(stage(), stored, has_state=True)


@pytest.mark.parametrize("inputs", [("a",), ("a", "b", "c"), ("a", "c")])
def test_other_inputs_need_another_version(inputs):
    stored = encode_positions(stage(), {"a": 5, "b": 6})
    with pytest.raises(InputsChanged, match="new version"):
        starting_positions(stage(inputs=inputs), stored, has_state=True)


def test_a_new_version_keeps_the_inputs_it_has_in_common():
    stored = encode_positions(stage(), {"a": 5, "b": 6})
    newer = stage(version=2, inputs=("b", "c"))
    assert starting_positions(newer, stored, has_state=True) == {"b": 6}
