"""The field types of all records, each with its unit: the Avro documentation is made of these."""

from typing import Annotated

from msgspec import Meta

_YEAR_2100 = 4_102_444_800_000
_LONG_MAX = 2**63 - 1  # an Avro long

Instant = Annotated[int, Meta(ge=0, le=_YEAR_2100, description="epoch milliseconds UTC")]
MaybeInstant = Annotated[
    int, Meta(ge=0, le=_YEAR_2100, description="epoch milliseconds UTC, 0: none")
]
EnergyWh = Annotated[int, Meta(ge=0, le=10**12, description="energy, watt-hours")]
SignedEnergyWh = Annotated[
    int,
    Meta(ge=-(10**12), le=10**12, description="energy, watt-hours, cut off; negative: to the grid"),
]
Exact = Annotated[
    str,
    Meta(
        pattern=r"^(-?\d{1,9}(\.\d{1,20})?)?\Z", max_length=31, description="a decimal, empty: none"
    ),
]
PowerW = Annotated[int, Meta(ge=-1, le=10**8, description="power, watts; -1: not told")]
Minor = Annotated[int, Meta(ge=0, le=10**15, description="minor units of the currency")]
Difference = Annotated[
    int, Meta(ge=-(10**15), le=10**15, description="minor units of the currency, either sign")
]
Count = Annotated[int, Meta(ge=0, le=_LONG_MAX, description="a count")]
MaybeCount = Annotated[int, Meta(ge=-1, le=_LONG_MAX, description="a count, -1: none")]
Sequence = Annotated[
    int,
    Meta(
        ge=-1, le=_LONG_MAX, description="number within the charging; -1: the protocol gives none"
    ),
]
# The lengths are there because `$` also matches before a newline at the end.
Currency = Annotated[str, Meta(pattern="^[A-Z]{3}$", max_length=3, description="ISO 4217 code")]
Country = Annotated[
    str, Meta(pattern="^([A-Z]{2})?$", max_length=2, description="ISO 3166-1 alpha-2, or empty")
]
Id = Annotated[str, Meta(min_length=1, max_length=255, description="an identifier")]
# Whatever identifiers are joined by `schemas.ids`, the result fits.
Path = Annotated[str, Meta(min_length=1, max_length=4096, description="identifiers joined by /")]
MaybePath = Annotated[
    str, Meta(max_length=4096, description="identifiers joined by /, empty: none")
]
MaybeId = Annotated[str, Meta(max_length=255, description="an identifier, empty: none")]
Word = Annotated[str, Meta(max_length=255, description="a word from an open list, empty: unknown")]
Text = Annotated[str, Meta(max_length=4096, description="text for people")]
Body = Annotated[str, Meta(description="a document, as published")]
Encoded = Annotated[bytes, Meta(description="a record of this contract, encoded")]
Offline = Annotated[bool, Meta(description="told later, from the charger's memory")]
YesNo = Annotated[bool, Meta(description="yes or no")]
