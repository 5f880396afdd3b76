"""The policy file: what to hold on which card at which charger, and what each acquirer can do.

TOML text, checked whole before anything of it is used. `deploy/policies/default.toml` explains
every key where it stands.
"""

import functools
import tomllib
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin

import msgspec
from msgspec import Meta
from msgspec.structs import fields

from schemas.fields import Minor
from schemas.money import UnknownCurrency, exponent_of
from streams.core import acquirers, declines_policy, routing, strategy_cells
from streams.core.acquirers import Acquirer
from streams.core.declines_policy import DeclinePolicy
from streams.core.hold_clocks import Clocks
from streams.core.proof_policy import ProofPolicy
from streams.core.proof_policy import contradictions as proof_contradictions
from streams.core.reconciliation_policy import Reconciliation
from streams.core.refund_policy import RefundPolicy
from streams.core.risk_policy import Risk
from streams.core.routing import Breaker, Route
from streams.core.strategy_cells import Cell, Regime

_YEAR_MS = 366 * 24 * 60 * 60 * 1000
_Name = Annotated[str, Meta(min_length=1, max_length=255)]
_Duration = Annotated[int, Meta(ge=1, le=_YEAR_MS)]
_Wait = Annotated[int, Meta(ge=0, le=_YEAR_MS)]
_Percent = Annotated[int, Meta(ge=0, le=100)]
_Power = Annotated[int, Meta(ge=1, le=10**8)]


class PolicyInvalid(ValueError):
    """The text is no policy: `problems` names all that was found, each by its field's path."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


BelowCost = Literal["reduction", "balance"]
"""Where less is captured than it costs: the price is reduced to it, or the rest stays owed."""


class LookAhead(msgspec.Struct, frozen=True, kw_only=True):
    """How long energy flows on after a reading that called for more money, in ms, by parts."""

    acquirer_latency_ms: _Wait
    retries_ms: _Wait
    meter_interval_ms: _Wait
    stop_latency_ms: _Wait
    power_when_unknown_w: _Power

    @property
    def window_ms(self) -> int:
        """payments.md 7.4: a raise must be approved, or the charger stopped, within this time."""
        answered_ms = self.acquirer_latency_ms + self.retries_ms
        return answered_ms + self.meter_interval_ms + self.stop_latency_ms


class Fiscal(msgspec.Struct, frozen=True, kw_only=True):
    """What a country asks of a receipt (payments.md 4.1), and how long the round trip takes.

    `chain`: the tax id or queue whose receipts are one order; empty: none is asked for. `order`:
    what comes first of capture and receipt. `below_cost`: the policy's, where it differs there.
    `vat`: per cent, where a tariff tells no rate. `late_after_ms`: people are told.
    """

    regime: Regime
    closeout_ms: _Wait = 0
    chain: Annotated[str, Meta(max_length=255)] = ""
    order: Literal["capture_first", "receipt_first"] = "capture_first"
    below_cost: BelowCost | Literal[""] = ""
    vat: Annotated[str, Meta(pattern=r"^([0-9]{1,2}(\.[0-9]{1,4})?)?$")] = ""
    late_after_ms: _Duration = 60 * 60 * 1000


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a policy. `cell` in order: the first that matches decides.

    `start_grace_ms`: how long a StartCharging may go without a ChargingStarted.
    `inquiry_schedule_ms`: the wait before each inquiry into an unknown outcome; the last repeats.
    `forgive_below_minor`: arrears smaller than this are forgiven instead of booked. `below_cost`:
    what a session costs above all that was held is a "reduction" of its price (forgiven, and the
    receipt is of what was captured), or a "balance" (owed, the receipt is of the whole supply).
    `answer_within_ms`: a command without any answer for so long is asked after, and people are
    told. `time_zone`: IANA name, for requests that tell none. `fiscal` and `no_cvm_limits` go by
    the merchant's country; the latter are minor units by currency, where schemes publish no figure.
    """

    id: _Name
    version: _Name
    start_grace_ms: _Duration
    inquiry_schedule_ms: Annotated[tuple[_Duration, ...], Meta(min_length=1)]
    forgive_below_minor: Minor = 0
    below_cost: BelowCost = "reduction"
    answer_within_ms: _Duration = 120_000
    look_ahead: LookAhead
    cell: tuple[Cell, ...]
    acquirers: dict[str, Acquirer]
    route: tuple[Route, ...] = ()
    breaker: Breaker = Breaker()
    clocks: Clocks = Clocks()
    declines: DeclinePolicy = DeclinePolicy()
    reconciliation: Reconciliation = Reconciliation()
    risk: Risk = Risk()
    proof: ProofPolicy = ProofPolicy()
    refunds: RefundPolicy = RefundPolicy()
    time_zone: str = ""
    fiscal: dict[str, Fiscal] = {}
    no_cvm_limits: dict[str, dict[str, Minor]] = {}

    @property
    def stop_latency_ms(self) -> int:
        return self.look_ahead.stop_latency_ms


