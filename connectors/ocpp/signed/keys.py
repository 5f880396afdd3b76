"""Public keys as meters, plates, registers and OCPP write them."""

import re
from collections.abc import Mapping, Sequence

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
    load_pem_public_key,
)

from connectors.ocpp.signed.messages import KeyFrom
from connectors.ocpp.signed.parse import from_base64
from connectors.ocpp.signed.registry import Registry

CURVES: Mapping[str, ec.EllipticCurve] = {
    "secp192r1": ec.SECP192R1(),
    "secp224r1": ec.SECP224R1(),
    "secp256k1": ec.SECP256K1(),
    "secp256r1": ec.SECP256R1(),
    "secp384r1": ec.SECP384R1(),
    "secp521r1": ec.SECP521R1(),
    "brainpool256r1": ec.BrainpoolP256R1(),
    "brainpool384r1": ec.BrainpoolP384R1(),
    "brainpool512r1": ec.BrainpoolP512R1(),
}
"""What OCMF names or is met with it and `cryptography` has. Not secp192k1: nobody has it."""

MOST_KEY_CHARS = 8192
_BLANK = re.compile(r"^0[xX]|[\s:]+")
_NO_HEX = re.compile(r"^\s*0[xX]|[^0-9A-Fa-f]+")  # a plate may group its digits by anything
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})+")
_PEM = re.compile(r"-----BEGIN PUBLIC KEY-----(.*)-----END PUBLIC KEY-----", re.DOTALL)
_OCA = re.compile(r"oca:(base16|base64):asn1:(.*)", re.DOTALL | re.IGNORECASE)
_SPKI_SECP192K1 = bytes.fromhex("06052b8104001f")


class KeyRefused(Exception):
    """A key that cannot be used. `unsupported`: it is one, of a kind that is not known here."""

    def __init__(self, message: str, *, unsupported: bool = False) -> None:
        super().__init__(message)
        self.unsupported = unsupported


class Offered(msgspec.Struct, frozen=True):
    """A key as text, and who offers it."""

    text: str
    by: KeyFrom


def unusable(registry: Registry) -> list[str]:
    """A line for each key that is none on any curve. Keys of kinds not known here are keys."""
    return [
        f"{name}: {problem}"
        for name, keys in registry.keys.items()
        for problem in (map(_problem, keys) if keys else ("no key",))
        if problem
    ]


def _problem(key: str) -> str:
    problem = ""
    for curve in CURVES:
        try:
            read_key(key, curve)
        except KeyRefused as refused:
            problem = "" if refused.unsupported else str(refused)
        else:
            problem = ""
        if not problem:
            break
    return problem


def read_key(text: str, curve: str) -> ec.EllipticCurvePublicKey:
    """A key in hex or base64, with or without blanks, as SPKI, PEM, a point or bare coordinates.

    `curve`: of what has none of its own, a name in `CURVES`. Also OCPP's `oca:base16:asn1:...`
    and its base64 (OCA, Signed Meter Values 1.0, 3.2.2). Raises KeyRefused.
    """
    if len(text) > MOST_KEY_CHARS:
        raise KeyRefused("the public key is too long")
    data = _bytes_of(text.strip())
    try:
        return _of_der(data)
    except ValueError:
        return _of_point(data, curve)


def _of_der(data: bytes) -> ec.EllipticCurvePublicKey:
    try:
        key = (load_pem_public_key if data.startswith(b"-----") else load_der_public_key)(data)
    except UnsupportedAlgorithm as error:
        kind = "secp192k1" if _SPKI_SECP192K1 in data else str(error)[:80]
        raise KeyRefused(f"public key: {kind}", unsupported=True) from error
    except ValueError:
        if _SPKI_SECP192K1 in data[:40]:
            raise KeyRefused("public key: secp192k1", unsupported=True) from None
        raise
    if not isinstance(key, ec.EllipticCurvePublicKey):
        name = type(key).__name__.strip("_").removesuffix("PublicKey")
        raise KeyRefused(f"public key: {name}", unsupported=True)
    if not data.startswith(b"-----") and not data.endswith(_points(key)):
        # OpenSSL also reads X9.62's hybrid form and bits told to be unused: one bit away.
        raise KeyRefused("the public key's point is neither whole nor compressed")
    return key


def _points(key: ec.EllipticCurvePublicKey) -> tuple[bytes, bytes]:
    """How SPKI may end: a bit string that leaves no bit unused, whole or compressed."""
    whole = key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    short = key.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    return b"\0" + whole, b"\0" + short


def _of_point(data: bytes, curve: str) -> ec.EllipticCurvePublicKey:
    size = (CURVES[curve].key_size + 7) // 8
    point = b"\x04" + data if len(data) == 2 * size else data
    if not point or point[0] not in (2, 3, 4):
        raise KeyRefused("the public key cannot be read")
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(CURVES[curve], point)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise KeyRefused(f"the public key is no point of {curve}") from error


def _bytes_of(text: str, wrappings: int = 2) -> bytes:
    """Take off hex or base64; what shows inside may be wrapped once more."""
    if pem := _PEM.fullmatch(text):
        text = pem[1]  # also where all of it stands on one line
    elif text.startswith("-----"):
        return text.encode("utf-8", "replace")
    named = _OCA.fullmatch(text)
    if named:
        text = named[2]
    packed = (
        _NO_HEX.sub("", text) if named and named[1].lower() != "base64" else _BLANK.sub("", text)
    )
    if _HEX.fullmatch(packed) and not (named and named[1].lower() == "base64"):
        return bytes.fromhex(packed)
    data = from_base64(packed.encode("utf-8", "replace"))
    if data is None:
        raise KeyRefused("the public key is neither hex nor base64")
    inside = data.decode("ascii", "replace").strip()
    if wrappings and (_OCA.fullmatch(inside) or _HEX.fullmatch(inside) or inside[:5] == "-----"):
        return _bytes_of(inside, wrappings - 1)
    return data


def curve_of(key: ec.EllipticCurvePublicKey) -> str:
    """Its name as OCMF has it."""
    return key.curve.name.replace("brainpoolP", "brainpool")


def offered(
    given: str, registered: Sequence[str], enclosed: str, siblings: Sequence[str]
) -> tuple[list[Offered], list[Offered]]:
    """The keys to believe, and those that tell a wrong key from a changed text."""
    own = [Offered(enclosed, "enclosed")] if enclosed else []
    others = own + [Offered(one, "enclosed") for one in siblings if one != enclosed]
    own = own or others  # stations may send the key once, with the first of their records
    if given:
        return [Offered(given, "given")], others
    if registered:
        return [Offered(one, "registry") for one in registered], others
    return own, others[len(own) :]
