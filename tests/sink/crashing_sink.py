"""A sink that kills itself: `crashing_sink.py SETTINGS POINT NUMBER`.

POINT before: the ranges are persisted, the NUMBERth insert is not made. POINT after: it is made,
and its offsets are not committed.
"""

import asyncio
import itertools
import os
import signal
import sys
from pathlib import Path

import msgspec
from pydantic import SecretStr

from streams.sink.run import run_sink
from streams.sink.settings import SinkSettings

POINT, NUMBER = f"{sys.argv[2]}_insert", int(sys.argv[3])
came = itertools.count(1)


def reached(point):
    if point == POINT and next(came) == NUMBER:
        os.kill(os.getpid(), signal.SIGKILL)


told = msgspec.json.decode(sys.argv[1])
settings = SinkSettings(**(told | {"directory": Path(told["directory"]), "dsn": SecretStr("")}))
asyncio.run(run_sink(settings, reached=reached))
