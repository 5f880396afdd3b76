"""How one partner deviates from OCPI, as data: `deploy/quirks/*.toml`.

Only what is known of a partner is put right; what merely looks wrong is noted or refused.
"""

import re
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from msgspec import Meta

_ID_MAX = 255


class BadQuirks(ValueError):
    """The profile cannot be used; the message names the field and its problem."""


class Rewrite(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A hub's rewriting of identifiers, undone: `pattern` (whole value) becomes `becomes`.

    `of` names the field: id, session_id, credit_reference_id, authorization_reference,
    country_code, party_id, evse_uid, location_id.
    """

    of: Literal[
        "id",
        "session_id",
        "credit_reference_id",
        "authorization_reference",
        "country_code",
        "party_id",
        "evse_uid",
        "location_id",
    ]
    pattern: Annotated[str, Meta(min_length=1, max_length=200)]
    becomes: Annotated[str, Meta(max_length=200)]


class Quirks(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One partner's profile; the defaults are OCPI as written.

    `energy_in_wh`: `kwh`, `total_energy` and ENERGY volumes are Wh. `most_kw`: what its strongest
    plug gives, where it is more than plugs usually do (0: by the connector). `local_zone`:
    instants without a zone are local there, not UTC. `prices`: what a Price's only number means,
    `net` by the standard. `role`: what the partner is to us.
    """

    name: str = "none"
    about: str = ""
    role: Literal["cpo", "emsp", "hub", "ptp", "unknown"] = "unknown"
    energy_in_wh: bool = False
    most_kw: Annotated[int, Meta(ge=0, le=100_000)] = 0
    local_zone: str = ""
    prices: Literal["net", "gross"] = "net"
    rewrites: tuple[Rewrite, ...] = ()


NONE = Quirks()


def load(path: Path) -> Quirks:
    """The profile in this file. Raises BadQuirks, OSError."""
    return parse(path.read_text(encoding="utf-8"))


def parse(text: str) -> Quirks:
    """The profile in this TOML. Raises BadQuirks."""
    try:
        found = msgspec.toml.decode(text, type=Quirks)
    except (msgspec.DecodeError, ValueError) as error:
        raise BadQuirks(str(error)) from error
    if found.local_zone:
        try:
            ZoneInfo(found.local_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise BadQuirks(f"local_zone: {error}") from error
    for number, one in enumerate(found.rewrites):
        _check(one, f"rewrites[{number}]")
    return found


def _check(one: Rewrite, where: str) -> None:
    try:
        re.compile(one.pattern)
    except re.error as error:
        raise BadQuirks(f"{where}.pattern: {error}") from error
    try:  # whether it only names groups that there are: the same pattern, made to match nothing
        re.compile(f"(?:{one.pattern})?").sub(one.becomes, "")
    except (re.error, IndexError) as error:
        raise BadQuirks(f"{where}.becomes: {error}") from error
