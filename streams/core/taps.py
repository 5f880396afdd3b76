"""Taps of a card after the request: how they merge, which one counts, what was chosen for it.

A request may come before any card was read (design.md 4: OfferAmount, CardRead). Then an amount is
offered, the driver agrees and taps; or the terminal reads the card and offers the amount after it.
"""

from msgspec.structs import replace

from schemas import codec, ids
from schemas.commands import OfferAmount
from schemas.facts import CardRead, SessionRequested
from streams.core.session import (
    Agreed,
    Card,
    Chosen,
    IssuedCommand,
    PaymentSession,
    Tap,
    places_first_hold,
)
from streams.core.strategy_plan import Choice, Refusal

REQUESTED = 0
"""The number of the tap that the request itself tells."""


def merged(known: Tap | None, session_id: str, fact: CardRead) -> Tap:
    """A join: of two cards the lesser and disputed, of two consents the one to the newer offer.

    Of two consents to the same offer the lower counts: more was perhaps never agreed to.
    """
    new = _tap(session_id, fact)
    if known is None:
        return new
    return Tap(
        card=min(known.card, new.card),
        read_at=min(known.read_at, new.read_at),
        agreed=max(known.agreed, new.agreed, key=_newest_consent),
        disputed=known.disputed or known.card != new.card,
    )


def _newest_consent(agreed: Agreed) -> tuple[int, bool, int, int, str]:
    return (agreed.offer, agreed.minor > 0, -agreed.minor, -agreed.at, agreed.shown)


def _tap(session_id: str, fact: CardRead) -> Tap:
    card = Card(
        scheme=fact.scheme,
        funding=fact.funding,
        entry_mode=fact.entry_mode,
        cvm=fact.cvm,
        bin_country=fact.bin_country,
        card_token=fact.card_token,
        terminal_id=fact.terminal_id,
    )
    if not fact.consented_minor:
        return Tap(card, fact.read_at)
    number = offer_number(session_id, fact.offer_id)
    at = fact.consented_at or fact.read_at
    return Tap(card, fact.read_at, Agreed(number, fact.consented_minor, at, fact.shown))


def offer_number(session_id: str, offer_id: str) -> int:
    """The n of this session's `.../offer/n`; 0: it names none of ours."""
    number = offer_id.removeprefix(ids.offer_id(session_id, 0)[:-1])
    return int(number) if number != offer_id and number.isdecimal() and len(number) < 9 else 0  # noqa: PLR2004 - nobody makes so many offers


def newest(session: PaymentSession) -> int:
    """The number of the tap that counts: the last one; REQUESTED: none came after the request."""
    return max((int(number) for number in session.taps), default=REQUESTED)


def presented(session: PaymentSession) -> SessionRequested:
    """The request with the card that was tapped last."""
    return session.request if not session.taps else _with_card(session, newest(session))


def presented_for(session: PaymentSession, hold_id: str) -> SessionRequested:
    """The request with the card that this hold was placed on."""
    if not session.taps:
        return session.request
    return _with_card(session, rests_on(session, hold_id))


def rests_on(session: PaymentSession, hold_id: str) -> int:
    """The number of the tap that a hold rests on; of one that is not asked for yet the newest."""
    placed = session.issued.get(hold_id)
    if placed is not None:
        return tap_of(placed)
    return newest(session) if places_first_hold(session) else REQUESTED


def _with_card(session: PaymentSession, number: int) -> SessionRequested:
    tap = session.taps.get(str(number))
    if tap is None:
        return session.request  # its own
    card = tap.card
    return replace(
        session.request,
        scheme=card.scheme,
        funding=card.funding,
        entry_mode=card.entry_mode,
        cvm=card.cvm,
        bin_country=card.bin_country,
        card_token=card.card_token,
    )


def key_of(session: PaymentSession, number: int) -> str:
    """What a choice for this tap is made from."""
    agreed = session.taps[str(number)].agreed
    return f"{number}/{agreed.offer}/{agreed.minor}"


def chosen_for(session: PaymentSession, number: int) -> Chosen | None:
    """What was chosen for a tap; None: nothing yet. The request's own is pinned with it."""
    if number == REQUESTED:
        pinned = session.pinned
        if pinned is None:
            return None
        return Chosen(pinned.choice, pinned.refusal, session.request.stage == "tapped")
    known = str(number) in session.taps
    return session.chosen.get(key_of(session, number)) if known else None


def tap_of(hold: IssuedCommand) -> int:
    """The number of the tap that a hold rests on."""
    return int(hold.of.rpartition("/")[2]) if hold.of else REQUESTED


def offers(session: PaymentSession) -> list[IssuedCommand]:
    """The amounts that were offered, in their order."""
    found: list[IssuedCommand] = []
    while True:
        offer = session.issued.get(ids.offer_id(session.session_id, len(found) + 1))
        if offer is None:
            return found
        found.append(offer)


def open_offer(session: PaymentSession) -> IssuedCommand | None:
    """The last offer, while nobody has said yes to it."""
    made = offers(session)
    if not made or any(one.agreed.offer == len(made) for one in session.taps.values()):
        return None
    return made[-1]


def offered(session: PaymentSession) -> OfferAmount | None:
    """What the driver was shown last."""
    made = offers(session)
    if not made:
        return None
    offer = codec.decode(made[-1].body)
    assert isinstance(offer, OfferAmount)  # its body is kept as it was issued
    return offer


def refusal(session: PaymentSession) -> Refusal | None:
    """Why nothing is held on the tap that counts; of the opening, while no tap has mended it."""
    if not session.taps:
        return session.pinned.refusal if session.pinned is not None else None
    chosen = chosen_for(session, newest(session)) or chosen_for(session, REQUESTED)
    return None if chosen is None else chosen.refusal


def unheld(session: PaymentSession, newest_hold: str) -> Choice | None:
    """The choice of the tap that counts, while no hold was asked for on it; else None.

    `newest_hold`: the id of the last hold, empty: there is none.
    """
    if not places_first_hold(session):
        return None  # it is reported
    number = newest(session)
    chosen = chosen_for(session, number)
    if chosen is None or not chosen.settled:
        return None
    placed = session.issued.get(newest_hold)
    return None if placed is not None and tap_of(placed) >= number else chosen.choice
