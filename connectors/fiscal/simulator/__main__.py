"""`python -m connectors.fiscal.simulator`: the fiscal service as a process."""

import argparse
import asyncio
import os
import signal
import sys
from pathlib import Path

from connectors.fiscal.simulator.config import Config
from connectors.fiscal.simulator.server import Server


def main() -> None:
    """Until SIGTERM, or until what it was started by has gone (`--until-stdin-closes`)."""
    parser = argparse.ArgumentParser(prog="python -m connectors.fiscal.simulator")
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--db", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--port-file", type=Path, required=True)
    parser.add_argument("--until-stdin-closes", action="store_true")
    asyncio.run(_serve(parser.parse_args()))


async def _serve(arguments: argparse.Namespace) -> None:
    config = Config.model_validate_json(arguments.config.read_text())
    server = Server(config, arguments.db)
    port = await server.start(arguments.port)
    partial = arguments.port_file.with_suffix(".new")
    partial.write_text(str(port))
    partial.rename(arguments.port_file)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if arguments.until_stdin_closes:
        loop.add_reader(sys.stdin.fileno(), _closed, stop)
    await stop.wait()
    await server.stop()


def _closed(stop: asyncio.Event) -> None:
    if not os.read(sys.stdin.fileno(), 4096):
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
        stop.set()


if __name__ == "__main__":
    main()
