"""The policies that simulated operators have, and their figures once more, for the checker.

The figures are written down twice on purpose: the text goes to the core, the table to a checker
that shares no code with it.
"""

from typing import Literal, NamedTuple

Remainder = Literal[
    "AUTO_AT_CAPTURE", "LOWER_BEFORE_CAPTURE", "REVERSE_AFTER_CAPTURE", "LAPSE_ONLY"
]
MINUTE_MS = 60_000
HALF_HOUR_MS = 30 * MINUTE_MS
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
CURRENCIES = ("CHF", "EUR", "JPY")


class Terms(NamedTuple):
    """What one simulated acquirer does. `window_ms`: how long policies say that it keeps a key.

    `attempts_cap`: raises of one hold, 0: it raises none.
    """

    acquirer_id: str
    convention: Literal["TOTAL", "DELTA"]
    remainder: Remainder
    attempts_cap: int
    window_ms: int
    lifetime_ms: int

    @property
    def increments(self) -> bool:
        return self.attempts_cap > 0


TERMS = (
    Terms("total", "TOTAL", "AUTO_AT_CAPTURE", 10, DAY_MS, 5 * DAY_MS),
    Terms("delta", "DELTA", "LOWER_BEFORE_CAPTURE", 10, DAY_MS, 5 * DAY_MS),
    Terms("reverse", "TOTAL", "REVERSE_AFTER_CAPTURE", 10, DAY_MS, 5 * DAY_MS),
    Terms("lapse", "DELTA", "LAPSE_ONLY", 0, DAY_MS, 2 * DAY_MS),
    # Forgets keys within minutes and holds money for hours: the hardest to be right with.
    Terms("brief", "DELTA", "REVERSE_AFTER_CAPTURE", 2, 10 * MINUTE_MS, 12 * HOUR_MS),
)
BY_ID = {one.acquirer_id: one for one in TERMS}


class Amounts(NamedTuple):
    """Of one cell, in major units: JPY has a hundred times as many, and no minor ones."""

    first: int
    step: int
    ceiling: int


class Figures(NamedTuple):
    """One operator. `step` 0 in a cell: a fixed hold. `last_look_ms` between inquiries at last."""

    name: str
    dc: Amounts
    ac: Amounts
    at_deadline: Literal["lapse", "floor"]
    forgive_below: int
    grace_ms: int
    last_look_ms: int = 2 * HOUR_MS


class Receipts(NamedTuple):
    """What the country that all of this happens in asks of receipts."""

    regime: Literal["SIGN_SYNC", "SIGN_CHAINED", "PERIODIC_REPORT", "PROVIDER_CLEARANCE"]
    order: Literal["capture_first", "receipt_first"]
    below_cost: Literal["reduction", "balance"]


COUNTRY = "CH"
CHAIN = "till-1"

OPERATORS = (
    Figures("staircase", Amounts(10, 10, 80), Amounts(30, 0, 30), "lapse", 0, 3 * MINUTE_MS),
    Figures("small-steps", Amounts(5, 4, 60), Amounts(5, 4, 40), "lapse", 50, 2 * MINUTE_MS),
    Figures("wall", Amounts(50, 0, 50), Amounts(20, 0, 20), "lapse", 0, 3 * MINUTE_MS),
    Figures(
        "floor", Amounts(8, 8, 90), Amounts(30, 0, 30), "floor", 0, 10 * MINUTE_MS, HALF_HOUR_MS
    ),
)


def minor(major: int, currency: str) -> int:
    """A hundred yen are about as much as a euro, and both are 100 of their smallest unit."""
    del currency
    return major * 100


def ceiling_minor(operator: Figures, power_type: str, currency: str) -> int:
    """The most that may ever be held for a session."""
    amounts = operator.dc if power_type == "DC" else operator.ac
    return minor(amounts.ceiling, currency)


def _cell(power_type: str, amounts: Amounts) -> str:
    strategy = "incremental" if amounts.step else "fixed"
    lines = [
        "[[cell]]",
        f'name = "{power_type.lower()}"',
        'why = "simulated"',
        f'strategy = "{strategy}"',
        f'power_type = "{power_type}"',
        "[cell.amounts]",
    ]
    for currency in CURRENCIES:
        first = f"first_minor = {minor(amounts.first, currency)}"
        steps = ""
        if amounts.step:
            step, top = minor(amounts.step, currency), minor(amounts.ceiling, currency)
            steps = f", step_minor = {step}, ceiling_minor = {top}"
        lines.append(f"{currency} = {{ {first}{steps} }}")
    return "\n".join(lines)


def _wall(power_type: str, amounts: Amounts) -> str:
    """For cards whose hold cannot be raised."""
    text = _cell(power_type, Amounts(amounts.first * 2, 0, 0))
    return text.replace(f'name = "{power_type.lower()}"', f'name = "{power_type.lower()}-wall"')


def _acquirer(terms: Terms) -> str:
    return "\n".join(
        [
            f"[acquirers.{terms.acquirer_id}]",
            f'convention = "{terms.convention}"',
            f'remainder = "{terms.remainder}"',
            f"increments = {str(terms.increments).lower()}",
            f"attempts_cap = {max(terms.attempts_cap, 1)}",
            f"idempotency_window_ms = {terms.window_ms}",
            f"hold_lifetime_ms = {terms.lifetime_ms}",
            "partial_capture = true",
        ]
    )


def _fiscal(receipts: Receipts) -> str:
    return "\n".join(
        [
            f"[fiscal.{COUNTRY}]",
            f'regime = "{receipts.regime}"',
            f'chain = "{CHAIN}"',
            f'order = "{receipts.order}"',
            f'below_cost = "{receipts.below_cost}"',
        ]
    )


def text_of(operator: Figures, receipts: Receipts | None = None) -> str:
    """The policy file of an operator; `receipts`: None, where there are none."""
    head = f"""
id = "{operator.name}"
version = "1"
start_grace_ms = {operator.grace_ms}
inquiry_schedule_ms = [5000, 15000, 60000, 300000, 900000, {operator.last_look_ms}]
forgive_below_minor = {operator.forgive_below}
[look_ahead]
acquirer_latency_ms = 3000
retries_ms = 12000
meter_interval_ms = 60000
stop_latency_ms = 15000
power_when_unknown_w = 400000
"""
    tail = f'[clocks]\nat_deadline = "{operator.at_deadline}"\nextensions_max = 1\n'
    cells = [
        _cell("DC", operator.dc),
        _wall("DC", operator.dc),
        _cell("AC", operator.ac),
        _wall("AC", operator.ac),
    ]
    fiscal = [_fiscal(receipts)] if receipts is not None else []
    return "\n".join([head, *cells, *map(_acquirer, TERMS), tail, *fiscal])
