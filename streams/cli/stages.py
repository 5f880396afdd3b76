"""The stages by name, as this program runs them."""

import dataclasses

from schemas import codec, topics
from schemas.facts import Tick
from streams.agents.fiscal import fiscal_stage
from streams.agents.health import health_stage
from streams.agents.link import LinkSettings, link_stage
from streams.agents.sessions import sessions_stage
from streams.agents.visits import visits_stage
from streams.app import engine_settings
from streams.cli.rhythm import rhythm_of
from streams.cli.run import StageName
from streams.engine.stage import Stage, Ticker
from streams.engine.worker import run_stage
from streams.settings import Settings

_DAY_MS = 24 * 60 * 60 * 1000


def run_named(name: StageName, settings: Settings, slot: int) -> int:
    """Run it until it is stopped; the exit code."""
    return run_stage(stage_named(name, settings), engine_settings(settings, name, slot))


def _encode_tick(partition: int, now_at: int) -> tuple[bytes, bytes]:
    return str(partition).encode(), codec.encode(Tick(partition=partition, at=now_at))


def stage_named(name: StageName, settings: Settings) -> Stage:
    """Every stage is named here: Faust would only log an agent module that fails to import."""
    partitions, horizon_ms = settings.kafka.partitions, settings.horizon_days * _DAY_MS
    match name:
        case "sessions":
            return sessions_stage(partitions, horizon_ms)
        case "health":
            return health_stage(partitions)
        case "visits":
            return visits_stage(partitions)
        case "fiscal":
            return fiscal_stage(partitions)
        case "link":
            link = LinkSettings(horizon_ms=horizon_ms, rhythm=rhythm_of(settings.silence))
            stage = link_stage(partitions, link)
            if settings.clock.source == "replay":
                return stage
            ticker = Ticker(
                topic=topics.TICKS, period_ms=settings.clock.period_ms, encode=_encode_tick
            )
            return dataclasses.replace(stage, ticker=ticker)
