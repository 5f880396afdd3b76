"""The policy file's `[declines]`: what follows a declined raise, and a declined tap.

Each kind of no has a list of actions: the first refused raise of a hold gets the first of them, the
second the second, and so on; the last one stands for all that follow. By default a driver who has
paid cover left gets all of it; only a card that was stolen or looks like fraud is stopped at once.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from schemas.fields import Minor
from schemas.money import UnknownCurrency, exponent_of
from streams.core.declines_codes import Kind

Action = Literal["smaller_step", "retry_once", "finish_inside", "grace", "stop_now"]
"""smaller_step: a raise to less than was refused. retry_once: the same again after `backoff_ms`.
finish_inside: no raise any more; charging ends with what the hold covers. grace: the same, but
`grace_minor` later. stop_now: at once."""

RAISING = frozenset({"smaller_step", "retry_once"})

_Actions = Annotated[tuple[Action, ...], Meta(min_length=1, max_length=10)]
_Pause = Annotated[int, Meta(ge=1_000, le=3_600_000)]
_Few = Annotated[int, Meta(ge=0, le=10)]


class After(msgspec.Struct, frozen=True, kw_only=True):
    """The actions after each kind of no (payments.md, section 3, "mid-charge increment")."""

    funds: _Actions = ("smaller_step", "finish_inside")
    limit: _Actions = ("smaller_step", "finish_inside")
    soft: _Actions = ("retry_once", "finish_inside")
    hard: _Actions = ("finish_inside",)
    customer: _Actions = ("finish_inside",)
    technical: _Actions = ("retry_once", "retry_once", "finish_inside")
    fraud: _Actions = ("stop_now",)
    stolen: _Actions = ("stop_now",)
    unknown: _Actions = ("finish_inside",)


class CellAfter(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The same for one cell; what is not given is as in `[declines.after]`."""

    funds: _Actions | None = None
    limit: _Actions | None = None
    soft: _Actions | None = None
    hard: _Actions | None = None
    customer: _Actions | None = None
    technical: _Actions | None = None
    fraud: _Actions | None = None
    stolen: _Actions | None = None
    unknown: _Actions | None = None


class DeclinePolicy(msgspec.Struct, frozen=True, kw_only=True):
    """`[declines]`. `smaller_percent`: of the step that was refused, how much is tried next.

    `grace_minor`: by currency, how much may flow beyond the hold where the action is grace.
    `stop_again_ms`, `stops_max`: a stop is sent so often, so far apart, while energy flows.
    `offers_max`, `retaps_max`: smaller amounts offered, and PINs asked for, after a declined tap.
    """

    after: After = After()
    cell: dict[str, CellAfter] = {}
    backoff_ms: _Pause = 20_000
    smaller_percent: Annotated[int, Meta(ge=1, le=99)] = 50
    grace_minor: dict[str, Minor] = {}
    stop_again_ms: _Pause = 60_000
    stops_max: Annotated[int, Meta(ge=1, le=10)] = 3
    offers_max: _Few = 2
    retaps_max: _Few = 2

    def actions(self, cell: str, kind: Kind) -> tuple[Action, ...]:
        """What follows the noes of this kind, in order, where this cell was chosen."""
        own: tuple[Action, ...] | None = getattr(self.cell.get(cell), kind, None)
        general: tuple[Action, ...] = getattr(self.after, kind)
        return own or general


def contradictions(policy: DeclinePolicy, cells: frozenset[str]) -> list[str]:
    """What cannot be meant, each by the path of its field within `[declines]`."""
    problems = [
        f"{path}.{kind}: {problem}"
        for path, table in _tables(policy)
        for kind in table.__struct_fields__
        for problem in _list_problems(getattr(table, kind))
    ]
    problems += [f"cell.{name}: there is no such cell" for name in policy.cell if name not in cells]
    for currency in policy.grace_minor:
        try:
            exponent_of(currency)
        except UnknownCurrency as error:
            problems.append(f"grace_minor.{currency}: {error}")
    return problems


def _tables(policy: DeclinePolicy) -> list[tuple[str, After | CellAfter]]:
    return [("after", policy.after), *((f"cell.{name}", one) for name, one in policy.cell.items())]


def _list_problems(actions: tuple[Action, ...] | None) -> list[str]:
    if actions is None:
        return []
    problems: list[str] = []
    if actions[-1] in RAISING:
        problems.append(f"{actions[-1]} at the end: say what follows when that is refused, too")
    if any(one not in RAISING for one in actions[:-1]):
        problems.append("nothing follows finish_inside, grace or stop_now")
    return problems
