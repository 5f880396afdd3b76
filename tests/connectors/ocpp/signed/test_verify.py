"""Whether a record is whole: every curve, every way to write signatures and keys, every bit."""

import base64
import json
from typing import get_args

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st
from meters import HASHES, Meter, reading

from connectors.ocpp.signed.container import of_ocpp, records_of
from connectors.ocpp.signed.keys import CURVES
from connectors.ocpp.signed.messages import MOST_BYTES, Outcome, SignedRecord
from connectors.ocpp.signed.pairing import judged
from connectors.ocpp.signed.registry import Registry, RegistryWrong, read_registry
from connectors.ocpp.signed.verify import check

OUTCOMES = {*get_args(Outcome)} - {"valid-but-not-billable"}  # that takes more than a signature
FIXED = Meter("brainpool256r1")
PAYLOAD = json.dumps(
    {"PG": "T1", "MS": "M", "TT": "é", "RD": [reading("B", 1.5), reading("E", "2.75")]},
    ensure_ascii=False,
)
WHOLE = FIXED.text(PAYLOAD)


def outcome(signed, key="", **more):
    return check(SignedRecord(signed=signed, **more), key).outcome


@pytest.mark.parametrize("hashing", HASHES)
def test_every_curve_and_hash(any_meter, hashing):
    text = any_meter.text(PAYLOAD, hashing=hashing)
    done = check(SignedRecord(signed=text), any_meter.key)
    assert (done.outcome, done.reason) == ("valid", "")
    assert done.text == text
    assert outcome(text.replace(b'"T1"', b'"T2"'), any_meter.key) == "tampered"
    assert outcome(text, Meter(any_meter.curve).key) == "tampered"


def test_both_spellings_of_brainpool():
    text = FIXED.text(PAYLOAD, method="ECDSA-brainpoolP256r1-SHA256")
    assert outcome(text, FIXED.key) == "valid"


@pytest.mark.parametrize(
    "method",
    [
        "ECDSA-secp192k1-SHA256",
        "RSA-2048-SHA256",
        "ECDSA-secp256r1-MD5",
        "ecdsa-secp256r1-sha256",
        "x",
    ],
)
def test_what_is_not_supported_is_not_called_invalid(meter, method):
    assert outcome(meter.text(PAYLOAD, method=method), meter.key) == "unsupported-algorithm"


def test_without_a_method_the_keys_own_curve_counts(any_meter):
    signature, _ = any_meter.sign(PAYLOAD)
    text = f'OCMF|{PAYLOAD}|{{"SD":"{signature.hex()}"}}'.encode()
    assert outcome(text, any_meter.key) == "valid"


def test_a_key_of_another_curve_is_a_wrong_key(meter):
    done = check(SignedRecord(signed=meter.text(PAYLOAD)), FIXED.key)
    assert done.outcome == "wrong-key"
    assert "brainpool256r1" in done.reason


def test_a_key_that_came_along_tells_a_wrong_key_from_a_changed_text(meter):
    other, text = Meter().key, meter.text(PAYLOAD)
    assert outcome(text, other, public_key=meter.key) == "wrong-key"
    assert outcome(text + b" ", other) == "tampered"
    assert check(SignedRecord(signed=text, public_key=other), siblings=[meter.key]).outcome == (
        "wrong-key"
    )


def test_no_key_is_told(meter):
    assert outcome(meter.text(PAYLOAD)) == "no-key"


def key_forms(meter):
    public = meter.private.public_key()
    numbers, size = public.public_numbers(), (public.key_size + 7) // 8
    bare = numbers.x.to_bytes(size, "big") + numbers.y.to_bytes(size, "big")
    point = public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    short = public.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    oca = f"oca:base16:asn1:{meter.key}"
    # fmt: off
    each = [form for data in (meter.spki, bare, point, short)
            for form in (data.hex(), data.hex().upper(), base64.b64encode(data).decode())]
    # fmt: on
    spaced, bare64 = meter.spki.hex(" "), base64.b64encode(meter.spki).decode().rstrip("=")
    plate = f"OCA:base16:asn1:0x{meter.spki.hex('-').upper()};"
    return [
        *each, spaced, spaced.replace(" ", ":"), f"  {meter.key}\n", pem, oca,
        base64.b64encode(oca.encode()).decode(), base64.b64encode(meter.key.encode()).decode(),
        "oca:base64:asn1:" + base64.b64encode(meter.spki).decode(), bare64, plate,
        f"0x{meter.key}", "oca:base64:asn1:" + bare64, pem.replace("\n", ""),
        pem.replace("\n", " "),
    ]  # fmt: skip


