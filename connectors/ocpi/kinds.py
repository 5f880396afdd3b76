"""Who pays for a charging of OCPI: a card at the charger, or a contract (roaming). Pure.

Read from three words of OCPI: the token's type, how the driver was authorised (AuthMethod) and the
role of the party that the token is from. A contract's charging never waits for a card's session
(design.md, section 5), so `contract` is said only where nothing else can be meant; where the words
contradict each other it is `unknown`, which costs an alarm at most. An authorization_reference
that a session of ours knows decides before any of this is asked.
"""

from connectors.ocpi.quirks import Quirks
from schemas.roaming import PaymentKind

_AD_HOC = "AD_HOC_USER"  # since 2.2: made for one charging
_PLUG_AND_CHARGE = "EMAID"  # since 2.3.0: the car's own contract
# Tokens that were stored or asked about: an ad-hoc one is neither pushed to a token store nor
# authorised in real time (protocols.md, 1.4 and 6). 2.1.1 has no word for a remote start, so its
# AUTH_REQUEST without a token type may be one.
_STORED = "WHITELIST"
_ASKED = "AUTH_REQUEST"
_DRIVERS = frozenset({"RFID", "APP_USER"})


def payment_kind(token_type: str, auth_method: str, role: str = "") -> PaymentKind:
    """`card`, `contract` or `unknown`, by the table "Who pays" of the README here.

    Words in any case, empty where not told. `role` is OCPI's for the party that the token is from:
    PTP, EMSP; anything else (a hub or CPO that hands on what others gave) says nothing.
    """
    kind, method, giver = token_type.upper(), auth_method.upper(), role.upper()
    if kind == _AD_HOC:
        return "unknown" if giver == "EMSP" else "card"
    if giver == "EMSP":
        return "contract"
    if giver == "PTP":
        # Terminals in the field send RFID and OTHER, too; their providers have no other drivers.
        return "unknown" if method in (_STORED, _ASKED) else "card"
    if kind == _PLUG_AND_CHARGE or (kind in _DRIVERS and method in (_STORED, _ASKED)):
        return "contract"
    return "contract" if not kind and method == _STORED else "unknown"


def stored_kind(token_type: str, role: str = "") -> PaymentKind:
    """The kind of a token that a partner pushes to be stored (OCPI Tokens)."""
    return payment_kind(token_type, _STORED, role)


def role_of(quirks: Quirks) -> str:
    """OCPI's role of the partner by its profile, empty where it hands on the tokens of others."""
    return quirks.role.upper() if quirks.role in ("emsp", "ptp") else ""
