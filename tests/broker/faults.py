"""The table of real faults: `python tests/broker/faults.py [--row NAME] [--seed N]`.

Each row is one run of the pipeline on a broker of its own; it prints a line as soon as it is
through. The exit code is 1 when anything was lost, doubled or came too late.
"""

import argparse
import logging
import os
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from harness_rows import ROWS, fresh, run_row

COLUMNS = "row seed faults sessions taken applied parked lost dup p95 worst took load".split()
WIDTHS = (15, 6, 6, 8, 7, 7, 6, 4, 3, 5, 5, 5, 4)


def line(cells):
    return " ".join(f"{cell:>{width}}" for cell, width in zip(cells, WIDTHS, strict=True))


def row(result):
    """Seconds, and the machine's load of the last five minutes: others may work on it too."""
    what, worst = result.worst
    figures = (
        result.row, result.seed, result.faults, result.sessions, result.taken, result.applied,
        result.parked, result.lost, result.duplicates, f"{result.p95 or 0:.1f}", f"{worst:.1f}",
        f"{result.seconds:.0f}", f"{os.getloadavg()[1]:.1f}",
    )  # fmt: skip
    return f"{line(figures)}  worst: {what}; {result.note}"


def tell(what):
    sys.stderr.write(f"{what}\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--row", action="append", choices=ROWS, help="all of them by default")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 100_000)
    parser.add_argument("--times", type=int, default=3, help="kills at each crash point")
    parser.add_argument("--keep", type=Path, help="keep topics and logs in this folder")
    given = parser.parse_args()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # brokers are meant to be away
    failed = False
    sys.stdout.write(line(COLUMNS) + "\n")
    with tempfile.TemporaryDirectory(prefix="holdfast-faults-") as scratch:
        for name in given.row or ROWS:
            base = fresh(given.keep or scratch, name, given.seed)
            result = run_row(ROWS[name], given.seed, base, tell, given.times)
            failed = failed or not result.ok
            sys.stdout.write("\n".join([row(result), *result.problems]) + "\n")
            sys.stdout.flush()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
