"""The auditor over whole sessions, without a broker: what is in order, and what is tampered with."""

import pytest
from auditworld import AuditedDay, audited


@pytest.fixture(scope="module")
def day():
    day = AuditedDay()
    day.charge()
    return day


def test_what_came_out_of_the_real_stages_is_in_order(day):
    report = audited(day.pipeline)
    assert report.findings == []
    assert report.in_order
    assert report.sessions == 1
    assert report.steps > 10
    assert report.crossings > 0
    assert report.only_followed == {}
