"""A long-running part as a process: beats while its loop turns, ends on SIGTERM or SIGINT."""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable

import typer

from streams.cli.printed import Ended
from streams.cli.screen import print_json
from streams.engine.heartbeat import Heart


def serve(part: Callable[[asyncio.Event], Awaitable[None]]) -> int:
    """Run `part(stop)` until it returns; `stop` is set by the first signal. The exit code: 0."""
    asyncio.run(_serve(part))
    return 0


async def _serve(part: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    beating = asyncio.create_task(Heart.from_environment().keep_beating())
    try:
        await part(stop)
    finally:
        beating.cancel()


def end(process: str, run: Callable[[], int], *, json: bool) -> None:
    """Run what runs until it is stopped, say how it ended, and exit as it says."""
    began_s = time.monotonic()
    code = run()
    if json:
        seconds = int(time.monotonic() - began_s)
        print_json(Ended(process=process, exit_code=code, seconds=seconds))
    raise typer.Exit(code)
