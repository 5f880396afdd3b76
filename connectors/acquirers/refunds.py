"""The refund of a capture as adapters take it. No session issues one yet; the shape is the core's.

To be replaced by the record of the same name in `schemas.commands` (design.md, section 4).
"""

from schemas.commands import MoneyCommand
from schemas.fields import MaybeId, Word


class RefundCapture(MoneyCommand, frozen=True, kw_only=True):
    """Give back `amount_minor` of what was captured. `capture_reference`: the capture's PSP id."""

    psp_reference: MaybeId
    capture_reference: MaybeId = ""
    reason: Word = ""
