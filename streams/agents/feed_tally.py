"""What a feed counts, for Prometheus: only what was committed, and that once.

Labels come from mappings and translators, never from payloads: the series stay few.
"""

from collections import Counter
from collections.abc import Iterable

from prometheus_client import Counter as Series
from prometheus_client import Gauge

from connectors.feeding import Note, Refused
from connectors.lag import Lag

_OF = ("feed", "partner")
ACCEPTED = Series("holdfast_feed_accepted", "Messages that nothing was refused of.", _OF)
FACTS = Series("holdfast_feed_facts", "Facts that messages became.", _OF)
REFUSED = Series("holdfast_feed_refused", "Messages parked, by reason.", (*_OF, "reason"))
NOTES = Series("holdfast_feed_notes", "Oddities that were lived with, by kind.", (*_OF, "kind"))
LAG = Series(
    "holdfast_feed_lag",
    "Messages by how late the partner told what had happened; bucket: at most so many ms, or over.",
    (*_OF, "kind", "bucket"),
)
LATE = Series("holdfast_feed_late", "Messages beyond the alarm line of 60 s.", (*_OF, "kind"))
NEWEST_LAG = Gauge("holdfast_feed_newest_lag_ms", "Lag of the newest message.", (*_OF, "kind"))
AHEAD = Series("holdfast_feed_clock_ahead", "Messages dated after they came.", (*_OF, "kind"))
SPLIT = Series(
    "holdfast_feed_split_keys", "Chargers or objects seen on more than one partition.", ("feed",)
)

_PARTNERS_MAX = 500  # then the rest are one: their names come out of records
_OTHERS = "(others)"


class FeedTally:
    """The counts of one transaction on one partition, told after its commit or forgotten."""

    def __init__(self, feed: str) -> None:
        self._feed = feed
        self._counts: Counter[tuple[Series, tuple[str, ...]]] = Counter()
        self._newest: dict[tuple[str, str], int] = {}
        self._partners: set[str] = set()

    def took(
        self, partner: str, facts: int, refused: list[Refused], notes: list[Note], lags: list[Lag]
    ) -> None:
        """One message."""
        counts, who = self._counts, self._who(partner)
        if refused:
            for reason in {one.reason for one in refused}:
                counts[REFUSED, (*who, reason)] += 1
        else:
            counts[ACCEPTED, who] += 1
        if facts:
            counts[FACTS, who] += facts
        for note in notes:
            counts[NOTES, (*who, note.kind)] += 1
        if lags:
            self._lags(who, lags)

    def split(self) -> None:
        self._counts[SPLIT, (self._feed,)] += 1

    def _lags(self, who: tuple[str, ...], lags: Iterable[Lag]) -> None:
        for one in lags:
            of = (*who, one.feed)
            self._counts[LAG, (*of, one.bucket)] += 1
            self._newest[who[1], one.feed] = one.lag_ms
            if one.late:
                self._counts[LATE, of] += 1
            if one.ahead:
                self._counts[AHEAD, of] += 1

    def _who(self, partner: str) -> tuple[str, str]:
        if partner not in self._partners:
            if len(self._partners) >= _PARTNERS_MAX:
                return (self._feed, _OTHERS)
            self._partners.add(partner)
        return (self._feed, partner)

    def committed(self) -> list[tuple[str, str, int]]:
        """Tell Prometheus; who is beyond the alarm line now: partner, kind, lag in ms."""
        for (series, labels), count in self._counts.items():
            series.labels(*labels).inc(count)
        late = []
        for (partner, kind), lag_ms in self._newest.items():
            NEWEST_LAG.labels(self._feed, partner, kind).set(lag_ms)
            late.append((partner, kind, lag_ms))
        self.aborted()
        return late

    def aborted(self) -> None:
        self._counts.clear()
        self._newest.clear()
