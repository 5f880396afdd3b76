"""Opens a transaction, sends one record in it, says so, and waits to be killed."""

import asyncio
import sys

from aiokafka import AIOKafkaProducer


async def main(bootstrap: str, topic: str, transactional_id: str, timeout_ms: str) -> None:
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap,
        transactional_id=transactional_id,
        transaction_timeout_ms=int(timeout_ms),
    )
    await producer.start()
    await producer.begin_transaction()
    await producer.send_and_wait(topic, b"abandoned", partition=0)
    print("open", flush=True)  # noqa: T201 - its parent waits for this line
    await asyncio.sleep(3600)


asyncio.run(main(*sys.argv[1:]))
