"""What is settled before the card is asked for anything: reference data, and the choice by it."""

import msgspec
from msgspec.structs import replace

from schemas import codec
from schemas.commands import OfferAmount
from schemas.facts import SessionRequested
from streams.core import due, taps
from streams.core.preauthorize import preauthorize_minor
from streams.core.pricing import Unpriceable, parse
from streams.core.routing import ANY, Health, Routing, route
from streams.core.session import PaymentSession, Pinned, TapChosen
from streams.core.strategy import Choice, Consent, Policy, Refusal, Strategy, bounded, choose

OURS = frozenset({"operator_side", "terminal_provider_side"})
"""Roles in which a session's money is ours to command (design.md, section 1, idea 7)."""


def pin(
    request: SessionRequested, tariff_body: str | None, policy: Policy, health: Health
) -> Pinned:
    """The reference data of this session for good, with the hold chosen or refused by name."""
    routing = route(request, policy.route, policy.acquirers, health, policy.breaker)
    # An observed session is somebody else's: neither chosen for nor refused.
    observed = request.role == "observer"
    decided = None if observed else _decide(request, tariff_body, policy, routing)
    first = health.get(routing.acquirers[0]) if routing.acquirers else None
    return Pinned(
        tariff_body=tariff_body or "",
        tariff_hash=request.tariff_hash,
        policy_id=policy.id,
        policy_version=policy.version,
        choice=decided if isinstance(decided, Choice) else None,
        refusal=decided if isinstance(decided, Refusal) else None,
        traced=_asks_when(tariff_body),
        acquirer_p95_ms=max(first.p95_ms, 0) if first is not None else 0,
        route=routing.acquirers if request.acquirer_id in ANY else (),
    )


def settle(request: SessionRequested, tariff_body: str, policy: Policy) -> Choice | Refusal:
    """What a session opens with, as `pin` has it, while all acquirers are well."""
    routing = route(request, policy.route, policy.acquirers, {}, policy.breaker)
    return _decide(request, tariff_body, policy, routing)


def _asks_when(tariff_body: str | None) -> bool:
    """Whether this tariff's price follows from when energy flowed, so that readings are kept."""
    try:
        return tariff_body is not None and parse(tariff_body).needs_course
    except Unpriceable:
        return False


def _decide(
    request: SessionRequested, tariff_body: str | None, policy: Policy, routing: Routing
) -> Choice | Refusal:
    if request.role not in OURS:
        return Refusal("unknown-role", "who commands this money was not told")
    if tariff_body is None:
        return Refusal("no-tariff", f"tariff {request.tariff_id} as {request.tariff_hash}")
    if not routing.acquirers:
        return Refusal("no-route", routing.words)
    routed = replace(request, acquirer_id=routing.acquirers[0])
    try:
        tariff = due.tariff_for(tariff_body, request)
        wish = preauthorize_minor(tariff_body, request.currency)
        decided = choose(policy, routed, tariff, preauthorize_minor=wish)
    except Unpriceable as error:
        return Refusal(error.reason, error.detail)
    if isinstance(decided, Refusal) or not routing.words:
        return decided
    words = f"{decided.explanation} Asked by {routing.words}"
    return replace(decided, explanation=words)


# --- at a tap after the request -------------------------------------------------------------------


def choose_at_tap(session: PaymentSession, policy: Policy) -> TapChosen | None:
    """What the newest tap calls for; None: that is known already, or there is nothing to choose.

    A tap that says yes to an offer is held by that offer, within what its card allows. One that
    does not is chosen for anew, now with its card, and has to be offered first; unless the request
    was settled when it came, and this is its card once more (with a PIN, or another one).
    """
    number = taps.newest(session)
    pinned = session.pinned
    if number == taps.REQUESTED or pinned is None or taps.chosen_for(session, number) is not None:
        return None
    if not pinned.tariff_body or session.request.role not in OURS:
        return None  # refused at the opening; a card changes nothing about that
    tap, key = session.taps[str(number)], taps.key_of(session, number)
    if tap.disputed or tap.card.terminal_id != session.request.terminal_id:
        refusal = Refusal("tap-disputed", f"tap {number} was told with two cards or terminals")
        return TapChosen(key=key, refusal=refusal)
    found, settled = _decided_at_tap(session, number, policy)
    if isinstance(found, Refusal):
        return TapChosen(key=key, refusal=found)
    return TapChosen(key=key, choice=found, settled=settled)


def _decided_at_tap(
    session: PaymentSession, number: int, policy: Policy
) -> tuple[Choice | Refusal, bool]:
    """The choice, and whether the driver has agreed to it already."""
    request, pinned = routed(session), session.pinned
    assert pinned is not None  # whoever asks has looked
    try:
        tariff = due.tariff_for(pinned.tariff_body, request)
    except Unpriceable as error:
        return Refusal(error.reason, error.detail), False
    base, consent = _agreed(session, number)
    if base is not None:
        return bounded(policy, request, base, due.at_once(tariff, request), consent), True
    wish = preauthorize_minor(pinned.tariff_body, request.currency)
    found = choose(policy, request, tariff, carded=True, preauthorize_minor=wish)
    return found, request.stage == "tapped"


def routed(session: PaymentSession) -> SessionRequested:
    """The request with the newest card and the acquirer that its route asks first."""
    request = taps.presented(session)
    route = session.pinned.route if session.pinned is not None else ()
    return replace(request, acquirer_id=route[0]) if route else request


def _agreed(session: PaymentSession, tap: int) -> tuple[Choice | None, Consent]:
    """The offer that a tap said yes to, as a choice again, and to how much; None: to none."""
    agreed = session.taps[str(tap)].agreed
    made = taps.offers(session)
    number = agreed.offer if agreed.offer <= len(made) else 0
    if not number and session.request.stage == "tapped":
        number = len(made)  # tapped again for the less that was shown, whether told so or not
    if not number:
        return None, Consent()
    offer = codec.decode(made[number - 1].body)
    assert isinstance(offer, OfferAmount)  # its body is kept as it was issued
    choice = Choice(
        cell=offer.cell,
        strategy=msgspec.convert(offer.strategy, Strategy),
        first_minor=offer.amount_minor,
        step_minor=offer.step_minor,
        ceiling_minor=offer.ceiling_minor,
        target_energy_wh=None if offer.target_wh < 0 else offer.target_wh,
        target_minor=None if offer.target_minor < 0 else offer.target_minor,
        explanation=offer.explanation,
    )
    return choice, Consent(offer.amount_minor, agreed.minor)
