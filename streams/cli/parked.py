"""`holdfast parked list|show|retry` and `holdfast orphans`: what waits for a person."""

import asyncio
from typing import Annotated, Any

import typer
from aiokafka import AIOKafkaProducer

from schemas import codec, topics
from schemas.facts import OrphanAged
from streams import parked as parking
from streams.app import iso
from streams.cli.place import OfDemo, cluster, placed
from streams.cli.printed import Orphans, ParkedList, ParkedShort, ParkedWhole, Retried
from streams.cli.screen import PROBLEM, Json, fail, out, print_json, print_rows, settings_or_exit
from streams.parked import GoneForGood, Parked
from streams.reading import reader, records_of

parked = typer.Typer(help="Records that were set aside, with the reason.", no_args_is_help=True)
Ref = Annotated[str, typer.Argument(help="topic/partition/offset, as `parked list` shows it.")]


def register(app: typer.Typer) -> None:
    app.add_typer(parked, name="parked")
    app.command("orphans", help="Facts that waited too long for a session.")(orphans)


def _short(one: Parked) -> dict[str, Any]:
    return {
        "ref": one.ref,
        "reason": one.reason,
        "detail": one.detail,
        "key": one.key.decode("utf-8", "replace"),
        "bytes": one.value_bytes,
        "parked_at": one.parked_at,
        "retried": one.retried,
    }


async def _all(bootstrap: str, partitions: int) -> list[Parked]:
    async with reader(bootstrap) as consumer:
        return await parking.parked_records(consumer, partitions)


@parked.command("list", help="All parked records, oldest first.")
def list_parked(demo: OfDemo = False, json: Json = False) -> None:
    settings = placed(settings_or_exit(), demo=demo)
    with cluster(settings) as bootstrap:
        found = asyncio.run(_all(bootstrap, settings.kafka.partitions))
    if json:
        print_json(ParkedList(parked=[ParkedShort(**_short(one)) for one in found]))
        return
    if not found:
        out.print("Nothing is parked.")
        return
    rows = [
        [one.ref, one.reason, one.detail, iso(one.parked_at), "retried" if one.retried else ""]
        for one in found
    ]
    print_rows(["ref", "reason", "detail", "parked", ""], rows)


def _one(found: list[Parked], ref: str) -> Parked:
    one = next((one for one in found if one.ref == ref), None)
    if one is None:
        fail(f"nothing is parked as {ref!r}", PROBLEM)
    return one


@parked.command("show", help="One parked record with its bytes.")
def show(ref: Ref, demo: OfDemo = False, json: Json = False) -> None:
    settings = placed(settings_or_exit(), demo=demo)
    with cluster(settings) as bootstrap:
        one = _one(asyncio.run(_all(bootstrap, settings.kafka.partitions)), ref)
    shown = ParkedWhole(**_short(one), value_hex=one.value.hex())
    if json:
        print_json(shown)
        return
    for name in ParkedWhole.__struct_fields__:
        out.print(f"{name}: {getattr(shown, name)}", markup=False, soft_wrap=True)


@parked.command("retry", help="Send one again, as it was, to the topic that it was read from.")
def retry(
    ref: Ref,
    yes: Annotated[bool, typer.Option("--yes", help="Really send it.")] = False,
    demo: OfDemo = False,
    json: Json = False,
) -> None:
    settings = placed(settings_or_exit(), demo=demo)
    with cluster(settings) as bootstrap:
        one = _one(asyncio.run(_all(bootstrap, settings.kafka.partitions)), ref)
        try:
            if yes:
                asyncio.run(_retry(bootstrap, one))
        except GoneForGood as gone:
            fail(str(gone), PROBLEM)
    if json:
        print_json(Retried(ref=ref, sent=yes))
    else:
        out.print(f"sent to {one.topic}" if yes else f"would send to {one.topic}; --yes does")


async def _retry(bootstrap: str, one: Parked) -> None:
    async with reader(bootstrap) as consumer:
        origin = await parking.origin_of(consumer, one)
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=True)
    await producer.start()
    try:
        await parking.retry(producer, one, origin)
    finally:
        await producer.stop()


def orphans(demo: OfDemo = False, json: Json = False) -> None:
    settings = placed(settings_or_exit(), demo=demo)
    with cluster(settings) as bootstrap:
        found = asyncio.run(_orphans(bootstrap, settings.kafka.partitions))
    if json:
        print_json(Orphans(orphans=found))
        return
    if not found:
        out.print("No fact waits for a session.")
        return
    rows = [[one.alias, one.source_topic, iso(one.occurred_at), one.detail] for one in found]
    print_rows(["alias or session", "topic", "occurred", "why it waits"], rows)


async def _orphans(bootstrap: str, partitions: int) -> list[OrphanAged]:
    async with reader(bootstrap) as consumer:
        told = [
            codec.decode(record.value)
            async for record in records_of(consumer, topics.DISCREPANCIES, range(partitions))
        ]
    return [one for one in told if isinstance(one, OrphanAged)]
