"""A TCP proxy on loopback that can be told to misbehave: cut, slow, late."""

import asyncio
import threading
from contextlib import suppress

_CHUNK = 64 * 1024


class FaultProxy:
    """Between clients and one server, on a thread of its own; the port stays over cuts.

    `cut`: nobody is let in and whoever was is thrown out. `slow`: each piece waits so long, both
    ways. `late`: what the server says waits so long, what it is told does not. `pass_on`: as if
    there were no proxy; what is on its way waits no longer. `held` counts the pieces that were made
    to wait, so that whoever hurt somebody can tell.
    """

    def __init__(self, host, port):
        self._target = (host, port)
        self._up_s = self._down_s = 0.0
        self.held = 0
        self._changed = asyncio.Event()
        self._open = set()
        self._serving = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self.port = 0

    def __enter__(self):
        self._thread.start()
        self._do(self._listen())
        return self

    def __exit__(self, *_):
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def delays(self):
        """Whether somebody is let in and made to wait."""
        listens = any(isinstance(one, asyncio.Server) for one in self._open)
        return listens and self._up_s + self._down_s > 0

    def cut(self):
        self._do(self._close())

    def slow(self, seconds):
        self._do(self._wait(seconds, seconds))

    def late(self, seconds):
        self._do(self._wait(0.0, seconds))

    def pass_on(self):
        self._do(self._wait(0.0, 0.0))
        self._do(self._listen())

    def _do(self, work):
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _wait(self, up_s, down_s):
        self._up_s, self._down_s = up_s, down_s
        self._changed.set()
        self._changed = asyncio.Event()

    async def _listen(self):
        if not self._open:
            server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
            self._open.add(server)
            self.port = server.sockets[0].getsockname()[1]

    async def _close(self):
        was, self._open = self._open, set()
        for one in was:
            if isinstance(one, asyncio.Server):
                one.close()
            else:
                one.transport.abort()

    async def _end(self):
        await self._close()
        for one in self._serving:
            one.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)
        await asyncio.sleep(0.05)  # a transport is closed by its loop only after its abort

    async def _serve(self, reader, writer):
        serving = asyncio.current_task()
        self._serving.add(serving)
        serving.add_done_callback(self._serving.discard)
        ends = [writer]
        try:
            there, back = await asyncio.open_connection(*self._target)
            ends.append(back)
            if not self._open:  # cut meanwhile
                return
            self._open |= {writer, back}
            async with asyncio.TaskGroup() as both:
                both.create_task(self._copy(reader, back, "_up_s"))
                both.create_task(self._copy(there, writer, "_down_s"))
            for end in ends:
                await end.wait_closed()
        except (OSError, asyncio.CancelledError):  # asyncio's own callback asks for no exception
            return
        finally:
            self._open -= {*ends}
            for end in ends:
                end.transport.abort()

    async def _copy(self, source, sink, wait):
        with suppress(OSError):
            while piece := await source.read(_CHUNK):
                if seconds := getattr(self, wait):
                    self.held += 1
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self._changed.wait(), seconds)
                sink.write(piece)
                await sink.drain()
        sink.close()
