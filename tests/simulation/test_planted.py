"""Of the planted bugs, those found soonest: a checker that finds none of them proves nothing.

All of them, with the seeds that each takes: `python tests/simulation/planted.py`.
"""

import pytest
from planted import seeds_until_found


@pytest.mark.parametrize(
    "name",
    [
        "amount in the capture id",
        "last-seen as a rung",
        "time-out read as failure",
        "release after an auto-release",
        "refund of an uncaptured hold",
        "credit CDR as a second capture",
        "stale CDR as proof",
        "a receipt of the price, not of what was paid",
        "a capture that was taken back stays done",
        "reference reused",
    ],
)
def test_it_is_found(name):
    assert seeds_until_found(name, 15).seeds
