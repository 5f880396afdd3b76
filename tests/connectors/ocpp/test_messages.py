"""The types say what the schemas say: field by field, and over examples that chance makes."""

import json
from pathlib import Path

import ocpp
import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st
from msgspec import inspect
from ocpp.messages import get_validator
from ocpp_schemas import (
    CALL,
    MESSAGES,
    RESULT,
    allowed,
    changed,
    meant,
    schema,
    valid,
    written,
)

from connectors.ocpp.frames import NotValid
from connectors.ocpp.leniencies import LENIENCIES
from connectors.ocpp.messages.catalogue import REQUESTS, RESPONSES, SKIPPED
from connectors.ocpp.validation import Parsed, request_of, response_of

SCHEMAS = Path(ocpp.__file__).parent
FOLDERS = {"1.6": "v16", "2.0.1": "v201", "2.1": "v21"}
EVERY_MESSAGE = pytest.mark.parametrize(("version", "message_type", "action"), MESSAGES)
PLAIN = {inspect.BoolType: "boolean", inspect.CustomType: "number"}
# No schema bounds its integers; the types do.
INTEGERS = {"minimum": -(2**63), "maximum": 2**63 - 1}


def read(version, message_type, action, payload):
    reader = request_of if message_type == CALL else response_of
    return reader(version, action, payload)


def kind_of(version, message_type, action):
    return (REQUESTS if message_type == CALL else RESPONSES)[version][action]


def said_by_type(kind):
    """A type, in the words of JSON schema."""
    match kind:
        case inspect.StructType():
            said = {
                "type": "object",
                "open": not kind.forbid_unknown_fields,
                "required": sorted(one.encode_name for one in kind.fields if one.required),
                "properties": {
                    one.encode_name: said_by_type(without_none(one.type)) for one in kind.fields
                },
            }
        case inspect.VarTupleType():
            said = {
                "type": "array",
                "minItems": kind.min_length or 0,
                "maxItems": kind.max_length,
                "items": said_by_type(kind.item_type),
            }
        case inspect.LiteralType():
            said = {"enum": sorted(kind.values)}
        case inspect.StrType():
            said = {"type": "string", "maxLength": kind.max_length}
        case inspect.IntType():
            said = {"type": "integer", "minimum": kind.ge, "maximum": kind.le}
        case _:
            said = {"type": PLAIN[type(kind)]}
    return said


def without_none(kind):
    if isinstance(kind, inspect.UnionType):
        (kind,) = (one for one in kind.types if not isinstance(one, inspect.NoneType))
    return kind


def said_by_schema(part, root):
    part = meant(part, root)
    if "enum" in part:
        return {"enum": sorted(part["enum"])}
    said = {"type": part["type"]}
    match part["type"]:
        case "object":
            said |= {
                "open": part.get("additionalProperties", True),
                "required": sorted(part.get("required", ())),
                "properties": {
                    one: said_by_schema(inner, root)
                    for one, inner in part.get("properties", {}).items()
                },
            }
        case "array":
            said |= {
                "minItems": part.get("minItems", 0),
                "maxItems": part.get("maxItems"),
                "items": said_by_schema(part["items"], root),
            }
        case "string":
            said |= {"maxLength": part.get("maxLength")}
        case "integer":
            said |= {name: int(part.get(name, bound)) for name, bound in INTEGERS.items()}
        case "number":
            assert not {"minimum", "maximum", "multipleOf"} & set(part)
    return said


@EVERY_MESSAGE
def test_a_type_says_what_its_schema_says(version, message_type, action):
    root = schema(version, message_type, action)
    kind = inspect.type_info(kind_of(version, message_type, action))
    assert said_by_type(kind) == said_by_schema(root, root)


@pytest.mark.parametrize("version", FOLDERS)
def test_every_action_of_the_standard_is_read_or_skipped_by_name(version):
    named = {
        path.stem.removesuffix("Request").removesuffix("Response")
        for path in (SCHEMAS / FOLDERS[version] / "schemas").glob("*.json")
    }
    assert set(REQUESTS[version]) | SKIPPED[version] == named
    assert not set(REQUESTS[version]) & SKIPPED[version]
    assert set(RESPONSES[version]) == set(REQUESTS[version])


MANY = settings(max_examples=3 * settings.default.max_examples)


@MANY
@given(message=st.sampled_from(MESSAGES), data=st.data())
def test_what_a_schema_allows_is_taken_without_a_note(message, data):
    root = schema(*message)
    payload = written(data.draw(valid(root, root)))
    note(payload)
    parsed = read(*message, payload)
    assert isinstance(parsed, Parsed)
    assert parsed.notes == ()


@MANY
@given(message=st.sampled_from(MESSAGES), data=st.data())
def test_what_a_schema_refuses_is_refused_by_its_field_or_taken_with_a_note(message, data):
    root = schema(*message)
    payload = written(data.draw(changed(root, root)))
    note(payload)
    right = allowed(*message, json.loads(payload))
    try:
        taken = read(*message, payload)
    except NotValid as error:
        taken, refused = None, error.refused
        note(refused)
    if taken is None:
        assert not right
        assert refused.reason == "not-by-schema"
        assert refused.field
        assert refused.problem
    elif right:
        assert isinstance(taken, Parsed)
        assert taken.notes == ()
    else:
        assert {one.kind for one in taken.notes} <= set(LENIENCIES)
        assert taken.notes


@pytest.mark.parametrize(
    ("version", "action"),
    [("1.6", "RemoteStartTransaction"), ("2.0.1", "RequestStartTransaction")],
)
def test_a_charging_profile_is_not_read_whatever_is_in_it(version, action):
    payload = b'{"chargingProfile":{"a":[1]},"idTag":"A"}'
    if version != "1.6":
        token = b'{"idToken":"A","type":"Central"}'
        payload = b'{"chargingProfile":{"a":[1]},"remoteStartId":1,"idToken":' + token + b"}"
    assert not get_validator(CALL, action, version).is_valid(json.loads(payload))
    assert read(version, CALL, action, payload).notes == ()
    with pytest.raises(NotValid, match="chargingProfile: Expected `object`, got `array`"):
        read(version, CALL, action, payload.replace(b'{"a":[1]}', b"[]"))


def test_a_number_that_no_schema_bounds_is_bounded_here():
    """Stricter than the schemas on purpose: no meter and no currency has such numbers."""
    for number in (b"1e400", b"9e31", b"1" + b"0" * 40, b"0." + b"1" * 80):
        payload = b'{"totalCost":' + number + b',"transactionId":"A"}'
        assert allowed("2.1", CALL, "CostUpdated", json.loads(payload))
        with pytest.raises(NotValid, match=r"totalCost: Expected `number` below 1e30"):
            read("2.1", CALL, "CostUpdated", payload)
    whole = b'{"currentTime":"","status":"Accepted","interval":' + b"9" * 19 + b"}"
    with pytest.raises(NotValid, match="interval: Expected `int` <= 9223372036854775807"):
        read("2.1", RESULT, "BootNotification", whole)


def test_half_a_surrogate_pair_is_no_text():
    """Stricter than the schemas on purpose: it has no UTF-8, so no topic could carry it."""
    payload = b'{"currentTime":"\\ud83d"}'
    assert allowed("2.1", RESULT, "Heartbeat", json.loads(payload))
    with pytest.raises(NotValid, match="message: no JSON"):
        read("2.1", RESULT, "Heartbeat", payload)
