"""What the policy says of a charger that nobody hears of."""

from typing import Annotated

import msgspec
from msgspec import Meta

_Wh = Annotated[int, Meta(ge=1, le=10**9)]


class Risk(msgspec.Struct, frozen=True, kw_only=True):
    """`most_wh`: more than this no vehicle takes in one charging, however long nobody looked."""

    most_wh: _Wh = 250_000
