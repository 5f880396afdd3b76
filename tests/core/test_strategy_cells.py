"""What a cell matches, one matcher at a time, and what it cannot mean."""

import pytest
from policyworld import DEFAULT
from sessionworld import request

from streams.core.strategy_cells import (
    Amounts,
    Buffer,
    Cell,
    Hours,
    Range,
    contradictions,
    matches,
)
from streams.core.strategy_inputs import inputs_of

INPUTS = inputs_of(
    DEFAULT,
    request(
        site_id="north",
        terminal_capability="contactless_only",
        expected_wh=30_000,
        expected_ms=1_800_000,
        declared_kind="amount",
        declared_value=2_500,
        time_zone="UTC",
        requested_at=1_790_000_000_000,
        merchant_country="AT",
    ),
    carded=True,
)._replace(fiscal_regime="SIGN_CHAINED", closeout_ms=4_000)


@pytest.mark.parametrize(
    ("matcher", "yes", "no"),
    [
        ("stage", ("with_card",), ("before_card",)),
        ("tenant", ("t", "u"), ("u",)),
        ("site", ("north",), ("south",)),
        ("channel", ("terminal",), ("web", "kiosk")),
        ("terminal_capability", ("Contactless_Only",), ("chip_pin",)),
        ("power_type", "DC", "AC"),
        ("power_w", Range(150_000, 150_001), Range(0, 150_000)),
        ("expected_wh", Range(30_000), Range(30_001)),
        ("expected_ms", Range(0, 1_800_001), Range(0, 1_800_000)),
        ("declared", ("amount",), ("none", "energy", "fill")),
        ("target_minor", Range(2_500, 2_501), Range(2_501)),
        ("scheme", ("VISA",), ("amex",)),
        ("funding", ("credit",), ("debit",)),
        ("entry_mode", ("Contactless",), ("chip",)),
        ("cvm", ("none",), ("cdcvm",)),
        ("issuer_country", ("CH",), ("EEA",)),
        ("merchant_country", ("EEA",), ("CH",)),
        ("hours", Hours(14, 15), Hours(15, 14)),
        ("hours", Hours(22, 15), Hours(22, 6)),
        ("fiscal_regime", ("SIGN_CHAINED",), ("NONE",)),
        ("closeout_ms", Range(4_000), Range(0, 4_000)),
        ("currency", "CHF", "EUR"),
        ("amounts", {"CHF": Amounts(first_minor=1)}, {"EUR": Amounts(first_minor=1)}),
    ],
)
def test_each_matcher_decides_alone(matcher, yes, no):
    assert matches(Cell(name="c", strategy="fixed", **{matcher: yes}), INPUTS)
    assert not matches(Cell(name="c", strategy="fixed", **{matcher: no}), INPUTS)


@pytest.mark.parametrize(
    "name", ["power_w", "expected_wh", "expected_ms", "target_minor", "target_wh", "closeout_ms"]
)
def test_what_is_not_known_is_in_no_range(name):
    unknown = INPUTS._replace(**{name: None})
    assert not matches(Cell(name="c", strategy="fixed", **{name: Range()}), unknown)
    assert matches(Cell(name="c", strategy="fixed"), unknown)


def test_an_hour_that_is_not_known_is_in_no_hours():
    assert not matches(
        Cell(name="c", strategy="fixed", hours=Hours(0, 24)), INPUTS._replace(hour=None)
    )


def test_amounts_by_currency_take_the_cells_buffer_unless_they_have_their_own():
    cell = Cell(
        name="c",
        strategy="declared",
        buffer=Buffer(minor=50),
        amounts={"CHF": Amounts(ceiling_minor=9), "JPY": Amounts(ceiling_minor=9, buffer_minor=70)},
    )
    assert cell.amounts_in("CHF").buffer_minor == 50
    assert cell.amounts_in("JPY").buffer_minor == 70
    assert cell.amounts_in("EUR") is None
    assert cell.currencies() == ("CHF", "JPY")


def test_a_cell_without_a_currency_is_for_any():
    cell = Cell(name="c", strategy="fixed", first_minor=7)
    assert cell.amounts_in("KWD") == Amounts(first_minor=7)
    assert cell.currencies() == ()


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"power_w": Range(5, 5)}, "power_w: nothing is at least 5 and below 5"),
        ({"hours": Hours(3, 3)}, "hours: no hour of the day is within"),
        ({"site": ()}, "site: an empty list matches nothing; leave it out to match all"),
        (
            {"amounts": {"CHF": Amounts(first_minor=1)}, "currency": "CHF"},
            "amounts: beside currency or amounts of the cell's own; one of the two",
        ),
        (
            {"amounts": {"EURO": Amounts(first_minor=1)}},
            "currency: 'EURO' is not a currency of ISO 4217",
        ),
        (
            {"amounts": {"CHF": Amounts(step_minor=1, first_minor=1)}},
            "amounts.CHF.step_minor: a fixed hold has no steps",
        ),
        ({"first_minor": 5, "smallest_minor": 6}, "smallest_minor: more than the first hold"),
        (
            {"strategy": "tariff_default", "ceiling_minor": 5, "first_minor": 1},
            "first_minor: the tariff says what is held first",
        ),
        (
            {"strategy": "tariff_default"},
            "ceiling_minor: missing: what a tariff may ask for at most",
        ),
        (
            {
                "strategy": "declared_then_incremental",
                "declared": ("amount",),
                "ceiling_minor": 5,
            },
            "step_minor: missing: by how much the hold rises past what was declared",
        ),
    ],
)
def test_what_a_cell_cannot_mean(fields, problem):
    given = {"strategy": "fixed", **fields}
    if given["strategy"] == "fixed" and not given.get("amounts"):
        given.setdefault("first_minor", 1)
    assert contradictions(Cell(name="c", **given)) == [problem]
