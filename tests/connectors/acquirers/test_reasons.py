from typing import get_args

from connectors.acquirers import reasons
from connectors.acquirers.simulator.declines import CANONICAL_REASONS
from connectors.acquirers.simulator.messages import RefusalCode
from connectors.acquirers.simulator_adapter import FAILURES


def test_every_response_code_of_the_simulator_means_the_same_here():
    assert {code: reasons.of_iso8583(code) for code in CANONICAL_REASONS} == CANONICAL_REASONS


def test_every_refusal_code_has_one_of_our_words():
    assert set(FAILURES) == set(get_args(RefusalCode))
    assert set(FAILURES.values()) <= reasons.FAILURES


def test_the_kinds_of_no_and_of_doubt_share_no_word_but_one():
    assert not reasons.DECLINES & reasons.FAILURES
    shared = reasons.FAILURES & reasons.UNKNOWNS
    assert shared == {"unknown_acquirer", "not_sent"}
