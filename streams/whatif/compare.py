"""Both sides of a what-if, by the same model, and the old one beside what really happened."""

from collections import Counter, defaultdict
from collections.abc import Callable
from decimal import Decimal

import msgspec

from schemas.money import exponent_of
from streams.core.strategy_policy import Policy
from streams.whatif.bank import Bank
from streams.whatif.model import run
from streams.whatif.recorded import Booked, Happened, Recording
from streams.whatif.side import Side, Sums, frozen_hours


class Check(msgspec.Struct, frozen=True):
    """One figure of the old policy: what the model says (expected), and what was recorded."""

    figure: str
    model: Decimal
    recorded: Decimal


class Currency(msgspec.Struct, frozen=True, kw_only=True):
    """Both sides of the sessions in one currency; `calibration` is empty where nothing was booked.

    `sessions` were met again, `charged` of them with a charging; `cut_in_recording`: of those, how
    many a stop of ours ended, so that nobody knows what they would have taken (neither side can
    deliver more). `uncharged`: without one, by reason: of these only the first hold is compared.
    """

    currency: str
    sessions: int
    charged: int
    cut_in_recording: int
    uncharged: dict[str, int]
    old: Side
    new: Side
    calibration: list[Check]


class WhatIf(msgspec.Struct, frozen=True, kw_only=True):
    """What `holdfast whatif --json` prints.

    `recording` and `rates` say in words where sessions and approval rates come from. `takes_less`:
    the share of drivers who agree to a smaller hold after a no. `left_out`:
    sessions that could not be met again, by reason, `left_out_sessions` their ids by reason (the
    first hundred of each). Expected counts and rates are decimal strings, amounts integers.
    """

    recording: str
    rates: str
    takes_less: Decimal
    old_policy: str
    new_policy: str
    currencies: list[Currency]
    left_out: dict[str, int]
    left_out_sessions: dict[str, list[str]]


NAMED_MAX = 100
OnSession = Callable[[int, int], None]


def compare(
    recording: Recording, new: Policy, on_session: OnSession, old: Policy | None = None
) -> WhatIf:
    """Every session under its old policy (or under `old`) and under `new`. Pure, and slow.

    `on_session` is told how many of how many are done.
    """
    bank = Bank(
        recording.rates,
        recording.latencies_ms,
        recording.decline_reason,
        recording.health,
        recording.takes_less,
    )
    by_currency: dict[str, list[Happened]] = defaultdict(list)
    for one in recording.sessions:
        by_currency[one.request.currency].append(one)
    done = 0
    told: list[Currency] = []
    for currency, sessions in sorted(by_currency.items()):
        pair = Sums(exponent_of(currency)), Sums(exponent_of(currency))
        for one in sessions:
            before = old or one.policy
            modelled = run(one, before, bank)
            then = modelled.approved if one.by_approval else Decimal(1)
            pair[0].add(one, modelled, then)
            pair[1].add(one, modelled if before == new else run(one, new, bank), then)
            done += 1
            on_session(done, len(recording.sessions))
        names = _names(old, sessions), _name(new)
        told.append(_currency(currency, sessions, pair[0].side(names[0]), pair[1].side(names[1])))
    named: dict[str, list[str]] = defaultdict(list)
    for left in recording.left_out:
        named[left.reason].append(left.session_id)
    return WhatIf(
        recording=recording.words,
        rates=recording.rates.words,
        takes_less=recording.takes_less,
        old_policy=_names(old, recording.sessions),
        new_policy=_name(new),
        currencies=told,
        left_out={reason: len(ids) for reason, ids in sorted(named.items())},
        left_out_sessions={reason: ids[:NAMED_MAX] for reason, ids in sorted(named.items())},
    )


def _name(policy: Policy) -> str:
    return f"{policy.id} {policy.version}"


def _names(old: Policy | None, sessions: list[Happened]) -> str:
    if old is not None:
        return _name(old)
    return ", ".join(sorted({_name(one.policy) for one in sessions}))


def _currency(currency: str, sessions: list[Happened], old: Side, new: Side) -> Currency:
    charged = [one for one in sessions if one.course is not None]
    booked = [one.booked for one in sessions if one.booked is not None]
    return Currency(
        currency=currency,
        sessions=len(sessions),
        charged=len(charged),
        cut_in_recording=sum(one.course.cut for one in charged if one.course is not None),
        uncharged=dict(Counter(one.why for one in sessions if one.course is None)),
        old=old,
        new=new,
        calibration=_checked(old, booked, exponent_of(currency)),
    )


def _checked(old: Side, booked: list[Booked], exponent: int) -> list[Check]:
    """What the model got right about the past is what its word about another policy is worth."""
    if not booked:
        return []
    pairs: list[tuple[str, Decimal | int, Decimal | int]] = [
        ("declined_at_tap", old.declined_at_tap.expected, _sum(booked, "declined_at_tap")),
        ("raises", old.raises + old.final_raises, _sum(booked, "raises")),
        ("declined_raises", old.declined_raises.expected, _sum(booked, "raises_declined")),
        ("stopped", old.cut_short + old.at_target, _sum(booked, "stopped")),
        ("delivered_wh", old.delivered_wh, _sum(booked, "energy_wh")),
        ("captured_minor", old.captured_minor, _sum(booked, "captured_minor")),
        ("arrears_minor", old.arrears_minor, _sum(booked, "arrears_minor")),
        (
            "frozen_currency_hours",
            old.frozen_currency_hours,
            frozen_hours(Decimal(_sum(booked, "frozen_minor_ms")), exponent),
        ),
    ]
    return [Check(figure, Decimal(model), Decimal(was)) for figure, model, was in pairs]


def _sum(booked: list[Booked], name: str) -> int:
    return sum(getattr(one, name) for one in booked)
