"""OCMF as text, `OCMF|payload|signature` (SAFE-eV/OCMF 1.4): the payload's bytes, never rebuilt."""

import re
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal, Inexact, InvalidOperation
from typing import Any

import msgspec

from connectors.ocpp.signed.messages import MOST_BYTES

SPACE = b" \t\r\n"
HEAD = b"OCMF|"
MOST_READINGS = 10_000
MOST_PLACES = 18
"""Of a number, before its point and after it: sums of such stay exact in `EXACT`."""
EXACT = Context(prec=60, traps=[Inexact, InvalidOperation])
_DECIMAL = re.compile(r"[+-]?\d{1,24}(?:\.\d{1,24})?(?:[eE][+-]?\d{1,2})?")
# How the formats begin that transparency software reads beside OCMF.
_OTHERS = {b"AP;": "ALFEN", b"1B1B1B1B01010101": "SML", b"128.8.0(": "PCDF"}
_METHOD = re.compile(rb"<encodingMethod>\s{0,9}([0-9A-Za-z_ -]{1,24})<")
_HEX = re.compile(rb"(?:[0-9A-F]{2})+|(?:[0-9a-f]{2})+")
_PRINTABLE = bytes(max(one, 32) for one in range(256))
_ANY_HEX = re.compile(rb"(?:[0-9A-Fa-f]{2})+")
_TIME = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:[,.](\d{1,9}))? ?(Z|[+-]\d\d:?\d\d)(?: ?([UISR]))?"
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST = 4_102_444_800_000  # the last instant of the contract
_OUTER_NOISE = re.compile(rb"[ \t\r\n:]+")


class Malformed(Exception):
    """It says OCMF and is not."""


class UnknownFormat(Exception):
    """It is not OCMF."""


class Reading(msgspec.Struct, frozen=True):
    """One reading, what it leaves out inherited from the one before. `value` in `unit`."""

    time: str = ""
    kind: str = ""
    value: Decimal | None = None
    register: str = ""
    unit: str = ""
    errors: str = ""
    status: str = ""
    loss: Decimal | None = None


class Payload(msgspec.Struct, frozen=True):
    """What billing reads of a payload. `loss`: the `LC` object, None where there is none.

    `gateway`: its serial, else the charge point's id (CI). `identified_by`, `identity`: who charges
    (IT, ID), `level`: how surely (IL), in the record's own words.
    """

    page: str
    meter: str
    gateway: str
    loss: dict[str, Any] | None
    readings: tuple[Reading, ...]
    identified_by: str = ""
    identity: str = ""
    level: str = ""


