"""One object out of PUTs and PATCHes in any order: each field as the newest `last_updated` told it.

The result does not depend on the order of arrival, and repeating a message changes nothing
(OCPI 2.2.1 sessions 2.2.2: the receiver orders by `last_updated`). A PUT replaces what is older
than itself; a PATCH counts only if it is not older than the newest PUT. Charging periods are
upserted by their start, so that appending twice is appending once. At equal instants the value
further on wins: OCPI says nothing, and chance must not decide.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple, TypeVar

from connectors.ocpi.objects import ObjectState, Slot
from connectors.ocpi.reading import CANONICAL, JSON, MAX_BYTES, Unreadable, at_of

PERIODS_MAX = 4_000  # of one session: with them its state fits Kafka's megabyte
_STATUSES_MAX = 16
RANK = {"RESERVATION": 1, "PENDING": 2, "ACTIVE": 3, "COMPLETED": 4, "INVALID": 5}
# A later message without them, or with null, never takes a known link away (protocols.md 3).
STICKY = ("authorization_reference",)
_NULL = "null"
_K = TypeVar("_K", str, int)


class Told(NamedTuple):
    """One message: its fields read, when it says they held, and whether they are all there are.

    `cleared` are the fields that a PATCH sets to null.
    """

    fields: Mapping[str, Any]
    at: int
    full: bool
    cleared: tuple[str, ...] = ()


def merged(state: ObjectState, told: Told) -> ObjectState:
    """The state after one message. Raises Unreadable: more periods than can be remembered."""
    new = ObjectState(
        kind=state.kind,
        put_at=state.put_at,
        fields=dict(state.fields),
        periods=dict(state.periods),
        statuses=dict(state.statuses),
    )
    for name in STICKY:
        if name in told.fields:
            _set(new.fields, name, Slot(told.at, _encoded(told.fields[name])))
    if told.full and told.at > new.put_at:
        _replace(new, told.at)
    if told.at >= new.put_at:
        _tell(new, told)
    if len(new.periods) > PERIODS_MAX:
        raise Unreadable("too-many", f"more than {PERIODS_MAX} periods", "charging_periods")
    if len(new.statuses) > _STATUSES_MAX:
        raise Unreadable("too-many", f"more than {_STATUSES_MAX} statuses", "status")
    slots = (*new.fields.values(), *new.periods.values())
    if sum(len(one.text) for one in slots) > MAX_BYTES:
        raise Unreadable("too-large", f"more than {MAX_BYTES} bytes to remember")
    return new


def _replace(state: ObjectState, at: int) -> None:
    """What is older than a new PUT is gone."""
    state.put_at = at
    kept = state.fields.items()
    state.fields = {name: one for name, one in kept if one.at >= at or name in STICKY}
    state.periods = {start: one for start, one in state.periods.items() if one.at >= at}
    state.statuses = {word: when for word, when in state.statuses.items() if when >= at}


def newest_at(state: ObjectState) -> int:
    """The newest instant at which any of it was told."""
    slots = [*state.fields.values(), *state.periods.values()]
    return max((*(one.at for one in slots), *state.statuses.values(), state.put_at))


def _tell(state: ObjectState, told: Told) -> None:
    for name, value in told.fields.items():
        if name == "charging_periods":
            for one in value:
                _set(state.periods, at_of(one["start_date_time"]), Slot(told.at, _encoded(one)))
        elif name == "status" and not told.full:
            state.statuses[value] = max(told.at, state.statuses.get(value, 0))
        elif name not in STICKY:
            _set(state.fields, name, Slot(told.at, _encoded(value)))
    for name in told.cleared:
        if name not in STICKY:
            _set(state.fields, name, Slot(told.at, _NULL))


def effective(state: ObjectState) -> dict[str, Any]:
    """The object as it stands: all that is known of it, periods in the order of their start."""
    out = {name: JSON.decode(one.text) for name, one in state.fields.items() if one.text != _NULL}
    words = [*state.statuses, *([out["status"]] if "status" in out else [])]
    if words:
        out["status"] = max(words, key=lambda word: (RANK.get(word, 0), word))
    if state.periods:
        out["charging_periods"] = [
            JSON.decode(one.text) for _, one in sorted(state.periods.items())
        ]
    return out


def _set(slots: dict[_K, Slot], name: _K, new: Slot) -> None:
    old = slots.get(name)
    if old is None or (new.at, _further(new.text)) > (old.at, _further(old.text)):
        slots[name] = new


def _further(text: str) -> tuple[int, Decimal, str]:
    """An order of values: words by their rank, numbers and costs by size, else by the letters."""
    value = JSON.decode(text)
    if isinstance(value, dict):
        value = value.get("before_taxes", value.get("excl_vat", text))
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return 1, Decimal(value), text
    if isinstance(value, str) and value in RANK:
        return 2, Decimal(RANK[value]), ""
    return 0, Decimal(0), text


def _encoded(value: Any) -> str:
    return CANONICAL.encode(value).decode()
