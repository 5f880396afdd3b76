"""Roundings that a price component brings with it: GIREVE's `price_round` and `step_round`.

GIREVE, "OCPI Interface, Implementation Guide", Tariffs module, "Specific properties": the cost of a
component within its element is rounded, and so is the number of its steps. OCPI itself has neither.
"""

from typing import NamedTuple

from streams.core.pricing.rounding import Rounding
from streams.core.pricing.unpriceable import Unpriceable

_DIGITS = {"UNIT": 0, "TENTH": 1, "HUNDREDTH": 2, "HUNDRETH": 2, "HUNDRETDH": 2, "THOUSANDTH": 3}
_RULES: dict[str, Rounding] = {"ROUND_UP": "up", "ROUND_DOWN": "down", "ROUND_NEAR": "half_up"}


class Agreed(NamedTuple):
    """To so many decimals of the major unit, by this rule."""

    digits: int
    rule: Rounding


def agreed_price(found: object, where: str) -> Agreed | None:
    """A `price_round`. Raises Unpriceable for what is not known, since it changes the price."""
    return None if found is None else _agreed(found, f"{where}: price_round")


def agreed_steps(found: object, where: str) -> Rounding | None:
    """A `step_round`: of whole steps, which it need not say. Raises Unpriceable as above."""
    if found is None:
        return None
    where = f"{where}: step_round"
    rounding = _agreed(found, where, "UNIT")
    if rounding.digits:
        raise Unpriceable("rounding", f"{where}: {found!r}"[:200])
    return rounding.rule


def _agreed(found: object, where: str, usual: str = "") -> Agreed:
    given = found if isinstance(found, dict) else {}
    granularity, rule = given.get("round_granularity", usual), given.get("round_rule")
    if not isinstance(granularity, str) or granularity not in _DIGITS:
        raise Unpriceable("rounding", f"{where}: {found!r}"[:200])
    if not isinstance(rule, str) or rule not in _RULES:
        raise Unpriceable("rounding", f"{where}: {found!r}"[:200])
    return Agreed(_DIGITS[granularity], _RULES[rule])
