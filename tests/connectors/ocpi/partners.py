"""What partners send: OCPI's own examples, objects of ours in all versions, the rules of both."""

import json
import re
from pathlib import Path

from connectors.ocpi.feed import Place, pieces, translate
from connectors.ocpi.quirks import NONE

EXAMPLES = Path(__file__).parent / "examples"
FIELDS = json.loads((EXAMPLES / "fields.json").read_text())
VERSIONS = ("2.1.1", "2.2.1", "2.3.0")
RECEIVED_AT = 1_794_221_161_000  # 2026-11-09T13:12:41Z
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z?")


def place(**said):
    return Place(**{"tenant": "nordlade", "partner": "peer", "received_at": RECEIVED_AT} | said)


def example(version, name):
    return (EXAMPLES / version / f"{name}.json").read_bytes()


def examples(*beginnings):
    """(version, name) of all examples whose name begins so."""
    return [
        (path.parent.name, path.stem)
        for path in sorted(EXAMPLES.glob("*/*.json"))
        if path.stem.startswith(beginnings)
    ]


def told(found, quirks=NONE, state=None, **said):
    """One object through `pieces` and `translate`."""
    payload = found if isinstance(found, bytes) else json.dumps(found).encode()
    (piece,) = pieces(payload, place(**said), quirks)
    return translate(state, piece, quirks)


def fact(found, quirks=NONE, **said):
    done = told(found, quirks, **said)
    assert done.refused == (), done.refused
    (one,) = done.facts
    return one


def refusal(found, quirks=NONE, **said):
    done = told(found, quirks, **said)
    assert done.facts == ()
    (one,) = done.refused
    return one


def kinds(done):
    return [note.kind for note in done.notes]


# --- objects of ours --------------------------------------------------------------------------

TOKEN = {
    "country_code": "NO",
    "party_id": "PTP",
    "uid": "tap-000417",
    "type": "AD_HOC_USER",
    "contract_id": "NO-PTP-C00000417",
}
PERIODS = [
    {
        "start_date_time": "2026-11-09T10:00:00Z",
        "dimensions": [{"type": "ENERGY", "volume": 12.5}, {"type": "TIME", "volume": 0.25}],
    },
    {
        "start_date_time": "2026-11-09T10:15:00Z",
        "dimensions": [{"type": "ENERGY", "volume": 7.5}, {"type": "TIME", "volume": 0.25}],
    },
    {
        "start_date_time": "2026-11-09T10:30:00Z",
        "dimensions": [{"type": "PARKING_TIME", "volume": 0.1}],
    },
]
SPOT = {
    "id": "KRS-1",
    "address": "Markens gate 1",
    "city": "Kristiansand",
    "country": "NOR",
    "coordinates": {"latitude": "58.146", "longitude": "7.995"},
    "evse_uid": "krs-1-a",
    "evse_id": "NO*NLD*E0042*1",
    "connector_id": "1",
    "connector_standard": "IEC_62196_T2_COMBO",
    "connector_format": "CABLE",
    "connector_power_type": "DC",
}
PRICES = {
    "2.2.1": {"excl_vat": 80, "incl_vat": 100},
    "2.3.0": {"before_taxes": 80, "taxes": [{"name": "MVA", "percentage": 25, "amount": 20}]},
}


def session(version="2.2.1", **changes):
    return {
        "country_code": "NO",
        "party_id": "NLD",
        "id": "krs-42",
        "start_date_time": "2026-11-09T10:00:00Z",
        "end_date_time": "2026-11-09T10:36:00Z",
        "kwh": 20,
        "cdr_token": TOKEN,
        "auth_method": "COMMAND",
        "authorization_reference": "PT-8F3A-000417",
        "location_id": "KRS-1",
        "evse_uid": "krs-1-a",
        "connector_id": "1",
        "currency": "NOK",
        "charging_periods": PERIODS,
        "total_cost": PRICES[version],
        "status": "COMPLETED",
        "last_updated": "2026-11-09T10:37:00Z",
    } | changes


def cdr(version="2.2.1", **changes):
    return {
        "country_code": "NO",
        "party_id": "NLD",
        "id": "cdr-42",
        "start_date_time": "2026-11-09T10:00:00Z",
        "end_date_time": "2026-11-09T10:36:00Z",
        "session_id": "krs-42",
        "cdr_token": TOKEN,
        "auth_method": "COMMAND",
        "authorization_reference": "PT-8F3A-000417",
        "cdr_location": SPOT,
        "currency": "NOK",
        "charging_periods": PERIODS,
        "total_cost": PRICES[version],
        "total_energy": 20,
        "total_energy_cost": PRICES[version],
        "total_time": 0.6,
        "total_parking_time": 0.1,
        "last_updated": "2026-11-09T10:38:00Z",
    } | changes


# --- validity ---------------------------------------------------------------------------------


def problems(found, name, version, where=""):
    """What is wrong with an object by the standard's own field table; nothing: it is valid."""
    table = FIELDS[version]["objects"][name]["fields"]
    known = {field["name"] for field in table}
    yield from (f"{where}{extra}: unknown" for extra in sorted(found.keys() - known))
    for field in table:
        at = f"{where}{field['name']}"
        if field["name"] not in found:
            if field["card"] in ("1", "+"):
                yield f"{at}: missing"
            continue
        value = found[field["name"]]
        if field["card"] in ("*", "+"):
            if not isinstance(value, list) or (field["card"] == "+" and not value):
                yield f"{at}: no list, or an empty one"
                continue
            for number, one in enumerate(value):
                yield from _value(one, field, version, f"{at}[{number}]")
        else:
            yield from _value(value, field, version, at)


def _value(value, field, version, at):
    of = field["type"]
    if of in FIELDS[version]["objects"]:
        if not isinstance(value, dict):
            yield f"{at}: no object"
        else:
            yield from problems(value, of, version, f"{at}.")
    elif of in FIELDS[version]["enums"]:
        enum = FIELDS[version]["enums"][of]
        if not enum["open"] and value not in enum["values"]:
            yield f"{at}: {value!r} is no {of}"
    elif not _simple(value, of, field.get("max_length")):
        yield f"{at}: {value!r} is no {of}({field.get('max_length')})"


def _simple(value, of, longest):
    if of in ("number", "int"):
        return isinstance(value, int | float) and not isinstance(value, bool)
    if of == "boolean":
        return isinstance(value, bool)
    if of == "DateTime":
        return isinstance(value, str) and INSTANT.fullmatch(value) is not None
    if of in ("CiString", "string", "URL"):
        return isinstance(value, str) and (longest is None or len(value) <= longest)
    return True  # a type that the table has no rules for
