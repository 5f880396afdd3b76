"""What a session costs by an OCPI tariff, exactly, and the inverse: how far an amount reaches.

    parse(body) -> Tariff                    raises Unpriceable; cached by body
    price(tariff, course) -> Breakdown       exact; raises Unpriceable (a zone that is not known)
    limits(tariff, course, assumed, ceiling_minor) -> Limits       exact, along one assumed path
    wake(tariff, course, assumed, ceiling_minor, min_horizon_ms) -> Limits     whatever the power

A tariff without restrictions, steps and limits has `tariff.simple`, integer rates on quantities
(`Quantities`), with which the price and its inverse need no course: the fast way.
"""

from streams.core.pricing.breakdown import Breakdown, Line
from streams.core.pricing.course import (
    NO_FLOW,
    Amounts,
    Course,
    Flow,
    Segment,
    charging,
    parking,
    reservation,
)
from streams.core.pricing.identity import canonical, content_hash
from streams.core.pricing.inverse import Assumed, Limits, limits, wake
from streams.core.pricing.model import Tariff
from streams.core.pricing.parsing import parse
from streams.core.pricing.pricing import price, price_switched
from streams.core.pricing.simple import NOTHING, Quantities, Rates
from streams.core.pricing.unpriceable import Unpriceable

__all__ = [
    "NOTHING",
    "NO_FLOW",
    "Amounts",
    "Assumed",
    "Breakdown",
    "Course",
    "Flow",
    "Limits",
    "Line",
    "Quantities",
    "Rates",
    "Segment",
    "Tariff",
    "Unpriceable",
    "canonical",
    "charging",
    "content_hash",
    "limits",
    "parking",
    "parse",
    "price",
    "price_switched",
    "reservation",
    "wake",
]
