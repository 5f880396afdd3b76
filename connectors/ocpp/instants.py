"""Instants on the wire (RFC 3339, as OCPP asks for) to epoch milliseconds, zone or not."""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_LOCAL = datetime(1970, 1, 1)  # noqa: DTZ001 - what has no zone is compared with what has none
_MS = timedelta(milliseconds=1)
_SHAPE = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]{1,9})?"
    r"(?:[Zz]|[+-][0-9]{2}(?::?[0-9]{2})?)?"
)

_USUAL = (20, 24)  # characters: seconds or milliseconds, in UTC


class NoInstant(ValueError):
    """The text is no instant; the message says why."""


def instant(text: str, utc_offset_min: int | None = None) -> tuple[int, bool]:
    """Epoch ms, and whether the zone had to be assumed. Fractions below 1 ms are cut off.

    A text without zone is `utc_offset_min` ahead of UTC; None: taken as UTC, which is assumed.
    Raises NoInstant.
    """
    if len(text) in _USUAL and text[-1] == "Z" and text[16] == ":" and text[19] in "Z.":
        seconds, fraction = text[17:19], text[20:-1]
        whole = seconds + fraction
        # Any other sign or script is left to the careful way.
        if whole.isdecimal() and whole.isascii() and seconds < "60":
            return _minute(text[:16]) + int(seconds) * 1000 + int(fraction or 0), False
    return _careful(text, utc_offset_min)


@lru_cache(maxsize=8192)
def _minute(text: str) -> int:
    return _careful(text + ":00Z", None)[0]


def _careful(text: str, utc_offset_min: int | None) -> tuple[int, bool]:
    if _SHAPE.fullmatch(text) is None:
        raise NoInstant("no RFC 3339 instant")
    try:
        found = datetime.fromisoformat(text.upper())
        if found.tzinfo is not None:
            return (found - _EPOCH) // _MS, False
    except (ValueError, OverflowError) as error:
        raise NoInstant(str(error)) from None
    at = (found - _EPOCH_LOCAL) // _MS
    if utc_offset_min is None:
        return at, True
    return at - utc_offset_min * 60_000, False
