"""Of what version, event and fields a webhook is: what is counted to see acquirers change. Pure.

Adapters read what money needs and pass over the rest; here nothing is read but names. To be asked
of bodies whose signature is right, so that nobody else's words are counted.
"""

from typing import Any, Final, NamedTuple

import msgspec

BODY_MAX: Final = 256_000  # bytes; what is built of a body may be twenty times its size
FIELDS_MAX: Final = 200  # of one body
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
