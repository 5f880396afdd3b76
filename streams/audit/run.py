"""The auditor as a process: a pass every period, each new finding an alarm, figures for Prometheus.

It writes to no topic. What is wrong is for a person, with the command that mends it.
"""

import asyncio
import sqlite3
import time
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import structlog
from aiokafka.admin import AIOKafkaAdminClient
from prometheus_client import start_http_server

from streams.agents.journal import edition
from streams.audit import metrics
from streams.audit.auditor import Auditor, Report
from streams.audit.checkpoint import Checkpoints, Positions, discard, open_shelf
from streams.audit.findings import Finding
from streams.audit.reading import PlaceGone, Reader, Scope, View
from streams.audit.shelf import Shelf, ShelfDamaged
from streams.reading import reader

log = structlog.get_logger()


async def once(scope: Scope, view: View | None = None) -> Report:
    """Everything there is, looked at twice: what is loose both times is a finding."""
    with closing(Shelf()) as shelf:
        async with reader(scope.bootstrap) as consumer:
            passing = Reader(consumer, scope, Auditor(shelf, edition(), rhythm=scope.rhythm), view)
            await passing.one_pass()
            return await passing.one_pass()


async def follow(
    scope: Scope,
    period_s: float,
    stop: asyncio.Event,
    *,
    metrics_port: int = 0,
    checkpoint: Path | None = None,
) -> Report | None:
    """Pass after pass until `stop`; the last one's report, None where there was none.

    `checkpoint`: the file that it goes on from after a restart; where that cannot be believed, it
    reads from the beginning again. Raises sqlite3.Error where a new one is of no use either.
    """
    with ExitStack() as exits:
        if metrics_port:
            server, _ = start_http_server(metrics_port, addr="127.0.0.1")
            exits.callback(server.server_close)
            exits.callback(server.shutdown)
        cluster = await _cluster(scope) if checkpoint is not None else ""
        following = _Following(scope, period_s, stop)
        while True:
            try:
                return await following.run(checkpoint, cluster)
            except (ShelfDamaged, PlaceGone, sqlite3.DatabaseError) as error:
                if not following.may_begin_anew:
                    raise
                log.warning("audit reads from the beginning again", why=str(error))
                following.forget()


async def _cluster(scope: Scope) -> str:
    admin = AIOKafkaAdminClient(bootstrap_servers=scope.bootstrap)
    await admin.start()
    try:
        found = await admin.describe_cluster()
    finally:
        await admin.close()
    return f"{found['cluster_id']}/{scope.app_id}/{scope.partitions}"


class _Following:
    """Passes, and what of their findings was told already."""

    def __init__(self, scope: Scope, period_s: float, stop: asyncio.Event) -> None:
        self._scope = scope
        self._period_s = period_s
        self._stop = stop
        self._known: set[Finding] = set()
        self._report: Report | None = None
        self._kept_at: Path | None = None
        self.may_begin_anew = False  # from nothing and at once, it would go no better

    async def run(self, path: Path | None, cluster: str) -> Report | None:
        with closing(open_shelf(path)) as shelf:
            self._kept_at = shelf.path
            self.may_begin_anew = shelf.path is not None
            checkpoints = Checkpoints(shelf, cluster)
            found = checkpoints.read()
            self.may_begin_anew = bool(found.positions)
            auditor = Auditor(shelf, edition(), found.memory, self._scope.rhythm)
            log.info("audit begins", passes=found.memory.passes)

            def keep(positions: Positions) -> None:
                auditor.flush()
                checkpoints.keep(positions, auditor.memory)

            async with reader(self._scope.bootstrap) as consumer:
                passing = Reader(consumer, self._scope, auditor)
                passing.go_on(found.positions, keep)
                await self._passes(passing)
        return self._report

    def forget(self) -> None:
        if self._kept_at is not None:
            discard(self._kept_at)

    async def _passes(self, passing: Reader) -> None:
        while not self._stop.is_set():
            began_s = time.monotonic()
            self._report = await passing.one_pass()
            self.may_begin_anew = True
            metrics.show(self._report, time.monotonic() - began_s)
            self._known = _tell(self._report, self._known)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), self._period_s)


def _tell(report: Report, known: set[Finding]) -> set[Finding]:
    """Alarms for what is new, a line for what was mended."""
    now = {*report.findings}
    for one in sorted(now - known):
        fields = {name: getattr(one, name) for name in one.__struct_fields__}
        log.error("audit finding", **fields)
    for one in sorted(known - now):
        log.warning("audit finding mended", kind=one.kind, what=one.what)
    return now
