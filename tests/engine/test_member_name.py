"""The static member of a slot."""

from dataclasses import replace

from streams.engine.stage import Stage
from streams.engine.worker import member_name


class AnyStage(Stage):
    def open(self, partition, references):
        raise NotImplementedError


STAGE = AnyStage(
    name="s",
    version=1,
    inputs=("a", "b"),
    state_topic="state",
    parked_topic="parked",
    partitions=1,
    kinds=(),
)


def test_a_restart_is_the_same_member():
    again = replace(STAGE, version=2, inputs=("b", "a"))
    assert member_name(again, 3, "app-s") == member_name(STAGE, 3, "app-s")
    assert member_name(STAGE, 3, "app-s").startswith("app-s-3-")


def test_other_inputs_and_other_slots_are_other_members():
    names = {
        member_name(stage, slot, "app-s")
        for stage in (STAGE, replace(STAGE, inputs=("a",)), replace(STAGE, inputs=("a", "b", "c")))
        for slot in (0, 1)
    }
    assert len(names) == 6