def test_keys_however_they_are_written(any_meter):
    text = any_meter.text(PAYLOAD)
    assert {form: outcome(text, form) for form in key_forms(any_meter)} == dict.fromkeys(
        key_forms(any_meter), "valid"
    )


@pytest.mark.parametrize(
    "key", ["zz", "00", "3059", "A" * 9000, "é", "-----BEGIN", "oca:base16:asn1:"]
)
def test_a_key_that_is_none(meter, key):
    assert outcome(meter.text(PAYLOAD), key) == "wrong-key"


def der(*numbers):
    body = b"".join(b"\x02" + bytes([len(one)]) + one for one in numbers)
    return b"\x30" + (b"\x81" if len(body) > 127 else b"") + bytes([len(body)]) + body


def ber(*numbers):
    body = b"".join(b"\x02\x82\0" + bytes([len(one)]) + one for one in numbers)
    return b"\x30\x82\0" + bytes([len(body)]) + body


def with_signature(meter, data, encoding=None):
    _, method = meter.sign(PAYLOAD)
    shown = base64.b64encode(data).decode() if encoding == "base64" else data.hex()
    tail = {"SA": method, "SD": shown} | ({"SE": encoding} if encoding else {})
    return f"OCMF|{PAYLOAD}|{json.dumps(tail)}".encode()


def numbers_of(meter):
    """A signature whose first integer has its high bit set, so that padding matters."""
    for _ in range(1024):
        size = (meter.private.key_size + 7) // 8
        r, s = decode_dss_signature(meter.sign(PAYLOAD)[0])
        if r.bit_length() == size * 8 or meter.curve == "secp521r1":
            return r.to_bytes(size, "big"), s.to_bytes(size, "big")
    raise AssertionError("of brainpool384r1 one in eleven has it: a chance of 1e-42")


@pytest.mark.parametrize("encoding", [None, "hex", "base64"])
def test_der_as_meters_write_it(any_meter, encoding):
    r, s = numbers_of(any_meter)
    forms = [der(r, s), der(b"\0" + r, b"\0" + s), der(b"\0\0\0" + r, s), r + s, ber(r, s)]
    for form in forms:
        assert outcome(with_signature(any_meter, form, encoding), any_meter.key) == "valid"


def test_a_fourth_section_is_the_key_and_no_other(meter):
    text = meter.text(PAYLOAD)
    for key in (meter.key, meter.key.upper()):
        fourth = text + b"|" + key.encode()
        assert outcome(fourth) == outcome(fourth, meter.key) == "valid"
    assert outcome(text + b"|" + Meter().key.encode(), meter.key) == "wrong-key"
    assert outcome(text + b"|" + Meter().key.encode()) == "tampered"
    assert outcome(text + b"|aA", meter.key) == "malformed"
    assert outcome(text + b"|" + meter.key.encode() + b"|extra", meter.key) == "malformed"


def test_nothing_hides_in_the_signature_section(meter):
    text = meter.text(PAYLOAD)
    for more in (b'{"SD":"00",', b'{"\\u0053D":"00",', b'{"SE":"base64","SE":"hex",'):
        assert outcome(text.replace(b'|{"', b"|" + more + b'"'), meter.key) == "malformed"


def test_texts_with_control_characters_are_read(meter):
    assert outcome(meter.text(PAYLOAD.replace("\u00e9", "a\x01\n\t")), meter.key) == "valid"


def test_base64_may_leave_its_padding_out():
    for _ in range(9):
        data = FIXED.sign(PAYLOAD)[0]
        shown = base64.b64encode(data).decode()
        text = with_signature(FIXED, data, "base64").decode()
        assert outcome(text.replace(shown, shown.rstrip("=")).encode(), FIXED.key) == "valid"
        assert outcome(text.replace(shown, shown.rstrip("=") + "===").encode(), FIXED.key) == (
            "malformed"
        )
        packed = base64.b64encode(text.encode()).rstrip(b"=")
        assert outcome(packed, FIXED.key) == "valid"


