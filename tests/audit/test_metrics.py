"""What Prometheus sees: every kind of finding, also when there is none of it any more."""

from auditworld import audited
from prometheus_client import REGISTRY
from test_auditor import day as day  # noqa: PLC0414 - a fixture of the neighbour
from test_auditor import of, without

from schemas import topics
from streams.audit import metrics


def value(name, **labels):
    return REGISTRY.get_sample_value(f"holdfast_audit_{name}", labels)


def test_a_finding_is_counted_until_it_is_mended(day):
    metrics.show(audited(day.pipeline, without(of(day, topics.COMMANDS)[0])), 0.5)
    assert value("findings", kind="missing") == 1
    assert value("findings", kind="extra") == 0
    metrics.show(audited(day.pipeline), 0.5)
    assert value("findings", kind="missing") == 0
    assert value("pass_seconds") == 0.5


def test_inputs_add_up_by_partition(day):
    report = audited(day.pipeline)
    metrics.show(report, 0)
    for partition, flow in report.flows.items():
        known = ("applied", "repeated", "parked")
        parts = [value("inputs", partition=partition, what=what) for what in known]
        assert sum(parts) == value("inputs", partition=partition, what="taken") == flow.taken
