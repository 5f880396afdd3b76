"""What the sink is told."""

from pathlib import Path

import msgspec
from pydantic import SecretStr

from connectors.clickhouse.client import Address, Limits
from connectors.clickhouse.rows import SUNK

PORT_FILE = "query.port"


class SinkSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`directory`: chDB's data (unless there is a `dsn`), the lock and the query port's file.

    `instance_id`: static membership, one of its own for each process of a group.
    `topic_prefix`: before every name of the catalogue, where a cluster has other tenants.
    Batches are written when all of them hold `flush_rows` or `flush_bytes`, and every
    `flush_every_s`, later where writing would take more than a tenth of the time, by 5 s at most.
    `query_port` 0: a free one.
    """

    bootstrap: str
    directory: Path
    dsn: SecretStr = SecretStr("")
    group_id: str = "holdfast-sink"
    instance_id: str = "holdfast-sink-0"
    topic_prefix: str = ""
    flush_every_s: float = 1.0
    flush_rows: int = 10_000
    flush_bytes: int = 32 * 2**20
    session_timeout_s: float = 6
    heartbeat_s: float = 1
    query_port: int = 0
    limits: Limits = Limits()

    @property
    def address(self) -> Address:
        return Address(self.directory, self.dsn)

    @property
    def topics(self) -> list[str]:
        return [self.topic_prefix + name for name in SUNK]

    def catalogue_name(self, topic: str) -> str:
        return topic.removeprefix(self.topic_prefix)
