"""The broker's configuration, as values: who is in the cluster, and what a node is told."""

from dataclasses import dataclass
from pathlib import Path

HOST = "127.0.0.1"
PARTITIONS_OF_OWN_TOPICS = 8  # offsets and transactions; 50 each by default, a second more to start
REPLICAS_AT_MOST = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One combined broker and controller on this machine."""

    node_id: int
    port: int
    controller_port: int
    folder: Path

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    @property
    def properties(self) -> Path:
        return self.folder / "server.properties"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """All nodes of one local cluster and its identity (22 URL-safe characters, for life)."""

    cluster_id: str
    nodes: tuple[Node, ...]

    @property
    def bootstrap(self) -> str:
        return ",".join(f"{HOST}:{node.port}" for node in self.nodes)

    @property
    def replicas(self) -> int:
        return min(REPLICAS_AT_MOST, len(self.nodes))


def server_properties(cluster: Cluster, node: Node) -> dict[str, str]:
    """What `node` is told. The settings and their reasons: README.md, "Broker settings"."""
    return {
        **_identity(cluster, node),
        **_internal_topics(cluster.replicas),
        **_behaviour(cluster.replicas),
        **_thrift(),
    }


def render(properties: dict[str, str]) -> str:
    return "".join(f"{name}={value}\n" for name, value in properties.items())


def _identity(cluster: Cluster, node: Node) -> dict[str, str]:
    voters = (f"{peer.node_id}@{HOST}:{peer.controller_port}" for peer in cluster.nodes)
    return {
        "process.roles": "broker,controller",
        "node.id": str(node.node_id),
        "controller.quorum.voters": ",".join(voters),
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "listeners": f"PLAINTEXT://{HOST}:{node.port},CONTROLLER://{HOST}:{node.controller_port}",
        "advertised.listeners": f"PLAINTEXT://{HOST}:{node.port}",
        "log.dirs": str(node.data),
    }


def _internal_topics(replicas: int) -> dict[str, str]:
    in_sync = max(1, replicas - 1)
    return {
        "offsets.topic.num.partitions": str(PARTITIONS_OF_OWN_TOPICS),
        "offsets.topic.replication.factor": str(replicas),
        "transaction.state.log.num.partitions": str(PARTITIONS_OF_OWN_TOPICS),
        "transaction.state.log.replication.factor": str(replicas),
        "transaction.state.log.min.isr": str(in_sync),
        "share.coordinator.state.topic.num.partitions": "1",
        "share.coordinator.state.topic.replication.factor": str(replicas),
        "share.coordinator.state.topic.min.isr": str(in_sync),
    }


def _behaviour(replicas: int) -> dict[str, str]:
    return {
        "auto.create.topics.enable": "false",
        "num.partitions": "4",
        "default.replication.factor": str(replicas),
        "min.insync.replicas": str(max(1, replicas - 1)),
        "message.max.bytes": str(1024 * 1024 + 12),
        "group.initial.rebalance.delay.ms": "0",
        "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
        "log.cleaner.enable": "true",
    }


def _thrift() -> dict[str, str]:
    return {
        "num.network.threads": "2",
        "num.io.threads": "4",
        "background.threads": "4",
        "log.cleaner.threads": "1",
        "log.cleaner.dedupe.buffer.size": str(16 * 1024 * 1024),
        "metric.reporters": "",
    }
