"""Microseconds a CDR of ten periods, bytes to fact: `PYTHONPATH=. python .../speed.py`."""

import json
import sys
from time import process_time
from timeit import repeat

from partners import cdr, place

from connectors.ocpi.feed import pieces, translate

PERIODS = [
    {
        "start_date_time": f"2026-11-09T10:{minute:02}:00Z",
        "dimensions": [
            {"type": "ENERGY", "volume": 2.0417},
            {"type": "TIME", "volume": 0.1667},
            {"type": "MAX_POWER", "volume": 49.98},
        ],
        "tariff_id": "krs-dc",
    }
    for minute in range(10)
]


def microseconds(number=2_000):
    payload = json.dumps(cdr(charging_periods=PERIODS, total_energy=20.417)).encode()
    where = place()

    def read():
        for piece in pieces(payload, where):
            assert translate(None, piece).facts

    return min(repeat(read, timer=process_time, number=number, repeat=7)) / number * 1e6


if __name__ == "__main__":
    sys.stdout.write(f"{microseconds():.0f}\n")
