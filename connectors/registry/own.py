"""Our own schemas in a registry: registered at start, so that our topics can carry its ids.

Subjects are `{topic}-{record}` (Confluent's TopicRecordNameStrategy), for most of our topics carry
several kinds of records; a record of no topic stands under its name alone (RecordNameStrategy).
"""

import json
from collections.abc import Iterator

from connectors.registry.client import Registry
from schemas import codec, topics
from schemas.catalogue import RECORDS


def subjects(record: str) -> Iterator[str]:
    """Where a record of ours is registered."""
    full_name = codec.versions()[record][-1].raw
    name = f"{full_name['namespace']}.{full_name['name']}"
    found = [f"{topic.name}-{name}" for topic in topics.TOPICS if record in topic.records]
    yield from found or [name]


async def register_ours(registry: Registry) -> dict[tuple[str, int], int]:
    """The ids of all versions of all records, by name and number. Raises RegistryFailed.

    Versions go oldest first, as a registry's compatibility check wants them.
    """
    ids: dict[tuple[str, int], int] = {}
    for record in RECORDS:
        for version in codec.versions()[record]:
            for subject in subjects(record):
                number = await registry.register(subject, json.dumps(version.raw))
                ids[record, version.number] = number
    return ids
