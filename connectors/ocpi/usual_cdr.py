"""A CDR of 2.2.1 without anything odd, decoded and checked by types in one go.

What it gives is what `tables.CDR` gives, without one note. All that is odd (a word that nobody
knows, a number as text, what could be a card's number), and what 2.1.1 and the taxes of 2.3.0
bring, leaves the object to the tables, which say by name what is wrong. What partners repeat from
one CDR to the next, the outlet and the tariffs, is read once and known again by its bytes.
"""

from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Any, Literal, TypedDict

import msgspec

from connectors.ocpi.costs import KINDS
from connectors.ocpi.driver import part_without_cards
from connectors.ocpi.objects import Kept, Piece
from connectors.ocpi.periods import Period, usual_of
from connectors.ocpi.quirks import NONE, Quirks
from connectors.ocpi.reading import (
    CANONICAL,
    MAX_BYTES,
    PLAIN_ID,
    Reader,
    Unreadable,
    decoded,
    like_a_card,
    number_read,
    usual_instant,
)
from connectors.ocpi.tables import CDR
from schemas.money import exponent_of

_BOUND = 10**9
_KNOWN_BYTES = 4_000  # of a part that is remembered; a longer one is read each time
_KNOWN_MAX = 4_096  # outlets and lists of tariffs, some kB each

_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
_Text = Annotated[str, msgspec.Meta(max_length=255)]
_Letters = Annotated[str, msgspec.Meta(min_length=2, max_length=2)]


class _Token(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    country_code: _Letters
    party_id: _Id
    uid: _Id
    type: Literal["AD_HOC_USER", "APP_USER", "EMAID", "OTHER", "RFID"]
    contract_id: _Id


class _Price(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    excl_vat: Any
    incl_vat: Any = None


class _Cdr(TypedDict, total=False):
    """What is not here is left to the tables; null is not told."""

    country_code: _Letters
    party_id: _Id
    id: _Id
    start_date_time: str
    end_date_time: str
    session_id: _Id | None
    cdr_token: _Token
    auth_method: Literal["AUTH_REQUEST", "COMMAND", "WHITELIST"]
    authorization_reference: _Id | None
    cdr_location: msgspec.Raw
    meter_id: _Text | None
    currency: str
    tariffs: msgspec.Raw
    charging_periods: list[Period]
    signed_data: msgspec.Raw
    total_cost: _Price
    total_fixed_cost: _Price | None
    total_energy: Any
    total_energy_cost: _Price | None
    total_time: Any
    total_time_cost: _Price | None
    total_parking_time: Any
    total_parking_cost: _Price | None
    total_reservation_cost: _Price | None
    remark: _Text | None
    invoice_reference_id: _Id | None
    credit: bool | None
    credit_reference_id: _Id | None
    home_charging_compensation: bool | None
    last_updated: str


_DECODER = msgspec.json.Decoder(_Cdr, float_hook=number_read)
FIELDS = frozenset(_Cdr.__annotations__)
NEEDED = CDR.required | {"country_code", "party_id", "cdr_token", "end_date_time"}
_INSTANTS = ("start_date_time", "end_date_time", "last_updated")
_NUMBERS = ("total_energy", "total_time", "total_parking_time")
_PRICES = tuple(KINDS.values())
_MAYBE_IDS = (
    "session_id", "authorization_reference", "invoice_reference_id", "credit_reference_id",
)  # fmt: skip


def told(piece: Piece, quirks: Quirks) -> dict[str, Any] | None:
    """The fields as `tables.CDR` reads them; None: something of it is not usual."""
    fields = piece.fields
    if (
        fields is None
        or not NEEDED <= fields.keys() <= FIELDS
        or quirks.rewrites
        or piece.place.object_hint not in ("", "cdr")
        or len(piece.payload) > MAX_BYTES
    ):
        return None
    try:
        found: Any = _DECODER.decode(piece.payload)
        usual = _are_plain(found) and _parts(found) and _values(found)
    except (ValueError, ArithmeticError, RecursionError, Unreadable):
        return None
    if not usual:
        return None
    return {k: v for k, v in found.items() if v is not None} if None in found.values() else found


def _are_plain(found: dict[str, Any]) -> bool:
    """Identifiers of printable ASCII, the owner's in upper case, and no number of a card."""
    token: _Token = found["cdr_token"]
    owners = (found["country_code"], found["party_id"], token.country_code, token.party_id)
    countries = owners[0] + owners[2]
    drivers = [token.uid, token.contract_id, found.get("authorization_reference") or ""]
    others = [found[name] for name in _MAYBE_IDS if name in found]
    parties = "".join(owners)
    named = "".join([found["id"], *drivers, *filter(None, others)])
    if like_a_card("|".join([*owners, *drivers, found.get("remark") or ""])):
        return False
    return (
        countries.isalpha()
        and parties == parties.upper()
        and PLAIN_ID(parties + named) is not None
        and found["currency"].isupper()
    )


def _values(found: dict[str, Any]) -> bool:
    """Numbers, prices, instants and the currency, each put into its form."""
    exponent_of(found["currency"])
    for name in _INSTANTS:
        instant = usual_instant(found[name])
        if not instant:
            return False
        found[name] = instant
    for name in _NUMBERS:
        if not _is_number(found.get(name, 0)):
            return False
    for name in _PRICES:
        price: _Price | None = found.get(name)
        if price is not None:
            found[name] = form = _priced(price)
            if not form:
                return False
    return True


def _is_number(value: Any) -> bool:
    """Bounded, as `number_read` leaves it."""
    return type(value) is Decimal or (type(value) is int and -_BOUND < value < _BOUND)


def _priced(price: _Price) -> dict[str, Any] | None:
    net, gross = price.excl_vat, price.incl_vat
    if not _is_number(net):
        return None
    if gross is None:
        return {"excl_vat": net}
    if not _is_number(gross) or abs(gross) < abs(net):
        return None
    return {"excl_vat": net, "incl_vat": gross}


def _parts(found: dict[str, Any]) -> bool:
    """The parts that are read by types or tables of their own."""
    token: _Token = found["cdr_token"]
    found["cdr_token"] = msgspec.structs.asdict(token)
    for name, known in _BY_TABLE.items():
        if name in found:
            found[name] = part = known(bytes(found[name]))
            if part is None:
                return False
    found["charging_periods"] = periods = usual_of(found["charging_periods"])
    return periods is not None


def _read(name: str, raw: bytes) -> Any:
    """A part by its table; None: something in it is odd. Raises Unreadable."""
    reader = Reader(NONE)
    part = decoded(raw)
    if name == "cdr_location" and isinstance(part, dict):
        part = part_without_cards(part, reader)
    part = CDR.fields[name](part, reader)
    if reader.notes:
        return None
    return Kept(part, msgspec.Raw(CANONICAL.encode(part))) if isinstance(part, dict) else part


def _remembered(name: str) -> Callable[[bytes], Any]:
    """Those read are shared: nobody changes what was told."""

    @lru_cache(maxsize=_KNOWN_MAX)
    def known(raw: bytes) -> Any:
        return _read(name, raw)

    return lambda raw: known(raw) if len(raw) <= _KNOWN_BYTES else _read(name, raw)


_BY_TABLE: dict[str, Callable[[bytes], Any]] = {
    "cdr_location": _remembered("cdr_location"),
    "tariffs": _remembered("tariffs"),
    "signed_data": lambda raw: _read("signed_data", raw),
}
