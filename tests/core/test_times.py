"""Which rules are asked when; that none of the others has anything to say is test_session_laws.py.

Here: that hardly any is asked while energy flows, for that is nearly every fact.
"""

import pytest
from sessionworld import POLICY, T0, World, answered, ended, reading, request, started, tariff

from streams.core import times
from streams.core.case import case_of
from streams.core.rules import RULES
from streams.core.times import ALWAYS, BEFORE_START, HELD, QUIET, STOPPED, UNSETTLED, times_of

MINUTE = 60_000


def told(*facts):
    made = World(tariff())
    for fact, at in facts:
        made.apply(fact, at)
    return times_of(case_of(made.session, POLICY))


ASKED = (request(), T0)
HELD_AT_ONCE = (answered("hold/1", "done", 2_000), T0)
BEGUN = (started(0, T0), T0)


def test_every_rule_waits_for_a_word_that_there_is():
    words = {value for name, value in vars(times).items() if name.isupper()}
    assert {rule.when for rule in RULES} <= words


def test_while_energy_flows_four_rules_are_asked():
    found = told(ASKED, HELD_AT_ONCE, BEGUN, (reading(1_000, T0 + MINUTE), T0 + MINUTE))
    asked = [rule.name for rule in RULES if rule.when in found]
    assert asked == ["raise_hold", "stop_inside_hold", "extend_hold", "release_expired"]


@pytest.mark.parametrize(
    ("facts", "word"),
    [
        ([ASKED], BEFORE_START),
        ([ASKED], UNSETTLED),
        ([ASKED, HELD_AT_ONCE], HELD),
        ([ASKED, HELD_AT_ONCE], QUIET),
    ],
)
def test_before_any_energy(facts, word):
    assert word in told(*facts)


def test_a_stop_is_looked_after_while_its_charging_runs():
    full = (reading(26_000, T0 + 60 * MINUTE), T0 + 60 * MINUTE)
    refused = (answered("hold/1/raise/1", "declined", reason="insufficient-funds"), T0 + 2 * MINUTE)
    facts = (ASKED, HELD_AT_ONCE, BEGUN, (reading(20_000, T0 + MINUTE * 2), T0 + 2 * MINUTE))
    assert STOPPED not in told(*facts)
    assert STOPPED in told(*facts, refused, full)
    over = (ended(26_000, T0 + 61 * MINUTE, seq=1), T0 + 61 * MINUTE)
    assert STOPPED not in told(*facts, refused, full, over)


def test_always_is_always():
    assert told(ASKED)[0] == ALWAYS
