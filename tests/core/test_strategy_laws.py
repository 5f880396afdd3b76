"""Laws of the matrix, over random policies and requests."""

from fractions import Fraction

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from policyworld import policies, requests
from sessionworld import rated

from streams.core import due
from streams.core.strategy import (
    Choice,
    Consent,
    Refusal,
    bounded,
    can_raise,
    choose,
    smaller,
)
from streams.core.strategy_cells import matches
from streams.core.strategy_inputs import inputs_of
from streams.core.strategy_limits import Forbidden, tap_limits
from streams.core.strategy_lint import lint
from streams.core.strategy_space import box_of, meets, space_of, universe

REASONS = {
    "no-cell",
    "no-usable-cell",
    "flat-above-limit",
    "pin-required",
    "cvm-limit-unknown",
}
prices = st.builds(
    lambda energy, flat: {"ENERGY": Fraction(energy, 100), "FLAT": Fraction(flat, 10)},
    st.integers(1, 90),
    st.sampled_from([0, 0, 5, 300]),
)
wishes = st.sampled_from([None, None, 4_000])


def by_hand(policy, request, wish):
    """The cell that should decide, found without the planner: the first that can be done."""
    carded = request.stage == "tapped"
    raises = can_raise(policy, request) or not carded
    matching = [
        cell for cell in policy.cell if matches(cell, inputs_of(policy, request, carded=carded))
    ]
    able = [
        cell
        for cell in matching
        if (cell.strategy != "incremental" or raises)
        and (cell.strategy != "tariff_default" or wish)
    ]
    stairs = [cell for cell in matching if cell.strategy == "incremental"]
    return next(iter([*able, *stairs]), None)


@settings(max_examples=100, deadline=None)
@given(policies(), requests(), prices, wishes)
def test_every_request_gets_the_first_cell_that_can_be_done_or_a_named_refusal(
    policy, request, gross, wish
):
    tariff = rated(request.currency, gross)
    found = choose(policy, request, tariff, preauthorize_minor=wish)
    assert found == choose(policy, request, tariff, preauthorize_minor=wish)
    expected = by_hand(policy, request, wish)
    if isinstance(found, Refusal):
        assert found.reason in REASONS
        assert (found.reason in ("no-cell", "no-usable-cell")) == (expected is None)
        return
    assert expected is not None
    assert found.cell == expected.name
    assert found.explanation.startswith(f"cell {found.cell} (")
    for word in (policy.id, policy.version, f"power_type={request.power_type}", "Because."):
        assert word in found.explanation


@settings(max_examples=100, deadline=None)
@given(policies(), requests(), prices, wishes)
def test_first_hold_and_ceiling_never_exceed_what_may_be_held(policy, request, gross, wish):
    tariff = rated(request.currency, gross)
    found = choose(policy, request, tariff, preauthorize_minor=wish)
    if not isinstance(found, Choice):
        return
    cell = next(one for one in policy.cell if one.name == found.cell)
    amounts = cell.amounts_in(request.currency)
    caps = [max(amounts.first_minor, amounts.ceiling_minor)]
    if request.stage == "tapped":
        limits = tap_limits(request, policy.no_cvm_limits)
        assert not isinstance(limits, Forbidden)
        caps += [one.minor for one in limits]
        caps += [request.consented_minor] if request.consented_minor else []
        assert not found.rises or can_raise(policy, request)
    assert due.at_once(tariff, request) <= found.first_minor <= found.ceiling_minor <= min(caps)
    assert found.first_minor > 0
    if not found.rises:
        assert found.first_minor == found.ceiling_minor
    if found.target_minor is not None:
        assert found.target_minor <= min(request.declared_value, found.ceiling_minor)


@settings(max_examples=100, deadline=None)
@given(policies(), requests(), prices, st.integers(0, 9_000), st.integers(0, 9_000))
def test_an_offer_is_held_within_what_was_offered_and_agreed_to(
    policy, request, gross, offered, agreed
):
    tariff = rated(request.currency, gross)
    before = choose(policy, request, tariff, carded=False)
    if not isinstance(before, Choice):
        return
    request = msgspec.structs.replace(request, stage="tapped")
    due_minor = due.at_once(tariff, request)
    found = bounded(policy, request, before, due_minor, Consent(offered, agreed))
    if isinstance(found, Refusal):
        assert found.reason in REASONS
        return
    assert found.first_minor <= min(before.first_minor, offered or before.first_minor)
    assert found.ceiling_minor <= min(before.ceiling_minor, agreed or before.ceiling_minor)
    assert found.first_minor >= due_minor
    assert found.cell == before.cell


@settings(max_examples=100, deadline=None)
@given(policies(), requests(), prices)
def test_after_every_no_there_is_less_until_there_is_nothing(policy, request, gross):
    tariff = rated(request.currency, gross)
    choice = choose(policy, request, tariff)
    if not isinstance(choice, Choice):
        return
    due_minor = due.at_once(tariff, request)
    for _ in range(60):
        less = smaller(policy, request, choice, due_minor)
        if less is None:
            return
        assert due_minor <= less.first_minor < choice.first_minor
        assert 0 < less.first_minor <= less.ceiling_minor <= choice.ceiling_minor
        assert less.rises <= choice.rises
        assert less.explanation.startswith(f"cell {less.cell}: ")
        choice = less
    raise AssertionError("it never ends")


@settings(max_examples=100, deadline=None)
@given(policies(), st.lists(requests(), min_size=1, max_size=12), wishes)
def test_the_linter_and_the_choice_are_of_one_mind(policy, asked, wish):
    found = lint(policy)
    gaps = any(one.kind == "gap" for one in found)
    never = {one.path for one in found if one.kind in ("unreachable", "contradiction")}
    never = {policy.cell[int(path[5:-1])].name for path in never if path.endswith("]")}
    space = space_of(policy)
    for request in asked:
        known = request.currency in space.atoms["currency"]
        tariff = rated(request.currency, {"ENERGY": Fraction(1, 100)})
        chosen = choose(policy, request, tariff, preauthorize_minor=wish)
        if isinstance(chosen, Choice):
            assert chosen.cell not in never or "Passed over" in chosen.explanation
        elif chosen.reason in ("no-cell", "no-usable-cell") and known:
            assert gaps, chosen


@settings(max_examples=100, deadline=None)
@given(policies())
def test_a_cell_that_nothing_can_reach_is_said_to_be_a_contradiction(policy):
    space = space_of(policy)
    everything = universe(space)
    never = [
        f"cell[{number}]"
        for number, cell in enumerate(policy.cell)
        if not any(meets(one, box_of(space, cell)) for one in everything)
    ]
    told = [one.path for one in lint(policy) if one.message.endswith("never be together")]
    assert told == never
