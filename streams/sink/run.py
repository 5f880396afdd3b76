"""The sink as a process: owner of the analytics directory, reader of topics, answerer of queries.

A plain consumer, not a stage: ClickHouse is outside Kafka's transactions. What makes each record
count once is the range persisted before the insert and the insert's token (`batch.py`).
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack

import stamina
import structlog
from aiokafka import TopicPartition
from clickhouse_connect.driver.exceptions import OperationalError

from connectors.clickhouse.client import Warehouse
from connectors.clickhouse.columns import TEXT, Table, typed
from connectors.clickhouse.migrations import migrate
from connectors.clickhouse.rows import by_table, row_of
from connectors.clickhouse.tables import TABLES
from streams.sink.batch import Batch
from streams.sink.cluster import cluster_id, committed_of, open_consumer
from streams.sink.directory import owned
from streams.sink.intake import Committed, Intake
from streams.sink.server import serve_queries
from streams.sink.settings import SinkSettings

log = structlog.get_logger(__name__)
_CLUSTERS = Table("kafka_clusters", typed(cluster_id=TEXT))


class ClusterDiffers(RuntimeError):
    """The analytics are another Kafka cluster's."""


async def run_sink(
    settings: SinkSettings,
    stop: asyncio.Event | None = None,
    on_ready: Callable[[int], None] | None = None,
    reached: Callable[[str], None] = lambda _point: None,
) -> None:
    """Runs until `stop` is set, then writes what it has and leaves.

    `on_ready` is called once with the query port, `reached` (from a thread) before and after each
    insert. Raises AnalyticsInUse when another process owns
    the directory, MigrationRefused, ClusterDiffers, and what the environment raises: the
    supervisor starts it anew.
    """
    async with AsyncExitStack() as stack:
        stack.enter_context(owned(settings.directory))
        threads = stack.enter_context(ThreadPoolExecutor(1, "clickhouse"))
        loop = asyncio.get_running_loop()
        warehouse = await loop.run_in_executor(threads, _opened, settings)
        stack.push_async_callback(_in_thread, threads, warehouse.close)
        consumer = await open_consumer(stack, settings)
        await loop.run_in_executor(threads, bind, warehouse, await cluster_id(settings))

        async def insert(batch: Batch) -> None:
            await loop.run_in_executor(threads, write, warehouse, settings, batch, reached)

        async def committed(parts: list[TopicPartition]) -> Committed:
            return await committed_of(settings, parts)

        intake = Intake(settings, consumer, committed, insert)
        port = await serve_queries(stack, settings, intake.positions)
        consumer.subscribe(settings.topics, listener=intake)
        log.info("sink ready", group=settings.group_id, query_port=port)
        if on_ready is not None:
            on_ready(port)
        await intake.run(stop or asyncio.Event())


async def _in_thread(threads: ThreadPoolExecutor, call: Callable[[], None]) -> None:
    await asyncio.get_running_loop().run_in_executor(threads, call)


def _opened(settings: SinkSettings) -> Warehouse:
    """Connected and up to date. Waits for a server that is away."""
    for attempt in stamina.retry_context(
        on=OperationalError, attempts=None, timeout=None, wait_max=5
    ):
        with attempt:
            if attempt.num > 1:
                log.warning("waiting for ClickHouse", attempt=attempt.num)
            warehouse = Warehouse(settings.address)
    for name in migrate(warehouse):
        log.info("migrated", migration=name)
    return warehouse


def bind(warehouse: Warehouse, cluster: str) -> None:
    """One database holds one cluster's records: rows are known by their offsets.

    Another cluster's would be taken for repetitions and dropped. Raises ClusterDiffers.
    """
    known = [row[0] for row in warehouse.select("SELECT DISTINCT cluster_id FROM kafka_clusters")]
    if not known:
        warehouse.insert(_CLUSTERS, [(cluster,)], token=f"cluster:{cluster}")
    elif known != [cluster]:
        raise ClusterDiffers(
            f"these tables hold records of Kafka cluster {', '.join(known)}, not of {cluster}:"
            " use another database"
        )


def write(
    warehouse: Warehouse, settings: SinkSettings, batch: Batch, reached: Callable[[str], None]
) -> None:
    """One block for each table that the batch has rows for, all under the batch's token."""
    name = settings.catalogue_name(batch.topic)
    rows = by_table(row_of(record, name) for record in batch.records)
    for table in sorted(rows):
        reached("before_insert")
        warehouse.insert(TABLES[table], rows[table], batch.token)
        reached("after_insert")
