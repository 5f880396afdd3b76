"""What nobody should send, at the size that a topic allows, for each kind of feed."""

import hmac
import json
from hashlib import sha256
from pathlib import Path

from feedworld import OCPP_TOML, frame

MOST = 10 * 1024 * 1024  # `max.message.bytes` of the topic
ROOM = MOST - 1_000  # for key and headers
ACCOUNT, SECRET, SENT_S = "acct_1", "whsec_wild", 1_767_225_700
SESSION = "0f" * 16  # that the golden webhook is about
ACCOUNTS = {
    "acme": {
        "adapter": "stripe",
        "base_url": "https://api.stripe.com",
        "account": ACCOUNT,
        "convention": "TOTAL",
    }
}
OCPI_TOML = """
source = "ocpi"
name = "{name}"
[where]
partner = "hub"
tenant = {{ header = "tenant" }}
"""
ACQUIRER_TOML = """
source = "acquirer"
name = "{name}"
[where]
acquirer = "acme"
time = {{ header = "at" }}
"""
TOMLS = {"ocpp": OCPP_TOML, "ocpi": OCPI_TOML, "acquirer": ACQUIRER_TOML}
GOLDEN = Path(__file__).parents[1] / "connectors" / "acquirers" / "golden"
_EXAMPLES = Path(__file__).parents[1] / "connectors" / "ocpi" / "examples"


def filled(head, item, tail):
    """`item` between head and tail, with commas, as often as there is room."""
    times = (ROOM - len(head) - len(tail)) // (len(item) + 1)
    return head + b",".join([item] * times) + tail


def ocpp():
    meter = b'[2,"1","MeterValues",{"connectorId":1,"meterValue":'
    one = b'{"timestamp":"2026-03-01T08:06:00Z","sampledValue":[{"value":"1"}]}'
    return [
        b'[2,"1","Heartbeat",{"x":"' + b"x" * (ROOM - 40) + b'"}]',
        b"[" * ROOM,
        b'[2,"1","Heartbeat",' + b'{"a":' * (ROOM // 6),
        filled(meter + b"[", one, b"]}]"),
        filled(meter + b"[", b"1", b"]}]"),
        filled(meter + one[:-2] + b",", b'{"value":"1"}', b"]}]}]"),
        filled(b'[2,"1","StopTransaction",{"transactionId":1,"transactionData":[', one, b"]}]"),
        meter + b"9" * (ROOM - 100) + b"}]",
        b'[2,"1","Heartbeat",{"x":NaN}]',
        b"\x00" * ROOM,
    ]


def cdr():
    return json.loads((_EXAMPLES / "2.2.1" / "cdr_example.json").read_text())


def ocpi():
    """Million of each: periods of a CDR and a session, elements, EVSEs, objects on a page."""
    plain = json.dumps(cdr())[:-1].encode()
    period = b'{"start_date_time":"2026-03-01T08:06:00Z","dimensions":[]}'
    return [
        plain + b',"remark":"' + b"x" * (ROOM - len(plain) - 40) + b'"}',
        plain + b',"signed_data":' + b"[" * (ROOM - len(plain) - 40),
        plain + b',"x":' + b'{"a":' * ((ROOM - len(plain)) // 6),
        filled(plain + b',"charging_periods":[', period, b"]}"),
        filled(plain + b',"charging_periods":[', b"{}", b"]}"),
        filled(plain + b',"tariffs":[', b"[]", b"]}"),
        filled(
            plain.replace(b'"total_energy"', b'"kwh"') + b',"charging_periods":[', period, b"]}"
        ),
        filled(b'{"id":"T","currency":"EUR","elements":[', b"{}", b"]}"),
        filled(b'{"id":"L","evses":[', b"{}", b"]}"),
        filled(b"[", b"{}", b"]"),
        filled(b'{"status_code":1000,"data":[', b"1", b"]}"),
        plain + b',"total_energy":' + b"9" * (ROOM - len(plain) - 40) + b"}",
        plain + b',"total_energy":1e999999999}',
        plain + b',"total_energy":NaN}',
        b"\x00" * ROOM,
    ]


def acquirer():
    """Rightly signed, most of them: an acquirer's own fault."""
    plain = json.dumps({**webhook(), "data": None})[:-1].encode()
    return [
        plain + b',"data":{"object":{"id":"' + b"x" * (ROOM - len(plain) - 60) + b'"}}}',
        plain + b',"data":' + b"[" * (ROOM - len(plain) - 20),
        plain + b',"data":' + b'{"object":' * ((ROOM - len(plain)) // 11),
        filled(plain + b',"data":[', b"{}", b"]}"),
        plain + b',"created":' + b"9" * (ROOM - len(plain) - 20) + b"}",
        plain + b',"data":NaN}',
        b"\x00" * ROOM,
    ]


def webhook():
    return json.loads((GOLDEN / "stripe" / "webhooks" / "captured.json").read_text())["webhook"]


WILD = {"ocpp": ocpp, "ocpi": ocpi, "acquirer": acquirer}


def good(source, number):
    """A neighbour: a message that becomes one fact, another one for each number."""
    if source == "ocpp":
        return frame(2, "1", "Heartbeat", {})
    if source == "ocpi":
        return json.dumps({**cdr(), "id": f"cdr-{number}"}).encode()
    return json.dumps(webhook()).encode()


def headers(source, tenant, body):
    if source == "acquirer":
        mark = hmac.new(SECRET.encode(), f"{SENT_S}.".encode() + body, sha256).hexdigest()
        return {"at": str(SENT_S), "Stripe-Signature": f"t={SENT_S},v1={mark}"}
    return {"tenant": tenant, "way": "in"}
