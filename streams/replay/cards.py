"""Which card a recorded driver pays with: filled in, seeded, so that a run can be had again.

Shares are a plain guess at a European motorway site and are said to be filled in by the output.
Every draw is a hash of (seed, session, what for): adding a draw changes no other.
"""

import hashlib
from typing import Literal

import msgspec

Funding = Literal["credit", "debit", "prepaid", "unknown"]


class Card(msgspec.Struct, frozen=True, kw_only=True):
    scheme: str
    funding: Funding
    entry_mode: str
    cvm: str
    bin_country: str
    card_token: str


class Declared(msgspec.Struct, frozen=True):
    """What the driver asked for at the terminal; `value`: minor units or Wh, 0 for none."""

    kind: Literal["none", "amount", "energy", "fill"] = "none"
    value: int = 0


def draw(seed: int, session: str, what: str, below: int) -> int:
    """A number from 0 to below-1 that only these three decide."""
    digest = hashlib.sha256(f"{seed}|{session}|{what}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % below


def _picked(seed: int, session: str, what: str, shares: tuple[tuple[str, int], ...]) -> str:
    mark = draw(seed, session, what, 100)
    for word, share in shares:
        if mark < share:
            return word
        mark -= share
    return shares[-1][0]


def card_of(seed: int, session: str) -> Card:
    scheme = _picked(seed, session, "scheme", (("visa", 48), ("mastercard", 44), ("amex", 8)))
    funding = _picked(
        seed, session, "funding", (("credit", 45), ("debit", 42), ("prepaid", 8), ("unknown", 5))
    )
    cvm = _picked(seed, session, "cvm", (("cdcvm", 55), ("online_pin", 45)))
    fundings: dict[str, Funding] = {"credit": "credit", "debit": "debit", "prepaid": "prepaid"}
    return Card(
        scheme=scheme,
        funding=fundings.get(funding, "unknown"),
        entry_mode="contactless",
        cvm=cvm,
        bin_country=_picked(seed, session, "country", (("CH", 62), ("DE", 20), ("FR", 18))),
        card_token=f"tok-{draw(seed, session, 'token', 10**12):012d}",
    )


def declared_of(seed: int, session: str) -> Declared:
    """One driver in eight names a target: an amount, or an energy."""
    mark = draw(seed, session, "declared", 16)
    if mark == 0:
        return Declared("amount", 500 * (1 + draw(seed, session, "amount", 8)))
    if mark == 1:
        return Declared("energy", 5000 * (1 + draw(seed, session, "energy", 8)))
    return Declared()
