"""`[refunds]` of the policy: what goes back by itself, after how long, and what is for people."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

_Minor = Annotated[int, Meta(ge=0, le=10**9)]
_Wait = Annotated[int, Meta(ge=0, le=366 * 24 * 60 * 60 * 1000)]

NO_CARD_REFUND: dict[str, str] = {
    "girocard": "2026-11-20: docs.fiserv.dev, girocard-restapi: refunds not supported by the scheme"
}
"""Schemes without refunds, with the date at which that was read, and where (payments.md 1.7)."""


class RefundPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """Refunds of captured money. Amounts in minor units of the session's currency.

    `automatic_minor`: the most that goes back by itself in one session, 0: all is for a person.
    `settle_ms`: for so long what was captured too much has to stand unchanged before, for late
    facts come in bursts. `credit_cdr`: whether a credit CDR makes money go back: "proof" where no
    charger proves the energy, so that the CDR was the proof; "always"; "never".
    `credit_wait_ms`: how long the CDR in place of a credited one is waited for.
    `second_person_above_minor`: a decided refund above it needs two people.
    """

    automatic_minor: _Minor = 5_000
    settle_ms: _Wait = 15 * 60 * 1000
    credit_cdr: Literal["proof", "always", "never"] = "proof"
    credit_wait_ms: _Wait = 24 * 60 * 60 * 1000
    second_person_above_minor: _Minor = 10_000
