"""Random policies and requests for the laws of the matrix: small worlds, so that cells meet."""

import msgspec
from hypothesis import strategies as st
from sessionworld import POLICY as DEFAULT
from sessionworld import request

from streams.core.strategy_cells import Amounts, Buffer, Cell, Hours, Range, contradictions

CURRENCIES = ["EUR", "CHF", "JPY"]
STRATEGIES = ["fixed", "incremental", "declared", "declared_then_incremental", "tariff_default"]


def some(*words):
    """Mostly none, so that requests find their cells, or some of the words."""
    found = st.lists(st.sampled_from(words), min_size=1, unique=True).map(tuple)
    return st.one_of(st.none(), st.none(), st.none(), found)


spans = st.none() | st.tuples(
    st.sampled_from([0, 500, 20_000]), st.sampled_from([21_000, 90_000, None])
).map(lambda ends: Range(*ends))
hours = st.none() | st.tuples(st.integers(0, 23), st.integers(1, 24)).filter(
    lambda ends: ends[0] != ends[1]
).map(lambda ends: Hours(*ends))


@st.composite
def amounts_for(draw, strategy):
    first = draw(st.integers(1, 60)) * 100
    step = draw(st.integers(1, 30)) * 100
    above = draw(st.integers(0, 60)) * 100
    smallest = draw(st.sampled_from([0, 100, first]))
    match strategy:
        case "fixed":
            return Amounts(first_minor=first, smallest_minor=min(smallest, first))
        case "incremental":
            return Amounts(
                first_minor=first,
                step_minor=step,
                ceiling_minor=first + above,
                smallest_minor=min(smallest, first),
            )
        case "declared":
            return Amounts(ceiling_minor=first + above, buffer_minor=draw(st.integers(0, 90)))
        case "declared_then_incremental":
            return Amounts(ceiling_minor=first + above, step_minor=step)
    return Amounts(ceiling_minor=first + above, step_minor=draw(st.sampled_from([0, step])))


@st.composite
def cells(draw, name):
    strategy = draw(st.sampled_from(STRATEGIES))
    follows = strategy.startswith("declared")
    kinds = (
        some("amount", "energy", "fill").filter(bool)
        if follows
        else some("none", "amount", "energy", "fill")
    )
    named = draw(st.lists(st.sampled_from(CURRENCIES), min_size=1, unique=True))
    cell = Cell(
        name=name,
        strategy=strategy,
        why="Because.",
        stage=draw(some("before_card", "with_card")),
        power_type=draw(st.sampled_from([None, None, "AC", "DC"])),
        power_w=draw(spans),
        declared=draw(kinds),
        target_minor=draw(st.none() | st.none() | spans),
        scheme=draw(some("visa", "Girocard")),
        funding=draw(some("credit", "debit", "prepaid", "unknown")),
        merchant_country=draw(some("EEA", "CH", "DE")),
        hours=draw(st.none() | hours),
        buffer=Buffer(percent=draw(st.sampled_from([0, 5]))),
        fill_wh=20_000 if follows else 0,
        amounts={currency: draw(amounts_for(strategy)) for currency in named},
    )
    assert contradictions(cell) == []
    return cell


@st.composite
def policies(draw):
    count = draw(st.integers(1, 4))
    made = tuple(draw(cells(f"cell-{number}")) for number in range(count))
    return msgspec.structs.replace(
        DEFAULT, cell=made, time_zone=draw(st.sampled_from(["", "Europe/Zurich"]))
    )


@st.composite
def requests(draw):
    kind = draw(st.sampled_from(["none", "amount", "energy", "fill"]))
    return request(
        stage=draw(st.sampled_from(["tapped", "amount_first"])),
        power_type=draw(st.sampled_from(["AC", "DC"])),
        power_max_w=draw(st.sampled_from([-1, 400, 20_500, 22_000, 350_000])),
        scheme=draw(st.sampled_from(["", "visa", "amex", "girocard"])),
        funding=draw(st.sampled_from(["credit", "debit", "prepaid", "unknown"])),
        entry_mode=draw(st.sampled_from(["contactless", "chip", ""])),
        cvm=draw(st.sampled_from(["none", "", "cdcvm", "online_pin"])),
        merchant_country=draw(st.sampled_from(["CH", "DE", "NO", "HR", ""])),
        currency=draw(st.sampled_from(CURRENCIES)),
        declared_kind=kind,
        declared_value=draw(st.integers(1, 40_000)) if kind in ("amount", "energy") else 0,
        acquirer_id=draw(st.sampled_from(sorted(DEFAULT.acquirers))),
        consented_minor=draw(st.sampled_from([0, 0, 700, 5_000])),
        requested_at=draw(st.sampled_from([1_790_000_000_000, 1_700_000_000_000])),
        time_zone=draw(st.sampled_from(["", "Europe/Oslo", "nowhere"])),
    )
