"""Rung 5 of the ladder: what people decided that a session is to be captured for."""

from typing import NamedTuple

from msgspec.structs import replace

from streams.core.proof_partner import Asked, unseen
from streams.core.session import Begun, Charging, End, PartnerCdr, Released, was_begun


class Decided(NamedTuple):
    """One decision with the people who agree to its figures, and the chargings as it has them."""

    decision: Released
    people: tuple[str, ...]
    chargings: list[Charging]


def decided(asked: Asked, cdr: PartnerCdr | None) -> list[Decided]:
    """Decisions by their figures, the newest first. None where nothing can have flowed.

    Nor one that came before anything could: nobody knew what it speaks of.
    """
    session = asked.session
    if not session.released or (not asked.chargings and not was_begun(session)):
        return []
    by_figures: dict[tuple[int, int], list[Released]] = {}
    for one in session.released:
        if one in session.premature:
            continue
        by_figures.setdefault((one.energy_wh, one.amount_minor), []).append(one)
    newest = sorted(by_figures.values(), key=lambda each: (each[-1].decided_at, each), reverse=True)
    return [
        Decided(
            each[-1],
            tuple(sorted({one.who.strip().casefold() for one in each})),
            _as_decided(asked, each[-1], cdr),
        )
        for each in newest
    ]


def _as_decided(asked: Asked, one: Released, cdr: PartnerCdr | None) -> list[Charging]:
    """All its energy on the first charging; begins and ends as far as anybody has told them."""
    known = sorted(asked.chargings, key=lambda charging: charging.charging_id)
    if not known:
        known = [unseen(asked.session, cdr)]
    return [
        _ended(asked, charging, one if n == 0 else None, cdr) for n, charging in enumerate(known)
    ]


def _ended(
    asked: Asked, charging: Charging, one: Released | None, cdr: PartnerCdr | None
) -> Charging:
    started_at = asked.session.request.requested_at if cdr is None else cdr.started_at
    begun = charging.begun or Begun(started_at, max(charging.top_wh, 0))
    told_at = charging.seen_at if cdr is None else max(charging.seen_at, cdr.ended_at)
    ended_at = charging.end.ended_at if charging.end is not None else told_at
    last_wh = begun.energy_wh + (one.energy_wh if one is not None else 0)
    end = End(
        complete=True,
        seq=-1,
        ended_at=max(ended_at, begun.started_at),
        energy_wh=last_wh,
        reason="decided",
        doubtful=True,
    )
    return replace(charging, begun=begun, end=end, top_wh=min(charging.top_wh, last_wh))
