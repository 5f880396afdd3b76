"""Whether elements leave anything to one after them: for `holdfast tariff lint`."""

import itertools
import math
from collections.abc import Iterator, Sequence

from streams.core.pricing.course import Number
from streams.core.pricing.matching import holds_at, within
from streams.core.pricing.model import DAY_MINUTES, Restrictions

_MOMENTS_MAX = 50_000  # beyond that the question is left open: a linter may keep silent
_AXES = (("from_day", "to_day"), ("from_wh", "to_wh"), ("from_ms", "to_ms"))


def cover_together(earlier: Sequence[Restrictions], own: Restrictions) -> bool:
    """Whether one of `earlier` holds whenever `own` does.

    Those that ask for power or current are left out: they hold for the whole of a period or not at
    all, so that two of them side by side leave gaps.
    """
    able = [one for one in earlier if one.reserved == own.reserved and not _asks_flow(one)]
    if not able:
        return False
    axes = [_weekdays([own, *able]), _minutes([own, *able]), *_steps([own, *able])]
    if math.prod(len(one) for one in axes) > _MOMENTS_MAX:
        return False
    moments = [one for one in itertools.product(*axes) if _holds(own, one)]
    return bool(moments) and all(any(_holds(one, at) for one in able) for at in moments)


def _asks_flow(rules: Restrictions) -> bool:
    return (rules.from_w, rules.to_w, rules.from_ma, rules.to_ma) != (None,) * 4


def _weekdays(rules: list[Restrictions]) -> list[Number]:
    return list(range(7)) if any(one.days for one in rules) else [0]


def _minutes(rules: list[Restrictions]) -> list[Number]:
    """Where anything may begin or end to hold; between two of these all stay as they are."""
    return sorted({0, *(minute % DAY_MINUTES for one in rules for minute in one.minutes or ())})


def _steps(rules: list[Restrictions]) -> Iterator[list[Number]]:
    for names in _AXES:
        told = {getattr(one, name) for one in rules for name in names}
        yield sorted({0, *(one for one in told if one is not None)})


def _holds(rules: Restrictions, moment: tuple[Number, ...]) -> bool:
    weekday, minute, *rest = moment
    return (
        (not rules.days or weekday in rules.days)
        and holds_at(int(minute), rules.minutes)
        and all(
            within(value, getattr(rules, low), getattr(rules, high))
            for value, (low, high) in zip(rest, _AXES, strict=True)
        )
    )
