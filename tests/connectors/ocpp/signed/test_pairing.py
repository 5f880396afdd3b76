"""What energy whole records prove, and why they may not be billed."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from meters import Meter, reading

from connectors.ocpp.signed.container import records_of
from connectors.ocpp.signed.messages import SignedRecord
from connectors.ocpp.signed.pairing import judged

SAMPLES = Path(__file__).with_name("samples")
FIXED = Meter("secp256k1")


def verdicts(meter, *texts, **more):
    return judged([SignedRecord(signed=one, **more) for one in texts], meter.key)


def one(meter, *readings, **fields):
    (verdict,) = verdicts(meter, meter.record(*readings, **fields))
    return verdict


def test_begin_and_end_in_one_record(meter):
    verdict = one(meter, reading("B", 10), reading("C", 11), reading("E", "12.3459", at=9))
    assert (verdict.outcome, verdict.energy_wh, verdict.billable) == ("valid", 2345, True)
    assert (verdict.energy_exact_wh, verdict.time_billable) == ("2345.9000", True)
    assert (verdict.meter, verdict.page, verdict.key_from) == ("M1", "T1", "given")


def test_a_pair_of_records_has_its_energy_once(meter):
    begin, end = verdicts(
        meter, meter.record(reading("B", 10)), meter.record(reading("E", 15), page="T2")
    )
    assert [begin.billable, end.billable] == [True, True]
    assert (begin.energy_wh, begin.counted_in, end.energy_wh) == (None, 1, 5000)


def test_what_is_told_again_has_no_energy_of_its_own(meter):
    texts = [meter.record(reading("B", 10)), meter.record(reading("E", 15), page="T2")]
    done = verdicts(meter, *texts, *texts, texts[1])
    assert [one.energy_wh for one in done] == [None, 5000, None, None, None]
    assert [one.counted_in for one in done] == [1, None, 1, 1, 1]
    assert all(one.billable for one in done)


def test_chargings_of_a_container_go_by_their_transaction(meter):
    rows = [("a", "B", 1, "T1"), ("b", "B", 5, "T7"), ("a", "E", 2, "T2"), ("b", "E", 9, "T8")]
    records = [
        SignedRecord(signed=meter.record(reading(kind, value), page=page), transaction=name)
        for name, kind, value, page in rows
    ]
    assert [v.energy_wh for v in judged(records, meter.key)] == [None, None, 1000, 4000]


def test_a_begin_that_has_no_end_leaves_the_next_charging_alone(meter):
    done = verdicts(
        meter,
        meter.record(reading("B", 1), page="T1"),
        meter.record(reading("B", 2), page="T3"),
        meter.record(reading("E", 4), page="T4"),
    )
    assert [v.reason for v in done] == ["no end reading", "", ""]
    assert [v.energy_wh for v in done] == [None, None, 2000]


@pytest.mark.parametrize("kind", "ELRAP")
def test_every_kind_of_end(meter, kind):
    assert one(meter, reading("B", 1), reading(kind, 2)).energy_wh == 1000


@pytest.mark.parametrize(
    ("readings", "why"),
    [
        ([reading("B", 1)], "no end reading"),
        ([reading("E", 1)], "no begin reading"),
        ([reading("B", 1), reading("B", 1), reading("E", 2)], "more than one begin"),
        ([reading("E", 1), reading("B", 2)], "out of order"),
        ([reading("B", 2), reading("E", 1)], "the register falls"),
        ([reading("B", 1, at=5), reading("E", 2, at=4)], "its end is before its begin"),
        ([reading("B", 2), reading("C", 9), reading("E", 5)], "the register falls"),
        ([reading("B", 1), reading("X", 2), reading("E", 3)], "TX X"),
        ([reading("B", 1), reading("E", 2), reading("E", 3)], "more than one end"),
        ([reading("B", 1, EF="E"), reading("E", 2)], "EF E"),
        ([reading("B", 1), reading("E", 2, EF="Et")], "EF Et"),
        ([reading("B", 1, RI="1-0:2.8.0"), reading("E", 2, RI="1-0:2.8.0")], "no reading"),
        ([reading("B", 1, RI="01-00:C3.08.00*FF")], "no reading of import"),
        ([reading("B", 1, RU="sec"), reading("E", 2, RU="sec")], "no reading of import"),
        ([reading("B", 1, RI="1-0:1.8.0"), reading("E", 2, RI="1-0:1.8.1")], "no end reading"),
        ([reading("B", 0), reading("E", "1e10")], "more energy than can be"),
        ([reading("B", 1, CL=2), reading("E", 2, CL=3)], "CL is not 0"),
        ([reading("B", 1, CL=0), reading("C", 2, CL=3), reading("E", 3, CL=1)], "CL falls"),
        *[
            ([reading("B", 1, ST=st), reading("E", 2)], f"ST {st}")
            for st in "NTDRMXIOSEF"
        ],
        ([reading("B", 1, ST=None), reading("E", 2)], "ST missing"),
        ([], "no reading of import"),
    ],
)  # fmt: skip
def test_whole_and_not_to_be_billed(meter, readings, why):
    verdict = one(meter, *readings)
    assert (verdict.outcome, verdict.billable) == ("valid-but-not-billable", False)
    assert why in verdict.reason


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"PG": "X1"}, "no page"),
        ({"PG": None}, "no page"),
        ({"MS": "", "GS": None}, "no meter"),
        ({"LC": {"LN": "x", "LU": "mOhm"}}, "cable loss"),
        ({"LC": {"LR": 3, "LU": "mile"}}, "cable loss"),
    ],
)
def test_fields_that_keep_it_from_being_billed(meter, fields, why):
    assert why in one(meter, reading("B", 1), reading("E", 2), **fields).reason


def test_cable_loss_is_not_taken_off_twice(meter):
    done = one(meter, reading("B", 1, CL=0), reading("E", 3, CL="0.5"), LC={"LR": 3, "LU": "mOhm"})
    assert (done.energy_wh, done.billable) == (2000, True)


@pytest.mark.parametrize("pages", [("T1", "T3"), ("T1", "T1"), ("T2", "T1"), ("T1", "F2")])
def test_pages_that_do_not_follow(meter, pages):
    begin, end = (meter.record(reading(k, 1), page=p) for k, p in zip("BE", pages, strict=True))
    done = verdicts(meter, begin, end)
    assert {v.outcome for v in done} == {"valid-but-not-billable"}
    assert "do not follow" in done[0].reason


def test_another_meter_or_key_at_the_end(meter):
    begin = meter.record(reading("B", 1))
    other = meter.record(reading("E", 2), page="T2", MS="M9")
    assert "different meters" in verdicts(meter, begin, other)[0].reason
    stranger = Meter()
    enclosed = [
        SignedRecord(signed=begin, public_key=meter.key),
        SignedRecord(signed=stranger.record(reading("E", 2), page="T2"), public_key=stranger.key),
    ]
    assert "different keys" in judged(enclosed)[1].reason


def test_a_broken_end_takes_its_begin_along(meter):
    begin, end = meter.record(reading("B", 1)), meter.record(reading("E", 2), page="T2")
    done = verdicts(meter, begin, end.replace(b'"RV": 2', b'"RV": 9'))
    assert [v.outcome for v in done] == ["valid-but-not-billable", "tampered"]
    assert not any(v.billable for v in done)


def test_the_vehicles_side_and_the_own_register_come_first(meter):
    sides = {"1-0:1.8.0": 500, "01-00:B0.08.00*FF": 500, "01-00:B2.08.00*FF": 0,
             "01-00:B3.08.00*FF": 0}  # fmt: skip
    done = []
    for upto in range(1, len(sides) + 1):
        rows = [*sides.items()][:upto]
        readings = [reading("B", start, RI=name) for name, start in rows]
        readings += [reading("E", start + n + 1, RI=name) for n, (name, start) in enumerate(rows)]
        done.append(one(meter, *readings).energy_wh)
    assert done == [1000, 2000, 3000, 4000]


@pytest.mark.parametrize(
    ("begin", "end", "ok"), ["SS1", "IR1", "UR1", "RR1", "SI0", "IS0", "II0", "UU0"]
)
def test_duration_needs_a_clock_in_step(meter, begin, end, ok):
    done = one(meter, reading("B", 1, sync=begin), reading("E", 2, sync=end))
    assert (done.billable, done.time_billable) == (True, ok == "1")


def test_numbers_of_many_places_stay_exact(meter):
    low, high = "999999999999.000000000000000001", "999999999999.000000000000000003"
    done = one(meter, reading("B", low, RU="Wh"), reading("E", high, RU="Wh"))
    assert (done.energy_wh, done.energy_exact_wh) == (0, "0.000000000000000002")
    for long in ("1e18", "1." + "1" * 19, "0e99"):
        assert one(meter, reading("B", 0), reading("E", long)).outcome == "malformed"


def test_wh_and_kwh_may_meet(meter):
    assert one(meter, reading("B", 1), reading("E", "1500", RU="Wh")).energy_wh == 500


def test_what_is_left_out_is_as_before(meter):
    said = '{"PG":"T1","MS":"M","RD":[%s,{"TX":"E","RV":1.606848e1}]}'
    text = meter.text(said % json.dumps(reading("B", 16)))
    (verdict,) = verdicts(meter, text)
    assert (verdict.energy_wh, verdict.energy_exact_wh) == (68, "68.48000")


MILLI = st.integers(0, 10**12)


@settings(max_examples=100, deadline=None)
@given(MILLI, MILLI, st.booleans())
def test_energy_is_exact_and_cut_never_rounded_up(begin, more, text):
    def value(milli):
        shown = f"{milli // 10**6}.{milli % 10**6:06}"  # kWh with mWh
        return shown if text else f"#{shown}#"

    readings = json.dumps([reading("B", value(begin)), reading("E", value(begin + more))])
    bare = readings.replace('"#', "").replace('#"', "")
    (verdict,) = verdicts(FIXED, FIXED.text('{"PG":"T1","MS":"M","RD":' + bare + "}"))
    assert verdict.energy_wh == more // 1000


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ocmf_sec.xml", [("valid", None), ("valid", 0)]),
        ("test_ocmf_keba_kcp30.xml", [("valid", 0)]),
        ("nzr_brainpool.xml", [("valid", None), ("valid", 0)]),
        ("nzr_p384.xml", [("valid", None), ("valid", 0)]),
        ("ebee.xml", [("valid", None), ("valid", 0)]),
        ("lem.xml", [("valid", 1101)]),
        ("obis98.xml", [("valid", 1000)]),
        ("isabellenhuette.xml", [("valid-but-not-billable", 0)]),
        ("htb_secp192k1.xml", [("unsupported-algorithm", None)]),
        ("second_key_fail.xml", [("valid-but-not-billable", None), ("wrong-key", None)]),
    ],
)
def test_records_other_people_made(name, expected):
    done = judged(records_of((SAMPLES / name).read_bytes()))
    assert [(v.outcome, v.energy_wh) for v in done] == expected
    assert [v.billable for v in done] == [v.outcome == "valid" for v in done]


def test_a_record_of_the_field_that_was_changed():
    data = (SAMPLES / "test_ocmf_keba_kcp30.xml").read_bytes()
    (verdict,) = judged(records_of(data.replace(b"2019-08-13T10:03:15", b"2019-08-12T10:03:15")))
    assert verdict.outcome == "tampered"
