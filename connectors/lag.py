"""How far what a partner tells lags behind what happened there, by partner and feed. Pure.

The alarm line is 60 s (issue 6): later than that, a running session is decided on old figures.
Negative: the sender's clock is ahead of ours, which is told apart, since it hides lag.
"""

from typing import NamedTuple

ALARM_MS = 60_000
BUCKETS_MS = (1_000, 5_000, 15_000, 30_000, 60_000, 300_000, 1_800_000, 7_200_000, 86_400_000)
"""Upper bounds, inclusive; what is above the last one is `over`."""

# What OCPI's parties write for "unknown", and the year 2001 that a PATCH without last_updated
# was seen to default to (protocols.md, sections 2 and 4).
_NO_INSTANT_BEFORE = 1_025_481_600_000  # 2002-07-01
_SAME_CLOCK_MS = 1_000  # OCPI's instants are mostly whole seconds


class Lag(NamedTuple):
    """One message: `lag_ms` is never negative; `ahead` says that the sender's clock is."""

    partner: str
    feed: str
    lag_ms: int
    bucket: str
    late: bool
    ahead: bool


def lag(partner: str, feed: str, last_updated_at: int, received_at: int) -> Lag | None:
    """Epoch ms UTC. None where the sender told no instant of this century to measure by.

    `feed` is the kind of object. `bucket` is the bound in ms as text, or `over`; `late`: beyond the
    alarm line.
    """
    if last_updated_at < _NO_INSTANT_BEFORE:
        return None
    behind = received_at - last_updated_at
    lag_ms = max(0, behind)
    bucket = next((str(bound) for bound in BUCKETS_MS if lag_ms <= bound), "over")
    return Lag(partner, feed, lag_ms, bucket, lag_ms > ALARM_MS, behind < -_SAME_CLOCK_MS)
