"""`[proof]` of the policy: what is refused, what is never read, what the shipped ones say."""

from pathlib import Path

import msgspec
import pytest
from sessionworld import POLICY, POLICY_FILE

from streams.core.proof_policy import LADDER, ProofPolicy, contradictions, dead_keys
from streams.core.strategy_lint import lint
from streams.core.strategy_policy import PolicyInvalid, parse_policy

TEXT = POLICY_FILE.read_text()
SHIPPED = Path(__file__).parents[2] / "deploy" / "policies" / "default.toml"


def changed(before, after):
    assert before in TEXT
    return TEXT.replace(before, after)


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        ('lowest_rung = "CDR_AFTER_QUIET"', 'lowest_rung = "LAST_SEEN"', "proof.lowest_rung"),
        ('lowest_rung = "CDR_AFTER_QUIET"', 'lowest_rung = "OPERATOR_RELEASE"', "lowest_rung"),
        ("quiet_ms = 300_000", "quiet_ms = -1", "proof.quiet_ms"),
        ("quiet_ms = 300_000", "hush_ms = 1", "proof.hush_ms: not a key of a policy"),
        ('disagreement = "person"', 'disagreement = "higher"', "proof.disagreement"),
        ("cdr_quiet_ms = 86_400_000", "cdr_quiet_ms = 1", "proof.cdr_quiet_ms: less than"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_its_path(before, after, problem):
    with pytest.raises(PolicyInvalid) as refused:
        parse_policy(changed(before, after))
    assert any(problem in one for one in refused.value.problems)


def test_the_charger_settles_no_price_of_a_cdr():
    rules = ProofPolicy(price_authority="cdr", disagreement="charger")
    (problem,) = contradictions(rules)
    assert problem.startswith("disagreement")
    assert contradictions(ProofPolicy()) == []


@pytest.mark.parametrize(
    ("said", "dead"),
    [
        ({}, []),
        ({"price_alone_before_ms": 1}, ["price_alone_before_ms"]),
        ({"price_alone_before_ms": 1, "price_authority": "cdr"}, []),
        ({"lowest_rung": "SESSION_AND_CDR", "cdr_quiet_ms": 10**8}, ["cdr_quiet_ms"]),
        (
            {"lowest_rung": "SIGNED_END", "session_and_cdr_after_ms": 1},
            ["session_and_cdr_after_ms"],
        ),
    ],
)
def test_keys_that_are_never_read_are_told(said, dead):
    rules = ProofPolicy(**said)
    assert [key for key, _ in dead_keys(rules)] == dead
    found = lint(msgspec.structs.replace(POLICY, proof=rules))
    told = [one.path for one in found if one.kind == "dead-key" and one.path.startswith("proof.")]
    assert told == [f"proof.{key}" for key in dead]


def test_each_rung_accepts_itself_and_all_above_it():
    for number, lowest in enumerate(LADDER[:-1]):
        rules = ProofPolicy(lowest_rung=lowest)
        assert [one for one in LADDER if rules.accepts(one)] == list(LADDER[: number + 1])


def test_the_shipped_policy_says_what_a_policy_without_the_table_says():
    assert parse_policy(SHIPPED.read_text()).proof == ProofPolicy()
