"""The policy file: read whole, and every problem in it named at once."""

from pathlib import Path

import pytest
from sessionworld import POLICY as MATRIX

from streams.core.strategy import Buffer, PolicyInvalid, parse_policy
from streams.core.strategy_lint import lint

SHIPPED = Path(__file__).parents[2] / "deploy" / "policies" / "default.toml"

SMALL = """
id = "small"
version = "1"
start_grace_ms = 120_000
inquiry_schedule_ms = [5_000]

[look_ahead]
acquirer_latency_ms = 2_000
retries_ms = 8_000
meter_interval_ms = 30_000
stop_latency_ms = 20_000
power_when_unknown_w = 300_000

[[cell]]
name = "all"
strategy = "fixed"
first_minor = 50_00

[acquirers.a]
convention = "DELTA"
remainder = "LAPSE_ONLY"
increments = true
attempts_cap = 3
idempotency_window_ms = 86_400_000
hold_lifetime_ms = 432_000_000
partial_capture = false
"""


def problems(text):
    with pytest.raises(PolicyInvalid) as caught:
        parse_policy(text)
    return caught.value.problems


def with_cell(text):
    return SMALL + f'\n[[cell]]\nname = "x"\n{text}\n'


def test_a_policy_with_its_defaults():
    policy = parse_policy(SMALL)
    assert (policy.id, policy.version, policy.forgive_below_minor) == ("small", "1", 0)
    assert policy.look_ahead.window_ms == 60_000
    assert policy.stop_latency_ms == 20_000
    assert policy.cell[0].funding is None
    assert policy.cell[0].buffer == Buffer(0, 0)
    assert policy.acquirers["a"].raises("visa", "credit")


def test_a_policy_is_kept():
    assert parse_policy(SMALL) is parse_policy(SMALL)


def test_cards_that_an_acquirer_cannot_raise():
    text = SMALL.replace(
        "increments = true",
        'increments = true\nno_increments = { scheme = ["Maestro"], funding = ["prepaid"] }',
    )
    acquirer = parse_policy(text).acquirers["a"]
    assert acquirer.raises("visa", "debit")
    assert not acquirer.raises("MAESTRO", "debit")
    assert not acquirer.raises("visa", "prepaid")
    none = parse_policy(SMALL.replace("increments = true", "increments = false")).acquirers["a"]
    assert not none.raises("visa", "credit")


def test_all_problems_are_found_at_once():
    broken = (
        SMALL.replace('version = "1"\n', "")
        .replace("retries_ms = 8_000", 'retries_ms = "soon"')
        .replace('strategy = "fixed"', 'strategy = "wall"\npower = "DC"')
        .replace('convention = "DELTA"', 'convention = "SUM"')
        .replace("[5_000]", "[5_000, 0]")
        + "\n[[cell]]\nfirst_minor = -1\n"
    )
    assert set(problems(broken)) == {
        "version: missing",
        "inquiry_schedule_ms[1]: Expected `int` >= 1",
        "look_ahead.retries_ms: Expected `int`, got `str`",
        "cell[0].strategy: Invalid enum value 'wall'",
        "cell[0].power: not a key of a policy",
        "cell[1].name: missing",
        "cell[1].strategy: missing",
        "cell[1].first_minor: Expected `int` >= 0",
        "acquirers.a.convention: Invalid enum value 'SUM'",
    }


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("= 1", "not TOML: Invalid statement (at line 1, column 1)"),
        (SMALL.replace("50_00", "50.00"), "cell[0].first_minor: Expected `int`, got `str`"),
        (SMALL.replace("50_00", "true"), "cell[0].first_minor: Expected `int`, got `bool`"),
        (SMALL.replace("[5_000]", "[]"), "inquiry_schedule_ms: Expected `array` of length >= 1"),
        (SMALL.replace("[[cell]]", "[other]"), "cell: at least one [[cell]] is wanted"),
        (SMALL.replace("[[cell]]", "[cell]"), "cell: at least one [[cell]] is wanted"),
        (SMALL.replace("[acquirers.a]", "[acquirers]"), "acquirers.convention: a table is wanted"),
        (SMALL.replace("[acquirers.a]", "[other.a]"), "acquirers: at least one [acquirers.<id>]"),
        (SMALL.replace("[look_ahead]", "[look]"), "look_ahead.stop_latency_ms: missing"),
        (SMALL.replace("[look_ahead]", "[look]"), "look: not a key of a policy"),
        (
            SMALL.replace("first_minor", "buffer = { percent = 101 }\nfirst_minor"),
            "cell[0].buffer.percent: Expected `int` <= 100",
        ),
    ],
)
def test_a_problem_names_its_field(text, problem):
    assert any(found.startswith(problem) for found in problems(text))


