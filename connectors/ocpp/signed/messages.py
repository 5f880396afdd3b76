"""A signed record as it came and what became of it, importing no cryptography."""

from decimal import Decimal
from typing import Literal, NamedTuple

import msgspec

MOST_BYTES = 1 << 20
"""Of one signed record, as transported. The longest seen in the field is 8 kB."""

Outcome = Literal[
    "valid",
    "valid-but-not-billable",
    "tampered",
    "wrong-key",
    "no-key",
    "unsupported-algorithm",
    "unknown-format",
    "malformed",
]

KeyFrom = Literal["", "given", "registry", "enclosed"]


class Unreadable(Exception):
    """A file that cannot be taken apart at all: no single record can be named in it."""


class SignedRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One signed meter value as it was transported.

    `signed`: as received, byte for byte. `format`, `encoding`: what the transport claims, "" where
    it claims nothing. `public_key`: the enclosed key, as text. `signing_method`: OCPP's, for
    records that do not name theirs. `transaction`, `context`: of the container, in its own words.
    """

    signed: bytes
    format: str = ""
    encoding: str = ""
    public_key: str = ""
    key_encoding: str = ""
    signing_method: str = ""
    transaction: str = ""
    context: str = ""


class Verdict(msgspec.Struct, kw_only=True):
    """One signed record.

    `outcome`: see `Outcome`. `reason`: why it is not plainly valid, or what else is to be known.
    `energy_wh`: of the charging that ends in this record, fractions of a Wh cut off; null where
    the record proves none, or where another one (`counted_in`, an index) of the same charging has
    it, so that a sum over records is right. `energy_exact_wh`: the same uncut. `billable`: its
    charging's energy may be billed. `time_billable`: its duration too, by the meter's clock
    (OCMF, TM: S, or R at the end). `signed`: the signed text in its own bytes, as UTF-8.
    `key_from`: `enclosed` came with the record and proves that it is whole, not whose it is.
    """

    outcome: Outcome
    reason: str = ""
    energy_wh: int | None = None
    energy_exact_wh: str = ""
    billable: bool = False
    time_billable: bool = False
    meter: str = ""
    page: str = ""
    register: str = ""
    algorithm: str = ""
    key_from: KeyFrom = ""
    transaction: str = ""
    counted_in: int | None = None
    signed: str = ""


class Verified(msgspec.Struct, kw_only=True):
    """Every signed record of a file, in its order."""

    records: list[Verdict]


class Passed(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """Signed updates of one charging that were verified and not kept: pages `first` to `last`.

    `letter`: of their pages. `signer`: a digest of meter, key and driver. `register` rose
    `from_wh` `to_wh`. Part of a charger's state: fields are only appended, with defaults.
    """

    letter: str
    first: int
    last: int
    signer: str
    register: str
    from_wh: Decimal
    to_wh: Decimal


class Charging(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the transaction. Instants: 0, not told. `names`: its tokens and numbers.

    The meter's clock and the station's may differ by `beside_ms`. `passed`: what was not kept.
    """

    started_at: int
    ended_at: int
    names: tuple[str, ...] = ()
    beside_ms: int = 300_000
    passed: Passed | None = None


class Proof(NamedTuple):
    """Of a transaction. Outcome valid: there is one billable pair, and it is this charging's.

    The figures are the pair's, of whichever charging; 0 and '' where there is none.
    """

    outcome: Outcome
    reason: str = ""
    key_from: KeyFrom = ""
    meter: str = ""
    wh: int = 0
    from_at: int = 0
    to_at: int = 0
