"""Words, prices and parts of an object in the form of one version of OCPI: what `render` is of."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from connectors.ocpi.periods import DIMENSIONS
from connectors.ocpi.reading import UNKNOWN_ID, exact, number_of
from schemas.roaming import CdrSeen, OcpiCost, OcpiVersion, SessionSeen

_DIMENSIONS_2_1_1 = frozenset(
    {"ENERGY", "FLAT", "MAX_CURRENT", "MIN_CURRENT", "PARKING_TIME", "TIME"}
)
_TOKEN_TYPES = frozenset({"AD_HOC_USER", "APP_USER", "OTHER", "RFID"})
# The longest that each version allows, where it is shorter than what we keep.
LENGTHS = {
    "id": 36,
    "session_id": 36,
    "authorization_reference": 36,
    "auth_id": 36,
    "location_id": 36,
    "evse_uid": 36,
    "connector_id": 36,
    "party_id": 3,
    "uid": 36,
    "contract_id": 36,
    "evse_id": 48,
    "address": 45,
    "city": 45,
    "postal_code": 10,
    "state": 20,
    "country": 3,
    "name": 255,
    "meter_id": 255,
    "remark": 255,
    "invoice_reference_id": 39,
    "credit_reference_id": 39,
    "tariff_id": 36,
}


class CannotRender(ValueError):
    """The version's object has a field that is not known, or that cannot hold what is."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field
        self.problem = problem


def fitting(rendered: Mapping[str, Any], *, id_length: int = 36) -> None:
    """Raises CannotRender when a text is longer than its field."""
    for name, value in rendered.items():
        if isinstance(value, dict):
            fitting(value)
        elif isinstance(value, str):
            most = id_length if name == "id" else LENGTHS.get(name, len(value))
            if len(value) > most:
                raise CannotRender(name, f"{len(value)} characters, at most {most}")


def needed(rendered: Mapping[str, Any], *names: str) -> None:
    """Raises CannotRender for the first that is not told."""
    for name in names:
        if rendered.get(name) in (None, "", []):
            raise CannotRender(name, "not known, and required")


# --- prices -----------------------------------------------------------------------------------


def price(cost: OcpiCost, version: OcpiVersion, told: Any) -> Any:
    """The cost as this version's Price; `told` as it came, whose named taxes go on."""
    if not cost.net:
        raise CannotRender(_field(cost), "only the gross is known")
    net = number_of(cost.net)
    if version == "2.1.1":
        return net
    gross = number_of(cost.gross) if cost.gross else None
    if version == "2.2.1":
        return {"excl_vat": net} | ({} if gross is None else {"incl_vat": gross})
    if gross is None:
        return {"before_taxes": net}
    return {"before_taxes": net, "taxes": _taxes(exact(Decimal(gross) - net), told)}


def _taxes(due: int | Decimal, told: Any) -> list[dict[str, Any]]:
    """By their names, where they come to what is due; partners' signs differ on a credit CDR."""
    named_taxes = told.get("taxes", []) if isinstance(told, dict) else []
    summed = sum((Decimal(one["amount"]) for one in named_taxes), Decimal(0))
    if named_taxes and summed == due:
        return list(named_taxes)
    if named_taxes and summed == -due:
        return [{**one, "amount": -one["amount"]} for one in named_taxes]
    return [{"name": "VAT", "amount": due}]


def _field(cost: OcpiCost) -> str:
    return "total_cost" if cost.kind == "total" else f"total_{cost.kind}_cost"


# --- words ------------------------------------------------------------------------------------


def auth_method(word: str, version: OcpiVersion) -> str:
    if word == "COMMAND" and version == "2.1.1":
        return "AUTH_REQUEST"  # 2.1.1 has no word for a remote start; it was asked for
    if word not in ("AUTH_REQUEST", "COMMAND", "WHITELIST"):
        raise CannotRender("auth_method", f"{word!r} is no word of OCPI")
    return word


def driver_token(
    fact: SessionSeen | CdrSeen, told: Mapping[str, Any], version: OcpiVersion
) -> dict[str, Any]:
    """CdrToken, or 2.1.1's auth_id.

    Out of 2.1.1, which tells a contract only, the token is the contract: its owner is in its first
    five letters (eMI3 contract id), its type OTHER.
    """
    contract = fact.contract_id or fact.token_uid
    if not contract:
        raise CannotRender("contract_id", "not known, and required")
    if version == "2.1.1":
        return {"auth_id": contract}
    given = told.get("cdr_token", {})
    letters = contract.replace("-", "").replace("*", "")
    country, party = given.get("country_code", letters[:2]), given.get("party_id", letters[2:5])
    if not (len(country) == 2 and country.isalpha() and party):  # noqa: PLR2004 - ISO 3166-1 alpha-2
        raise CannotRender("cdr_token.country_code", "not known, and required")
    known = _TOKEN_TYPES | ({"EMAID"} if version == "2.3.0" else frozenset())
    return {
        "cdr_token": {
            "country_code": country.upper(),
            "party_id": party.upper(),
            "uid": fact.token_uid or contract,
            "type": fact.token_type if fact.token_type in known else "OTHER",
            "contract_id": contract,
        }
    }


def named(identifier: str) -> str:
    """OCPI 2.2.1: `#NA` where there is none."""
    return identifier or UNKNOWN_ID


# --- periods ----------------------------------------------------------------------------------


def periods(told: list[dict[str, Any]], version: OcpiVersion) -> list[dict[str, Any]]:
    """With the dimensions that the version has words for; a period without any is left out."""
    known = _DIMENSIONS_2_1_1 if version == "2.1.1" else DIMENSIONS - {"FLAT"}
    out = []
    for one in told:
        dimensions = [each for each in one.get("dimensions", ()) if each["type"] in known]
        period = {"start_date_time": one["start_date_time"], "dimensions": dimensions}
        if "tariff_id" in one and version != "2.1.1":
            period["tariff_id"] = one["tariff_id"]
        if dimensions:
            out.append(period)
    return out


def tariffs(
    told: list[dict[str, Any]], of: OcpiVersion, version: OcpiVersion
) -> list[dict[str, Any]]:
    """Only where they mean the same in the other version; a tariff that is left out cannot lie.

    Prices of 2.2.1 are net, and free of tax without `vat`: 2.3.0 has words for both.
    """
    if of == version:
        return told
    if (of, version) != ("2.2.1", "2.3.0"):
        return []
    return [_with_taxes_named(one) for one in told if not one.keys() & {"min_price", "max_price"}]


def _with_taxes_named(tariff: dict[str, Any]) -> dict[str, Any]:
    components = [
        each
        for element in tariff.get("elements", ())
        for each in element.get("price_components", ())
    ]
    return {**tariff, "tax_included": "NO" if any("vat" in one for one in components) else "N/A"}
