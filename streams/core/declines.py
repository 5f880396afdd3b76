"""What a no means: canonical reason, kind and retry rule, whoever said it and in whatever words.

Pure lookups in the dated tables of `declines_codes`. What is not listed is `unknown`: nothing is
tried again after it by ourselves, and nothing else follows from it (payments.md, section 3).
"""

from typing import NamedTuple

from streams.core.declines_codes import (
    ADVICE,
    LIMITS,
    REASON_OF,
    REASONS,
    Kind,
    Limit,
    Meaning,
    Retry,
    category_of,
)

_GENERIC = "do_not_honor"
_BY_PREFIX: dict[str, dict[str, str]] = {
    "": REASON_OF["iso8583"],
    **{str(system): rows for system, rows in REASON_OF.items()},
}
_OF_ISO8583 = ("", "checkout")  # whose codes end in those that Visa's categories are of
_UNKNOWN = Meaning("unknown", "later")


class Decline(NamedTuple):
    """One no, understood. `wait_ms`: the advice was to leave the card alone for so long."""

    reason: str
    kind: Kind
    retry: Retry
    wait_ms: int = 0

    @property
    def again(self) -> bool:
        """Whether this card may be asked again within minutes, without its owner doing anything.

        Never after a no that nobody understands.
        """
        return (
            self.kind != "unknown"
            and self.wait_ms == 0
            and self.retry in ("smaller", "soon", "later")
        )


def understood(reason: str, raw_code: str = "", advice: str = "", *, at: int = 0) -> Decline:
    """What an answer's words say. `at`: when it was given, for the tables are dated.

    The code, where it is listed, says more than the reason made of it, and an advice more than the
    code; but a "never" stands, whoever said it. `raw_code` names its list: "12" is ISO 8583's,
    "adyen:12" is Adyen's and means something else.
    """
    system, _, code = raw_code.rpartition(":")
    listed = _BY_PREFIX.get(system, {}).get(code)
    if listed is None and raw_code and reason in ("", _GENERIC):
        reason, meaning = (
            reason or "unknown",
            _UNKNOWN,
        )  # a generic no is what a new code is taken for
    else:
        reason = listed or reason
        meaning = REASONS.get(reason, _UNKNOWN)
    retry, wait_ms = meaning.retry, 0
    if system in _OF_ISO8583 and listed is not None:
        retry = _by_category(retry, category_of(code[-2:], at))
    told = ADVICE.get(advice)
    if told is not None and retry != "never":
        retry, wait_ms = (retry if told.retry == "later" else told.retry), told.wait_ms
    return Decline(reason, meaning.kind, retry, wait_ms)


def _by_category(retry: Retry, category: int) -> Retry:
    """Visa's category 1 stands above all; elsewhere our own word may be the stricter one."""
    return "never" if category == 1 else retry


def limits_of(scheme: str, at: int) -> tuple[Limit, ...]:
    """The scheme's caps on attempts in force at an instant."""
    folded = scheme.casefold()
    return tuple(
        one for one in LIMITS if folded in one.schemes and one.since_at <= at < one.until_at
    )


LONGEST_WINDOW_MS = max(one.within_ms for one in LIMITS)
