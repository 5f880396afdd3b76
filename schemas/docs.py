"""The tables of `schemas/README.md`, made from the catalogues; a test holds the file to them."""

from schemas import compatibility
from schemas.catalogue import HOT, RECORDS
from schemas.topics import DAY_MS, TOPICS, Topic


def table() -> str:
    """All topics in Markdown: name, key, records, users and how long a record is kept."""
    head = ("topic", "key", "records", "written by", "read by", "kept", "carries")
    return _markdown(head, [_topic(topic) for topic in TOPICS])


def records() -> str:
    """All records in Markdown: how their versions fit, their topic and what they say."""
    head = ("record", "compatibility", "on", "says")
    return _markdown(head, [_record(name) for name in RECORDS])


def filled(text: str, mark: str, content: str) -> str:
    """The text with `content` between `<!-- mark -->` and `<!-- /mark -->`.

    Raises ValueError where the marks do not stand there once, in this order.
    """
    before, opening, rest = text.partition(f"<!-- {mark} -->\n")
    _, closing, after = rest.partition(f"<!-- /{mark} -->")
    if not opening or not closing or f"<!-- {mark} -->" in after:
        raise ValueError(f"expected one pair of marks {mark!r}")
    return f"{before}{opening}{content}{closing}{after}"


def readme(text: str) -> str:
    """`schemas/README.md` with its tables as they are now."""
    return filled(filled(text, "topics", table()), "records", records())


def _topic(topic: Topic) -> tuple[str, ...]:
    days = topic.retention_ms // DAY_MS
    kept = f"{days} day{'s' * (days > 1)}" if days else "newest of every key"
    spread = "" if topic.spread == "partitioned" else ", one partition"
    return (
        f"`{topic.name}`",
        topic.key,
        ", ".join(topic.records) or "-",
        topic.written_by,
        topic.read_by,
        kept + spread,
        topic.carries,
    )


def _record(name: str) -> tuple[str, ...]:
    return (
        f"{name} (hot)" if name in HOT else name,
        compatibility.mode_of(name),
        ", ".join(f"`{topic.name}`" for topic in TOPICS if name in topic.records),
        (RECORDS[name].__doc__ or "").strip().splitlines()[0],
    )


def _markdown(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"
