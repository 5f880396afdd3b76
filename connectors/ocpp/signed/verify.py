"""Whether a signature fits its text and a key: ECDSA as OCMF 1.4 names it, on the exact bytes."""

import re
from collections.abc import Iterable, Sequence

import msgspec
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from connectors.ocpp.signed.keys import (
    CURVES,
    KeyRefused,
    Offered,
    curve_of,
    offered,
    read_key,
)
from connectors.ocpp.signed.messages import KeyFrom, Outcome, SignedRecord
from connectors.ocpp.signed.parse import (
    Malformed,
    Ocmf,
    Payload,
    UnknownFormat,
    ocmf_text,
    read_payload,
    split,
)
from connectors.ocpp.signed.registry import Registry

DEFAULT = "ECDSA-secp256r1-SHA256"
_ALGORITHM = re.compile(r"ECDSA-([0-9A-Za-z]+)-(SHA256|SHA384|SHA512)")
_HASHES = {"SHA256": hashes.SHA256(), "SHA384": hashes.SHA384(), "SHA512": hashes.SHA512()}
_SEQUENCE, _INTEGER, _LONG = 0x30, 0x02, 0x80
_LONG_FORMS = range(_LONG + 1, _LONG + 5)


class Checked(msgspec.Struct, kw_only=True):
    """One record after its signature. `payload`: only where that fits. `key`: which one it was.

    `signed`: the bytes that were signed; a signature over them can be written in several ways.
    """

    record: SignedRecord
    outcome: Outcome
    reason: str = ""
    text: bytes = b""
    signed: bytes = b""
    payload: Payload | None = None
    algorithm: str = ""
    key_from: KeyFrom = ""
    key: bytes = b""

    @property
    def whole(self) -> bool:
        return self.outcome == "valid"


class _Algorithm(msgspec.Struct, frozen=True):
    """`stated`: by the record. Where it states none, the key's own curve counts."""

    name: str
    curve: str
    hashing: hashes.HashAlgorithm
    stated: bool


class _Ended(Exception):
    def __init__(self, outcome: Outcome, reason: str) -> None:
        super().__init__(reason)
        self.outcome: Outcome = outcome


def check(
    record: SignedRecord,
    given: str = "",
    registry: Registry | None = None,
    siblings: Sequence[str] = (),
) -> Checked:
    """Whether a record is whole. Never raises.

    `given`: the key to believe; else the `registry`'s, by the meter's serial; else the enclosed
    one. `siblings`: keys that came with neighbours: one that fits shows a wrong key, not a
    changed text.
    """
    done = Checked(record=record, outcome="malformed", text=record.signed)
    try:
        _check(done, given, registry or Registry(), siblings)
    except _Ended as ended:
        done.outcome, done.reason = ended.outcome, str(ended)
    except Malformed as wrong:
        done.outcome, done.reason = "malformed", str(wrong)
    except UnknownFormat as wrong:
        done.outcome, done.reason = "unknown-format", str(wrong)
    return done


def _check(done: Checked, given: str, registry: Registry, siblings: Sequence[str]) -> None:
    record = done.record
    done.text = _text(record)
    ocmf = split(done.text)
    algorithm = _algorithm(ocmf.signature.SA, record.signing_method)
    done.algorithm, done.signed = algorithm.name, ocmf.payload
    if ocmf.signature.SM != "application/x-der":
        raise _Ended("unsupported-algorithm", f"SM: {ocmf.signature.SM[:60]!r}")
    unread, payload = _read(ocmf.payload)
    serials = (payload.meter, payload.gateway) if payload else ()
    enclosed = record.public_key or ocmf.key
    believed, others = offered(given, registry.of(*serials), enclosed, siblings)
    if unread and not believed:
        raise unread
    if not believed:
        raise _Ended("no-key", "no public key for it")
    try:
        key, by = _fitting(ocmf, algorithm, believed, others)
    except _Ended as ended:
        _borrowed(ended, enclosed, believed)
        raise
    done.key_from, done.key = by, _der(key)
    if ocmf.key and _der(_read_key(ocmf.key, algorithm)) != done.key:
        raise _Ended("wrong-key", "another key stands in its fourth section")
    if not algorithm.stated:
        done.algorithm = f"ECDSA-{curve_of(key)}-SHA256"
    if payload is None:
        raise Malformed(str(unread))
    done.outcome, done.payload = "valid", payload


def _borrowed(ended: _Ended, enclosed: str, believed: Sequence[Offered]) -> None:
    """Raises _Ended otherwise where the keys came with other records, which may be another's."""
    if enclosed or believed[0].by != "enclosed" or ended.outcome == "malformed":
        return
    if len(believed) > 1 or ended.outcome != "tampered":
        why = "no public key for it, and none that came with others fits"
        raise _Ended("no-key", why) from ended


def _text(record: SignedRecord) -> bytes:
    """The OCMF text; a format that another reader would know is named."""
    try:
        return ocmf_text(record.signed, record.encoding)
    except UnknownFormat as unknown:
        if _is_of_another_kind(record.public_key):
            raise _Ended("unsupported-algorithm", f"its public key is RSA; {unknown}") from None
        named = record.format.upper()
        raise UnknownFormat(named if named not in ("", "OCMF") else str(unknown)) from None


