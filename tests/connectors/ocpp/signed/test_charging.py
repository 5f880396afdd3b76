"""What the signed values of one transaction prove: pair, times, whose they are, in any order."""

import json
from datetime import UTC, datetime
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from meters import Meter, reading

from connectors.ocpp.signed.charging import MOST_RECORDS, instant_of, proof_of
from connectors.ocpp.signed.messages import Charging, SignedRecord
from connectors.ocpp.signed.registry import NO_KEYS, Registry

FIXED = Meter("brainpool256r1")


def ms(hour, minute, second=0):
    return int(datetime(2026, 1, 2, hour, minute, second, tzinfo=UTC).timestamp()) * 1000


BEGIN_AT, END_AT = ms(9, 0), ms(9, 30)  # of `reading`: minutes after 10:00 at +01:00
CHARGING = Charging(started_at=BEGIN_AT - 60_000, ended_at=END_AT + 60_000, names=("TAG-12345678",))


def listed(meter, **more):
    return Registry({meter.serial: (meter.key,)}, **more)


def pair(meter, **fields):
    return [
        meter.record(reading("B", 10), **fields),
        meter.record(reading("E", "15.5", at=30), page="T2", **fields),
    ]


def proved(meter, texts, charging=CHARGING, keys=None, told=(), **more):
    records = [SignedRecord(signed=one, **more) for one in texts]
    return proof_of(records, listed(meter) if keys is None else keys, told, charging)


def test_a_pair_that_is_this_chargings(meter):
    assert proved(meter, pair(meter)) == (
        "valid", "", "registry", "M1", 5500, BEGIN_AT, END_AT,
    )  # fmt: skip


def test_order_and_repetition_change_nothing(meter):
    texts = [
        meter.record(reading("B", 10)),
        meter.record(reading("C", 12, at=10), page="T2"),
        meter.record(reading("E", 15, at=30), page="T3"),
    ]
    each = {proved(meter, [*order, order[0]]) for order in permutations(texts)}
    assert [(one.outcome, one.wh) for one in each] == [("valid", 5000)]


def test_an_end_that_has_its_begin_inside_beside_the_begin_alone(meter):
    texts = [
        meter.record(reading("B", 10)),
        meter.record(reading("B", 10), reading("E", 15, at=30), page="T2"),
    ]
    assert proved(meter, texts)[:2] == ("valid", "")
    texts[0] = meter.record(reading("B", 9))
    assert proved(meter, texts).reason == "its begin is told twice, and not alike"


def test_what_was_signed_counts_once_however_its_signature_is_written(meter):
    begin, end = pair(meter)
    twice = begin[: begin.rindex(b"|")]
    signed = meter.text(twice.removeprefix(b"OCMF|"))
    assert signed != begin
    assert proved(meter, [begin, signed, end]).outcome == "valid"


def test_a_meter_without_a_serial_is_named_by_its_charge_point(meter):
    texts = pair(meter, CT="EVSEID", CI="DE*ABC*E1")
    texts = [meter.text(one.split(b"|")[1].replace(b'"GS": "G1", ', b"").replace(
        b'"MS": "M1"', b'"GV": "1"')) for one in texts]  # fmt: skip
    done = proved(meter, texts, keys=Registry({"DE*ABC*E1": (meter.key,)}))
    assert (done.outcome, done.meter, done.key_from) == ("valid", "DE*ABC*E1", "registry")


@pytest.mark.parametrize("by", ["records", "station"])
def test_a_key_that_came_once_or_beside(meter, by):
    begin, end = pair(meter)
    key = meter.key if by == "records" else ""
    records = [SignedRecord(signed=begin, public_key=key), SignedRecord(signed=end)]
    told = [meter.key] if by == "station" else []
    done = proof_of(records, NO_KEYS, told, CHARGING)
    assert (done.outcome, done.key_from, done.wh) == ("valid", "enclosed", 5500)


def test_the_list_of_keys_comes_before_what_is_enclosed(meter):
    other = Meter()
    done = proved(meter, pair(meter), keys=listed(other), public_key=meter.key)
    assert (done.outcome, done.wh) == ("wrong-key", 0)


@pytest.mark.parametrize(
    ("change", "outcome"),
    [
        (lambda texts: [texts[0], texts[1].replace(b"15.5", b"15.6")], "tampered"),
        (lambda texts: [texts[0], b"OCMF|x"], "malformed"),
        (lambda texts: [*texts, b"\x00\x01EDL"], "unknown-format"),
        (lambda texts: texts[:1], "valid-but-not-billable"),
        (lambda texts: texts[1:], "valid-but-not-billable"),
    ],
)
def test_what_stands_in_the_way_is_named(meter, change, outcome):
    done = proved(meter, change(pair(meter)))
    assert done.outcome == outcome
    assert done.reason
    assert done.wh == 0


def test_a_pair_of_another_charging_in_between_is_none(meter):
    second = [
        meter.record(reading("B", 15.5, at=31), page="T3"),
        meter.record(reading("E", 16, at=32), page="T4"),
    ]
    done = proved(meter, [*pair(meter), *second])
    assert done[:2] == ("valid-but-not-billable", "several chargings in its signed values")


def test_pages_that_do_not_follow_prove_nothing(meter):
    texts = [pair(meter)[0], meter.record(reading("E", 15, at=30), page="T9")]
    assert proved(meter, texts).reason == "pages T1 and T9 do not follow each other"