def test_der_that_is_none():
    r, s = numbers_of(FIXED)
    whole = der(r, s)
    broken = [b"", b"\x30", whole + b"\0", whole[:-1], der(r), der(r, s, s), der(b"", s),
              b"\x31" + whole[1:], b"\x30\x85\0\0\0\0" + whole[1:], b"\x30\x84" + whole[1:],
              r + s + b"\0", b"\x30\x80" + whole[2:] + b"\0\0"]  # fmt: skip
    for form in broken:
        assert outcome(with_signature(FIXED, form), FIXED.key) in ("malformed", "tampered")
    for form in (der(b"\0", b"\0"), der(b"\1", b"\1"), b"\0" * 64, b"\xff" * 64, der(s, r)):
        assert outcome(with_signature(FIXED, form), FIXED.key) == "tampered"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"OCMF", "malformed"),
        (b"OCMF|", "malformed"),
        (b"OCMF|{}", "malformed"),
        (b"OCMF|{}|", "malformed"),
        (b"OCMF|{}|{}", "malformed"),
        (b'OCMF|{}|{"SD":1}', "malformed"),
        (b'OCMF|{}|{"SD":"aA"}', "malformed"),
        (b'OCMF|{}|{"SD":"00","XX":1}', "malformed"),
        (b'OCMF|{}|{"SD":"00","SE":"utf"}', "malformed"),
        (b'OCMF|{}|{"SD":"00","SM":"x"}', "unsupported-algorithm"),
        (b'OCMF|{}|{"SD":"\xff"}', "malformed"),
        (b"OCMF|" + b"[" * 100_000 + b'|{"SD":"00"}', "malformed"),
        (b'OCMF|{}|{"SD":' + b"[" * 100_000, "malformed"),
        (b"OCMF|" + b" " * MOST_BYTES, "malformed"),
        (b"", "unknown-format"),
        (b"AP;0;3;ALCV3ABBBISHMA2RYEGAZE3HV5YQBQRAEHAR2MN", "unknown-format"),
        (b"1B1B1B1B01010101", "unknown-format"),
        (b"<signedMeterValue/>", "unknown-format"),
    ],
)
def test_what_is_broken_is_named(text, expected):
    assert outcome(text) == expected


def test_a_signed_payload_that_says_nothing(meter):
    for payload in ("{}", "[]", "x", '{"RD":[{"RV":"1_0"}]}', '{"RD":[{"RV":"NaN"}]}',
                    '{"RD":[{"RV":1e999}]}', '{"RD":{}}'):  # fmt: skip
        done = check(SignedRecord(signed=meter.text(payload)), meter.key)
        assert (done.outcome, done.payload) == ("malformed", None), payload
        assert done.reason


def test_transport_in_hex_and_base64(meter):
    text = meter.text(PAYLOAD)
    for form in (text.hex(), text.hex().upper(), text.hex(" "), base64.b64encode(text).decode()):
        done = check(SignedRecord(signed=form.encode()), meter.key)
        assert (done.outcome, done.text) == ("valid", text)


def test_the_signed_bytes_are_kept_as_they_are(meter):
    odd = '{ "RD" : [ {"RV" :1.50e0} ],\t"PG":"T1" , "TT": "a|b|\\u00e9 é" }'
    text = meter.text(odd)
    done = check(SignedRecord(signed=text), meter.key)
    assert (done.outcome, done.text) == ("valid", text)
    squeezed = text.replace(b'{ "RD" : [', b'{"RD":[')
    assert outcome(squeezed, meter.key) == "tampered"


def test_the_registry_by_meter_then_gateway(meter):
    rows = json.dumps({"M1": [Meter().key, meter.key], "G1": meter.key, "M2": Meter().key})
    registry = read_registry(rows.encode())
    text = meter.record(reading("B", 1), reading("E", 2))
    done = check(SignedRecord(signed=text, public_key=Meter().key), registry=registry)
    assert (done.outcome, done.key_from) == ("valid", "registry")
    other = Meter(serial="M2")
    wrong = SignedRecord(signed=other.record(reading("B", 1)), public_key=other.key)
    assert check(wrong, registry=registry).outcome == "wrong-key"
    assert check(wrong, registry=Registry()).key_from == "enclosed"
    with pytest.raises(RegistryWrong):
        read_registry(b'{"M1": 3}')


