"""How an acquirer is doing, from its answers alone: the time is theirs, never a clock's.

Two pure steps. An answer becomes a sample where its session's partition reads it; samples are kept
where their acquirer is, in minutes of the answers' own time, so that neither order nor partition
changes what a window comes to. `streams/agents/health.py` is the shell.
"""

from bisect import bisect_left
from typing import Literal

import msgspec
from msgspec.structs import replace

from schemas.facts import AcquirerAnswered, AcquirerHealth, AnswerSample
from streams.core.routing import TECHNICAL

MINUTE_MS = 60_000
WINDOW_MS = 15 * MINUTE_MS
"""Long enough for a rate out of a quiet site's answers, short enough to forget an outage."""

RECENT = 20
"""The newest answers kept one by one: what came after the last failure is counted in them."""

TELL_MS = 5_000
"""A good answer more is told at the latest after this much of the answers' own time."""

LATENCIES_MS = (
    50, 75, 100, 150, 200, 300, 400, 500, 650, 800, 1_000, 1_300, 1_600, 2_000, 2_500, 3_000,
    4_000, 5_000, 6_500, 8_000, 10_000, 13_000, 16_000, 20_000, 30_000, 45_000, 60_000, 120_000,
)  # fmt: skip
"""Upper bounds of the latencies that are told apart; the last one stands for all above."""

Verdict = Literal["approved", "declined", "technical", "other"]
_AUTHORISING = frozenset({"hold", "raise"})
_NONE = (0,) * len(LATENCIES_MS)


def sampled(answer: AcquirerAnswered) -> AnswerSample | None:
    """What this answer says of its acquirer; None: nothing, it is word of an earlier one.

    Only our executor's first answers count: a webhook or an inquiry repeats what was said, and one
    consumer's clock that is wrong would move the window of all.
    """
    if answer.source != "executor" or answer.resolves:
        return None
    latency_ms = -1
    if answer.issued_at and answer.kind in _AUTHORISING:
        latency_ms = max(answer.answered_at - answer.issued_at, 0)
    return AnswerSample(
        verdict=_verdict(answer), latency_ms=latency_ms, answered_at=answer.answered_at
    )


def _verdict(answer: AcquirerAnswered) -> Verdict:
    if answer.outcome in ("unknown", "not_found") or answer.reason in TECHNICAL:
        return "technical"
    if answer.kind not in _AUTHORISING or answer.outcome == "failed":
        return "other"  # they answered; but nobody judged the card
    return "approved" if answer.outcome == "done" else "declined"


class Minute(msgspec.Struct, array_like=True, frozen=True):
    """One minute of answers, by verdict; `latencies` counts by `LATENCIES_MS`."""

    at: int
    approved: int = 0
    declined: int = 0
    technical: int = 0
    other: int = 0
    latencies: tuple[int, ...] = _NONE


class Recent(msgspec.Struct, array_like=True, frozen=True, order=True):
    """One of the newest answers."""

    answered_at: int
    technical: bool


class AcquirerWindow(msgspec.Struct, array_like=True, frozen=True):
    """All that is kept of one acquirer: `minutes` and `recent` in order of time."""

    tenant: str
    acquirer_id: str
    minutes: tuple[Minute, ...] = ()
    recent: tuple[Recent, ...] = ()
    last_at: int = 0
    last_technical_at: int = 0
    told: AcquirerHealth | None = None


def with_sample(window: AcquirerWindow, sample: AnswerSample) -> AcquirerWindow:
    """The window with one more answer; one older than the window changes nothing."""
    at = sample.answered_at - sample.answered_at % MINUTE_MS
    last_at = max(window.last_at, sample.answered_at)
    oldest_at = _oldest_at(last_at)
    minutes = {one.at: one for one in window.minutes if one.at >= oldest_at}
    if at >= oldest_at:
        minutes[at] = _counted(minutes.get(at) or Minute(at), sample)
    technical = sample.verdict == "technical"
    recent = (*window.recent, Recent(sample.answered_at, technical))
    failed_at = sample.answered_at if technical else 0
    return replace(
        window,
        minutes=tuple(minutes[one] for one in sorted(minutes)),
        recent=tuple(sorted(recent)[-RECENT:]),
        last_at=last_at,
        last_technical_at=max(window.last_technical_at, failed_at),
    )


def _oldest_at(last_at: int) -> int:
    """The first minute of the window: whole minutes, so that it moves by them."""
    return last_at - last_at % MINUTE_MS - WINDOW_MS + MINUTE_MS


def _counted(minute: Minute, sample: AnswerSample) -> Minute:
    latencies = minute.latencies
    if sample.latency_ms >= 0:
        place = min(bisect_left(LATENCIES_MS, sample.latency_ms), len(LATENCIES_MS) - 1)
        latencies = (*latencies[:place], latencies[place] + 1, *latencies[place + 1 :])
    counts = {sample.verdict: getattr(minute, sample.verdict) + 1}
    return replace(minute, latencies=latencies, **counts)


def health(window: AcquirerWindow) -> AcquirerHealth:
    """What there is to tell of the window, in the version after the one told last."""
    minutes = window.minutes
    latencies = [sum(counts) for counts in zip(*(one.latencies for one in minutes), strict=True)]
    approved, declined = sum(one.approved for one in minutes), sum(one.declined for one in minutes)
    technical, other = sum(one.technical for one in minutes), sum(one.other for one in minutes)
    good = [one for one in window.recent if one.answered_at > window.last_technical_at]
    return AcquirerHealth(
        tenant=window.tenant,
        acquirer_id=window.acquirer_id,
        version=window.told.version + 1 if window.told else 1,
        window_ms=WINDOW_MS,
        answers=approved + declined + technical + other,
        approved=approved,
        declined=declined,
        technical=technical,
        p50_ms=quantile(latencies, 50),
        p95_ms=quantile(latencies, 95),
        good_since=len(good),
        last_technical_at=window.last_technical_at,
        last_at=window.last_at,
    )


def quantile(latencies: list[int], percent: int) -> int:
    """The bound that so many percent stay within, -1: none is known.

    Never below the true one, but for what takes longer than the last bound.
    """
    wanted, seen = -(-sum(latencies) * percent // 100), 0
    for bound, count in zip(LATENCIES_MS, latencies, strict=False):
        seen += count
        if wanted and seen >= wanted:
            return bound
    return -1


def to_tell(window: AcquirerWindow) -> AcquirerHealth | None:
    """The record to be published now, None while the one before says enough.

    A failure, and what comes after one, is told at once: routing waits for it.
    """
    new, told = health(window), window.told
    if told is None:
        return new
    urgent = (new.technical, new.last_technical_at) != (told.technical, told.last_technical_at)
    recovering = new.last_technical_at > 0 and new.good_since != told.good_since
    if urgent or recovering or new.last_at - told.last_at >= TELL_MS:
        return None if replace(new, version=told.version) == told else new
    return None