@pytest.mark.parametrize(
    ("cell", "problem"),
    [
        ('strategy = "fixed"', "cell[1].first_minor: a fixed hold is more than nothing"),
        (
            'strategy = "fixed"\nfirst_minor = 1\nstep_minor = 1',
            "cell[1].step_minor: a fixed hold has no steps",
        ),
        (
            'strategy = "fixed"\nfirst_minor = 1\nceiling_minor = 2',
            "cell[1].ceiling_minor: the ceiling of a fixed hold is the hold",
        ),
        (
            'strategy = "incremental"\nstep_minor = 1\nceiling_minor = 1',
            "cell[1].first_minor: an incremental hold opens with more than nothing",
        ),
        (
            'strategy = "incremental"\nfirst_minor = 1\nceiling_minor = 1',
            "cell[1].step_minor: an incremental hold rises by more than nothing",
        ),
        (
            'strategy = "incremental"\nfirst_minor = 2\nstep_minor = 1\nceiling_minor = 1',
            "cell[1].ceiling_minor: 1 is below the first hold",
        ),
        (
            'strategy = "declared"\nceiling_minor = 1',
            'cell[1].declared: a declared hold needs a figure: "amount", "energy" or "fill"',
        ),
        (
            'strategy = "declared"\nceiling_minor = 1\ndeclared = ["amount", "fill"]',
            "cell[1].fill_wh: missing: the energy that filling up is taken for",
        ),
        (
            'strategy = "declared"\ndeclared = ["amount"]',
            "cell[1].ceiling_minor: missing: what a driver may declare at most",
        ),
        (
            'strategy = "declared"\ndeclared = ["amount"]\nceiling_minor = 1\nfirst_minor = 1',
            "cell[1].first_minor, step_minor: a declared hold follows from what was declared",
        ),
        (
            'strategy = "fixed"\nfirst_minor = 1\nscheme = []',
            "cell[1].scheme: an empty list matches nothing; leave it out to match all",
        ),
        (
            'strategy = "fixed"\nfirst_minor = 1\ncurrency = "EURO"',
            "cell[1].currency: 'EURO' is not a currency of ISO 4217",
        ),
    ],
)
def test_a_cell_that_contradicts_itself_is_refused(cell, problem):
    assert problems(with_cell(cell)) == (problem,)


def test_a_name_is_given_once():
    twice = SMALL + '\n[[cell]]\nname = "all"\nstrategy = "fixed"\nfirst_minor = 1\n'
    assert problems(twice) == ("cell[1].name: 'all' is taken by a cell before it",)


def test_the_shipped_policy_is_sound():
    assert lint(parse_policy(SHIPPED.read_text())) == []


def test_the_policy_of_the_tests_covers_conventions_and_remainders():
    acquirers = MATRIX.acquirers.values()
    assert {of.convention for of in acquirers} == {"TOTAL", "DELTA"}
    assert {of.remainder for of in acquirers} == {
        "AUTO_AT_CAPTURE",
        "LOWER_BEFORE_CAPTURE",
        "REVERSE_AFTER_CAPTURE",
        "LAPSE_ONLY",
    }
    for cell in MATRIX.cell:
        assert set(cell.currencies()) == {"CHF", "EUR", "USD", "GBP"}
    strategies = {"fixed", "incremental", "declared", "tariff_default"}
    assert {cell.strategy for cell in MATRIX.cell} == strategies
