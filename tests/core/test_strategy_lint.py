"""What in a policy cannot be meant, found one by one."""

import pytest
from policyworld import DEFAULT

from streams.core.strategy import parse_policy
from streams.core.strategy_lint import GAPS_MAX, lint

HEAD = """
id = "p"
version = "1"
start_grace_ms = 1
inquiry_schedule_ms = [1]
{keys}
[look_ahead]
acquirer_latency_ms = 0
retries_ms = 0
meter_interval_ms = 36_000
stop_latency_ms = 0
power_when_unknown_w = 100_000
[acquirers.a]
convention = "TOTAL"
remainder = "AUTO_AT_CAPTURE"
increments = true
attempts_cap = 10
idempotency_window_ms = 1
hold_lifetime_ms = 1
partial_capture = true
exponents = {{ HUF = 0 }}
"""
ALL = """
[[cell]]
name = "all"
strategy = "fixed"
amounts.EUR = { first_minor = 1 }
"""


def found(cells, keys=""):
    policy = parse_policy(HEAD.format(keys=keys) + cells)
    return [(one.kind, one.path, one.message) for one in lint(policy)]


def cell(text, name="one", strategy="fixed", amounts="EUR = { first_minor = 1_00 }"):
    head = f'[[cell]]\nname = "{name}"\nstrategy = "{strategy}"\n{text}\n'
    return f"{head}[cell.amounts]\n{amounts}\n"


def test_the_default_policy_is_sound():
    assert lint(DEFAULT) == []


def test_a_cell_for_all_has_no_gap():
    assert found(ALL) == []


# --- the matrix


def test_a_cell_behind_one_that_takes_all_of_it():
    cells = cell('power_type = "DC"', "wide") + cell('power_type = "DC"\nfunding = ["debit"]', "x")
    assert found(cells + ALL) == [
        ("unreachable", "cell[1]", "'x' comes after 'wide', which take all")
    ]


def test_a_cell_behind_several_that_take_all_of_it_together():
    cells = (
        cell("power_w = { max = 50_000 }", "low")
        + cell("power_w = { min = 50_000 }", "high")
        + cell("power_w = { min = 40_000, max = 60_000 }", "x")
    )
    assert found(cells + ALL) == [
        ("unreachable", "cell[2]", "'x' comes after 'low', 'high', which take all")
    ]


def test_a_staircase_does_not_hide_the_wall_for_cards_that_cannot_be_raised():
    stairs = "EUR = { first_minor = 1_00, step_minor = 1_00, ceiling_minor = 9_00 }"
    assert found(cell("", "stairs", "incremental", stairs) + ALL) == []
    assert found(cell("", "stairs", "incremental", stairs)) == []  # its first step is held


def test_the_tariffs_figure_leaves_a_gap_where_there_is_none():
    wish = cell("", "wish", "tariff_default", "EUR = { ceiling_minor = 9_00 }")
    assert found(wish) == [("gap", "", "no cell for preauthorize=the tariff asks for none")]
    assert found(wish + ALL) == []


def test_a_currency_without_a_cell_is_a_gap():
    cells = cell(
        'power_type = "DC"', amounts="EUR = { first_minor = 1 }\nCHF = { first_minor = 1 }"
    )
    assert found(cells + ALL) == [("gap", "", "no cell for power_type=AC, currency=CHF")]


def test_what_is_not_known_is_a_gap_of_ranges_and_hours():
    assert found(cell("power_w = {}")) == [("gap", "", "no cell for power_w=(not known)")]
    day = cell("hours = { from = 0, until = 24 }")
    assert found(day, 'time_zone = "UTC"') == [("gap", "", "no cell for hours=(not known)")]


def test_before_the_card_only_cells_for_unknown_cards_count():
    cells = cell('funding = ["credit", "debit", "prepaid"]')
    assert found(cells) == [
        ("gap", "", "no cell for stage=before_card"),
        ("gap", "", "no cell for stage=with_card, funding=unknown"),
    ]


def test_a_list_that_names_eea_takes_its_countries():
    cells = cell('merchant_country = ["EEA"]', "eea") + cell('merchant_country = ["DE"]', "de")
    assert found(cells + ALL) == [
        ("unreachable", "cell[1]", "'de' comes after 'eea', which take all")
    ]


@pytest.mark.parametrize(
    "text",
    [
        'stage = ["before_card"]\nscheme = ["visa"]',
        'declared = ["energy"]\ntarget_minor = { min = 1 }',
        'declared = ["none"]\ntarget_wh = {}',
        'stage = ["before_card"]\nfunding = ["credit"]',
    ],
)
def test_what_can_never_be_together(text):
    assert found(cell(text) + ALL) == [
        ("contradiction", "cell[0]", "'one' asks for what can never be together")
    ]


def test_a_hundred_gaps_are_counted_and_not_told():
    names = [f'site = ["{number}"]\nfunding = ["credit"]\npower_w = {{ max = {number} }}'
             for number in range(1, 60)]  # fmt: skip
    told = found("".join(cell(text, f"c{number}") for number, text in enumerate(names)))
    gaps = [message for kind, _, message in told if kind == "gap"]
    assert len(gaps) == GAPS_MAX + 1
    assert gaps[-1].startswith("and ")


# --- amounts


def test_a_figure_without_a_currency_is_another_amount_in_each():
    text = '[[cell]]\nname = "any"\nstrategy = "fixed"\nfirst_minor = 20_00\n'
    assert found(text) == [
        (
            "minor-unit",
            "cell[0].first_minor",
            "no currency: the same figure is another amount in each",
        )
    ]


