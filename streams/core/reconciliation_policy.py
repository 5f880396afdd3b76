"""How far apart two figures of the same thing may be before people are told."""

from typing import Annotated

import msgspec
from msgspec import Meta

_Wh = Annotated[int, Meta(ge=0, le=10**9)]
_Minor = Annotated[int, Meta(ge=0, le=10**9)]
_Thousandths = Annotated[int, Meta(ge=0, le=1000)]


class Reconciliation(msgspec.Struct, frozen=True, kw_only=True):
    """An amount, and thousandths of our own figure on top of it. Energy Wh, money minor units."""

    energy_wh: _Wh = 100
    energy_per_mille: _Thousandths = 10
    money_minor: _Minor = 2
    money_per_mille: _Thousandths = 5

    def energy_agrees(self, theirs: int, ours: int) -> bool:
        return abs(theirs - ours) <= self.energy_wh + self.energy_per_mille * abs(ours) // 1000

    def money_agrees(self, theirs: int, ours: int) -> bool:
        return abs(theirs - ours) <= self.money_minor + self.money_per_mille * abs(ours) // 1000
