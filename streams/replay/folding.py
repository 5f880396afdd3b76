"""Years of arrivals folded into a window, so that many chargings are open at the same time.

Each arrival keeps its place within the window (arrival modulo the window), its stay and its
energy. Two sessions that overlap on one EVSE after folding get EVSEs of the same name and another
number: a charger serves one car at a time.
"""

import heapq

import msgspec

from streams.replay.recorded import Recorded


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """A recorded session on its EVSE in the replay, moved by `shift_ms`."""

    recorded: Recorded
    evse: str
    arrival_at: int


def folded(sessions: list[Recorded], window_ms: int, begin_at: int) -> list[Planned]:
    """In order of arrival; `window_ms` 0 leaves the distances as they were."""
    first = min(one.arrival_at for one in sessions)
    moved: list[tuple[int, Recorded]] = []
    for one in sessions:
        offset = one.arrival_at - first
        moved.append((begin_at + (offset % window_ms if window_ms else offset), one))
    moved.sort(key=lambda pair: (pair[0], pair[1].session))
    return [*_placed(moved)]


# A car leaves, the next one may come: the stay may stretch by the wait for a hold.
_TURNAROUND_MS = 15 * 60 * 1000


def _placed(moved: list[tuple[int, Recorded]]) -> list[Planned]:
    free: dict[str, list[int]] = {}
    busy: list[tuple[int, str, int]] = []
    count: dict[str, int] = {}
    planned: list[Planned] = []
    for arrival_at, one in moved:
        while busy and busy[0][0] <= arrival_at:
            _, name, number = heapq.heappop(busy)
            heapq.heappush(free.setdefault(name, []), number)
        if free.get(one.evse):
            number = heapq.heappop(free[one.evse])
        else:
            count[one.evse] = number = count.get(one.evse, 0) + 1
        leaves = arrival_at + one.departure_at - one.arrival_at + _TURNAROUND_MS
        heapq.heappush(busy, (leaves, one.evse, number))
        planned.append(
            Planned(recorded=one, evse=f"{one.evse}-{number:04d}", arrival_at=arrival_at)
        )
    return planned