@pytest.mark.parametrize(
    ("started_at", "ended_at", "why"),
    [
        (BEGIN_AT + 300_000, END_AT - 300_000, ""),
        (BEGIN_AT - 7_200_000, END_AT + 7_200_000, ""),
        (BEGIN_AT + 301_000, END_AT, "not of this charging: it begins 301 s before it"),
        (BEGIN_AT, END_AT - 301_000, "not of this charging: it ends 301 s after it"),
        (0, END_AT, "when its charging began is not known"),
    ],
)
def test_a_pair_serves_the_charging_in_which_it_lies(meter, started_at, ended_at, why):
    charging = Charging(started_at=started_at, ended_at=ended_at)
    done = proved(meter, pair(meter), charging)
    assert (done.outcome, done.reason) == ("valid-but-not-billable" if why else "valid", why)
    assert (done.wh, done.from_at, done.to_at) == (5500, BEGIN_AT, END_AT)


@pytest.mark.parametrize("sync", "UI")
def test_a_clock_out_of_step_proves_energy_where_it_fits_and_never_duration(meter, sync):
    text = meter.record(reading("B", 1, sync=sync), reading("E", 2, at=30, sync=sync))
    done = proved(meter, [text])
    assert done.outcome == "valid"
    assert done.reason.startswith("its duration may not be billed")
    other = Charging(started_at=END_AT, ended_at=END_AT + 1)
    assert proved(meter, [text], other).reason.endswith("by a clock that was not in step")


def test_an_end_before_its_begin(meter):
    text = meter.record(reading("B", 1, at=30), reading("E", 2, at=20))
    assert proved(meter, [text]).reason == "its end is before its begin"


@pytest.mark.parametrize(
    ("time", "at"),
    [
        ("2018-07-24T13:22:04,000+0200 S", 1532431324000),
        ("2018-07-24T13:22:04,5+02:00 R", 1532431324500),
        ("2018-07-24T11:22:04Z", 1532431324000),
        ("2018-07-24T11:22:04.123456Z U", 1532431324123),
        ("2018-07-24T13:22:04,000 S", 0),
        ("2018-13-24T13:22:04,000+0200 S", 0),
        ("1960-01-01T00:00:00,000+0000 U", 0),
        ("0001-01-01T00:00:00,000+1400 U", 0),
        ("9999-12-31T23:59:59,999-1400 U", 0),
        ("2018-07-24T13:22:04,000+9999 S", 0),
        ("", 0),
    ],
)
def test_instants(time, at):
    assert instant_of(time) == at


@pytest.mark.parametrize(
    ("kind", "said", "names", "fits"),
    [
        ("ISO14443", "04A2B3C4D5E680", ("04a2b3c4d5e680",), True),
        ("ISO14443", "04:A2:B3:C4", ("C4B3A204",), True),
        ("ISO14443", "04A2B3C4", ("04A2B3C5",), False),
        ("ISO14443", "04A2B3C4", ("abcdefghijklmnopq234",), True),  # not of a kind
        ("EMAID", "DE-ABC-C12345678-X", ("DEABCC12345678",), True),
        ("EMAID", "DE-ABC-C12345678", ("DEABCC87654321",), False),
        ("CENTRAL_1", "ABCDEFGHIJKLMNOPQ234", ("abcdefghijklmnopq234",), True),
        ("CENTRAL", "4711", ("someone", "4711"), True),
        ("CENTRAL", "4712", ("someone", "4711"), False),
        ("LOCAL", "", ("someone",), True),
        ("NONE", "x", ("someone",), True),
        ("CENTRAL", "x", (), True),
    ],
)
def test_a_record_that_names_somebody_else(meter, kind, said, names, fits):
    charging = Charging(started_at=BEGIN_AT, ended_at=END_AT, names=names)
    done = proved(meter, pair(meter, IT=kind, ID=said), charging)
    why = "" if fits else f"it names another charging than this one (IT {kind}, ID)"
    assert (done.outcome, done.reason) == ("valid" if fits else "valid-but-not-billable", why)


@pytest.mark.parametrize(
    ("place", "evse", "why"),
    [
        ("C1", "1", ""),
        ("C1/1", "1", ""),
        ("C1/2", "0", ""),
        ("C1/2", "1", "its meter belongs to C1/2 by the list of keys"),
        ("C2", "1", "its meter belongs to C2 by the list of keys"),
    ],
)
def test_a_meter_that_sits_elsewhere(meter, place, evse, why):
    keys = listed(meter, sits={"M1": (place,)}).at("C1", evse)
    assert proved(meter, pair(meter), keys=keys).reason == why


def test_too_many_values_are_not_looked_at(meter):
    done = proved(meter, [b"OCMF|"] * (MOST_RECORDS + 1))
    assert done[:2] == ("malformed", f"more than {MOST_RECORDS} signed values of one charging")


TEXTS = [FIXED.record(reading("B", 10)), FIXED.record(reading("E", "15.5", at=30), page="T2")]
BIT = st.integers(0, 8 * sum(map(len, TEXTS)) - 1)


@settings(max_examples=200)
@given(BIT)
def test_one_bit_of_either_value_fails_the_pair(bit):
    texts = [bytearray(one) for one in TEXTS]
    which, place = (0, bit) if bit < 8 * len(texts[0]) else (1, bit - 8 * len(texts[0]))
    texts[which][place // 8] ^= 1 << place % 8
    assert proved(FIXED, [bytes(one) for one in texts]).outcome != "valid"


@given(st.lists(st.binary(max_size=60) | st.sampled_from(TEXTS), max_size=5, min_size=1))
def test_anything_has_a_named_outcome(texts):
    done = proved(FIXED, texts)
    assert (done.outcome == "valid") == (set(TEXTS) == {*texts})
    json.dumps(done)
