"""A tariff as the engine reads it: elements in order, each with restrictions and components.

Units are ours: Wh, W, mA, ms; minutes of the local day; days as proleptic ordinals. Prices are
major units per kWh, per hour or once.
"""

from fractions import Fraction
from typing import TYPE_CHECKING, Literal, NamedTuple

from streams.core.pricing.agreed import Agreed
from streams.core.pricing.course import Number
from streams.core.pricing.rounding import Rounding
from streams.core.pricing.simple import Rates

if TYPE_CHECKING:
    from streams.core.pricing.matching import Table

Dimension = Literal["ENERGY", "TIME", "PARKING_TIME", "FLAT", "SESSION_TIME"]
Version = Literal["2.1.1", "2.2.1", "2.3.0"]
Reserved = Literal["", "RESERVATION", "RESERVATION_EXPIRES"]

DAY_MINUTES = 1_440
# How many of the dimension's own unit make one unit of its price: Wh in a kWh, ms in an hour.
UNITS: dict[Dimension, int] = {
    "ENERGY": 1_000,
    "TIME": 3_600_000,
    "PARKING_TIME": 3_600_000,
    "FLAT": 1,
    "SESSION_TIME": 3_600_000,
}
# GIREVE's SESSION_TIME is time charging or not; of one element it stands for both.
COVERS: dict[Dimension, tuple[Dimension, ...]] = {
    "ENERGY": ("ENERGY",),
    "TIME": ("TIME",),
    "PARKING_TIME": ("PARKING_TIME",),
    "FLAT": ("FLAT",),
    "SESSION_TIME": ("TIME", "PARKING_TIME"),
}
# How many of the dimension's own unit make one of its step_size: a Wh, a second.
STEP_UNITS: dict[Dimension, int] = {
    "ENERGY": 1,
    "TIME": 1_000,
    "PARKING_TIME": 1_000,
    "FLAT": 1,
    "SESSION_TIME": 1_000,
}


class Restrictions(NamedTuple):
    """All that are given must hold. `from` bounds are inclusive, `to` bounds exclusive.

    `days`: 0 is Monday; empty: all. `minutes`: from and to in the local day; to < from goes over
    midnight; to 1440 is the end of the day. `flow` bounds hold for the whole of a segment.
    """

    minutes: tuple[int, int] | None = None
    from_day: int | None = None
    to_day: int | None = None
    days: frozenset[int] = frozenset()
    from_wh: Number | None = None
    to_wh: Number | None = None
    from_w: Number | None = None
    to_w: Number | None = None
    from_ma: Number | None = None
    to_ma: Number | None = None
    from_ms: int | None = None
    to_ms: int | None = None
    reserved: Reserved = ""

    @property
    def local(self) -> bool:
        """Whether they ask for the local time of the location."""
        return bool(self.days) or (self.minutes, self.from_day, self.to_day) != (None, None, None)


class Component(NamedTuple):
    """What one element asks for one dimension. `net_rate` or `gross_rate` None: tax not known.

    `due_rate` is what a driver is asked for: gross, or the plain price where tax is not known.
    `because` names the restrictions that let it apply, as the tariff writes them. `included`: the
    price is told with taxes. `price_round` and `step_round` are GIREVE's.
    """

    element: int
    dimension: Dimension
    vat: Fraction | None
    step: int
    net_rate: Fraction | None
    gross_rate: Fraction | None
    due_rate: Fraction
    reserved: bool
    because: str
    included: bool = False
    price_round: Agreed | None = None
    step_round: Rounding | None = None

    @property
    def agreed(self) -> bool:
        """Whether it is rounded by itself, and not with the session."""
        return self.price_round is not None or self.step_round is not None


class Element(NamedTuple):
    restrictions: Restrictions
    components: tuple[Component, ...]


class Limit(NamedTuple):
    """min_price or max_price; None: not given for that side."""

    net: Fraction | None = None
    gross: Fraction | None = None


class Tariff(NamedTuple):
    """A priceable tariff. `simple` is there when quantities alone decide what it costs.

    `starts_at` and `ends_at`, epoch ms, bound when the tariff may be chosen (OCPI start_date_time,
    end_date_time); a session keeps the tariff it began with, so they are no part of its price.
    `table` is the elements compiled.
    """

    id: str
    version: Version
    currency: str
    elements: tuple[Element, ...]
    table: "Table"
    least: Limit = Limit()
    most: Limit = Limit()
    starts_at: int | None = None
    ends_at: int | None = None
    simple: Rates | None = None

    @property
    def components(self) -> tuple[Component, ...]:
        return tuple(one for element in self.elements for one in element.components)

    @property
    def tax_known(self) -> bool:
        """Whether every component tells what a driver pays, taxes included."""
        return all(one.gross_rate is not None for one in self.components)

    @property
    def needs_zone(self) -> bool:
        """Whether its price asks for the local time of the location."""
        return any(element.restrictions.local for element in self.elements)

    @property
    def needs_course(self) -> bool:
        """Whether it matters when what was had: no restriction but for reservations is simple."""
        return any(
            one.restrictions._replace(reserved="") != Restrictions() for one in self.elements
        )