def test_the_same_figures_in_yen_and_dinar_are_not_the_same_amount():
    same = "EUR = { first_minor = 20_00 }\nCHF = { first_minor = 20_00 }\n"
    assert found(cell("", amounts=same)) == []
    told = found(
        cell("", amounts=f"{same}JPY = {{ first_minor = 20_00 }}\nKWD = {{ first_minor = 20_00 }}")
    )
    assert told == [
        ("minor-unit", "cell[0].amounts.JPY",
         "the same figures as in EUR, but 2000 JPY is not 20.00 EUR"),
        ("minor-unit", "cell[0].amounts.KWD",
         "the same figures as in EUR, but 2.000 KWD is not 20.00 EUR"),
    ]  # fmt: skip


def test_an_amount_that_an_acquirer_cannot_count():
    assert found(cell("", amounts="HUF = { first_minor = 9_000_00 }")) == []
    assert found(cell("", amounts="HUF = { first_minor = 9_000_50 }")) == [
        (
            "minor-unit",
            "cell[0].amounts.HUF.first_minor",
            "9000.50 HUF: a counts in units of 1.00 HUF",
        )
    ]


def test_one_figure_to_forgive_in_currencies_of_several_minor_units():
    both = "EUR = { first_minor = 20_00 }\nJPY = { first_minor = 3_000 }"
    assert found(cell("", amounts=both), "forgive_below_minor = 5") == [
        (
            "minor-unit",
            "forgive_below_minor",
            "one figure for currencies with different minor units",
        )
    ]


def test_a_staircase_that_ends_where_it_begins_has_no_step():
    stairs = "EUR = { first_minor = 10_00, step_minor = 6_00, ceiling_minor = 10_00 }"
    told = found(cell("", strategy="incremental", amounts=stairs))
    assert [one[0] for one in told] == ["contradiction"]


def test_a_step_that_just_fits():
    stairs = "EUR = { first_minor = 10_00, step_minor = 6_00, ceiling_minor = 16_00 }"
    assert found(cell("", strategy="incremental", amounts=stairs)) == []


def test_a_step_that_never_fits():
    stairs = "EUR = { first_minor = 10_00, step_minor = 6_00, ceiling_minor = 15_00 }"
    assert found(cell("", strategy="incremental", amounts=stairs)) == [
        (
            "contradiction",
            "cell[0].amounts.EUR.step_minor",
            "no whole step fits between the first hold and the ceiling",
        )
    ]


def test_a_ceiling_that_no_rule_lets_be_reached():
    text = 'entry_mode = ["contactless"]\ncvm = ["none"]\nmerchant_country = ["DE", "HR"]'
    stairs = "EUR = {{ first_minor = 10_00, step_minor = 5_00, ceiling_minor = {} }}"
    assert found(cell(text, strategy="incremental", amounts=stairs.format(5_000)) + ALL) == []
    told = found(cell(text, strategy="incremental", amounts=stairs.format(6_000)) + ALL)
    assert told == [
        (
            "contradiction",
            "cell[0].amounts.EUR.ceiling_minor",
            "contactless without CVM is held up to 50.00 EUR there, never to this",
        )
    ]


def test_a_limit_of_the_policys_own_counts_for_a_ceiling():
    """Norway has no published figure in its own currency: without one there is no cap to tell."""
    text = 'entry_mode = ["contactless"]\ncvm = ["none", "no_cvm"]\nmerchant_country = ["NO"]'
    stairs = "NOK = { first_minor = 100_00, step_minor = 100_00, ceiling_minor = 600_00 }"
    cells = cell(text, strategy="incremental", amounts=stairs)
    everyone = ALL.replace("EUR", "NOK")
    assert "ceiling_minor" not in str(found(cells + everyone))
    told = found(cells + everyone, "no_cvm_limits.NO.NOK = 550_00")
    message = "contactless without CVM is held up to 550.00 NOK there, never to this"
    assert told == [("contradiction", "cell[0].amounts.NOK.ceiling_minor", message)]


# --- keys without effect


@pytest.mark.parametrize(
    ("cells", "keys", "path", "message"),
    [
        (
            cell("fill_wh = 5"),
            "",
            "cell[0].fill_wh",
            "the cell is not for filling up by what was declared",
        ),
        (
            cell('declared = ["none"]\nbuffer = { percent = 5 }') + ALL,
            "",
            "cell[0].buffer",
            "nothing that the cell is for is a figure",
        ),
        (
            ALL,
            "no_cvm_limits.US.USD = 100",
            "no_cvm_limits.US",
            "no rule caps contactless without CVM there",
        ),
        (
            ALL,
            'fiscal.AT.regime = "SIGN_CHAINED"',
            "fiscal",
            "no cell asks for fiscal_regime or closeout_ms",
        ),
        (ALL, 'time_zone = "Europe/Oslo"', "time_zone", "no cell asks for hours"),
    ],
)
def test_a_key_that_does_nothing(cells, keys, path, message):
    assert found(cells, keys) == [("dead-key", path, message)]


@pytest.mark.parametrize("asks", ['fiscal_regime = ["SIGN_CHAINED"]', "closeout_ms = { max = 9 }"])
def test_a_key_that_one_cell_asks_for_is_none(asks):
    told = found(cell(asks) + ALL, 'fiscal.AT = { regime = "SIGN_CHAINED", closeout_ms = 5 }')
    assert [one for one in told if one[0] == "dead-key"] == []


def test_energy_to_fill_up_by_is_of_use_where_filling_up_is_declared():
    fill = cell(
        'declared = ["fill"]\nfill_wh = 40_000',
        strategy="declared",
        amounts="EUR = { ceiling_minor = 90_00 }",
    )
    assert found(fill + ALL) == []


def test_a_time_zone_that_is_none():
    told = found(cell("hours = { from = 22, until = 6 }") + ALL, 'time_zone = "Europe/Bern"')
    assert [one[:2] for one in told] == [("contradiction", "time_zone")]