class Signature(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The third section. Unknown keys are refused: it is not signed, so nothing may hide in it."""

    SD: str
    SA: str = ""
    SE: str = "hex"
    SM: str = "application/x-der"


class Ocmf(msgspec.Struct, frozen=True):
    """`text`: whole, without outer blanks; `payload`: exactly the bytes that were signed.

    `key`: what stands in a fourth section, which OCMF had once.
    """

    text: bytes
    payload: bytes
    signature: Signature
    signed_data: bytes
    key: str = ""


class _Reading(msgspec.Struct):
    TM: Any = None
    TX: Any = None
    RV: msgspec.Raw = msgspec.Raw()
    RI: Any = None
    RU: Any = None
    EF: Any = None
    ST: Any = None
    CL: msgspec.Raw = msgspec.Raw()


class _Payload(msgspec.Struct):
    RD: list[_Reading]
    PG: Any = None
    MS: Any = None
    GS: Any = None
    CI: Any = None
    LC: Any = None
    IT: Any = None
    ID: Any = None
    IL: Any = None


_QUOTES = 4  # around a key and its value
_keys = msgspec.json.Decoder(dict[str, Any])
_signature = msgspec.json.Decoder(Signature)
_payload = msgspec.json.Decoder(_Payload)


def from_base64(text: bytes) -> bytes | None:
    """What is inside, its padding whole or left out; None: it is no base64."""
    bare = text.rstrip(b"=")
    padded = bare + b"=" * (-len(bare) % 4)
    if text not in (bare, padded):
        return None
    try:
        return b64decode(padded, validate=True)
    except NotBase64:
        return None


def instant_of(time: str) -> int:
    """OCMF's TM in epoch ms; 0: it cannot be read, or tells no zone."""
    found = _TIME.fullmatch(time)
    if found is None:
        return 0
    zone = "+0000" if found[3] == "Z" else found[3].replace(":", "")
    try:
        at = datetime.strptime(f"{found[1]}{zone}", "%Y-%m-%dT%H:%M:%S%z")
    except ValueError:
        return 0
    ms = (at - _EPOCH) // timedelta(milliseconds=1) + int(f"{found[2] or ''}000"[:3])
    return ms if 0 < ms < _LAST else 0


def ocmf_text(signed: bytes, encoding: str = "") -> bytes:
    """The OCMF text in what was transported: plain, or all of it as hex or base64.

    Raises UnknownFormat, Malformed (too long; not what `encoding` says).
    """
    if len(signed) > MOST_BYTES:
        raise Malformed(f"longer than {MOST_BYTES} bytes")
    text = signed.strip(SPACE)
    if text.startswith(HEAD):
        return text
    decoded = (_decoded(text, encoding) or b"").strip(SPACE)
    if decoded.startswith(HEAD):
        return decoded
    if text.startswith(b"OCMF") or decoded.startswith(b"OCMF"):
        raise Malformed("no | after OCMF")
    raise UnknownFormat(_named(text, encoding))


def _decoded(text: bytes, encoding: str) -> bytes | None:
    packed = _OUTER_NOISE.sub(b"", text)
    if encoding.lower() in ("", "plain", "hex", "base16") and _ANY_HEX.fullmatch(packed):
        return bytes.fromhex(packed.decode())
    return from_base64(packed)


def _named(text: bytes, encoding: str) -> str:
    for mark, name in _OTHERS.items():
        if text[: len(mark)].upper() == mark:
            return name
    if (told := _METHOD.search(text)) is not None:
        return told[1].decode()
    shown = text[:24].decode("utf-8", "replace")
    return f"not OCMF: begins with {shown!r}" + (f" (encoding {encoding})" if encoding else "")


def split(text: bytes) -> Ocmf:
    """Take an OCMF text apart. Raises Malformed.

    A tariff text may hold a bar, the signature's section cannot: the last bar divides.
    """
    payload, bar, tail = text[len(HEAD) :].rpartition(b"|")
    key = b""
    if b"|" in payload and not tail.lstrip(SPACE).startswith(b"{"):
        key = tail.strip(SPACE)
        payload, bar, tail = payload.rpartition(b"|")
    if not bar:
        raise Malformed("no signature section")
    if key and not _HEX.fullmatch(key):
        raise Malformed("a fourth section that is no key in hex")
    try:
        signature = _signature.decode(tail)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise Malformed(f"signature section: {error}") from error
    if tail.count(b'"') != _QUOTES * len(_keys.decode(tail)) or b"\\u" in tail:
        raise Malformed("signature section: a key twice, or escapes")  # something hides in it
    return Ocmf(text, payload, signature, _signed_data(signature), key.decode())


def _signed_data(signature: Signature) -> bytes:
    data = signature.SD.encode("utf-8", "replace")
    if signature.SE == "hex":
        if not _HEX.fullmatch(data):
            # One case only: a letter whose case has changed is a bit that has changed.
            raise Malformed("SD: not hex, or hex in mixed case")
        return bytes.fromhex(data.decode())
    if signature.SE != "base64":
        raise Malformed(f"SE: {signature.SE[:24]!r} is neither hex nor base64")
    decoded = from_base64(data)
    if decoded is None:
        raise Malformed("SD: no base64")
    if b64encode(decoded).rstrip(b"=") != data.rstrip(b"="):
        raise Malformed("SD: base64 with bits left over")
    return decoded


def read_payload(payload: bytes) -> Payload:
    """What a payload says. Raises Malformed with the field."""
    try:
        # Some write control characters into texts as they are, which JSON forbids.
        said = _payload.decode(payload.translate(_PRINTABLE))
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise Malformed(f"payload: {error}") from error
    if len(said.RD) > MOST_READINGS:
        raise Malformed(f"RD: more than {MOST_READINGS} readings")
    return Payload(
        page=_word(said.PG),
        meter=_word(said.MS),
        gateway=_word(said.GS) or _word(said.CI),
        loss=said.LC if isinstance(said.LC, dict) else None if said.LC is None else {},
        readings=tuple(_inherited(said.RD)),
        identified_by=_word(said.IT),
        identity=_word(said.ID),
        level=_word(said.IL),
    )


def _inherited(readings: list[_Reading]) -> list[Reading]:
    last, done = Reading(), []
    for one in readings:
        last = Reading(
            time=last.time if one.TM is None else _word(one.TM),
            kind=last.kind if one.TX is None else _word(one.TX),
            value=number(one.RV, "RV") if one.RV else last.value,
            register=last.register if one.RI is None else _word(one.RI),
            unit=last.unit if one.RU is None else _word(one.RU),
            errors=last.errors if one.EF is None else _word(one.EF),
            status=last.status if one.ST is None else _word(one.ST),
            loss=number(one.CL, "CL") if one.CL else last.loss,
        )
        done.append(last)
    return done


def _word(value: object) -> str:
    """Text, and a number where text belongs, as some write it; anything else is as good as none."""
    if isinstance(value, str):
        return value.strip()
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def number(raw: msgspec.Raw, field: str) -> Decimal | None:
    """A number exactly as written, also as padded text. Raises Malformed with `field`."""
    text = bytes(raw).decode("utf-8", "replace")
    if text == "null":
        return None
    text = text.strip('"').strip()
    if not _DECIMAL.fullmatch(text):
        raise Malformed(f"{field}: {text[:40]!r} is no number")
    value = Decimal(text)
    _, _, exponent = value.as_tuple()
    if value.adjusted() >= MOST_PLACES or not isinstance(exponent, int) or exponent < -MOST_PLACES:
        raise Malformed(f"{field}: {text[:40]!r} has more than {MOST_PLACES} places")
    return value
