"""The `[declines]` table: what it may say, and that every contradiction is named."""

import pytest
from sessionworld import POLICY_FILE

from streams.core.declines_codes import REASONS
from streams.core.declines_policy import RAISING, After, CellAfter, DeclinePolicy, contradictions
from streams.core.strategy_policy import PolicyInvalid, parse_policy

TEXT = POLICY_FILE.read_text()
CELLS = frozenset({"dc"})


def test_every_kind_of_no_has_its_actions():
    kinds = {one.kind for one in REASONS.values()} | {"unknown"}
    assert set(After.__struct_fields__) == set(CellAfter.__struct_fields__) == kinds


def test_by_default_only_a_stolen_card_or_fraud_strands_a_driver_who_has_paid():
    policy = DeclinePolicy()
    last = {kind: policy.actions("dc", kind)[-1] for kind in After.__struct_fields__}
    assert {kind for kind, action in last.items() if action == "stop_now"} == {"fraud", "stolen"}
    assert contradictions(policy, CELLS) == []


def test_a_cell_may_have_actions_of_its_own():
    own = CellAfter(funds=("grace",))
    policy = DeclinePolicy(cell={"dc": own}, grace_minor={"CHF": 300})
    assert policy.actions("dc", "funds") == ("grace",)
    assert policy.actions("dc", "soft") == policy.actions("ac", "soft") == policy.after.soft
    assert contradictions(policy, CELLS) == []


@pytest.mark.parametrize(
    ("policy", "problem"),
    [
        (DeclinePolicy(after=After(funds=("smaller_step",))), "after.funds: smaller_step at"),
        (DeclinePolicy(after=After(soft=("grace", "stop_now"))), "after.soft: nothing follows"),
        (DeclinePolicy(cell={"dc": CellAfter(hard=("retry_once",))}), "cell.dc.hard: retry_once"),
        (DeclinePolicy(cell={"x": CellAfter()}), "cell.x: there is no such cell"),
        (DeclinePolicy(grace_minor={"XQQ": 1}), "grace_minor.XQQ: "),
    ],
)
def test_what_cannot_be_meant_is_named(policy, problem):
    (found,) = contradictions(policy, CELLS)
    assert found.startswith(problem)


def test_the_default_policy_says_what_the_program_does_without_it():
    assert parse_policy(TEXT).declines == DeclinePolicy()


def test_a_wrong_key_or_word_is_refused_by_its_path():
    text = TEXT.replace("[declines]", "[declines]\nfoo = 1")
    with pytest.raises(PolicyInvalid) as refused:
        parse_policy(text)
    assert "declines.foo: not a key of a policy" in refused.value.problems
    text = TEXT.replace('soft = ["retry_once"', 'soft = ["try_hard"')
    with pytest.raises(PolicyInvalid, match=r"declines\.after\.soft"):
        parse_policy(text)


def test_raising_actions_are_actions():
    assert {one for kind in After.__struct_fields__ for one in getattr(After(), kind)} > RAISING
