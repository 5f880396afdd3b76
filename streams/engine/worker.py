"""One stage as one process: the Faust app, the engine under it, health, start and stop."""

import asyncio
import gc
import logging
import os
import signal
import time
import zlib
from collections.abc import Callable
from typing import Any

import faust
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaConnectionError, KafkaError

from streams.engine import driver
from streams.engine.assignment import Assignment
from streams.engine.errors import Refused
from streams.engine.pacing import Pacer
from streams.engine.references import ReferenceReader
from streams.engine.settings import ENVIRONMENT_EXIT, REFUSED_EXIT, EngineSettings
from streams.engine.stage import Stage
from streams.engine.task import PartitionTask, Worker, is_fenced
from streams.engine.ticker import TickProducer

log = logging.getLogger(__name__)

_BEAT_EVERY = 0.5
_ALIVE_WITHIN = 3.0
_TURN_WITHIN = 30.0
_STOP_WITHIN = 5.0
_BROKER_RETRY = 1.0
_COLLECT_AFTER = 50_000  # new objects; Python's 700 are a tenth of a turn's


def run_stage(stage: Stage, settings: EngineSettings) -> int:
    """Run until SIGTERM or SIGINT; the exit code: 0, `REFUSED_EXIT`.

    On an error that no record is to blame for the process ends at once with `ENVIRONMENT_EXIT`:
    what was not committed did not happen, and a fresh process is the only sure clean-up.
    """
    logging.basicConfig(
        level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    for noisy in ("faust", "mode", "aiokafka"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, logging.getLogger().level))
    try:
        return asyncio.run(StageProcess(stage, settings).run())
    except Refused as refused:
        log.critical("stage %s does not start: %s", stage.name, refused)
        return REFUSED_EXIT


