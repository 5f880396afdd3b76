"""Meters of our own: records signed here, on any curve."""

import json

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from connectors.ocpp.signed.keys import CURVES

HASHES = {"SHA256": hashes.SHA256(), "SHA384": hashes.SHA384(), "SHA512": hashes.SHA512()}
DEVICE = "01-00:B3.08.00*FF"


class Meter:
    """Signs what it is told; `curve` in OCMF's words."""

    def __init__(self, curve="secp256r1", serial="M1"):
        self.curve, self.serial = curve, serial
        self.private = ec.generate_private_key(CURVES[curve])

    @property
    def spki(self):
        form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return self.private.public_key().public_bytes(*form)

    @property
    def key(self):
        return self.spki.hex()

    def sign(self, payload, *, hashing="SHA256", method=None):
        data = payload if isinstance(payload, bytes) else payload.encode()
        signature = self.private.sign(data, ec.ECDSA(HASHES[hashing]))
        return signature, method or f"ECDSA-{self.curve}-{hashing}"

    def text(self, payload, **how):
        signature, method = self.sign(payload, **how)
        tail = json.dumps({"SA": method, "SD": signature.hex().upper()}, separators=(",", ":"))
        data = payload if isinstance(payload, bytes) else payload.encode()
        return b"OCMF|" + data + b"|" + tail.encode()

    def record(self, *readings, page="T1", **fields):
        said = {"FV": "1.0", "GS": "G1", "PG": page, "MS": self.serial} | fields
        return self.text(json.dumps({**said, "RD": [*readings]}))


def reading(kind, value, *, at=0, sync="S", **fields):
    time = f"2026-01-02T10:{at:02}:00,000+0100 {sync}"
    return {
        "TM": time, "TX": kind, "RV": value, "RI": DEVICE, "RU": "kWh", "EF": "", "ST": "G",
    } | fields  # fmt: skip
