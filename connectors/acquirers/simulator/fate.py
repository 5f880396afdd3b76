"""Seeded chance: everything that looks random is a pure function of seed and what it is about.

So a replay meets the same declines, faults and latencies, in whatever order its requests come.
"""

from hashlib import blake2b
from itertools import pairwise
from typing import get_args

import msgspec

from connectors.acquirers.simulator.config import (
    Account,
    AnswerFault,
    Fault,
    FaultScript,
    Latency,
)

_ANSWER_FAULTS = frozenset(get_args(AnswerFault))
_ONLY_OPERATION: dict[Fault, str] = {"capture_fails": "capture", "refund_fails": "refund"}


class Fate(msgspec.Struct, frozen=True, kw_only=True):
    """The faults that strike one request: at most one on its answer, any on what comes after."""

    answer: Fault | None = None
    after: frozenset[Fault] = frozenset()


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """What fate looks at: which request, and the how-manieth with this merchant reference."""

    operation: str
    merchant_reference: str
    attempt: int = 1
    metadata: dict[str, str] = {}


def draw(seed: int, *about: str, sides: int = 10_000) -> int:
    """An integer in [0, sides), evenly spread, the same for the same arguments."""
    digest = blake2b("\x1f".join((str(seed), *about)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % sides


def latency_ms(latency: Latency, seed: int, arrival: Arrival) -> int:
    """Milliseconds from request to answer, by straight lines between the quantiles."""
    at = draw(seed, "latency", arrival.operation, arrival.merchant_reference, str(arrival.attempt))
    corners = (
        (0, latency.least_ms),
        (5_000, latency.p50_ms),
        (9_500, latency.p95_ms),
        (10_000, latency.most_ms),
    )
    for (low, low_ms), (high, high_ms) in pairwise(corners):
        if at < high:
            return low_ms + (high_ms - low_ms) * (at - low) // (high - low)
    raise AssertionError(f"no quantile holds {at}")


def matches(script: FaultScript, arrival: Arrival) -> bool:
    """Whether a script is about this request; which of them it strikes is for `strikes`."""
    if not _concerns(script.fault, script.operation, arrival):
        return False
    if script.merchant_reference not in (None, arrival.merchant_reference):
        return False
    return script.metadata.items() <= arrival.metadata.items()


def _concerns(fault: Fault, operation: str, arrival: Arrival) -> bool:
    only = _ONLY_OPERATION.get(fault, arrival.operation)
    return operation in ("any", arrival.operation) and only == arrival.operation


def strikes(script: FaultScript, match: int) -> bool:
    """`match` counts from 1: the script's how-manieth match this request is."""
    return match >= script.nth and (script.times == 0 or match < script.nth + script.times)


def seeded_faults(account: Account, arrival: Arrival) -> list[Fault]:
    """The faults by rate, in the order of the settings."""
    about = (arrival.operation, arrival.merchant_reference)
    return [
        rate.fault
        for rate in account.fault_rates
        if _concerns(rate.fault, rate.operation, arrival)
        and arrival.attempt <= rate.attempts
        and draw(account.seed, rate.fault, *about) < rate.rate_bp
    ]


def fate_of(faults: list[Fault]) -> Fate:
    """The first fault on the answer wins; scripts therefore come before rates in the list."""
    return Fate(
        answer=next((fault for fault in faults if fault in _ANSWER_FAULTS), None),
        after=frozenset(faults) - _ANSWER_FAULTS,
    )
