"""Files and messages that hold signed records: bare text, S.A.F.E. XML, OCPP's signedMeterValue."""

import re
from itertools import pairwise
from typing import Any
from xml.parsers import expat  # no document type is let in, so no entity can grow

import msgspec

from connectors.ocpp.signed.messages import SignedRecord, Unreadable
from connectors.ocpp.signed.parse import HEAD, from_base64

MOST_FILE_BYTES = 32 << 20
MOST_RECORDS = 10_000
MOST_DEPTH = 16
_START = re.compile(rb"(?:^|(?<=\}))[ \t\r\n,;]{0,9}(?=OCMF\|)", re.MULTILINE)
_DATA = frozenset(("signedData", "encodedData"))
_KNOWN = (b"OCMF", b"<")
_JUNK_AFTER_END = 9
_MENNEKES = frozenset(("Billing", "ChargingProcess"))


def records_of(data: bytes) -> list[SignedRecord]:
    """The records of a file: XML, JSON (signedMeterValue, one or a list), or text, a record a line.

    Raises Unreadable: nothing in it, too much of it, XML or JSON that is none.
    """
    if len(data) > MOST_FILE_BYTES:
        raise Unreadable(f"larger than {MOST_FILE_BYTES} bytes")
    text = data.removeprefix(b"\xef\xbb\xbf").strip(b" \t\r\n")
    if not text:
        raise Unreadable("empty")
    if text.startswith((b"<", b"\xff\xfe", b"\xfe\xff")):
        records = _of_xml(text)
    elif text.startswith((b"{", b"[", b'"')):
        records = _of_json(text)
    else:
        records = _of_text(text)
    if not records:
        raise Unreadable("no signed record in it")
    if len(records) > MOST_RECORDS:
        raise Unreadable(f"more than {MOST_RECORDS} records")
    return records


def _of_text(text: bytes) -> list[SignedRecord]:
    starts = [found.end() for found in _START.finditer(text)]
    if starts and starts[0] == 0:
        bounds = [*starts, len(text)]
        pieces = [text[a:b] for a, b in pairwise(bounds)]
    else:
        pieces = text.splitlines()
    ends = b" \t\r\n,;" if text.startswith(HEAD) else b" \t\r\n"
    return [SignedRecord(signed=bare) for one in pieces if (bare := one.strip(ends))]


def _of_json(text: bytes) -> list[SignedRecord]:
    try:
        said = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise Unreadable(f"JSON: {error}") from error
    values = said if isinstance(said, list) else [said]
    return [record for one in values for record in records_in(one)]


def records_in(value: object) -> list[SignedRecord]:
    """The records of one signed value of OCPP: `of_ocpp`'s, or all in the container that it is.

    Never raises: a container that cannot be taken apart is one record, told as of unknown format.
    """
    record = of_ocpp(value)
    text = record.signed.strip(b" \t\r\n")
    if not text.startswith(b"<"):
        return [record]
    try:
        found = _of_xml(text)
    except Unreadable:
        found = []
    told = record.public_key
    return [
        one if one.public_key or not told else msgspec.structs.replace(one, public_key=told)
        for one in found
    ] or [record]


def of_ocpp(value: object) -> SignedRecord:
    """OCPP's signedMeterValue (2.x: the object; 1.6: its JSON as a string, or a bare record).

    Data and key are base64 by the standard and also come bare. Never raises: what is none of these
    becomes a record that is told as of unknown format.
    """
    if isinstance(value, str):
        value = _unwrapped(value)
    if isinstance(value, dict) and isinstance(inner := value.get("signedMeterValue"), dict):
        value = inner
    if not isinstance(value, dict):
        return SignedRecord(signed=_bytes(value))
    data = value.get("signedMeterData") or value.get("signedMeterValue")
    raw = _bytes(data)
    inside = from_base64(raw) or b""
    return SignedRecord(
        signed=inside if inside.lstrip().startswith(_KNOWN) else raw,
        format=_text(value.get("encodingMethod")),
        signing_method=_text(value.get("signingMethod")),
        public_key=_text(value.get("publicKey")),
    )


def _unwrapped(value: str) -> object:
    if not value.lstrip().startswith("{"):
        return value
    try:
        return msgspec.json.decode(value)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return value


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _bytes(value: object) -> bytes:
    return _text(value).encode("utf-8", "surrogatepass")


class _Reader:
    """Collects `value` elements: signedData or encodedData, and publicKey, each with attributes."""

    def __init__(self) -> None:
        self.records: list[SignedRecord] = []
        self.root = ""
        self._path: list[str] = []
        self._fields: dict[str, str] = {}
        self._pieces: list[str] = []

    def start(self, name: str, given: dict[str, str]) -> None:
        local = name.rpartition(":")[2]
        self.root = self.root or local
        self._path.append(local)
        if len(self._path) > MOST_DEPTH:
            raise Unreadable(f"XML nested more than {MOST_DEPTH} deep")
        if local == "value":
            self._fields = {
                "transaction": given.get("transactionId", ""),
                "context": given.get("context", ""),
            }
        elif local in _DATA:
            self._fields |= {k: given.get(k, "") for k in ("format", "encoding")}
        elif local == "publicKey":
            self._fields["key_encoding"] = given.get("encoding", "")
        self._pieces = []

    def text(self, piece: str) -> None:
        self._pieces.append(piece)

    def end(self, _name: str) -> None:
        local, content = self._path.pop(), "".join(self._pieces)
        if local in _DATA:
            self._fields["signed"] = content.strip(" \t\r\n")
        elif local == "publicKey":
            self._fields["public_key"] = content.strip()
        elif local == "value" and "signed" in self._fields:
            self._keep()
        self._pieces = []

    def _keep(self) -> None:
        signed = self._fields.pop("signed").encode()
        self.records.append(SignedRecord(signed=signed, **self._fields))
        self._fields = {}
        if len(self.records) > MOST_RECORDS:
            raise Unreadable(f"more than {MOST_RECORDS} records")


def _of_xml(text: bytes) -> list[SignedRecord]:
    reader, parser = _Reader(), expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _no_doctype
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    try:
        parser.Parse(text, True)  # noqa: FBT003 - expat takes no names: this is all there is
    except expat.ExpatError as error:
        # What follows the end of the document belongs to no record.
        if error.code != _JUNK_AFTER_END or not reader.records:
            raise Unreadable(f"XML: {error}") from error
    except (LookupError, ValueError) as error:
        raise Unreadable(f"XML: {error}") from error
    if not reader.records and reader.root != "values":
        named = "MENNEKES" if reader.root in _MENNEKES else ""
        return [SignedRecord(signed=text, format=named)]  # another format's file: told by its name
    return reader.records


def _no_doctype(*_of: Any) -> None:
    raise Unreadable("XML with a document type is not read")
