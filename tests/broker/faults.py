"""The table of real faults: `python tests/broker/faults.py [--row NAME]... [--out FILE]`.

Each row prints a line as soon as it is through. With --out it is added to that file as a row of
Markdown too, and a row that stands there in order is not run again, so that a run that was
interrupted goes on where it was. The exit code is 1 when anything was lost, doubled or came too
late.
"""

import argparse
import logging
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from harness_rows import ROWS, run_rows
from harness_table import COLUMNS, TableFile, cells

WIDTHS = (14, 16, 5, 6, 8, 7, 7, 6, 4, 3, 5, 7, 6, 4)


def printed(row):
    *figures, last = row
    padded = " ".join(f"{cell:>{width}}" for cell, width in zip(figures, WIDTHS, strict=True))
    return f"{padded}  {last}"


def tell(what):
    sys.stderr.write(f"{time.strftime('%H:%M:%S', time.gmtime())} {what}\n")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--row", action="append", choices=ROWS, help="all of them by default")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 100_000)
    parser.add_argument("--times", type=int, default=3, help="kills at each crash point")
    parser.add_argument("--out", type=Path, help="add each row to this file; go on where it ends")
    parser.add_argument("--keep", type=Path, help="keep topics and logs in this folder")
    return parser.parse_args()


def main():
    given = arguments()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # brokers are meant to be away
    table = TableFile(given.out) if given.out else None
    done = table.done if table else set()
    rows = [row for name, row in ROWS.items() if name in (given.row or ROWS) and name not in done]
    began_s, in_order = time.monotonic(), True
    sys.stdout.write(printed(COLUMNS) + "\n")
    with tempfile.TemporaryDirectory(prefix="holdfast-faults-") as scratch:
        for result in run_rows(rows, given.seed, given.keep or scratch, tell, given.times):
            in_order = in_order and result.ok
            if table:
                table.add(result)
            sys.stdout.write("\n".join([printed(cells(result)), *result.problems]) + "\n")
            sys.stdout.flush()
    tell(f"{len(rows)} rows in {time.monotonic() - began_s:.0f} s")
    return 0 if in_order else 1


if __name__ == "__main__":
    sys.exit(main())
