"""Of what version, event and fields a webhook is: what is counted to see acquirers change. Pure.

Adapters read what money needs and pass over the rest; here nothing is read but names. To be asked
of bodies whose signature is right, so that nobody else's words are counted.
"""

from typing import Any, Final, NamedTuple

import msgspec

BODY_MAX: Final = 256_000  # bytes; what is built of a body may be twenty times its size
FIELDS_MAX: Final = 200  # of one body
FIRST: Final = 64
EVERY: Final = 16
_KINDS_MAX: Final = 1_000  # then they start over
_DEPTH: Final = 4  # `data.object.last_payment_error.code`
_NAME_MAX: Final = 60
_ITEMS: Final = 10  # of a list: entries are alike
_VERSIONS: Final = ("api_version", "version")  # Stripe's and Checkout.com's; Adyen tells none
_OURS: Final = "metadata"  # what the operator wrote there comes back


class Shape(NamedTuple):
    """`version` as told, empty: not told; `events` by their names; `fields` as paths."""

    version: str = ""
    events: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()


class _Item(msgspec.Struct, gc=False):
    eventCode: str = ""  # noqa: N815 - Adyen's spelling


class _Wrapped(msgspec.Struct, gc=False):
    NotificationRequestItem: _Item


class _Head(msgspec.Struct, gc=False):
    type: str = ""
    api_version: str | None = None
    version: str | None = None
    notificationItems: list[_Wrapped] = []  # noqa: N815 - Adyen's spelling


_heads = msgspec.json.Decoder(_Head)


class Shapes:
    """Shapes of many bodies: version and event of each, the fields of the first of each kind.

    And then of one in `EVERY`: to look at all of them would take half as long as to translate them.
    """

    def __init__(self) -> None:
        self._looked: dict[Shape, int] = {}

    def of(self, body: bytes) -> Shape:
        """Total, as `shape_of`; without fields where they are not looked at."""
        try:
            head = _heads.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return shape_of(body)
        version = (head.api_version or head.version or "")[:_NAME_MAX]
        events = [f"type={head.type}"] if head.type else []
        items = (one.NotificationRequestItem.eventCode for one in head.notificationItems[:_ITEMS])
        events += [f"eventCode={one}" for one in items if one]
        kind = Shape(version, tuple(dict.fromkeys(one[:_NAME_MAX] for one in events)))
        if len(self._looked) >= _KINDS_MAX:
            self._looked.clear()
        number = self._looked[kind] = self._looked.get(kind, 0) + 1
        return shape_of(body) if number <= FIRST or number % EVERY == 0 else kind


def shape_of(body: bytes) -> Shape:
    """Total: of what is no JSON object, or larger than webhooks are, nothing is told."""
    if len(body) > BODY_MAX:
        return Shape()
    try:
        told = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Shape()
    if not isinstance(told, dict):
        return Shape()
    found: dict[str, None] = {}
    events: dict[str, None] = {}
    _walk(told, "", found, events)
    version = next((told[name] for name in _VERSIONS if isinstance(told.get(name), str)), "")
    return Shape(version[:_NAME_MAX], tuple(events), tuple(found)[:FIELDS_MAX])


def _walk(told: dict[str, Any], path: str, found: dict[str, None], events: dict[str, None]) -> None:
    """Adds what is in `told`; `path` is that of its fields with a point behind, empty: the root."""
    for name, value in told.items():
        if name.startswith(_OURS):
            continue
        where = path + name[:_NAME_MAX]
        found[where] = None
        kind = type(value)
        if kind is dict or kind is list:
            if len(found) < FIELDS_MAX and path.count(".") < _DEPTH - 1:
                for part in (value,) if kind is dict else value[:_ITEMS]:
                    if type(part) is dict:
                        _walk(part, where + ".", found, events)
        elif name == "eventCode" or where == "type":
            events[f"{name}={value}"[:_NAME_MAX]] = None
