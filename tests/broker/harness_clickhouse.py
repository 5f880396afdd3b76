"""A ClickHouse server over HTTP for whoever has none: chDB behind what our client asks.

`python harness_clickhouse.py DIRECTORY PORT_FILE [PORT]`, until its standard input ends. One
request at a time, each on a handle of its own, so that settings stay with their request.
"""

import asyncio
import re
import sys
import tempfile
from pathlib import Path

import chdb
from aiohttp import web

_OF_THE_TRANSPORT = frozenset(
    "query database session_id session_timeout query_id compress decompress wait_end_of_query"
    " client_protocol_version enable_http_compression send_progress_in_http_headers"
    " http_headers_progress_interval_ms default_format".split()
)
_NATIVE_INSERT = re.compile(rb"\s*(INSERT INTO [^\n]+?) FORMAT Native\s*\n", re.IGNORECASE)
_OWN_FORMAT = re.compile(r"\bFORMAT\s+(\w+)\s*;?\s*$", re.IGNORECASE)
# As connectors/clickhouse opens it: the engine plans for all memory of its machine.
_OPTIONS = "max_server_memory_usage=629145600&mark_cache_size=16777216&background_pool_size=2"


class Front:
    def __init__(self, directory):
        self._path = f"{directory}?{_OPTIONS}"
        self._kept = chdb.connect(self._path)  # the engine lives as long as one handle does
        self._one = asyncio.Lock()

    async def answer(self, request):
        statement = request.query.get("query", "").encode()
        body = await request.read()
        text = statement + b"\n" + body if statement else body
        settings = {k: v for k, v in request.query.items() if k not in _OF_THE_TRANSPORT}
        async with self._one:
            try:
                said, form = await asyncio.to_thread(self._run, text, settings)
            except Exception as error:  # noqa: BLE001 - a server answers whatever befell it
                code = re.search(r"Code: (\d+)", str(error))
                headers = {"X-ClickHouse-Exception-Code": code[1] if code else "1002"}
                return web.Response(status=500, text=str(error), headers=headers)
        headers = {"X-ClickHouse-Format": form} if form else {}
        return web.Response(body=said, headers=headers)

    def _run(self, text, settings):
        handle = chdb.connect(self._path)
        try:
            for name in sorted(settings, key=lambda one: one == "readonly"):
                handle.query(f"SET {name} = {_quoted(settings[name])}", "TabSeparated")
            if (insert := _NATIVE_INSERT.match(text)) is not None:
                return self._insert(handle, insert[1].decode(), text[insert.end() :]), ""
            sql = text.decode()
            own = _OWN_FORMAT.search(sql)
            if own is not None:
                return handle.query(sql, own[1]).bytes() or b"", own[1]
            said = handle.query(sql, "TabSeparatedWithNames").bytes() or b""
            # A statement with a result has at least the line of names, any other has nothing.
            return said.partition(b"\n")[2], "TabSeparated" if said else ""
        finally:
            handle.close()

    def _insert(self, handle, head, block):
        with tempfile.NamedTemporaryFile(suffix=".native") as file:
            file.write(block)
            file.flush()
            handle.query(f"{head} FROM INFILE '{file.name}' FORMAT Native", "TabSeparated")
        return b""


def _quoted(value):
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


async def _pong(_request):
    return web.Response(text="Ok.\n")


def _tell(port_file, port):
    ready = Path(f"{port_file}.new")
    ready.write_text(str(port))
    ready.rename(port_file)


async def serve(directory, port_file, port):
    application = web.Application(client_max_size=256 * 2**20)
    front = Front(directory)
    application.add_routes(
        [web.get("/ping", _pong), web.get("/", front.answer), web.post("/", front.answer)]
    )
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    _tell(port_file, site._server.sockets[0].getsockname()[1])
    await asyncio.to_thread(sys.stdin.read)  # whoever started us is gone when it ends


if __name__ == "__main__":
    folder, file, *rest = sys.argv[1:]
    asyncio.run(serve(folder, file, int(rest[0]) if rest else 0))
