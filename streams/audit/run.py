"""The auditor as a process: a pass every period, each new finding an alarm, figures for Prometheus.

It writes to no topic. What is wrong is for a person, with the command that mends it.
"""

import asyncio
import time
from contextlib import suppress

import structlog
from prometheus_client import start_http_server

from streams.agents.journal import edition
from streams.audit import metrics
from streams.audit.auditor import Auditor, Report
from streams.audit.findings import Finding
from streams.audit.reading import Reader, Scope, View
from streams.audit.shelf import Shelf
from streams.reading import reader

log = structlog.get_logger()


async def once(scope: Scope, view: View | None = None) -> Report:
    """Everything there is, looked at twice: what is loose both times is a finding."""
    shelf = Shelf()
    try:
        async with reader(scope.bootstrap) as consumer:
            passing = Reader(consumer, scope, Auditor(shelf, edition()), view)
            await passing.one_pass()
            return await passing.one_pass()
    finally:
        shelf.close()


async def follow(
    scope: Scope, period_s: float, stop: asyncio.Event, *, metrics_port: int = 0
) -> Report | None:
    """Pass after pass until `stop`; the last one's report, None where there was none."""
    if metrics_port:
        server, _ = start_http_server(metrics_port, addr="127.0.0.1")
    shelf = Shelf()
    report: Report | None = None
    known: set[Finding] = set()
    try:
        async with reader(scope.bootstrap) as consumer:
            passing = Reader(consumer, scope, Auditor(shelf, edition()))
            while not stop.is_set():
                began_s = time.monotonic()
                report = await passing.one_pass()
                metrics.show(report, time.monotonic() - began_s)
                known = _tell(report, known)
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), period_s)
    finally:
        shelf.close()
        if metrics_port:
            server.shutdown()
            server.server_close()
    return report


def _tell(report: Report, known: set[Finding]) -> set[Finding]:
    """Alarms for what is new, a line for what was mended."""
    now = {*report.findings}
    for one in sorted(now - known):
        fields = {name: getattr(one, name) for name in one.__struct_fields__}
        log.error("audit finding", **fields)
    for one in sorted(known - now):
        log.warning("audit finding mended", kind=one.kind, what=one.what)
    return now
