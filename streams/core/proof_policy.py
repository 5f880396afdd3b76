"""`[proof]` of the policy: what proves, what is waited for, and who settles a difference.

design.md, section 6: the operator sets the lowest rung accepted and the longest wait.
"""

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

_Minor = Annotated[int, Meta(ge=0, le=10**12)]
_Wait = Annotated[int, Meta(ge=0, le=366 * 24 * 60 * 60 * 1000)]
_Wrap = Annotated[int, Meta(ge=10**6, le=10**12)]

SIGNED_END: Final = "SIGNED_END"
COMPLETE_TRANSACTION: Final = "COMPLETE_TRANSACTION"
SESSION_AND_CDR: Final = "SESSION_AND_CDR"
CDR_AFTER_QUIET: Final = "CDR_AFTER_QUIET"
OPERATOR_RELEASE: Final = "OPERATOR_RELEASE"
LADDER: tuple[str, ...] = (
    SIGNED_END,
    COMPLETE_TRANSACTION,
    SESSION_AND_CDR,
    CDR_AFTER_QUIET,
    OPERATOR_RELEASE,
)
"""Highest first."""

MINUTE_MS = 60 * 1000
HOUR_MS = 60 * MINUTE_MS


class ProofPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """Instants count by the facts' own time, waits in ms.

    `lowest_rung`: the lowest that captures by itself; a person's decision always may.
    `enclosed_keys`: a pair signed with the key that came with it proves, too: it is whole, though
    nobody says whose it is. `signed_apart_ms`: how far the instants of a signed pair may be from
    begin and end of its charging.
    `quiet_ms`: after an end without numbers (OCPP 1.6), and after it came, before it is complete.
    `zombie_after_ms`: an end without numbers that shows just the last reading, this long after it,
    is what a CSMS closes a dead transaction with, and proves nothing.
    `session_and_cdr_after_ms`, `cdr_quiet_ms`: how long after the end, and after the charger's last
    word, a CDR that agrees with its OCPI session, or one alone, counts in place of the charger.
    `register_wraps_wh`: at which numbers the registers of the operator's meters go on at nought.
    `longest_wait_ms`: after that people are told that a proof is missing.
    `price_authority`: our tariff, or the total of the CDR where that is the basis of the invoice.
    `price_alone_before_ms`: before a hold's deadline our tariff alone counts, the CDR not being
    there. `disagreement`: what is captured where charger and CDR differ by more than
    `[reconciliation]` lives with: the lower, the CDR's, the charger's, or what a person decides.
    `second_person_above_minor`: a decision above it needs two people.
    """

    lowest_rung: Literal[
        "SIGNED_END", "COMPLETE_TRANSACTION", "SESSION_AND_CDR", "CDR_AFTER_QUIET"
    ] = CDR_AFTER_QUIET
    enclosed_keys: bool = False
    signed_apart_ms: _Wait = 10 * MINUTE_MS
    quiet_ms: _Wait = 5 * MINUTE_MS
    zombie_after_ms: _Wait = 30 * MINUTE_MS
    session_and_cdr_after_ms: _Wait = 6 * HOUR_MS
    cdr_quiet_ms: _Wait = 24 * HOUR_MS
    longest_wait_ms: _Wait = 24 * HOUR_MS
    register_wraps_wh: tuple[_Wrap, ...] = ()
    price_authority: Literal["tariff", "cdr"] = "tariff"
    price_alone_before_ms: _Wait = 12 * HOUR_MS
    disagreement: Literal["person", "lower", "cdr", "charger"] = "person"
    second_person_above_minor: _Minor = 10_000

    def accepts(self, rung: str) -> bool:
        """Whether this rung captures by itself."""
        return LADDER.index(rung) <= LADDER.index(self.lowest_rung)


_OF_CDRS = ("session_and_cdr_after_ms", "cdr_quiet_ms")


def dead_keys(rules: ProofPolicy) -> list[tuple[str, str]]:
    """Keys that say something and are never read, each with why."""
    usual, found = ProofPolicy(), list[tuple[str, str]]()
    unused = [
        key
        for key, rung in zip(_OF_CDRS, (SESSION_AND_CDR, CDR_AFTER_QUIET), strict=True)
        if not rules.accepts(rung) and getattr(rules, key) != getattr(usual, key)
    ]
    found += [(key, f"{rules.lowest_rung} is the lowest rung") for key in unused]
    waits = rules.price_alone_before_ms != usual.price_alone_before_ms
    if waits and rules.price_authority == "tariff":
        found.append(("price_alone_before_ms", "our tariff is the price anyway"))
    return found


def contradictions(rules: ProofPolicy) -> list[str]:
    """What cannot be meant together, each by its key."""
    found: list[str] = []
    if rules.cdr_quiet_ms < rules.session_and_cdr_after_ms:
        found.append("cdr_quiet_ms: less than session_and_cdr_after_ms, and proves less")
    if rules.price_authority == "cdr" and rules.disagreement == "charger":
        found.append("disagreement: the charger has no price where the CDR is the authority")
    return found
