"""What the auditor counts. One place, so that a name exists once."""

from typing import get_args

from prometheus_client import Gauge

from streams.audit.auditor import Report
from streams.audit.findings import Kind

FINDINGS = Gauge("holdfast_audit_findings", "What is not in order now, by kind.", ("kind",))
SESSIONS = Gauge("holdfast_audit_sessions", "Sessions followed since the auditor began.")
FOLLOWED = Gauge("holdfast_audit_only_followed", "Sessions that are not decided again.")
OF_OTHERS = Gauge(
    "holdfast_audit_commands_of_others", "Commands that another edition of the rules issued."
)
STEPS = Gauge("holdfast_audit_steps", "Steps decided again.")
OUTPUTS = Gauge("holdfast_audit_outputs", "Records that were expected, and there.")
READINGS = Gauge("holdfast_audit_readings", "Readings compared with their watch.")
SILENCES = Gauge("holdfast_audit_silences", "Silences of chargers that sessions were told of.")
INPUTS = Gauge(
    "holdfast_audit_inputs", "Inputs of sessions, by partition and what became of them.",
    ("partition", "what"),
)  # fmt: skip
PASSES = Gauge("holdfast_audit_passes", "Passes since the auditor began.")
SECONDS = Gauge("holdfast_audit_pass_seconds", "How long the last pass took.")


def show(report: Report, seconds: float) -> None:
    kinds = [one.kind for one in report.findings]
    for kind in get_args(Kind):  # none is a 0, too: what is not there rouses nobody
        FINDINGS.labels(kind).set(kinds.count(kind))
    SESSIONS.set(report.sessions)
    FOLLOWED.set(sum(report.only_followed.values()))
    OF_OTHERS.set(report.commands_of_others)
    STEPS.set(report.steps)
    OUTPUTS.set(report.outputs)
    READINGS.set(report.readings)
    SILENCES.set(report.silences)
    for partition, flow in report.flows.items():
        for what in flow.__struct_fields__:
            INPUTS.labels(partition, what).set(getattr(flow, what))
    PASSES.set(report.passes)
    SECONDS.set(seconds)
