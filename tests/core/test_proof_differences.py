"""What people are told of a proof that is missing or doubtful, and that it closes."""

import pytest
from proofworld import END, HOUR, MINUTE, bill, session_of
from sessionworld import T0, ended, reading, released, signed, told_so

from streams.core.proof_differences import proof_differences

GAP = ended(10_000, END, complete=False)


@pytest.mark.parametrize(
    ("facts", "kinds"),
    [
        ([], set()),
        ([ended(10_000, END)], set()),
        ([told_so(ended(10_000, END), fell=True)], {"register-fell"}),
        ([signed(ended(10_000, END), 5_000, (T0, END))], {"signed-register"}),
        ([signed(GAP, 10_000, (T0 - HOUR, T0))], {"signed-unfit"}),
        ([signed(GAP, 10_000, (T0, END))], set()),
        ([signed(GAP, 0, (0, 0), outcome="tampered")], {"signed-tampered"}),
        ([signed(GAP, 0, (0, 0), outcome="no-key")], set()),
        ([reading(10_000, T0 + MINUTE * 30), bill()], {"cdr-last-online"}),
        ([reading(12_000, T0 + MINUTE * 30), bill()], {"cdr-denied"}),
    ],
)
def test_what_stands_in_the_way_is_told(facts, kinds):
    assert {kind for kind, *_ in proof_differences(session_of(*facts)).values()} == kinds


def test_a_proof_that_is_long_missing_is_told_with_the_money_at_stake():
    assert proof_differences(session_of(GAP, after_ms=23 * HOUR)) == {}
    ((kind, words, minor),) = proof_differences(session_of(GAP, after_ms=24 * HOUR)).values()
    assert (kind, minor) == ("proof-late", 790)
    assert "numbers are missing" in words


def test_a_second_person_is_asked_for_and_the_first_one_closes_the_rest():
    case = session_of(told_so(GAP, fell=True), released(10_000), second_person_above_minor=1)
    kinds = {kind for kind, *_ in proof_differences(case).values()}
    assert kinds == {"second-person-wanted", "register-fell"}
    assert proof_differences(session_of(told_so(GAP, fell=True), released(10_000))) == {}
