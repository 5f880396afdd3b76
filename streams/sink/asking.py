"""Asking the analytics: of a running sink through its port, of a stopped one directly."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import httpx

from connectors.clickhouse.client import Address, Answer, Limits, ask
from connectors.clickhouse.guard import QueryRefused
from streams.sink.directory import owned
from streams.sink.server import HOST
from streams.sink.settings import PORT_FILE

# Loopback speaks no TLS, and the authorities that httpx would load for each question alone cost
# eighty times as much CPU as the question.
_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
_MARGIN_S = 20  # beyond the query's own limit: a queue before it, a busy machine


class SinkAway(Exception):
    """There is nobody to ask: no sink answers, and there are no analytics to open."""


class Analytics(Protocol):
    """Who answers queries. `positions`: what a running sink has inserted, None of a stopped one."""

    def query(self, sql: str) -> Answer: ...

    def positions(self) -> dict[str, dict[int, int]] | None: ...


def query(base_url: str, sql: str, limits: Limits | None = None) -> Answer:
    """Raises QueryRefused, SinkAway."""
    timeout = (limits or Limits()).seconds + _MARGIN_S
    try:
        response = httpx.post(
            f"{base_url}/query",
            content=sql.encode(),
            timeout=timeout,
            verify=_NO_TLS,
            trust_env=False,
        )
    except httpx.HTTPError as error:
        raise SinkAway(f"the sink at {base_url} does not answer: {error!r}") from error
    body = response.json()
    if response.is_error:
        raise QueryRefused(body["error"])
    return Answer(body["columns"], body["types"], body["rows"])


def positions(base_url: str) -> dict[str, dict[int, int]]:
    """By topic and partition: every record below is in ClickHouse. Raises SinkAway."""
    try:
        body = httpx.get(
            f"{base_url}/positions", timeout=_MARGIN_S, verify=_NO_TLS, trust_env=False
        ).json()
    except httpx.HTTPError as error:
        raise SinkAway(f"the sink at {base_url} does not answer: {error!r}") from error
    return {
        topic: {int(number): at for number, at in of.items()}
        for topic, of in body["positions"].items()
    }


class RunningSink:
    def __init__(self, base_url: str) -> None:
        self._base_url = base_url

    def query(self, sql: str) -> Answer:
        return query(self._base_url, sql)

    def positions(self) -> dict[str, dict[int, int]] | None:
        return positions(self._base_url)


class StoppedSink:
    def __init__(self, address: Address) -> None:
        self._address = address

    def query(self, sql: str) -> Answer:
        return ask(self._address, sql, Limits())

    def positions(self) -> dict[str, dict[int, int]] | None:
        return None


@contextmanager
def open_analytics(address: Address) -> Iterator[Analytics]:
    """The running sink of this directory if there is one, else its data, owned meanwhile.

    Raises SinkAway when there is nothing to open, AnalyticsInUse when an owner does not answer.
    """
    file = address.directory / PORT_FILE
    if file.exists():
        running = RunningSink(f"http://{HOST}:{file.read_text().strip()}")
        try:
            running.positions()
        except SinkAway:
            pass  # a killed sink leaves its file behind
        else:
            yield running
            return
    if address.is_embedded and not address.data.exists():
        raise SinkAway(f"{address.data} does not exist: no sink has run here")
    with owned(address.directory):
        yield StoppedSink(address)