def _is_of_another_kind(key: str) -> bool:
    try:
        read_key(key, "secp256r1")
    except KeyRefused as refused:
        return "RSA" in str(refused)
    return False


def _read(data: bytes) -> tuple[Malformed | None, Payload | None]:
    try:
        return None, read_payload(data)
    except Malformed as wrong:
        return wrong, None


def _algorithm(stated: str, method: str) -> _Algorithm:
    """Raises _Ended: unsupported, or the transport says another one than the record."""
    if stated and method and _common(stated) != _common(method):
        raise Malformed(f"signingMethod {method[:60]!r} is not SA {stated[:60]!r}")
    name = stated or method or DEFAULT
    named = _ALGORITHM.fullmatch(name)
    curve = _common(named[1]) if named else ""
    if named is None or curve not in CURVES:
        raise _Ended("unsupported-algorithm", name[:80])
    return _Algorithm(name, curve, _HASHES[named[2]], stated=bool(stated or method))


def _common(name: str) -> str:
    """Both spellings of a curve of Brainpool's are in use."""
    return name.replace("brainpoolP", "brainpool")


def _fitting(
    ocmf: Ocmf, algorithm: _Algorithm, believed: Iterable[Offered], others: Iterable[Offered]
) -> tuple[ec.EllipticCurvePublicKey, KeyFrom]:
    """The believed key that fits; else _Ended with what that shows."""
    problem: _Ended | None = None
    for one in believed:
        try:
            return _verified(ocmf, algorithm, one), one.by
        except _Ended as ended:
            problem = problem if problem and problem.outcome == "tampered" else ended
    assert problem is not None
    if problem.outcome not in ("malformed", "unsupported-algorithm"):
        for one in others:
            try:
                _verified(ocmf, algorithm, one)
            except _Ended:
                continue
            raise _Ended("wrong-key", "it is whole, but signed by another key that came along")
    raise problem


def _read_key(text: str, algorithm: _Algorithm) -> ec.EllipticCurvePublicKey:
    try:
        return read_key(text, algorithm.curve)
    except KeyRefused as refused:
        outcome: Outcome = "unsupported-algorithm" if refused.unsupported else "wrong-key"
        raise _Ended(outcome, str(refused)) from refused


def _verified(ocmf: Ocmf, algorithm: _Algorithm, one: Offered) -> ec.EllipticCurvePublicKey:
    key = _read_key(one.text, algorithm)
    curve = curve_of(key)
    if algorithm.stated and curve != algorithm.curve:
        raise _Ended("wrong-key", f"a key of {curve}, a signature of {algorithm.curve}")
    signature = dss(ocmf.signed_data, (key.curve.key_size + 7) // 8)
    try:
        key.verify(signature, ocmf.payload, ec.ECDSA(algorithm.hashing))
    except InvalidSignature as unfit:
        raise _Ended("tampered", "the signature does not fit this text and key") from unfit
    except (UnsupportedAlgorithm, ValueError) as error:
        raise _Ended("unsupported-algorithm", str(error)[:80]) from error
    return key


def dss(data: bytes, size: int) -> bytes:
    """A signature as strict DER (X9.62).

    From DER whose integers have too many or too few leading zeros, or whose lengths are longer than
    need be (BER), as some meters write it, or from the bare numbers, `size` bytes each. Raises
    Malformed.
    """
    numbers = _from_der(data)
    if numbers is None and len(data) == 2 * size:
        numbers = int.from_bytes(data[:size], "big"), int.from_bytes(data[size:], "big")
    if numbers is None:
        raise Malformed("SD: neither a DER sequence of two integers nor two bare ones")
    return encode_dss_signature(*numbers)


def _from_der(data: bytes) -> tuple[int, int] | None:
    whole = _element(data, _SEQUENCE)
    if whole is None or whole[1]:
        return None
    first = _element(whole[0], _INTEGER)
    second = _element(first[1], _INTEGER) if first else None
    if first is None or second is None or second[1] or not (first[0] and second[0]):
        return None
    return int.from_bytes(first[0], "big"), int.from_bytes(second[0], "big")


def _element(data: bytes, tag: int) -> tuple[bytes, bytes] | None:
    """Content of the first element and what follows; lengths also in a longer form than needed."""
    if len(data) < 3 or data[0] != tag:  # noqa: PLR2004 - tag, length, a byte of content
        return None
    length, start = data[1], 2
    if length in _LONG_FORMS:
        start += length & ~_LONG
        length = int.from_bytes(data[2:start], "big")
    elif length >= _LONG:
        return None
    end = start + length
    return (data[start:end], data[end:]) if end <= len(data) else None


def _der(key: ec.EllipticCurvePublicKey) -> bytes:
    numbers = key.public_numbers()
    return f"{curve_of(key)}:{numbers.x:x}:{numbers.y:x}".encode()
