"""From quantities to what they cost: steps at the end of the session, then min and max price."""

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

from streams.core.pricing.course import Number
from streams.core.pricing.model import STEP_UNITS, UNITS, Component, Limit, Tariff
from streams.core.pricing.rounding import decimal, rounded
from streams.core.pricing.tally import Tally, Used

_NOTHING = Fraction(0)


class Totals(NamedTuple):
    """Exact, in major units; None: not known, since a tax is not."""

    net: Fraction | None
    gross: Fraction | None
    due: Fraction
    limit: str = ""


def added(tally: Tally) -> dict[Used, Number]:
    """What steps add, by component: to the session's total, once of energy and once of time.

    The last component of its kind says which step, and prices what is added. Where parking was
    priced, only parking is rounded; reserved time is a kind of its own (OCPI 2.2.1 mod_tariffs,
    step_size; 2.1.1 does not say how, and engines in the field take the same rule). What has a
    `step_round` is rounded by itself, by its own rule, which may take away.
    """
    found: dict[Used, Number] = {}
    for last in (tally.energy, tally.parking or tally.time, tally.reserved):
        if last is not None:
            more = _missing(tally, last)
            if more:
                found[last] = more
    for used in tally.first_at:
        more = _by_itself(tally, used)
        if more:
            found[used] = more
    return found


def _missing(tally: Tally, last: Used) -> Number:
    component = tally.component(last)
    if component.step_round is not None:
        return 0
    if component.step <= (0 if component.dimension == "ENERGY" else 1):
        return 0  # 0 stands in free tariffs; one second is as good as none
    step = component.step * STEP_UNITS[component.dimension]
    total: Number = 0
    for used in tally.first_at:
        other = tally.component(used)
        same = other.dimension == component.dimension and other.reserved == component.reserved
        if same and other.step_round is None:
            total += tally.had(used)
    return -total % step


def _by_itself(tally: Tally, used: Used) -> Number:
    component = tally.component(used)
    if component.step_round is None:
        return 0
    step = component.step * STEP_UNITS[component.dimension]
    if not step:
        return 0
    had = tally.had(used)
    return rounded(Fraction(had) / step, component.step_round) * step - had


def most_added(components: Sequence[Component]) -> Fraction:
    """Major units that steps and roundings can add to what these price by the unit, at most.

    One step of energy and one of time, each at its dearest; what is rounded by itself adds its own.
    """
    with_session = dict.fromkeys(UNITS, _NOTHING)
    alone = _NOTHING
    for one in components:
        step = cost(one, one.due_rate, one.step * STEP_UNITS[one.dimension])
        if one.step <= 1 and one.step_round is None:
            step = _NOTHING  # registers count whole Wh, and one second is none
        if one.step_round is None:
            with_session[one.dimension] = max(with_session[one.dimension], step)
        else:
            alone += step
        if one.price_round is not None:
            told = _told_rate(one)
            alone += Fraction(one.due_rate / told, 10**one.price_round.digits) if told else 0
    timed = max(with_session[kind] for kind in ("TIME", "PARKING_TIME", "SESSION_TIME"))
    return with_session["ENERGY"] + timed + alone


def settle(tariffs: Sequence[Tariff], tally: Tally) -> Totals:
    """The totals, each tariff's limits applied to what it priced."""
    steps = added(tally)
    found = [_limited(one, _sums(tally, number, steps)) for number, one in enumerate(tariffs)]
    return found[0] if len(found) == 1 else _joined(found)


def cost(component: Component, rate: Fraction, quantity: Number) -> Fraction:
    return rate * quantity / UNITS[component.dimension]


def costs(component: Component, quantity: Number) -> Totals:
    """Of one component: exact, or rounded as its `price_round` says, on the side that it tells."""
    net, gross = (
        None if rate is None else cost(component, rate, quantity)
        for rate in (component.net_rate, component.gross_rate)
    )
    due = cost(component, component.due_rate, quantity)
    agreed, rate = component.price_round, _told_rate(component)
    if agreed is None or not rate:
        return Totals(net, gross, due)
    told = cost(component, rate, quantity)
    share = Fraction(decimal(told, agreed.digits, agreed.rule)) / told if told else _NOTHING
    return Totals(
        None if net is None else net * share, None if gross is None else gross * share, due * share
    )


def _told_rate(component: Component) -> Fraction:
    """As the tariff writes it: net or gross; one of them is always known."""
    told = component.gross_rate if component.included else component.net_rate
    return component.due_rate if told is None else told


def _sums(tally: Tally, tariff: int, steps: dict[Used, Number]) -> Totals:
    table = tally.tables[tariff]
    due: Number = 0
    net: Number | None = 0
    gross: Number | None = 0
    rounded_alone: list[Totals] = []
    for used in tally.first_at:
        if used.tariff != tariff:
            continue
        prices = table.prices[used.component]
        quantity = tally.had(used) + steps.get(used, 0)
        if table.components[used.component].price_round is not None:
            rounded_alone.append(costs(table.components[used.component], quantity))
            continue
        due += quantity * prices.due
        net = None if net is None or prices.net is None else net + quantity * prices.net
        gross = None if gross is None or prices.gross is None else gross + quantity * prices.gross
    of = table.denominator
    whole = Totals(
        None if net is None else Fraction(net) / of,
        None if gross is None else Fraction(gross) / of,
        Fraction(due) / of,
    )
    return _joined([whole, *rounded_alone]) if rounded_alone else whole


def _joined(parts: list[Totals]) -> Totals:
    return Totals(
        _sum([one.net for one in parts]),
        _sum([one.gross for one in parts]),
        sum((one.due for one in parts), _NOTHING),
        next((one.limit for one in parts if one.limit), ""),
    )


def _sum(parts: list[Fraction | None]) -> Fraction | None:
    known = [one for one in parts if one is not None]
    return sum(known, Fraction(0)) if len(known) == len(parts) else None


# --- min_price and max_price ------------------------------------------------------------------


def _limited(tariff: Tariff, totals: Totals) -> Totals:
    """Net and gross have bounds of their own (OCPI 2.2.1 mod_tariffs, min_price)."""
    if tariff.most != Limit():
        totals = _bounded(tariff, totals, "max_price")
    if tariff.least != Limit():
        totals = _bounded(tariff, totals, "min_price")
    return totals


def _bounded(tariff: Tariff, totals: Totals, name: str) -> Totals:
    least = name == "min_price"
    limit = tariff.least if least else tariff.most
    net_limit, gross_limit = _both(tariff, totals, limit)
    pick = max if least else min
    net = totals.net if totals.net is None or net_limit is None else pick(totals.net, net_limit)
    gross = totals.gross
    if gross is not None and gross_limit is not None:
        gross = pick(gross, gross_limit)
    due = gross
    if due is None:
        due = totals.due if net_limit is None else pick(totals.due, net_limit)
    decided = name if (net, gross, due) != totals[:3] else totals.limit
    return Totals(net, gross, due, decided)


def _both(tariff: Tariff, totals: Totals, limit: Limit) -> tuple[Fraction | None, Fraction | None]:
    """A bound that tells one side only: the other follows from the taxes of this session.

    Where those are not known either, the figure that stands there is taken for both.
    """
    if limit.gross is not None or limit.net is None:
        return limit
    if totals.net and totals.gross is not None:
        return limit.net, limit.net * totals.gross / totals.net
    rates = [one.vat for one in tariff.components if one.vat is not None]
    known = totals.net is not None and totals.gross is not None
    return limit.net, limit.net * (1 + max(rates) / 100) if rates and known else limit.net
