"""Instants as OCPI writes them: ISO 8601, UTC with or without saying so, some with an offset."""

from datetime import UTC, datetime, timedelta

from streams.core.pricing.unpriceable import Unpriceable

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)


def instant(value: object, where: str) -> int:
    """Epoch ms. Without an offset it is UTC, as OCPI says. Raises Unpriceable."""
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        found = None
    if found is None:
        raise Unpriceable("not-an-instant", f"{where}: {value!r}"[:200])
    aware = found if found.tzinfo else found.replace(tzinfo=UTC)
    return (aware - EPOCH) // _MS


def moment(at: int) -> datetime:
    """The instant as a datetime in UTC."""
    return EPOCH + at * _MS
