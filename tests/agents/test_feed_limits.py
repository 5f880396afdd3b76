"""However large or odd a message is: refused by name, soon, and its neighbours go on."""

import json
import time
import tomllib
import tracemalloc

import pytest
import wild
from feedworld import Pure, record
from pydantic import SecretStr

from connectors.acquirers.settings import AccountSettings
from schemas import topics

SOURCES = pytest.mark.parametrize("source", ["ocpp", "ocpi", "acquirer"])


def world(source):
    account = AccountSettings(**wild.ACCOUNTS["acme"], webhook_secrets=(SecretStr(wild.SECRET),))
    return Pure(tomllib.loads(wild.TOMLS[source].format(name="f")), accounts={"acme": account})


@SOURCES
def test_each_is_refused_by_name_and_in_time(source):
    pure = world(source)
    for number, body in enumerate(wild.WILD[source]()):
        headers = wild.headers(source, "t", body)
        began = time.process_time()
        taken = pure.take(record(body, headers=headers))
        assert time.process_time() - began < 3, number
        assert [one[0] for one in taken] == [topics.PARKED], number
        reason, detail = (taken[0][3][name].decode() for name in ("reason", "detail"))
        assert reason not in ("", "untranslatable"), number
        assert len(detail) < 1_000, number
        neighbour = wild.good(source, number)
        more = wild.headers(source, "t", neighbour)
        assert [one[0] for one in pure.take(record(neighbour, headers=more))] != [topics.PARKED]
    assert sum(one.refused for one in pure.told) > 0


@SOURCES
def test_none_takes_many_times_its_size(source):
    pure = world(source)
    for number, body in enumerate(wild.WILD[source]()):
        taken = record(body, headers=wild.headers(source, "t", body))
        tracemalloc.start()
        pure.take(taken)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 200 << 20, (number, peak >> 20)


@SOURCES
def test_numbers_that_are_none_are_no_facts(source):
    pure = world(source)
    for odd in (b"NaN", b"Infinity", b"-Infinity", b"1e999999", b'"NaN"', b'"1e99999999"', b"-"):
        body = json.dumps({**wild.cdr(), "total_energy": "@"}).encode().replace(b'"@"', odd)
        if source == "ocpp":
            meter = b'[2,"1","MeterValues",{"connectorId":1,"transactionId":%s,"meterValue":[]}]'
            body = meter % odd
        if source == "acquirer":
            body = json.dumps({**wild.webhook(), "created": "@"}).encode().replace(b'"@"', odd)
        taken = pure.take(record(body, headers=wild.headers(source, "t", body)))
        assert [one[0] for one in taken] == [topics.PARKED], odd


def golden(adapter, name):
    file = wild.GOLDEN / adapter / "webhooks" / f"{name}.json"
    return json.loads(file.read_text())["webhook"]


def told_wildly(event, holder):
    """The event with what nobody should send in its `holder`, at the size a topic allows."""
    plain = json.dumps({**event, holder: "@"}).encode()
    head, tail = plain.split(b'"@"')
    room = wild.ROOM - len(plain)
    return [
        head + b'{"x":"' + b"x" * (room - 10) + b'"}' + tail,
        head + b"[" * room,
        head + b'{"a":' * (room // 6),
        wild.filled(head + b"[", b"{}", b"]" + tail),
        wild.filled(head + b'[{"NotificationRequestItem":', b"[1]", b"}]" + tail),
        head + b"9" * room + tail,
        head + b"NaN" + tail,
        b"\x00" * wild.ROOM,
    ]


@pytest.mark.parametrize(
    ("adapter", "name", "holder"),
    [
        ("adyen", "capture", "notificationItems"),
        ("checkout", "captured", "data"),
        ("stripe", "captured", "data"),
    ],
)
def test_so_is_what_an_acquirer_would_never_send(adapter, name, holder):
    convention = "DELTA" if adapter == "checkout" else "TOTAL"
    account = AccountSettings(
        **{**wild.ACCOUNTS["acme"], "adapter": adapter, "convention": convention}
    )
    mapping = {"source": "acquirer", "name": "f", "where": {"acquirer": "acme"}, "verify": False}
    pure = Pure(mapping, accounts={"acme": account})
    for number, body in enumerate(told_wildly(golden(adapter, name), holder)):
        taken = record(body)
        began = time.process_time()
        outputs = pure.take(taken)
        assert time.process_time() - began < 3, number
        assert [one[0] for one in outputs] == [topics.PARKED], number
        assert outputs[0][3]["reason"] not in (b"", b"untranslatable"), number
        tracemalloc.start()
        pure.take(taken)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 200 << 20, (number, peak >> 20)
