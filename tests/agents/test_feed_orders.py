"""The same feed, shuffled within what its protocol allows, gives the same facts.

OCPP: chargers do not wait for each other, and what is no part of a transaction may overtake (1.6,
section 3.7); the events of 2.x may come in any order once their transaction began. OCPI: objects
in any order, by their `last_updated`. Acquirers promise no order at all.
"""

import json
import tomllib
from collections import Counter
from pathlib import Path

from feedworld import T0, Pure, conversation, frame, iso, record
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr
from wild import ACCOUNTS, SECRET, TOMLS, headers

from connectors.acquirers.settings import AccountSettings
from schemas import codec, topics

EXAMPLES = Path(__file__).parents[1] / "connectors" / "ocpi" / "examples" / "2.2.1"
GOLDEN = Path(__file__).parents[1] / "connectors" / "acquirers" / "golden" / "stripe" / "webhooks"
BESIDE = [
    ("in", [2, "b", "Heartbeat", {}]),
    ("in", [2, "s", "StatusNotification", {
        "connectorId": 1, "errorCode": "NoError", "status": "Charging"}]),
]  # fmt: skip


def told(pure, records):
    """Every fact with its topic and key, as often as it was told."""
    found = Counter()
    for one in records:
        for topic, key, value, _ in pure.take(one):
            assert topic != topics.PARKED, one
            found[topic, key, str(codec.decode(value))] += 1
    return found


def merged(data, queues):
    """The queues as one, each in its own order."""
    turns = [number for number, queue in enumerate(queues) for _ in queue]
    left = [iter(queue) for queue in queues]
    return [next(left[number]) for number in data.draw(st.permutations(turns))]


def talk16(number, readings):
    """Records of one charger: those of its transaction, and those beside it."""
    key = b"cp-%d" % number
    said = list(conversation(number, readings))
    return (
        [
            record(frame(*parts), key=key, headers={"way": way}, timestamp_at=T0 + 10_000 * turn)
            for turn, (way, parts) in enumerate(said)
        ],
        [
            record(frame(*parts), key=key, headers={"way": way}, timestamp_at=T0 + 7_000 * turn)
            for turn, (way, parts) in enumerate(BESIDE)
        ],
    )


@settings(max_examples=20)
@given(st.lists(st.integers(0, 5), min_size=1, max_size=4), st.data())
def test_chargers_of_1_6_side_by_side_and_signs_of_life_in_between(readings, data):
    queues = [queue for number, count in enumerate(readings) for queue in talk16(number, count)]
    as_sent = told(Pure(), [one for queue in queues for one in queue])
    assert told(Pure(), merged(data, queues)) == as_sent
    assert sum(as_sent.values()) == sum(count + 2 + len(BESIDE) for count in readings)


def event(kind, number, seq, minute, wh):
    at = iso(T0 + 60_000 * minute)
    body = {
        "eventType": kind,
        "timestamp": at,
        "triggerReason": "MeterValuePeriodic",
        "seqNo": seq,
        "transactionInfo": {"transactionId": f"tx-{number}"},
        "evse": {"id": 1, "connectorId": 1},
        "meterValue": [{"timestamp": at, "sampledValue": [{"value": wh}]}],
    }
    when = T0 + 60_000 * minute + 500
    key = b"cp-%d" % number
    return record(frame(2, f"{number}-{seq}", "TransactionEvent", body), key=key, timestamp_at=when)


@settings(max_examples=20)
@given(st.lists(st.integers(1, 5), min_size=1, max_size=3), st.data())
def test_events_of_2_x_in_any_order_and_repeated_once_begun(updates, data):
    begins, rest = [], []
    for number, count in enumerate(updates):
        begins.append(event("Started", number, 0, 0, 100))
        rest += [event("Updated", number, turn, turn, 100 * turn + 100) for turn in range(1, count)]
        rest.append(event("Ended", number, count, count, 100 * count + 100))
    as_sent = told(Pure(), begins + rest)
    repeated = data.draw(st.lists(st.sampled_from(rest), max_size=3))
    shuffled = data.draw(st.permutations(begins)) + data.draw(st.permutations(rest + repeated))
    found = told(Pure(), shuffled)
    assert set(found) == set(as_sent)


