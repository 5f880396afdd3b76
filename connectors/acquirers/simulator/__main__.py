"""`python -m connectors.acquirers.simulator`: the acquirer as a process."""

import argparse
import asyncio
import os
import signal
import sys
from pathlib import Path

import pydantic

from connectors.acquirers.simulator.config import Config
from connectors.acquirers.simulator.server import Server
from connectors.acquirers.simulator.store import DatabaseInUse
from connectors.acquirers.simulator.webhooks import MissingSecret


def main() -> None:
    """Exit 2 with every wrong setting named, or when the ledger is in use."""
    arguments = _parse()
    try:
        config = _read_config(arguments.config)
        asyncio.run(_serve(config, arguments))
    except (pydantic.ValidationError, OSError, DatabaseInUse, MissingSecret) as error:
        sys.exit(_complain(error))


def _complain(error: Exception) -> int:
    sys.stderr.write(f"the acquirer simulator cannot start: {error}\n")
    return 2


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m connectors.acquirers.simulator")
    parser.add_argument("--config", required=True, help="a JSON file, or the JSON itself")
    parser.add_argument("--db", required=True, type=Path, help="the ledger; created when missing")
    parser.add_argument("--port", type=int, default=0, help="on 127.0.0.1; 0 takes a free one")
    parser.add_argument("--port-file", type=Path, help="written, whole, once it answers")
    parser.add_argument(
        "--until-stdin-closes",
        action="store_true",
        help="end when the other end of standard input does, however that ended",
    )
    return parser.parse_args()


def _read_config(text: str) -> Config:
    if text.lstrip().startswith("{"):
        return Config.model_validate_json(text)
    return Config.model_validate_json(Path(text).read_bytes())


async def _serve(config: Config, arguments: argparse.Namespace) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    if arguments.until_stdin_closes:
        loop.add_reader(sys.stdin.fileno(), _watch_stdin, stop)
    server = Server(config, arguments.db)
    try:
        port = await server.start(arguments.port)
        if arguments.port_file is not None:
            _write_whole(arguments.port_file, str(port))
        sys.stdout.write(f"the acquirer simulator listens on http://127.0.0.1:{port}\n")
        sys.stdout.flush()
        await server.run_until(stop)
    finally:
        await server.stop()


def _watch_stdin(stop: asyncio.Event) -> None:
    if not os.read(sys.stdin.fileno(), 4096):
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
        stop.set()


def _write_whole(path: Path, text: str) -> None:
    """A reader sees the whole file or none."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text)
    partial.replace(path)


if __name__ == "__main__":
    main()
