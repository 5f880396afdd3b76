"""Files with signed records: taken apart by the byte, or refused in bounded time."""

import base64
import json
import time
from xml.sax.saxutils import escape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from meters import reading

from connectors.ocpp.signed.container import MOST_FILE_BYTES, of_ocpp, records_of
from connectors.ocpp.signed.messages import Unreadable
from connectors.ocpp.signed.pairing import judged
from connectors.ocpp.signed.verify import check


def container(*values):
    inner = "".join(
        f'<value transactionId="1" context="x"><signedData format="OCMF" encoding="{encoding}">'
        f'{escape(text)}</signedData><publicKey encoding="plain">{key}</publicKey></value>'
        for encoding, text, key in values
    )
    return f'<?xml version="1.0" encoding="UTF-8"?><values>{inner}</values>'.encode()


@pytest.fixture
def text(meter):
    return meter.record(reading("B", 1), reading("E", 2), TT="a<b & é").decode()


@pytest.mark.parametrize("encoding", ["plain", "base64", "hex", ""])
def test_xml_in_every_encoding(meter, text, encoding):
    data = text.encode()
    shown = {"base64": base64.b64encode(data).decode(), "hex": data.hex()}.get(encoding, text)
    (verdict,) = judged(records_of(container((encoding, f"\n  {shown}\n", meter.key))))
    assert (verdict.outcome, verdict.energy_wh) == ("valid", 1000)
    assert verdict.signed == text


def test_xml_with_a_namespace_cdata_and_what_it_does_not_know(meter, text):
    data = (
        f'\ufeff<t:values xmlns:t="urn:x"><t:value><t:new>3</t:new><t:signedData><![CDATA[{text}]]>'
        f"</t:signedData><!-- no --><t:publicKey>{meter.key}</t:publicKey></t:value></t:values>"
    ).encode()
    (verdict,) = judged(records_of(data))
    assert verdict.signed == text
    assert verdict.outcome == "valid"


def test_what_follows_the_document_belongs_to_no_record(meter, text):
    assert len(records_of(container(("plain", text, meter.key)) + b"\n12\n")) == 1


def test_records_on_one_line_or_in_quotes(text):
    each = (text + " " + text, text + text, f"{text};{text},", f"{text}\n,{text}")
    for data in each:
        assert [one.signed.decode() for one in records_of(data.encode())] == [text, text]
    (quoted,) = records_of(json.dumps(text).encode())
    assert quoted.signed.decode() == text


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("AP;0;3;ALCV3ABBBISHMA2RYEGAZE3HV5YQBQRAEHAR2MN;", "ALFEN"),
        ("1b1b1b1b0101010176", "SML"),
        ("<signedMeterValue><encodingMethod>EDL</encodingMethod></signedMeterValue>", "EDL"),
    ],
)
def test_other_formats_by_how_they_begin(text, name):
    done = check(of_ocpp(text))
    assert (done.outcome, done.reason) == ("unknown-format", name)


def test_other_formats_by_name():
    xml = b'<values><value><signedData format="ALFEN">AP;0;3;AL</signedData></value></values>'
    (verdict,) = judged(records_of(xml))
    assert (verdict.outcome, verdict.reason) == ("unknown-format", "ALFEN")


def test_an_rsa_container_is_unsupported():
    """The shape of the transparency software's test_ocmf_rsa_01.xml."""
    rsa = (
        "30820122300d06092a864886f70d01010105000382010f003082010a0282010100"
        + "c1" * 256
        + "0203010001"
    )
    xml = f'<values><value><encodedData format="OCMF" encoding="hex">3082034F</encodedData><publicKey>{rsa}</publicKey></value></values>'  # noqa: E501 - one document
    (verdict,) = judged(records_of(xml.encode()))
    assert verdict.outcome == "unsupported-algorithm"


def test_bare_records_a_line_or_over_lines(meter, text):
    other = text.replace('"PG": "T1"', '"PG": "T9"')
    done = judged(records_of(f"\n{text}\r\n\n  {other}\n".encode()), meter.key)
    assert [v.outcome for v in done] == ["valid", "tampered"]
    pretty = meter.text('{"PG":"T1",\n"MS":"M",\n"RD":[]}')
    assert judged(records_of(pretty + b"\n" + pretty), meter.key)[1].outcome == (
        "valid-but-not-billable"
    )
    assert len(records_of(text.encode().hex().encode() + b"\n" + text.encode().hex().encode())) == 2


def test_ocpp_values_in_json(meter, text):
    value = {"signedMeterData": base64.b64encode(text.encode()).decode(), "publicKey": meter.key}
    assert [v.outcome for v in judged(records_of(json.dumps([value, value]).encode()))] == [
        "valid"
    ] * 2


LAUGHS = b"""<!DOCTYPE v [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;">]><values>&b;</values>"""
OUTSIDE = (
    b"""<!DOCTYPE v [<!ENTITY x SYSTEM "file:///etc/passwd">]><values><value>&x;</value></values>"""
)


@pytest.mark.parametrize(
    "data",
    [
        b"", b" \n", b"<values", b"<values/>", b"<values>&nbsp;</values>", LAUGHS, OUTSIDE,
        b"<?xml version='1.0'?>" + LAUGHS, LAUGHS.decode().encode("utf-16"), b"[1", b"[]", b"{",
        b"<a>" * 100_000, b"[" * 100_000, b"<?xml version='1.0' encoding='none'?><a/>",
        b"<values>" + b"<value><signedData>x</signedData></value>" * 10_001 + b"</values>",
        b"x\n" * 10_001, b" " * (MOST_FILE_BYTES + 1),
    ],
    ids=lambda data: repr(data[:24]),
)  # fmt: skip
def test_what_cannot_be_read(data):
    begun = time.monotonic()
    with pytest.raises(Unreadable):
        records_of(data)
    assert time.monotonic() - begun < 5


@settings(max_examples=300)
@given(st.binary() | st.text().map(lambda t: t.encode("utf-8", "replace"))
       | st.text(alphabet="<>/ valuesignedData\"'=&;![]{}OCMF|").map(str.encode))  # fmt: skip
def test_anything_is_taken_apart_or_refused(data):
    try:
        records = records_of(data)
    except Unreadable:
        return
    assert records
    assert all(v.outcome for v in judged(records))