# --- OCPI -----------------------------------------------------------------------------------------

SESSION = {
    "country_code": "NO", "party_id": "NOR", "currency": "NOK", "auth_method": "COMMAND",
    "start_date_time": "2026-11-09T10:00:00Z", "location_id": "L", "evse_uid": "E",
    "connector_id": "1", "cdr_token": {
        "country_code": "NO", "party_id": "NOR", "uid": "u", "type": "AD_HOC_USER",
        "contract_id": "c"},
}  # fmt: skip
OCPI = {
    "source": "ocpi",
    "name": "roaming",
    "where": {
        "partner": "hub",
        **{name: {"header": name} for name in ("object", "object_id", "country_code", "party_id")},
        "method": {"header": "method"},
    },
}


def push(number, minute, kwh, status, *, whole):
    at = f"2026-11-09T10:{minute:02}:00Z"
    body = {"kwh": kwh, "status": status, "last_updated": at}
    if whole:
        body |= SESSION | {"id": f"s-{number}"}
    head = {
        "method": "PUT" if whole else "PATCH",
        "object": "session",
        "object_id": f"s-{number}",
        "country_code": "NO",
        "party_id": "NOR",
    }
    return record(json.dumps(body).encode(), headers=head, timestamp_at=T0 + 60_000 * minute)


@settings(max_examples=20)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=3), st.data())
def test_sessions_in_any_order_stand_the_same_at_the_end(patches, data):
    pushes = []
    for number, count in enumerate(patches):
        pushes.append(push(number, 0, 0, "ACTIVE", whole=True))
        pushes += [push(number, turn, turn, "ACTIVE", whole=False) for turn in range(1, count + 1)]
        pushes.append(push(number, count + 1, count + 1, "COMPLETED", whole=False))
    assert standing(data.draw(st.permutations(pushes + pushes[:2]))) == standing(pushes)


def standing(records):
    """What is remembered of every object, and what was last said of it."""
    pure = Pure(OCPI)
    last = {}
    for one in records:
        for topic, key, value, _ in pure.take(one):
            assert topic == topics.OCPI_SESSIONS
            fact = codec.decode(value)
            last[key] = (fact.kwh, fact.status, fact.last_updated_at, fact.body)
    store = pure.stores[0]  # decoded: encoded, states may differ by the order of their fields
    return last, {key: state for key, state in store.decoded() if key[:1] == b"o"}


@settings(max_examples=10)
@given(st.data())
def test_cdrs_of_many_in_any_order_are_the_same_facts(data):
    whole = json.loads((EXAMPLES / "cdr_example.json").read_text())
    bodies = [json.dumps({**whole, "id": f"cdr-{number}"}).encode() for number in range(6)]
    records = [record(body) for body in bodies]
    mapping = {"source": "ocpi", "name": "roaming", "where": {"partner": "hub"}}
    as_sent = told(Pure(mapping), records)
    assert sum(as_sent.values()) == 6
    assert told(Pure(mapping), data.draw(st.permutations(records + records[:2]))) == as_sent


# --- acquirers ------------------------------------------------------------------------------------


@settings(max_examples=10)
@given(st.data())
def test_webhooks_in_any_order_are_the_same_facts(data):
    bodies = [
        json.dumps(json.loads(file.read_text())["webhook"]).encode()
        for file in sorted(GOLDEN.glob("*.json"))
    ]
    records = [record(body, headers=headers("acquirer", "t", body)) for body in bodies]
    account = AccountSettings(**ACCOUNTS["acme"], webhook_secrets=(SecretStr(SECRET),))
    mapping = tomllib.loads(TOMLS["acquirer"].format(name="hooks"))

    def outcomes(order):
        pure = Pure(mapping, accounts={"acme": account})
        return Counter(one[:3] for each in order for one in pure.take(each))

    as_sent = outcomes(records)
    assert sum(as_sent.values()) > 20
    assert outcomes(data.draw(st.permutations(records))) == as_sent
