"""`processing_guarantee="exactly_once"` of stock Faust: both halves of its promise are not kept.

Ours never sets it; positions, state and outputs are in one transaction of our own.
"""

import asyncio

import pytest

pytestmark = pytest.mark.broker


QUICK = [str(number).encode() for number in range(8)]


@pytest.fixture(scope="module")
def found(kafka, tmp_path_factory, wire_to):
    """Eight records are done, the ninth is still being worked on."""
    wire, folder = wire_to(kafka), tmp_path_factory.mktemp("exactly-once")
    prefix = wire.name("eos")

    async def feed():
        await wire.topic(f"{prefix}.input")
        await wire.topic(f"{prefix}.output", 4)
        await wire.put(f"{prefix}.input", *QUICK, b"slow")

    async def observe():
        async def quick_ones_are_committed():
            return await wire.committed(prefix, f"{prefix}.input") == len(QUICK)

        assert await wire.until(quick_ones_are_committed)
        return {
            "outputs": [
                (partition, value)
                for partition in range(4)
                for value in await wire.values(f"{prefix}.output", partition=partition)
            ],
            "state": [r.key for r in await wire.read(f"{prefix}-counts-changelog")],
            "position": await wire.committed(prefix, f"{prefix}.input"),
        }

    asyncio.run(feed())
    env = {"PREFIX": prefix, "DATADIR": str(folder / "data")}
    arguments = ("worker", "-l", "info", "--without-web")
    log = folder / "log"
    with wire.running("stock_exactly_once.py", *arguments, log=log, **env):
        return asyncio.run(observe())


def test_an_output_is_visible_before_its_input_is_committed(found):
    """Outputs do not go through the transactional producer: after a kill this one comes again."""
    assert found["position"] == 8
    assert b"slow" in {value for _, value in found["outputs"]}


def test_state_is_committed_before_its_input_is(found):
    """The timer commits what the open transaction holds, done or not: a kill now counts twice."""
    assert found["position"] == 8
    assert b'"slow"' in found["state"]


def test_the_partition_that_was_asked_for_is_ignored(found):
    assert len(found["outputs"]) == 9
    assert {partition for partition, _ in found["outputs"]} - {1}
