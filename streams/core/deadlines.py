"""When to ask a session again at the latest, should no fact come: the next of all instants."""

from collections.abc import Iterator

from streams.core.case import Case
from streams.core.clock_alarms import release_due_at
from streams.core.exposure import window
from streams.core.holds import LAST_AT
from streams.core.rules_fiscal import late_at
from streams.core.session import WatchShown
from streams.core.standing import waits_until


def next_deadline(case: Case, asked: list[int], watches: dict[str, WatchShown]) -> int | None:
    """The rules' own instants (`asked`), those of the holds, and where time alone passes a mark.

    `watches`: those that say something new. None: facts alone will tell.
    """
    ahead = [*asked, case.proof.again_at, case.proof.late_at, *_of_holds(case)]
    if case.policy.fiscal:
        ahead.append(late_at(case))
    open_window = window(case) if case.session.silences else None
    if open_window is not None:
        ahead.append(open_window.again_at)
    known = case.session.published.watches
    if watches:
        known = {**known, **watches}
    ahead += [watch.wake_read_at for watch in known.values() if not watch.closing]
    now_at = case.now_at
    later = [at for at in ahead if now_at < at <= LAST_AT]  # no record is of later
    return min(later) if later else None


def _of_holds(case: Case) -> Iterator[int]:
    moved = False
    for one in case.holds:
        if one.open_minor:
            yield one.expires_at
            yield release_due_at(case, one)
        moved = moved or bool(one.captured_minor or one.released_minor)
    if moved:
        yield waits_until(case) or 0
