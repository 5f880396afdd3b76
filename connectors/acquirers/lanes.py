"""Sessions side by side, each strictly in order, and never more than a number of them at once."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

Job = Callable[[], Awaitable[None]]


class Lanes:
    """One lane a session that has work. A job that raises ends the task group, on purpose."""

    def __init__(self, group: asyncio.TaskGroup, width: int, waiting_max: int) -> None:
        self._group = group
        self._width = asyncio.Semaphore(width)
        self._room = asyncio.Semaphore(waiting_max)
        self._waiting: dict[str, deque[Job]] = {}
        self._idle = asyncio.Event()
        self._idle.set()

    async def put(self, session_id: str, job: Job) -> None:
        """Waits while too many jobs wait: then nothing more is read from Kafka."""
        await self._room.acquire()
        self._idle.clear()
        lane = self._waiting.get(session_id)
        if lane is not None:
            lane.append(job)
            return
        self._waiting[session_id] = deque([job])
        self._group.create_task(self._run(session_id))

    async def idle(self, timeout_s: float) -> bool:
        """Whether everything that was put is done within the time."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._idle.wait()
        except TimeoutError:
            return False
        return True

    async def _run(self, session_id: str) -> None:
        lane = self._waiting[session_id]
        async with self._width:
            while lane:
                await lane[0]()
                lane.popleft()
                self._room.release()
        del self._waiting[session_id]
        if not self._waiting:
            self._idle.set()
