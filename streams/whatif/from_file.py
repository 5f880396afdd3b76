"""A recording of charging alone, with cards filled in: for who has no topics yet to look back at.

Nobody was declined in such a file, so its sessions are the demand itself, whatever card shows up.
"""

import tomllib
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import msgspec

from streams.core.strategy_policy import Policy
from streams.replay.chargers import READING_MS, START_LATENCY_MS
from streams.replay.curve import energy_at
from streams.replay.fleet import Driver, Fleet
from streams.replay.recorded import Recorded
from streams.whatif.rates import BANDS, Assumption, Kind, Rates, assumed
from streams.whatif.recorded import Course, Happened, Recording

LATENCIES_MS = (250, 400, 600, 900, 2_500)
"""How long acquirers are taken to answer where nobody has seen one: half a second, or slow."""

DECLINE_REASON = "insufficient_funds"


class RatesWrong(ValueError):
    """The rates file cannot be used; the message names the entry."""


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One [[rate]] table: `approved` of `answered`, or `percent` alone."""

    kind: Kind
    funding: str = ""
    from_minor: int = 0
    approved: int = 0
    answered: int = 0
    percent: Decimal | None = None


def recording(fleet: Fleet, policy: Policy, rates: Rates, words: str) -> Recording:
    """The fleet's drivers as sessions, each as long as it was recorded."""
    tariffs = {tariff_id: body for tariff_id, _, body in fleet.settings.tariffs.values()}
    return Recording(
        sessions=[
            Happened(
                request=one.request,
                tariff_body=tariffs[one.request.tariff_id],
                policy=policy,
                course=course_of(one),
            )
            for one in fleet.drivers.values()
        ],
        left_out=[],
        rates=rates,
        latencies_ms=LATENCIES_MS,
        decline_reason=DECLINE_REASON,
        health={},
        words=words,
    )


def course_of(driver: Driver) -> Course:
    """As the replay's charger would tell it, day without trouble."""
    recorded: Recorded = driver.plan.recorded
    stay_ms = recorded.departure_at - recorded.arrival_at
    charged_ms = recorded.charging_end_at - recorded.arrival_at
    moments = [*range(0, stay_ms, READING_MS), stay_ms]
    if 0 < charged_ms < stay_ms:
        moments = sorted({*moments, charged_ms})
    return Course(
        start_ms=START_LATENCY_MS,
        points=tuple((ms, energy_at(recorded, ms)) for ms in moments),
        changes=((charged_ms, "suspended_ev"),) if 0 < charged_ms < stay_ms else (),
        interval_ms=READING_MS,
    )


def rates_of(text: str, name: str) -> Rates:
    """Rates that somebody states, from TOML: [[rate]] with kind, funding, from_minor and share.

    Raises RatesWrong.
    """
    try:
        raw: dict[str, Any] = tomllib.loads(text, parse_float=Decimal)
        entries = msgspec.convert(raw.get("rate"), list[_Entry])
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, InvalidOperation) as wrong:
        raise RatesWrong(f"{name}: {wrong}") from wrong
    return assumed([_stated(name, number, one) for number, one in enumerate(entries)], name)


def _stated(name: str, number: int, entry: _Entry) -> Assumption:
    where = f"{name}: rate[{number}]"
    if entry.from_minor not in BANDS:
        begins = ", ".join(str(one) for one in BANDS)
        raise RatesWrong(f"{where}.from_minor: bands begin at {begins}")
    if entry.answered:
        if not 0 <= entry.approved <= entry.answered:
            raise RatesWrong(f"{where}.approved: not between 0 and answered")
        share = Decimal(entry.approved) / Decimal(entry.answered)
    elif entry.percent is not None and 0 <= entry.percent <= 100:  # noqa: PLR2004 - of a hundred
        share = entry.percent / 100
    else:
        raise RatesWrong(f"{where}: approved and answered are wanted, or percent (0 to 100)")
    return Assumption(entry.kind, entry.funding, entry.from_minor, share, entry.answered)


def read_rates(file: Path) -> Rates:
    """Raises RatesWrong, also where the file cannot be read."""
    try:
        return rates_of(file.read_text(encoding="utf-8"), str(file))
    except (OSError, UnicodeDecodeError) as wrong:
        raise RatesWrong(f"{file}: {wrong}") from wrong
