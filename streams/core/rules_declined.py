"""Rules for a card that said no, and for a charger that does not stop when it was told to."""

from collections.abc import Iterator

from schemas import ids
from schemas.commands import AskPinOrRetap, OfferAmount
from streams.core import orders, taps
from streams.core.case import Case
from streams.core.charging import is_charging
from streams.core.cover import Goal
from streams.core.declines_after import decline_of, may_try_again, visit_of
from streams.core.proposal import AskAgain, Proposed
from streams.core.session import Charging, IssuedCommand
from streams.core.strategy_smaller import smaller
from streams.core.verdicts import NO
from streams.core.watching import points


def another_try(case: Case) -> Iterator[OfferAmount | AskPinOrRetap]:
    """What the driver is asked for after a declined tap: less, or a PIN; nothing: it is over.

    Neither where the scheme forbids another attempt, nor more often than the policy says.
    """
    hold, choice = case.hold, case.choice
    if hold is None or choice is None or hold.outcome not in NO or case.next_hold is None:
        return
    decline = decline_of(case.session, hold.hold_id)
    if not may_try_again(case.session, case.now_at):
        return
    if decline.retry == "smaller" and decline.wait_ms == 0:
        less = smaller(case.policy, taps.presented(case.session), choice)
        if less is not None and _made(case, "smaller") < case.policy.declines.offers_max:
            yield orders.offer_amount(case, less, decline.reason)
    elif decline.retry == "customer" and _made(case, "same") < case.policy.declines.retaps_max:
        offer = orders.offer_amount(case, choice, decline.reason)
        yield offer
        yield orders.ask_pin_or_retap(case, offer, decline.reason)


def _made(case: Case, what: str) -> int:
    """Offers of less, or PINs asked for, that followed a declined tap."""
    asked = sum(one.kind == "retap" for one in case.session.issued.values())
    if what == "same":
        return asked
    declined = [one for one in taps.offers(case.session) if one.rule == "decline_at_tap"]
    return len(declined) - asked


def stop_refused(case: Case) -> Iterator[Proposed]:
    if case.hold is None or case.hold.refused_raise is None:
        return
    after = case.after_refusals
    visit = visit_of(case.session)
    for again_at in (after.again_at, visit.wait_until_at, visit.again_at):
        if again_at > case.now_at and case.live:
            yield AskAgain(again_at)
    if after.action == "stop_now":
        for charging in case.untold:
            yield orders.stop_charging(case, charging, after.reason)


def limit_charging(case: Case) -> Iterator[Proposed]:
    """Where the end is known, the charger is told it, and keeps to it better than any stop."""
    able = [one for one in case.untold if one.takes_limit]
    bound = _bound_minor(case) if able else None
    if bound is None:
        return
    for charging in able:
        made = _limits(case, charging)
        if made and made[-1].amount_minor == bound:
            continue
        energy_wh = _energy_within(case, charging, bound)
        if energy_wh is not None:
            yield orders.limit_charging(case, charging, len(made) + 1, energy_wh, bound)


def _bound_minor(case: Case) -> int | None:
    """The most that the session may come to, once that is settled; None: it may still grow."""
    choice, hold = case.choice, case.hold
    if hold is None or choice is None or not case.has_cover or case.tariff is None:
        return None
    targeted = choice.target_minor is not None or choice.target_energy_wh is not None
    # What waits to be tried again is not settled: a limit told now would outlive the approval.
    grows = case.may_grow or (case.after_refusals.raises and "raise" in hold.in_flight)
    if (grows and not targeted) or case.after_refusals.action == "stop_now":
        return None
    covered = hold.open_minor + case.after_refusals.grace_minor
    if grows:
        covered = choice.ceiling_minor
    return covered if choice.target_minor is None else min(covered, choice.target_minor)


def _limits(case: Case, charging: Charging) -> list[IssuedCommand]:
    found: list[IssuedCommand] = []
    session_id, transaction_id = case.session.session_id, charging.transaction_id
    while True:
        limit = case.issued(ids.limit_id(session_id, transaction_id, len(found) + 1))
        if limit is None:
            return found
        found.append(limit)


def _energy_within(case: Case, charging: Charging, bound_minor: int) -> int | None:
    """Energy of this charging up to which the session stays within the bound.

    None where time costs as well, so that no energy alone says it, or nothing bounds it.
    """
    choice, begun = case.choice, charging.begun
    if begun is None or choice is None:
        return None
    wake_wh, wake_at = points(case, charging, Goal(bound_minor, choice.target_energy_wh))
    if wake_at or wake_wh <= begun.energy_wh:
        return None
    return wake_wh - 1 - begun.energy_wh


def stop_again(case: Case) -> Iterator[Proposed]:
    if case.untold == case.live and not case.running_on:
        return
    policy = case.policy.declines
    for charging in (*case.live, *case.running_on):
        sent = _stops(case, charging)
        if not sent or len(sent) >= policy.stops_max or not is_charging(charging):
            continue
        again_at = sent[-1].issued_at + policy.stop_again_ms
        if charging in case.running_on and charging.heard_at <= sent[-1].issued_at:
            continue  # it may be long over, or nobody is there to hear a stop
        if case.now_at < again_at:
            yield AskAgain(again_at)
        else:
            yield orders.stop_charging(case, charging, "still-charging", len(sent) + 1)


def _stops(case: Case, charging: Charging) -> list[IssuedCommand]:
    found: list[IssuedCommand] = []
    session_id, transaction_id = case.session.session_id, charging.transaction_id
    while True:
        stop = case.issued(ids.stop_id(session_id, transaction_id, len(found) + 1))
        if stop is None:
            return found
        found.append(stop)
