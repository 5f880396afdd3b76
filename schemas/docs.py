"""The tables of `schemas/README.md`, made from the catalogues; a test holds the file to them."""

from schemas import codec, compatibility
from schemas.catalogue import HOT, RECORDS
from schemas.topics import DAY_MS, TOPICS, Topic


def table() -> str:
    """All topics in Markdown: name, key, records, users and how long a record is kept."""
    head = ("topic", "key", "records", "written by", "read by", "kept", "carries")
    return _markdown(head, [_topic(topic) for topic in TOPICS])


def records() -> str:
    """All records in Markdown: newest version, compatibility, topics and what they say."""
    head = ("record", "version", "compatibility", "on", "says")
    return _markdown(head, [_record(name) for name in RECORDS])


def _topic(topic: Topic) -> tuple[str, ...]:
    kept = f"{topic.retention_ms // DAY_MS} days" if topic.retention_ms else "newest of every key"
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
    newest = codec.versions()[name][-1]
    return (
        f"{name} (hot)" if name in HOT else name,
        f"v{newest.number}",
        compatibility.mode_of(name),
        ", ".join(f"`{topic.name}`" for topic in TOPICS if name in topic.records),
        (RECORDS[name].__doc__ or "").strip().splitlines()[0],
    )


def _markdown(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"