def test_ocpp_signed_meter_values(meter):
    text = meter.text(PAYLOAD)
    data = base64.b64encode(text).decode()
    key = base64.b64encode(f"oca:base16:asn1:{meter.key}".encode()).decode()
    value = {
        "signedMeterData": data, "signingMethod": "", "encodingMethod": "OCMF", "publicKey": key,
    }  # fmt: skip
    named = value | {"signingMethod": "ECDSA-secp256r1-SHA256"}
    old = json.dumps({"signedMeterValue": data, "publicKey": key})
    for one in (value, named, json.dumps(value), {"signedMeterValue": value}, old):
        done = check(of_ocpp(one))
        assert (done.outcome, done.text) == ("valid", text), one
    for bare in (text.decode(), text.hex(), data):
        assert check(of_ocpp(bare), meter.key).outcome == "valid"
    other = value | {"signingMethod": "ECDSA-secp384r1-SHA256"}
    assert check(of_ocpp(other)).outcome == "malformed"
    edl = {"signedMeterData": "AAAA", "encodingMethod": "EDL", "publicKey": ""}
    assert (check(of_ocpp(edl)).outcome, check(of_ocpp(edl)).reason) == ("unknown-format", "EDL")
    for none in (None, 3, [], {}, "\ud800", {"signedMeterData": 3}):
        assert check(of_ocpp(none)).outcome == "unknown-format"


def test_no_bit_may_change():
    """All of them, not a sample: this is what a signature is for."""
    assert outcome(WHOLE, FIXED.key) == "valid"
    passed = []
    for bit in range(len(WHOLE) * 8):
        changed = bytearray(WHOLE)
        changed[bit // 8] ^= 1 << bit % 8
        if outcome(bytes(changed), FIXED.key) == "valid":
            passed.append(bit)
    assert passed == []


def test_no_bit_of_a_key_may_change(any_meter):
    text = any_meter.text(PAYLOAD)
    passed = []
    for bit in range(len(any_meter.spki) * 8):
        changed = bytearray(any_meter.spki)
        changed[bit // 8] ^= 1 << bit % 8
        if outcome(text, changed.hex()) == "valid":
            passed.append(bit)
    assert passed == []


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(CURVES)), st.sampled_from(["hex", "base64"]), st.integers(0, 1 << 16))
def test_no_bit_may_change_on_any_curve(curve, encoding, bit):
    meter = Meter(curve)
    text = bytearray(with_signature(meter, meter.sign(PAYLOAD)[0], encoding))
    assert outcome(bytes(text), meter.key) == "valid"
    bit %= len(text) * 8
    text[bit // 8] ^= 1 << bit % 8
    assert outcome(bytes(text), meter.key) in OUTCOMES - {"valid", "no-key"}


SIGNED = st.one_of(
    st.binary(),
    st.text().map(lambda t: t.encode("utf-8", "replace")),
    st.binary().map(lambda b: b"OCMF|" + b + b'|{"SD":"00"}'),
)


@settings(max_examples=300)
@given(SIGNED, st.text(max_size=80))
def test_anything_has_a_named_outcome(signed, key):
    assert outcome(signed, key) in OUTCOMES
    assert outcome(signed, FIXED.key, public_key=key, format=key, encoding=key) in OUTCOMES


JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=8,
)
FIELDS = st.sampled_from("TM TX RV RI RU EF ST CL".split())


@settings(max_examples=300)
@given(
    st.dictionaries(st.sampled_from("PG MS GS LC RD FV".split()), JSONS),
    st.lists(st.dictionaries(FIELDS, JSONS | st.sampled_from(["B", "E", "kWh", "G", 1, 10**30]))),
)
def test_whatever_a_meter_signs_is_told_by_name(fields, readings):
    text = FIXED.text(json.dumps(fields | {"RD": readings}))
    (verdict,) = judged([SignedRecord(signed=text)], FIXED.key)
    assert verdict.outcome in ("valid", "valid-but-not-billable", "malformed")
    assert (verdict.outcome == "valid") == verdict.billable
    assert verdict.billable or verdict.reason


def test_a_hundred_records_of_one_file(meter):
    text = b"\n".join(
        [meter.record(reading("B", 1), reading("E", 3), page=f"T{n}") for n in range(100)]
    )
    verdicts = judged(records_of(text), meter.key)
    assert [one.energy_wh for one in verdicts] == [2000] * 100
