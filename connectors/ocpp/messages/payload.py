"""What the messages of all versions are made of."""

from decimal import Decimal
from typing import Annotated, Literal, TypeVar

from msgspec import Meta, Struct

_Entry = TypeVar("_Entry")


class Payload(
    Struct,
    frozen=True,
    kw_only=True,
    rename="camel",
    forbid_unknown_fields=True,
    gc=False,
):
    """An object on the wire, as its version's schema has it. None: not told."""


class Unread(Struct, frozen=True, gc=False):
    """An object whose content nobody here needs: any, and none of it is kept."""


class CustomData(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """A vendor's own object (OCPP 2.x, part 2): it names the vendor; the rest is not kept."""

    vendor_id: Annotated[str, Meta(max_length=255)]


class Extensible(Payload, frozen=True, kw_only=True):
    """An object of OCPP 2.x: any of them may carry a vendor's own."""

    custom_data: CustomData | None = None


class Number(Decimal):
    """A JSON number, exactly as written: never through a float.

    A class of its own because msgspec reads Decimal from texts, too ("12", "NaN").
    """

    __slots__ = ()


# No schema bounds a number; without a bound a message could say one of a million digits.
Whole = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Count = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Ordinal = Annotated[int, Meta(ge=1, le=2**63 - 1)]
OneOrMore = Annotated[tuple[_Entry, ...], Meta(min_length=1)]

# Lengths count code points, as JSON schema does.
Text3 = Annotated[str, Meta(max_length=3)]
Text8 = Annotated[str, Meta(max_length=8)]
Text20 = Annotated[str, Meta(max_length=20)]
Text25 = Annotated[str, Meta(max_length=25)]
Text36 = Annotated[str, Meta(max_length=36)]
Text50 = Annotated[str, Meta(max_length=50)]
Text60 = Annotated[str, Meta(max_length=60)]
Text100 = Annotated[str, Meta(max_length=100)]
Text255 = Annotated[str, Meta(max_length=255)]
Text500 = Annotated[str, Meta(max_length=500)]
Text512 = Annotated[str, Meta(max_length=512)]
Text1024 = Annotated[str, Meta(max_length=1024)]
Text2000 = Annotated[str, Meta(max_length=2000)]
Text2500 = Annotated[str, Meta(max_length=2500)]
Text32768 = Annotated[str, Meta(max_length=32768)]

ReadingContext = Literal[
    "Interruption.Begin",
    "Interruption.End",
    "Other",
    "Sample.Clock",
    "Sample.Periodic",
    "Transaction.Begin",
    "Transaction.End",
    "Trigger",
]
Phase = Literal["L1", "L1-L2", "L1-N", "L2", "L2-L3", "L2-N", "L3", "L3-L1", "L3-N", "N"]
