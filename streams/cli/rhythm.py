"""When a charger counts as silent, by the settings. A module of its own: auditors run no stage."""

from streams.core.silence import Rhythm
from streams.settings import Silence


def rhythm_of(told: Silence) -> Rhythm:
    """By which link says that a charger is silent, and the auditor that it did not."""
    return Rhythm(
        floor_ms=1_000 * told.floor_s,
        ceiling_ms=1_000 * told.ceiling_s,
        settle_ms=1_000 * told.settle_s,
    )
