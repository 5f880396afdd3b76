"""Who pays for a transaction, as far as its tokens tell: aliases for link, and the kind of payment.

Tokens themselves go no further: a driver's card or contract is not ours to spread. What goes on is
our own remote start's name, the number of the start that the CSMS asked for, and the reference of
the payment service provider that OCPP 2.1 has for an idToken (DirectPayment). A token that looks
like a card number is taken for one and dropped.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

from connectors.ocpp.memory import RemoteStart
from connectors.ocpp.messages import v21, v201
from connectors.ocpp.plausibility import PaymentKind, Plausibility
from connectors.stripping import has_card

IdToken = v201.IdToken | v21.IdToken

_OURS = re.compile(r"[a-z2-7]{20}")  # schemas.ids.remote_start_id
_KINDS: dict[str, PaymentKind] = {
    "directpayment": "card",
    "emaid": "contract",
    "evccid": "contract",
    "vin": "contract",
    "iso14443": "contract",
    "iso15693": "contract",
}
REMEMBERED_MS = 15 * 60 * 1000


class Payer(NamedTuple):
    """What a start tells of its payment. '' and unknown: not told."""

    remote_start_id: str = ""
    payment_kind: PaymentKind = "unknown"
    psp_reference: str = ""
    stripped: bool = False


def ours(token: str) -> str:
    """The remote start that the token names, in folded case; '' if it is none of ours."""
    folded = token.casefold()
    return folded if _OURS.fullmatch(folded) else ""


def payer_16(id_tag: str, asked: Iterable[RemoteStart], at: int, rules: Plausibility) -> Payer:
    """Who pays a transaction of 1.6 that began at `at`: by its idTag."""
    if name := ours(id_tag):
        return Payer(name, "card")
    if is_card(id_tag):
        return Payer(stripped=True)
    folded = id_tag.casefold()
    for row in rules.id_tags:
        if row.fits(folded):
            return Payer(row.remote_start_id, row.payment_kind)
    for one in asked:
        if one.token.casefold() == folded and abs(at - one.asked_at) <= REMEMBERED_MS:
            return Payer(id_tag)
    return Payer()


def payer_2x(
    token: IdToken | None, remote_start: int | None, asked: Iterable[RemoteStart]
) -> Payer:
    """Who pays a transaction of 2.x: by its idToken and the number of its remote start."""
    if token is not None and (name := ours(token.id_token)):
        return Payer(name, "card")
    if remote_start is not None:
        for one in asked:
            if one.number == remote_start and (name := ours(one.token)):
                return Payer(name, "card")
    number = "" if remote_start is None else str(remote_start)
    if token is None:
        return Payer(number)
    kind = _KINDS.get(token.type.casefold(), "unknown")
    if kind != "card":
        return Payer(number, kind, stripped=_carries_card(token))
    return Payer(number, kind, _psp_reference(token), _carries_card(token))


def _psp_reference(token: IdToken) -> str:
    told = [one.additional_id_token for one in token.additional_info or () if one.type == "PspRef"]
    reference = told[0] if told else token.id_token
    return "" if is_card(reference) else reference


def is_card(token: str) -> bool:
    """Whether a token that was told as an identifier is a card number."""
    return has_card(token)


# additionalInfo of OCPP 2.1 that describes a card (part 2, C18): never kept, counted where it came.
_OF_CARDS = frozenset(
    ("CardBin", "CardLast4Digits", "CardExpiryDate", "HashedCardNr", "WalletUserId")
)


def _carries_card(token: IdToken) -> bool:
    more = token.additional_info or ()
    return is_card(token.id_token) or any(
        one.type in _OF_CARDS or is_card(one.additional_id_token) for one in more
    )
