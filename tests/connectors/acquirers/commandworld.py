"""Money commands as a session gives them, for whoever performs them."""

import asyncio
import os
import signal
import subprocess
import time

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from connectors.acquirers.settings import ConsumerSettings
from schemas import commands, ids
from schemas.codec import body_hash, decode, encode

ISSUED_AT = 1_767_225_600_000  # 2026-01-01, the tests' first virtual instant


class Issue:
    """Commands of one session, hashed as the core hashes them."""

    def __init__(self, session: str, issued_at: int = ISSUED_AT, **common) -> None:
        self.session = session
        self.hold = ids.hold_id(session, 1)
        self.common = {
            "tenant": "demo",
            "session_id": session,
            "performer": "executor",
            "acquirer_id": "acme",
            "hold_id": self.hold,
            "currency": "EUR",
            "rule": "test",
            "policy_version": "1",
            "issued_at": issued_at,
        } | common

    def _make(self, kind, command_id, amount, **fields):
        key = ids.idempotency_key(self.common["tenant"], command_id)
        command = kind(
            **{
                **self.common,
                "command_id": command_id,
                "idempotency_key": key,
                "amount_minor": amount,
                **fields,
            }
        )
        return msgspec.structs.replace(command, body_hash=body_hash(command))

    def place(self, amount=5000, **fields):
        card = {
            "card_token": "tok_1",
            "scheme": "visa",
            "funding": "credit",
            "entry_mode": "contactless",
            "bin_country": "DE",
            "merchant_country": "DE",
            "terminal_id": "T-1",
        }
        return self._make(commands.PlaceHold, self.hold, amount, **(card | fields))

    def raise_(self, psp, step, previous, delta, **fields):
        amounts = {"psp_reference": psp, "previous_minor": previous, "delta_minor": delta}
        command_id = ids.raise_id(self.hold, step)
        return self._make(commands.RaiseHold, command_id, previous + delta, **(amounts | fields))

    def lower(self, psp, step, previous, delta):
        amounts = {"psp_reference": psp, "previous_minor": previous, "delta_minor": delta}
        command_id = ids.lower_id(self.hold, step)
        return self._make(commands.LowerHold, command_id, previous - delta, **amounts)

    def capture(self, psp, amount, **fields):
        proof = {
            "psp_reference": psp,
            "proof": "COMPLETE_TRANSACTION",
            "evidence": "",
            "energy_wh": 10_000,
            "priced_minor": amount,
            "capturable_minor": amount,
        }
        command_id = ids.capture_id(self.session, 1)
        return self._make(commands.CaptureHold, command_id, amount, **(proof | fields))

    def release(self, psp, amount):
        fields = {"psp_reference": psp, "reason": "nothing_delivered"}
        return self._make(commands.ReleaseHold, ids.release_id(self.hold, 1), amount, **fields)

    def refund(self, psp, amount, cause="goodwill"):
        fields = {
            "psp_reference": psp,
            "capture_id": ids.capture_id(self.session, 1),
            "cause": cause,
            "reason": "",
        }
        command_id = ids.refund_id(self.session, cause)
        return self._make(commands.RefundCapture, command_id, amount, **fields)

    def inquire(self, of, kind, number=1, **fields):
        about = {"of_command_id": of, "of_kind": kind, "psp_reference": "", "attempt": number}
        return self._make(
            commands.InquireCommand, ids.inquiry_id(of, number), 0, **(about | fields)
        )

    def resend(self, original, kind, number=1, **fields):
        about = {
            "of_command_id": original.command_id,
            "of_kind": kind,
            "original": fields.pop("instead", encode(original)),
            "attempt": number,
        }
        command_id = ids.resend_id(original.command_id, number)
        return self._make(
            commands.ResendCommand, command_id, original.amount_minor, **(about | fields)
        )


class Wire:
    """Commands given to whoever performs them, and what was answered and parked."""

    def __init__(self, settings: ConsumerSettings, producer: AIOKafkaProducer) -> None:
        self.settings = settings
        self._producer = producer
        self.children: list[subprocess.Popen] = []

    def kill_all(self) -> None:
        for child in self.children:
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()

    async def give(self, *given, partition: int | None = None) -> None:
        sends = [
            await self._producer.send(
                self.settings.commands_topic,
                key=one.session_id.encode() if not isinstance(one, bytes) else b"?",
                value=one if isinstance(one, bytes) else encode(one),
                partition=partition,
            )
            for one in given
        ]
        await asyncio.gather(*sends)

    async def records(self, topic: str, count: int, within_s: float = 120):
        """At least `count` records from a topic's beginning, in the order of each partition."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.settings.bootstrap,
            isolation_level="read_committed",
            fetch_max_wait_ms=50,
        )
        await consumer.start()
        try:
            parts = [TopicPartition(topic, one) for one in await _partitions_of(consumer, topic)]
            consumer.assign(parts)
            await consumer.seek_to_beginning(*parts)
            found, deadline = [], time.monotonic() + within_s
            while len(found) < count and time.monotonic() < deadline:
                for batch in (await consumer.getmany(timeout_ms=100)).values():
                    found.extend(batch)
            assert len(found) >= count, f"{len(found)} of {count} records on {topic}"
            return found
        finally:
            await consumer.stop()

    async def answers(self, count: int, within_s: float = 120):
        found = await self.records(self.settings.responses_topic, count, within_s)
        return [decode(record.value) for record in found]

    async def answer(self, command_id: str, within_s: float = 120):
        """The first answer to a command."""
        deadline, count = time.monotonic() + within_s, 1
        while time.monotonic() < deadline:
            found = await self.answers(count, within_s)
            for one in found:
                if getattr(one, "command_id", "") == command_id:
                    return one
            count = len(found) + 1
        raise AssertionError(f"no answer to {command_id}")

    async def parked(self, count: int):
        return await self.records(self.settings.parked_topic, count)

    async def committed(self, partition: int = 0) -> int:
        """What the group has committed, also while the executor is a member of it."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.settings.bootstrap,
            group_id=self.settings.group_id,
            enable_auto_commit=False,
        )
        await consumer.start()
        try:
            where = TopicPartition(self.settings.commands_topic, partition)
            return await consumer.committed(where) or 0
        finally:
            await consumer.stop()


async def _partitions_of(consumer: AIOKafkaConsumer, topic: str) -> set[int]:
    await consumer._client.force_metadata_update()
    consumer._client.add_topic(topic)
    await consumer._client.force_metadata_update()
    return consumer.partitions_for_topic(topic) or {0}
