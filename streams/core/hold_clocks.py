"""Until when a hold can be captured: the least of what scheme, acquirer and its answers say.

payments.md 7.1. A hold is released, not captured, once this has passed; what is done before is for
`rules_clocks.py`. All is derived from facts, so that it is the same in whatever order they came.
"""

import functools
from typing import Annotated, Literal, NamedTuple

import msgspec
from msgspec import Meta

from streams.core.hold_windows import (
    DAY_MS,
    EUROPE,
    HOUR_MS,
    OTHERS,
    WINDOWS,
    Window,
)

NOT_PRESENT = frozenset({"ecommerce", "moto", "keyed", "stored", "web"})
"""Entry modes without a card at a reader."""


class Clocks(msgspec.Struct, frozen=True, kw_only=True):
    """What the operator chooses where the proof is late (design.md, section 6).

    `at_deadline`: "lapse" lets the hold go and books arrears; "floor" captures what the chargers'
    own ends prove, finally. `extensions_max`: how often a hold is made to last anew, where scheme
    and acquirer allow it.
    """

    at_deadline: Literal["lapse", "floor"] = "lapse"
    extensions_max: Annotated[int, Meta(ge=0, le=100)] = 1


class Authorised(NamedTuple):
    """What is known of one hold. Instants in epoch ms, 0: not known, not yet.

    `raised_at`: the newest approved raise; `ended_at`: all charging had ended; `acquirer_ends_at`:
    its answer or its usual lifetime.
    """

    scheme: str
    entry_mode: str
    channel: str
    merchant_country: str
    bin_country: str
    approved_at: int
    raised_at: int
    ended_at: int
    acquirer_ends_at: int
    acquirer_extends: bool


class Deadline(NamedTuple):
    """The least of all clocks.

    `ends_at`: nothing is captured from then on. `act_at`: a margin before, the last comfortable
    instant to act. `extends`: an approved raise would put it off. `why`: the rule that decided.
    """

    ends_at: int
    act_at: int
    extends: bool
    why: str


NO_DEADLINE = Deadline(0, 0, extends=False, why="")


@functools.lru_cache(maxsize=4096)
def deadline(hold: Authorised) -> Deadline:
    """The least of all clocks of this hold; `NO_DEADLINE` while it is not approved.

    Asked at every fact of a session, and the same until its hold is raised or its charging ends.
    """
    if not hold.approved_at:
        return NO_DEADLINE
    extends_now = False
    ends: list[tuple[int, int, str]] = []
    for window in windows(hold):
        extends = window.extends and hold.acquirer_extends
        extends_now |= extends
        begins_at = max(hold.approved_at, hold.raised_at if extends else 0)
        if window.anchor == "ended":
            begins_at = hold.ended_at
        if begins_at:
            ends.append((begins_at + window.lifetime_ms, window.lifetime_ms, window.source))
    if hold.acquirer_ends_at:
        lasts_ms = hold.acquirer_ends_at - max(hold.approved_at, hold.raised_at)
        ends.append((hold.acquirer_ends_at, lasts_ms, "the acquirer's own"))
    ends_at, lasts_ms, why = min(ends)
    return Deadline(ends_at, ends_at - margin_ms(lasts_ms), extends=extends_now, why=why)


def margin_ms(window_ms: int) -> int:
    """A day of a window of more than two, an eighth of a shorter one (payments.md 7.1)."""
    return DAY_MS if window_ms > 48 * HOUR_MS else max(window_ms, 0) // 8


def windows(hold: Authorised) -> list[Window]:
    """The scheme's rules for such a hold on its day: one from the authorisation, perhaps others."""
    known = _BY_SCHEME.get(hold.scheme.casefold(), ())
    found: dict[str, Window] = {}
    for window in known:
        if window.since_at <= hold.approved_at and _fits(window, hold):
            found[window.anchor] = window  # in order of their dates: the newest stays
    if "authorised" not in found:
        found["authorised"] = OTHERS
    return list(found.values())


def _fits(window: Window, hold: Authorised) -> bool:
    if window.present is not None and window.present != is_present(hold):
        return False
    if window.contactless is not None and window.contactless != is_contactless(hold.entry_mode):
        return False
    match window.where:
        case "anywhere":
            return True
        case "within_europe":
            # An issuer whose country was not told is taken to be there: that is the shorter window.
            issuer = not hold.bin_country or hold.bin_country in EUROPE
            return issuer and hold.merchant_country in EUROPE
        case "europe":
            return hold.merchant_country in EUROPE
        case "outside_europe":
            return hold.merchant_country not in EUROPE


def is_present(hold: Authorised) -> bool:
    return hold.channel != "web" and hold.entry_mode.casefold() not in NOT_PRESENT


def is_contactless(entry_mode: str) -> bool:
    """By whatever word terminals have for it: contactless_chip, mobile_contactless, nfc ..."""
    word = entry_mode.casefold()
    return "contactless" in word or word == "nfc"


_BY_SCHEME: dict[str, tuple[Window, ...]] = {
    scheme: tuple(
        sorted((one for one in WINDOWS if scheme in one.schemes), key=lambda one: one.since)
    )
    for scheme in {scheme for window in WINDOWS for scheme in window.schemes}
}
