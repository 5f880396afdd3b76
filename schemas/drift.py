"""What the feeds have seen of others' words: versions, unknown fields, new words, refusals.

Written by the feeds, never read by anything that moves money: for people and `holdfast drift`.
"""

from typing import Annotated, Literal

from msgspec import Meta

from schemas.facts import Fact
from schemas.fields import Count, Id, Instant, Word

FeedSource = Literal["ocpp", "ocpi", "acquirer"]
MarkKind = Literal["version", "field", "word", "note", "refusal", "more"]


class FeedMark(Fact, frozen=True, kw_only=True):
    """One thing seen in so many messages of a span; `first_at`: when first on that partition.

    `detail` is a version; a field's path; a path, `=` and the new word; a leniency or
    another oddity by its name; a refusal's reason and the field's path. `more`: all beyond the
    number of marks that are told apart.
    """

    what: MarkKind
    detail: Word = ""
    count: Count
    first_at: Instant


class FeedSeen(Fact, frozen=True, kw_only=True):
    """Messages of one party on one partition of a feed, within one span; spans do not overlap.

    `partner` is the network (OCPP), partner or account; `make` the charger's vendor, model and
    firmware, empty where it told none. Instants are those of the operator's own records in Kafka.
    A span ends with its hour, or early where one of `marks` is new (`first_at` within the span).
    """

    tenant: Id
    feed: Id
    source: FeedSource
    partner: Id
    make: Word = ""
    accepted: Count
    refused: Count
    marks: Annotated[list[FeedMark], Meta(description="what was seen, in the order first seen")]
    from_at: Instant
    to_at: Instant
