"""Verdicts of other people's suites, told anew over meters of our own.

Facts of hupe1980/ocmf (`conformance`, a case for each value of OCMF's tables), of the S.A.F.E.
transparency software (what it calls according to law, and the files of its other formats) and of
paul-ww/pyocmf, which holds itself to the latter.
"""

import json

import pytest
from meters import reading

from connectors.ocpp.signed.container import records_of
from connectors.ocpp.signed.pairing import judged

ERRORS = ("MISMATCH", "INVALID", "OUTDATED", "UNKNOWN")
LEVELS = ("NONE", "HEARSAY", "TRUSTED", "VERIFIED", "CERTIFIED", "SECURE")


def verdict(meter, data):
    (only,) = judged(records_of(data), meter.key)
    return only


def pair(meter, **fields):
    of_record = {
        name: fields.pop(name) for name in ("IL", "PG", "TT", "FV", "IS") if name in fields
    }
    readings = (reading("B", 100, **fields), reading("E", 129.5, at=30, **fields))
    return meter.record(*readings, **of_record)


@pytest.mark.parametrize("level", LEVELS)
def test_how_surely_somebody_was_identified(meter, level):
    told = verdict(meter, pair(meter, IL=level))
    assert (told.outcome, told.energy_wh, told.reason) == ("valid", 29_500, "")


@pytest.mark.parametrize("level", [*ERRORS, "mismatch"])
def test_an_error_in_who_charges_is_not_billed(meter, level):
    told = verdict(meter, pair(meter, IL=level))
    assert (told.outcome, told.billable) == ("valid-but-not-billable", False)
    assert told.reason == f"who charges was not identified: IL {level.upper()}"


def test_an_error_in_either_of_two_records(meter):
    begin = meter.record(reading("B", 1), page="T1", IL="VERIFIED")
    end = meter.record(reading("E", 2, at=5), page="T2", IL="OUTDATED")
    for one in judged(records_of(begin + b"\n" + end), meter.key):
        assert (one.billable, one.reason[-8:]) == (False, "OUTDATED")


@pytest.mark.parametrize("status", "NTDRMXIOSEFQ")
def test_every_state_of_a_meter_but_one(meter, status):
    assert verdict(meter, pair(meter, ST=status)).reason == f"meter status ST {status}"


@pytest.mark.parametrize(
    ("register", "billed"),
    [(f"01-00:{one}.08.00*FF", one[0] == "B") for one in ("B0", "B1", "B2", "B3", "C0", "C3")],
)
def test_registers_by_table_25(meter, register, billed):
    assert verdict(meter, pair(meter, RI=register)).billable is billed


@pytest.mark.parametrize(
    ("sooner", "later"),
    [
        ('"RU": "kWh"', '"RU": "\\u006bWh"'),
        ("*FF", "*F\\u0046"),
        (": 100,", ': "     100.000",'),
        (": 100,", ": 1.00e2,"),
        ('"FV": "1.0"', '"FV": 1.0'),
        (",000+0100", ".000123+01:00"),
        ('"TX": "B"', '"UC": {"UI": 2}, "TX": "B"'),
    ],
)
def test_one_thing_in_several_spellings(meter, sooner, later):
    said = {"FV": "1.0", "PG": "T1", "MS": meter.serial}
    said["RD"] = [reading("B", 100), reading("E", 129.5, at=30)]
    payload = json.dumps(said)
    assert sooner in payload
    told = verdict(meter, meter.text(payload.replace(sooner, later)))
    assert (told.outcome, told.energy_wh) == ("valid", 29_500)


@pytest.mark.parametrize(
    ("data", "name"),
    [
        ("<Billing xmlns='http://a.example/b.xsd'><Customer/></Billing>", "MENNEKES"),
        ("<ChargingProcess><ServerId>09</ServerId></ChargingProcess>", "MENNEKES"),
        (
            "<signedMeterValue><encodingMethod>EDL</encodingMethod></signedMeterValue>",
            "EDL",
        ),
        ("<smile/>", "not OCMF: begins with '<smile/>'"),
        ("128.8.0(ST:210902105044)(CT:210902105118)(SG:30)", "PCDF"),
        ("AP;0;3;ALCV3ABB;", "ALFEN"),
        (
            "<values><value><signedData format='ISA_EDL_40_P'>1B1B</signedData></value></values>",
            "ISA_EDL_40_P",
        ),
    ],
)
def test_files_of_other_formats_are_named(meter, data, name):
    told = verdict(meter, data.encode())
    assert (told.outcome, told.reason) == ("unknown-format", name)
    assert told.signed in data
    assert told.signed[-1] == ";" or not data.endswith(";")
