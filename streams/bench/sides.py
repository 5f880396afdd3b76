"""One side of the benchmark in a process of its own: its run in, what it measured out."""

import subprocess
from collections.abc import Callable

import msgspec

from streams.bench.measure import Measured

_WITHIN_S = 600.0
_SAID_BYTES = 4_000

Tell = Callable[[str], None]


class SideFailed(Exception):
    """A side's process ended without a result; the message has the end of what it said."""


def run_side(side: tuple[str, ...], name: str, wanted: msgspec.Struct) -> Measured:
    """`side` is the command; it takes its run from standard input. Raises SideFailed."""
    ran = subprocess.run(  # noqa: S603 - our own command, no shell
        [*side, name],
        input=msgspec.json.encode(wanted),
        capture_output=True,
        timeout=_WITHIN_S,
        check=False,
    )
    if ran.returncode:
        said = ran.stderr.decode(errors="replace")[-_SAID_BYTES:]
        raise SideFailed(f"{name} ended with {ran.returncode}:\n{said}")
    return msgspec.json.decode(ran.stdout.splitlines()[-1], type=Measured)
