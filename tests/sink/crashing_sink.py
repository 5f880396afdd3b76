"""A sink that kills itself: `crashing_sink.py SETTINGS POINT NUMBER`.

POINT before: the ranges are persisted, the NUMBERth insert is not made. POINT after: it is made,
and its offsets are not committed.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path

import msgspec
from pydantic import SecretStr

import streams.sink.run as sink
from connectors.clickhouse.client import Warehouse
from streams.sink.settings import SinkSettings

POINT, NUMBER = sys.argv[2], int(sys.argv[3])


class CrashingWarehouse(Warehouse):
    inserts = 0

    def insert(self, table, rows, token):
        if token.startswith(("migration:", "cluster:")):
            super().insert(table, rows, token)
            return
        self.inserts += 1
        if self.inserts == NUMBER and POINT == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        super().insert(table, rows, token)
        if self.inserts == NUMBER and POINT == "after":
            os.kill(os.getpid(), signal.SIGKILL)


sink.Warehouse = CrashingWarehouse
told = msgspec.json.decode(sys.argv[1])
settings = SinkSettings(**(told | {"directory": Path(told["directory"]), "dsn": SecretStr("")}))
asyncio.run(sink.run_sink(settings))
