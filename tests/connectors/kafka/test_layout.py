import socket

import pytest

from connectors.kafka.layout import PortTaken, prepare
from connectors.kafka.properties import server_properties


def test_identity_and_ports_outlive_a_restart(tmp_path):
    first = prepare(tmp_path, port=None)
    assert prepare(tmp_path, port=None) == first
    assert len(first.cluster_id) == 22


def test_a_port_taken_meanwhile_is_replaced(tmp_path):
    first = prepare(tmp_path, port=None).nodes[0]
    with socket.socket() as other:
        other.bind(("127.0.0.1", first.port))
        other.listen()
        again = prepare(tmp_path, port=None).nodes[0]
    assert again.port != first.port
    assert again.controller_port == first.controller_port


def test_the_port_asked_for_is_used_or_refused(tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        with pytest.raises(PortTaken, match=f"port {taken} "):
            prepare(tmp_path, port=taken)
    assert prepare(tmp_path, port=taken).nodes[0].port == taken


def test_nothing_listens_beyond_loopback(tmp_path):
    cluster = prepare(tmp_path, port=None)
    properties = server_properties(cluster, cluster.nodes[0])
    addresses = properties["listeners"].split(",")
    assert all(address.partition("://")[2].startswith("127.0.0.1:") for address in addresses)


@pytest.mark.parametrize(("nodes", "replicas", "in_sync"), [(1, 1, 1), (2, 2, 1), (5, 3, 2)])
def test_every_node_votes_and_internal_topics_are_replicated(tmp_path, nodes, replicas, in_sync):
    cluster = prepare(tmp_path, port=None, node_count=nodes)
    for node in cluster.nodes:
        properties = server_properties(cluster, node)
        voters = properties["controller.quorum.voters"].split(",")
        assert f"{node.node_id}@127.0.0.1:{node.controller_port}" in voters
        assert len(voters) == nodes
        assert properties["transaction.state.log.replication.factor"] == str(replicas)
        assert properties["transaction.state.log.min.isr"] == str(in_sync)
    ports = {port for node in cluster.nodes for port in (node.port, node.controller_port)}
    assert len(ports) == 2 * nodes