@functools.lru_cache(maxsize=256)
def parse_policy(body: str) -> Policy:
    """The policy in this TOML text. Raises PolicyInvalid with all problems that can be found."""
    try:
        # A number with a point is nowhere right in a policy; as text it is refused, never rounded.
        raw = tomllib.loads(body, parse_float=str)
    except tomllib.TOMLDecodeError as error:
        raise PolicyInvalid([f"not TOML: {error}"]) from error
    problems: list[str] = []
    parts = {
        "look_ahead": _checked(LookAhead, raw.get("look_ahead", {}), "look_ahead", problems),
        "cell": _cells(raw.get("cell", []), problems),
        "acquirers": _acquirers(raw.get("acquirers", {}), problems),
        "route": _routes(raw.get("route", []), raw.get("acquirers", {}), problems),
    }
    policy = _checked(Policy, raw, "", problems, parts)
    problems += _limit_problems(raw.get("no_cvm_limits", {}))
    if policy is not None:
        names = frozenset(cell.name for cell in policy.cell)
        found = declines_policy.contradictions(policy.declines, names)
        problems += [f"declines.{problem}" for problem in found]
        problems += [f"proof.{problem}" for problem in proof_contradictions(policy.proof)]
    if policy is None or problems:
        raise PolicyInvalid(problems)
    return policy


def _cells(raw: Any, problems: list[str]) -> tuple[Cell, ...]:
    if not isinstance(raw, list) or not raw:
        problems.append("cell: at least one [[cell]] is wanted")
        return ()
    cells: list[Cell] = []
    names: set[str] = set()
    for number, entry in enumerate(raw):
        path = f"cell[{number}]"
        cell = _checked(Cell, entry, path, problems)
        if cell is None:
            continue
        if cell.name in names:
            problems.append(f"{path}.name: {cell.name!r} is taken by a cell before it")
        names.add(cell.name)
        problems.extend(f"{path}.{problem}" for problem in strategy_cells.contradictions(cell))
        cells.append(cell)
    return tuple(cells)


def _limit_problems(raw: Any) -> list[str]:
    """Of the currencies only: what else is wrong was found by type."""
    if not isinstance(raw, dict):
        return []
    return [
        f"no_cvm_limits.{country}.{currency}: no currency of ISO 4217"
        for country, by_currency in raw.items()
        if isinstance(by_currency, dict)
        for currency in by_currency
        if not _is_currency(currency)
    ]


def _is_currency(currency: str) -> bool:
    try:
        exponent_of(currency)
    except UnknownCurrency:
        return False
    return True


def _acquirers(raw: Any, problems: list[str]) -> dict[str, Acquirer]:
    if not isinstance(raw, dict) or not raw:
        problems.append("acquirers: at least one [acquirers.<id>] is wanted")
        return {}
    found: dict[str, Acquirer] = {}
    for name, entry in raw.items():
        acquirer = _checked(Acquirer, entry, f"acquirers.{name}", problems)
        if acquirer is not None:
            found[name] = acquirer
            problems.extend(
                f"acquirers.{name}.{problem}" for problem in acquirers.contradictions(acquirer)
            )
    return found


def _routes(raw: Any, acquirers_raw: Any, problems: list[str]) -> tuple[Route, ...]:
    if not isinstance(raw, list):
        problems.append("route: a list of [[route]] tables is wanted")
        return ()
    found = [
        _checked(Route, entry, f"route[{number}]", problems) for number, entry in enumerate(raw)
    ]
    routes = tuple(one for one in found if one is not None)
    names = frozenset(acquirers_raw) if isinstance(acquirers_raw, dict) else frozenset[str]()
    problems += routing.contradictions(routes, names)
    return routes


_Part = TypeVar("_Part", bound=msgspec.Struct)


def _checked(
    kind: type[_Part],
    raw: Any,
    path: str,
    problems: list[str],
    parts: Mapping[str, Any] | None = None,
) -> _Part | None:
    """`raw` as `kind`, field by field so that one problem does not hide the next; None if any."""
    if not isinstance(raw, dict):
        problems.append(f"{path}: a table is wanted, not {raw!r}")
        return None
    dot = f"{path}." if path else ""
    values: dict[str, Any] = dict(parts or {})
    found = len(problems)
    for field in fields(kind):
        key = field.encode_name
        if field.name in values:
            continue
        if key in raw:
            values[field.name] = _value(raw[key], field.type, dot + key, problems)
        elif field.required:
            problems.append(f"{dot}{key}: missing")
    known = {field.encode_name for field in fields(kind)}
    problems.extend(f"{dot}{name}: not a key of a policy" for name in sorted(raw.keys() - known))
    return kind(**values) if len(problems) == found else None


def _value(raw: Any, kind: Any, path: str, problems: list[str]) -> Any:
    """Tables within tables one by one, so that a key that means nothing is named there, too."""
    kinds = [one for one in (kind, *get_args(kind)) if isinstance(one, type)]
    table = next((one for one in kinds if issubclass(one, msgspec.Struct)), None)
    if table is not None and get_origin(kind) is not dict:
        return _checked(table, raw, path, problems)
    if table is not None and isinstance(raw, dict):
        return {key: _checked(table, one, f"{path}.{key}", problems) for key, one in raw.items()}
    try:
        return msgspec.convert(raw, kind)
    except msgspec.ValidationError as error:
        message, _, inside = str(error).partition(" - at `$")
        problems.append(f"{path}{inside.rstrip('`')}: {message}")
        return None