class StageProcess:
    """Everything that lives as long as the process. `exit` is replaced by tests only."""

    def __init__(
        self, stage: Stage, settings: EngineSettings, exit_now: Callable[[int], Any] = os._exit
    ) -> None:
        self._stage = stage
        self._settings = settings
        self._exit_now = exit_now
        self._started = False
        self._stopping = False
        self.group = f"{settings.app_id}-{stage.name}"

    async def run(self) -> int:
        """Raises `Refused` before anything is taken."""
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        beating = asyncio.create_task(self._beat(), name="beat")
        starting = asyncio.create_task(self._start(), name="start")
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait([starting, stopped], return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            self._exit_now(0)  # nothing was taken yet
        await starting
        await stopped
        log.info("stage %s stops", self._stage.name)
        self._stopping = True
        beating.cancel()
        await self._stop()
        return 0

    async def _start(self) -> None:
        stage, settings = self._stage, self._settings
        await check_topics(stage, settings)
        self._references = ReferenceReader(settings.bootstrap, stage.references)
        await self._references.start()
        self._ticks = None
        if stage.ticker is not None:
            self._ticks = TickProducer(stage.ticker, settings.bootstrap)
            await self._ticks.open()
        app = build_app(stage, settings, self.group, self._deliver)
        consumer: driver.Consumer = app.consumer
        pacer = Pacer(settings.transactions_per_second)
        worker = Worker(stage, settings, consumer, self._references, pacer, self.group, self._fatal)
        self.assignment = Assignment(worker, consumer, self._ticks)
        consumer.owner = self
        consumer.reached = settings.reached
        consumer.max_records = settings.max_records
        self.app = app
        await app.start()
        _spare_the_collector()
        self._started = True

    def _deliver(self, event: Any) -> None:
        self.assignment.deliver(event.value, event)

    # -- the driver's `Owner` --

    async def revoked(self) -> None:
        await self.assignment.revoked()

    def assigned(self, places: frozenset[Any]) -> None:
        if not self._stopping:
            self.assignment.assigned(places)

    def failed(self, error: BaseException) -> None:
        self._fatal(None, error)

    # -- ends --

    def _fatal(self, task: PartitionTask | None, error: BaseException) -> None:
        if task is not None and is_fenced(error) and not self.assignment.owns(task):
            log.warning("partition %d: fenced, and no longer ours", task.partition)
            return
        if self._stopping:
            log.warning("while stopping: %r", error)
            return
        if isinstance(error, Refused):
            log.critical("stage %s does not start: %s", self._stage.name, error)
            self._exit_now(REFUSED_EXIT)
            return
        where = "" if task is None else f" in partition {task.partition}"
        log.critical("stage %s ends%s", self._stage.name, where, exc_info=error)
        self._exit_now(ENVIRONMENT_EXIT)

    async def _stop(self) -> None:
        try:
            async with asyncio.timeout(_STOP_WITHIN):
                await self.assignment.stop()
                if self._ticks is not None:
                    await self._ticks.close()
                await self._references.stop()
                await self.app.stop()
        except TimeoutError:
            log.warning(
                "stopping took more than %.0f s; all that was committed holds", _STOP_WITHIN
            )
            self._exit_now(0)

    # -- health --

    async def _beat(self) -> None:
        """Tell the watchdog that all is well, as long as it is."""
        while True:
            if self._started:
                await self._check()
            self._settings.beat()
            await asyncio.sleep(_BEAT_EVERY)

    async def _check(self) -> None:
        now = asyncio.get_running_loop().time()
        stuck = self.assignment.stuck(now, _TURN_WITHIN)
        if self.app.crashed:
            self._fatal(None, RuntimeError(f"Faust crashed: {self.app.crash_reason!r}"))
        elif self._references.failed:
            self._fatal(None, RuntimeError("the reference reader ended"))
        elif stuck is not None:
            self._fatal(stuck, RuntimeError(f"a turn took more than {_TURN_WITHIN:.0f} s"))
        else:
            await self._check_membership()

    async def _check_membership(self) -> None:
        try:
            async with asyncio.timeout(_ALIVE_WITHIN):
                alive = await self.app.consumer.alive()
        except TimeoutError as late:
            self._fatal(None, late)
            return
        if not alive:
            self._fatal(None, RuntimeError("the group membership ended"))


def _spare_the_collector() -> None:
    """Keep Python's collector of cycles off what lives as long as the process.

    A turn holds thousands of values at once, which looks to the collector like a leak: without
    this it goes over everything that was ever imported several times a second, for a quarter of
    the CPU. What really is a cycle (exceptions, futures) is still found.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER)


def build_app(
    stage: Stage, settings: EngineSettings, group: str, deliver: Callable[[Any], None]
) -> faust.App:
    """The Faust app of a stage: one agent over all inputs, no tables, no web, no commits."""
    brokers = ";".join(f"holdfast://{host}" for host in settings.bootstrap.split(","))
    session = settings.session_timeout_ms / 1000
    app = faust.App(
        group,
        broker=brokers,
        store="memory://",
        Topic=driver.SliceTopic,
        TableManager=driver.NoTables,
        datadir=str(settings.datadir),
        topic_partitions=stage.partitions,
        topic_disable_leader=True,
        topic_allow_declare=False,
        table_standby_replicas=1,  # with 0 and no tables Faust takes an assignor without statics
        stream_wait_empty=False,
        stream_recovery_delay=0.0,
        web_enabled=False,
        broker_session_timeout=session,
        broker_heartbeat_interval=settings.heartbeat_ms / 1000,
        broker_rebalance_timeout=session,
        broker_request_timeout=max(10.0, 2 * session),
        consumer_group_instance_id=member_name(stage, settings.slot, group),
        worker_redirect_stdouts=False,
    )

    async def slices(stream: Any) -> None:
        async for event in stream.noack().events():
            deliver(event)

    app.agent(app.topic(*stage.inputs), name=f"{stage.name}.slices")(slices)
    app.finalize()
    return app


def member_name(stage: Stage, slot: int, group: str) -> str:
    """The static member: the slot, and a digest of the inputs.

    A static member that comes back gets its old assignment without a rebalance, even where it
    asks for other topics than before; a task would wait for those for ever.
    """
    inputs = zlib.crc32(",".join(sorted(stage.inputs)).encode())
    return f"{group}-{slot}-{inputs:08x}"


async def check_topics(stage: Stage, settings: EngineSettings) -> None:
    """Wait for the broker and the stage's topics. Raises `Refused` for wrong partition counts."""
    told_at = 0.0
    while True:
        try:
            wrong = await _wrong_topics(stage, settings)
        except (KafkaConnectionError, KafkaError, OSError) as error:
            wrong = [f"broker at {settings.bootstrap}: {error}"]
        if not wrong:
            return
        if any("partitions" in line for line in wrong):
            raise Refused("; ".join(wrong))
        if time.monotonic() - told_at > _STOP_WITHIN:
            told_at = time.monotonic()
            log.warning("stage %s waits for %s", stage.name, "; ".join(wrong))
        await asyncio.sleep(_BROKER_RETRY)


async def _wrong_topics(stage: Stage, settings: EngineSettings) -> list[str]:
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.bootstrap)
    await admin.start()
    try:
        topics = [*stage.inputs, stage.state_topic, stage.parked_topic, *stage.references]
        found = await admin.describe_topics(topics)
    finally:
        await admin.close()
    counts = {t["topic"]: len(t["partitions"]) for t in found if not t["error_code"]}
    wrong = [f"topic {topic}" for topic in topics if topic not in counts]
    return wrong + [
        f"{topic} has {counts[topic]} partitions, not {stage.partitions}"
        for topic in (*stage.inputs, stage.state_topic)
        if topic in counts and counts[topic] != stage.partitions
    ]
