"""What stands in a state directory: the cluster's identity and ports, kept over restarts."""

import json
import secrets
import socket
from base64 import urlsafe_b64encode
from contextlib import closing
from pathlib import Path

from connectors.kafka.properties import HOST, Cluster, Node, render, server_properties

CLUSTER_FILE = "cluster.json"


def prepare(state_dir: Path, *, port: int | None, node_count: int = 1) -> Cluster:
    """The cluster of this directory, with free ports, its configuration files written.

    The identity is made once. The ports of the last run are taken again when they are free, so
    that clients which wait for the broker find it; `port`, when given, is the first node's.
    """
    remembered = _remembered(state_dir)
    cluster_id = remembered.get("cluster_id") or _new_cluster_id()
    before = [int(number) for number in remembered.get("ports", "").split()]
    ports = _ports(before, 2 * node_count, fixed=port)
    nodes = tuple(
        Node(
            node_id=number,
            port=ports[2 * number],
            controller_port=ports[2 * number + 1],
            folder=state_dir / f"node-{number}",
        )
        for number in range(node_count)
    )
    cluster = Cluster(cluster_id=cluster_id, nodes=nodes)
    _remember(state_dir, {"cluster_id": cluster_id, "ports": " ".join(map(str, ports))})
    for node in nodes:
        node.logs.mkdir(parents=True, exist_ok=True)
        node.properties.write_text(render(server_properties(cluster, node)))
    return cluster


def _remembered(state_dir: Path) -> dict[str, str]:
    path = state_dir / CLUSTER_FILE
    return dict(json.loads(path.read_text())) if path.exists() else {}


def _remember(state_dir: Path, facts: dict[str, str]) -> None:
    fresh = state_dir / f"{CLUSTER_FILE}.new"
    fresh.write_text(json.dumps(facts))
    fresh.replace(state_dir / CLUSTER_FILE)


def _new_cluster_id() -> str:
    """16 bytes as Kafka writes them; no leading dash, which its tools would take for a flag."""
    return urlsafe_b64encode(b"H" + secrets.token_bytes(15)).decode().rstrip("=")


def _ports(before: list[int], count: int, *, fixed: int | None) -> list[int]:
    """Free ports, all bound at the same time while choosing, so that they differ."""
    wanted = (before + [0] * count)[:count]
    if fixed is not None:
        wanted[0] = fixed
    sockets = [_bound(number, must=number == fixed) for number in wanted]
    ports = [int(each.getsockname()[1]) for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _bound(port: int, *, must: bool) -> socket.socket:
    candidate = socket.socket()
    # As the broker does: without it a port of the last run is refused while it is in TIME_WAIT.
    candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        candidate.bind((HOST, port))
    except OSError as problem:
        candidate.close()
        if must:
            raise PortTaken(f"port {port} on {HOST} is not free: {problem.strerror}") from problem
        return _bound(0, must=True)
    return candidate


class PortTaken(Exception):
    """The port that was asked for cannot be bound; the message names it."""


def listening(port: int) -> bool:
    with closing(socket.socket()) as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0
