"""`--since`: an instant, or so long before the newest thing that is known."""

import datetime as dt
import re

from streams.cli.screen import USAGE, fail

_SPAN = re.compile(r"(\d{1,5})([dhm])")
_SPAN_MS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000}


def since_at(text: str, newest_at: int) -> int:
    """Epoch ms; 0 for ''. Ends the command where it is neither."""
    if not text:
        return 0
    span = _SPAN.fullmatch(text)
    if span is not None:
        return newest_at - int(span[1]) * _SPAN_MS[span[2]]
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        fail(f"--since {text!r}: neither ISO 8601 nor like 30d, 12h, 90m", USAGE)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    return int(moment.timestamp()) * 1000
