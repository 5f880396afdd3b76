"""The `ocpp` package's JSON schemas: what each allows, valid examples, and one-place changes."""

import json
from copy import deepcopy
from decimal import Decimal
from functools import cache

from hypothesis import strategies as st
from jsonschema import Draft4Validator
from ocpp.messages import get_validator

from connectors.ocpp.messages.catalogue import REQUESTS, RESPONSES

CALL, RESULT = 2, 3
MESSAGES = [
    (version, message_type, action)
    for message_type, kinds in ((CALL, REQUESTS), (RESULT, RESPONSES))
    for version in kinds
    for action in kinds[version]
]
# Read as any object: what is in it is nobody's concern here. `test_messages.py` shows it.
UNREAD = "chargingProfile"
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=5,
)
SCALARS = {
    "boolean": st.booleans(),
    "integer": st.integers(-(2**63), 2**63 - 1),
    "number": st.decimals(-(10**12), 10**12, places=4) | st.integers(-(10**12), 10**12),
}


@cache
def validator(version, message_type, action):
    """The package's validator, of a schema in which any object may stand for UNREAD."""
    said = deepcopy(get_validator(message_type, action, version).schema)
    if UNREAD in said["properties"]:
        said["properties"][UNREAD] = {"type": "object"}
    return Draft4Validator(said)


def schema(version, message_type, action):
    return validator(version, message_type, action).schema


def allowed(version, message_type, action, payload):
    """The verdict of the package's validator."""
    return validator(version, message_type, action).is_valid(payload)


def meant(part, root):
    """The schema that is said here, not where it is."""
    return root["definitions"][part["$ref"].rpartition("/")[2]] if "$ref" in part else part


@st.composite
def valid(draw, part, root):
    """What this schema allows."""
    part = meant(part, root)
    if "enum" in part:
        return draw(st.sampled_from(part["enum"]))
    match part["type"]:
        case "object":
            return draw(_objects(part, root))
        case "array":
            longest = min(part.get("maxItems", 3), part.get("minItems", 0) + 2)
            items = valid(part["items"], root)
            return draw(st.lists(items, min_size=part.get("minItems", 0), max_size=longest))
        case "string":
            return draw(st.text(max_size=min(part.get("maxLength", 12), 40)))
        case "integer":
            least = part.get("minimum", -(2**63))
            return draw(st.integers(int(least), int(part.get("maximum", 2**63 - 1))))
        case kind:
            return draw(SCALARS[kind])


@st.composite
def _objects(draw, part, root):
    said = {}
    for name, inner in part.get("properties", {}).items():
        if name in part.get("required", ()) or draw(st.booleans()):
            said[name] = draw(valid(inner, root))
    if part.get("additionalProperties", True):
        said |= {
            name: value
            for name, value in draw(st.dictionaries(st.text(max_size=8), ANYTHING)).items()
            if name not in said
        }
    return said


@st.composite
def changed(draw, part, root):
    """What this schema allows but for one place: a field more or less, another value, another size.

    A change may still be allowed: the verdict is the validators'.
    """
    said = draw(valid(part, root))
    return draw(_change(said, part, root))


@st.composite
def _change(draw, said, part, root):
    part = meant(part, root)
    inside = [
        (key, inner)
        for key, inner in _parts(said, part)
        if key != "customData" or draw(st.booleans())
    ]
    if inside and draw(st.integers(0, 3)):
        key, inner = draw(st.sampled_from(inside))
        copy = dict(said) if isinstance(said, dict) else list(said)
        copy[key] = draw(_change(said[key], inner, root))
        return copy
    return draw(_another(said, part))


def _parts(said, part):
    if isinstance(said, dict):
        known = part.get("properties", {})
        return [(name, known[name]) for name in said if name in known]
    if isinstance(said, list):
        return [(index, part["items"]) for index in range(len(said))]
    return []


@st.composite
def _another(draw, said, part):
    ways = [ANYTHING]
    if isinstance(said, dict):
        if said:
            gone = draw(st.sampled_from(sorted(said)))
            ways.append(st.just({name: one for name, one in said.items() if name != gone}))
            ways.append(st.just(said | {gone: None}))
        ways.append(st.just(said | {draw(st.text(max_size=8)): draw(ANYTHING)}))
    elif isinstance(said, list):
        ways += [st.just([]), st.just([*said, *said][:4] * 3), st.just([*said, None])]
    elif isinstance(said, str):
        longest = part.get("maxLength")
        around = [said.upper(), said + " ", "", said * 2]
        around += ["x" * longest, "x" * (longest + 1), "\U0001f50b" * longest] if longest else []
        ways.append(st.sampled_from(around))
    elif isinstance(said, bool):
        ways.append(st.sampled_from(["true", 0, 1]))
    else:
        edges = [
            part[name] + by for name in ("minimum", "maximum") if name in part for by in (-1, 0, 1)
        ]
        ways.append(st.sampled_from([str(said), Decimal(said) + Decimal("0.5"), *edges]))
        ways.append(st.just(Decimal(f"{said}.0") if isinstance(said, int) else -said))
    return draw(st.one_of(*ways))


def written(payload):
    """The payload as JSON, its decimals digit for digit."""
    return _text(payload).encode()


def _text(value):
    match value:
        case Decimal():
            return f"{value:f}"
        case dict():
            return "{" + ",".join(f"{json.dumps(k)}:{_text(v)}" for k, v in value.items()) + "}"
        case list():
            return "[" + ",".join(map(_text, value)) + "]"
        case _:
            return json.dumps(value, ensure_ascii=False)
