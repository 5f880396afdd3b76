"""The next of all instants at which a session is asked again."""

import pytest
from msgspec.structs import replace
from sessionworld import POLICY, T0, World, answered, reading, request, started, tariff

from streams.core.case import case_of
from streams.core.deadlines import next_deadline
from streams.core.holds import LAST_AT

MINUTE = 60_000


def charging():
    made = World(tariff())
    made.apply(request(), T0)
    made.apply(answered("hold/1", "done", 2_000), T0)
    made.apply(started(0, T0), T0)
    made.apply(reading(1_000, T0 + MINUTE), T0 + MINUTE)
    return case_of(made.session, POLICY)


def shown(case, **changed):
    ((name, watch),) = case.session.published.watches.items()
    return {name: replace(watch, **changed)}


def test_the_hold_ends_it_where_nothing_else_does():
    case = charging()
    assert next_deadline(case, [], {}) == case.hold.expires_at


@pytest.mark.parametrize("asked", [[T0 + 5 * MINUTE, T0 + 4 * MINUTE], [T0, T0 + 4 * MINUTE]])
def test_the_soonest_that_a_rule_asked_for_and_is_yet_to_come(asked):
    assert next_deadline(charging(), asked, {}) == T0 + 4 * MINUTE


def test_a_watch_that_time_alone_wakes():
    case = charging()
    woken = shown(case, wake_read_at=T0 + 3 * MINUTE)
    assert next_deadline(case, [], woken) == T0 + 3 * MINUTE
    closing = shown(case, wake_read_at=T0 + 3 * MINUTE, closing=True)
    assert next_deadline(case, [], closing) == case.hold.expires_at


def test_nothing_is_awaited_after_the_last_instant_that_can_be_told():
    case = charging()
    far = replace(case, holds=[replace(case.hold, expires_at=LAST_AT + 1)])
    assert next_deadline(far, [LAST_AT + 1], {}) is None
    assert next_deadline(far, [LAST_AT], {}) == LAST_AT
