"""A stage that hangs keeps its partitions for ever as far as it knows; the supervisor ends that."""

import asyncio
import signal
import sys
from pathlib import Path

import pytest

from streams.engine.supervisor import ChildSpec, Supervisor, What

pytestmark = [pytest.mark.broker, pytest.mark.kill]


async def test_a_stage_that_was_stopped_is_replaced_and_each_record_counts_once(wire, tmp_path):
    prefix = wire.name("watched")
    for name in ("input", "output", "parked", "narrow"):
        await wire.topic(f"{prefix}.{name}")
    await wire.topic(f"{prefix}.state", cleanup_policy="compact")
    events = []
    stage = ChildSpec(
        name="stage",
        argv=(sys.executable, str(Path(__file__).parent / "ours.py")),
        env={"PREFIX": prefix, "BOOTSTRAP": wire.bootstrap, "DATADIR": str(tmp_path)},
        silence_s=2.0,
    )
    supervisor = Supervisor([stage], on_event=events.append)

    async def outputs(count):
        async def there():
            found = await wire.values(f"{prefix}.output")
            return found if len(found) >= count else None

        return await wire.until(there)

    supervisor.start()
    try:
        await wire.put(f"{prefix}.input", b"before")
        assert await outputs(1) == [b"before"]
        supervisor.kill("stage", signal.SIGSTOP)
        await wire.put(f"{prefix}.input", b"meanwhile")
        assert await outputs(2) == [b"before", b"meanwhile"]
    finally:
        assert await asyncio.to_thread(supervisor.stop) == 0
    told = [event.what for event in events]
    replaced = [What.SILENT, What.DIED, What.STARTED, What.ALIVE]
    assert told[:2] == [What.STARTED, What.ALIVE]
    assert told[-1] == What.STOPPED
    # On a machine that does not let it run it is silent more often than it was stopped.
    assert told[2:-1] == replaced * (len(told[2:-1]) // 4) != []
    assert events[-1].exit_code == 0
