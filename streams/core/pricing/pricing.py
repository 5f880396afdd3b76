"""The price of a course."""

from collections.abc import Sequence

from streams.core.pricing.breakdown import Breakdown, Line
from streams.core.pricing.course import Course
from streams.core.pricing.model import Tariff
from streams.core.pricing.settling import added, costs, settle
from streams.core.pricing.tally import Tally, tally_of
from streams.core.pricing.unpriceable import Unpriceable


def price(tariff: Tariff, course: Course) -> Breakdown:
    """What the course costs by this tariff. Exact. Raises Unpriceable (a time zone not known)."""
    return price_switched((tariff,), course)


def price_switched(tariffs: Sequence[Tariff], course: Course) -> Breakdown:
    """The same with several tariffs: each segment names its own by index.

    One session still: one flat fee, one step of energy and one of time, by the last one used. Each
    tariff's min_price and max_price bound what it priced itself.
    """
    if len({one.currency for one in tariffs}) != 1:
        raise Unpriceable("currencies", "the tariffs of one session differ in currency")
    tally = tally_of([one.table for one in tariffs], course)
    totals = settle(tariffs, tally)
    return Breakdown(
        currency=tariffs[0].currency,
        lines=_lines(tally),
        net=totals.net,
        gross=totals.gross,
        due=totals.due,
        limit=totals.limit,
        notes=("current-unknown",) if tally.current_unknown else (),
    )


def _lines(tally: Tally) -> tuple[Line, ...]:
    """In the order in which the components came into play."""
    steps = added(tally)
    lines: list[Line] = []
    for used, from_at in tally.first_at.items():
        component = tally.component(used)
        had = tally.had(used)
        billed = had + steps.get(used, 0)
        found = costs(component, billed)
        lines.append(Line(component, used.tariff, from_at, had, billed, found.net, found.gross))
    return tuple(lines)
