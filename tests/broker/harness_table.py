"""The table of faults as Markdown on disk: each row is there as soon as it is through."""

import os
import platform
from datetime import UTC, datetime
from pathlib import Path

import psutil

COLUMNS = (
    "row", "began (UTC)", "seed", "faults", "sessions", "taken", "applied", "parked", "lost", "dup",
    "p95 s", "worst s", "took s", "load", "worst",
)  # fmt: skip


def machine():
    """What it ran on, in a line."""
    names = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ] if Path("/proc/cpuinfo").exists() else [platform.processor()]  # fmt: skip
    gigabytes = psutil.virtual_memory().total / 2**30
    system = f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    return f"{os.cpu_count()} cores ({names[0]}), {gigabytes:.0f} GiB, {system}"


def cells(result):
    """One row's, in the order of `COLUMNS`."""
    what, worst = result.worst
    began = datetime.fromtimestamp(result.began_at, UTC).strftime("%Y-%m-%d %H:%M")
    counts = (result.faults, result.sessions, result.taken, result.applied, result.parked)
    said = "; ".join(filter(None, (what, result.note)))
    seconds = (f"{result.p95 or 0:.1f}", f"{worst:.1f}", f"{result.seconds:.0f}")
    return [
        result.row, began, result.seed, *(f"{count:,}" for count in counts), result.lost,
        result.duplicates, *seconds, f"{result.load:.1f}", said,
    ]  # fmt: skip


def line(of_cells):
    return f"| {' | '.join(str(cell) for cell in of_cells)} |\n"


class TableFile:
    """Rows are appended and never touched again; `done` are the names of those that were in order.

    A row that found something stays in the file with its problems, and is run again.
    """

    def __init__(self, path):
        self._path = path
        if not path.exists():
            head = f"{machine()}.\n\n{line(COLUMNS)}{line(['---'] * len(COLUMNS))}"
            path.write_text(head)

    @property
    def done(self):
        first = [
            text.split("|")[1].strip()
            for text in self._path.read_text().splitlines()
            if text.startswith("|")
        ]
        return {name for name in first if not name.startswith("NOT OK")}

    def add(self, result):
        row = cells(result)
        if not result.ok:
            row[0] = f"NOT OK: {row[0]}"
            row[-1] = " / ".join([row[-1], *result.problems]).replace("|", "!").replace("\n", " ")
        with self._path.open("a") as file:
            file.write(line(row))
            file.flush()
            os.fsync(file.fileno())
