"""What an operator may set about a stage's process; everything else is fixed by the engine."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import gettempdir
from typing import NamedTuple

ENVIRONMENT_EXIT = 70
"""Exit code of a worker that met an error no record is to blame for; the supervisor restarts it."""

REFUSED_EXIT = 78
"""Exit code of a worker that must not start (state and code do not fit); a restart cannot help."""


class Commit(NamedTuple):
    """What one turn of one partition did; given to `EngineSettings.observe`."""

    partition: int
    records: int
    state_records: int
    outputs: int
    parked: int
    seconds: float
    transaction: bool


def _silent() -> None:
    return None


def _go_on(_point: str) -> None:
    return None


@dataclass(frozen=True, kw_only=True, slots=True)
class EngineSettings:
    """Settings of one stage's process. Times are in milliseconds, sizes in bytes.

    `app_id` names the installation: the consumer group is `{app_id}-{stage}`, transactional ids
    are `{app_id}-{stage}-{partition}`, the static member is `{app_id}-{stage}-{slot}`. `beat` is
    called at least once a second from the event loop while the worker is healthy. `reached` is told
    each point of the README, "Crash points", as it is passed: a test may kill there.
    """

    bootstrap: str
    app_id: str
    slot: int = 0
    beat: Callable[[], None] = _silent
    observe: Callable[[Commit], None] | None = None
    reached: Callable[[str], None] = _go_on
    max_records: int = 32_000
    max_output_bytes: int = 900_000
    max_state_bytes: int = 900_000
    max_parked_bytes: int = 900_000
    positions_every_ms: int = 5_000
    transactions_per_second: int = 60
    session_timeout_ms: int = 6_000
    heartbeat_ms: int = 1_000
    transaction_timeout_ms: int = 6_000
    revoke_within_ms: int = 3_000
    strict_views: bool = False
    log_level: str = "INFO"
    datadir: Path = field(default_factory=lambda: Path(gettempdir()) / f"holdfast-{os.getpid()}")
