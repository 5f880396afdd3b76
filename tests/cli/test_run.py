"""Settings reach the stages that `holdfast worker` runs."""

from streams.cli.stages import stage_named
from streams.settings import Settings


def test_the_horizon_is_told_in_days():
    stage = stage_named("sessions", Settings(horizon_days=2))
    assert stage.horizon_ms == 2 * 24 * 3_600_000
