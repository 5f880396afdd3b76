"""Facts from OCPI: what partners tell of sessions and CDRs, in one form for all its versions.

Of the same object through a hub and a peer `country_code`, `party_id` and the ids are the same,
but for their case. `body` is the object in the shape of its `ocpi_version` (prices mean something
else in each), put right where a quirk is known: canonical JSON, exact numbers, no nulls.
Exact decimals travel as text, so that no reader has to guess their digits; empty: not told.
"""

from typing import Annotated, Literal

from msgspec import Meta

from schemas.facts import Fact
from schemas.fields import (
    Body,
    Count,
    Country,
    Currency,
    Exact,
    Id,
    Instant,
    MaybeCount,
    MaybeId,
    MaybeInstant,
    SignedEnergyWh,
    Word,
    YesNo,
)

OcpiVersion = Literal["2.1.1", "2.2.1", "2.3.0"]
PaymentKind = Literal["card", "contract", "unknown"]
Oddities = Annotated[list[str], Meta(description="what was odd and lived with, by its word")]


class OcpiCost(Fact, frozen=True, kw_only=True):
    """One cost of a session or CDR; net: without taxes. A side that is not told is empty.

    2.1.1 tells the net only. Negative on a credit CDR, whichever sign its sender uses.
    """

    kind: Literal["total", "fixed", "energy", "time", "parking", "reservation"]
    net: Exact
    gross: Exact


class SessionSeen(Fact, frozen=True, kw_only=True):
    """A session of OCPI as it stands after one push: PUT, PATCH merged, or a page of a GET.

    Of several the one with the highest `last_updated_at` counts, then the one further on in
    `status`. `charging_periods` are all known ones once the session has ended, until then those
    that this push told: a JSON list. `authorization_reference` is the last given one.
    """

    tenant: Id
    partner: Id
    ocpi_version: OcpiVersion
    country_code: Country
    party_id: MaybeId
    ocpi_session_id: Id
    authorization_reference: MaybeId
    auth_method: Word
    token_type: Word
    token_uid: MaybeId
    contract_id: MaybeId
    payment_kind: PaymentKind
    location_id: MaybeId
    evse_uid: MaybeId
    evse_id: MaybeId
    connector_id: MaybeId
    meter_id: MaybeId
    status: Word
    currency: Currency
    kwh: Exact
    energy_wh: SignedEnergyWh
    costs: Annotated[list[OcpiCost], Meta(description="the running total, or nothing")]
    started_at: MaybeInstant
    ended_at: MaybeInstant
    last_updated_at: Instant
    periods_known: Count
    charging_periods: Body
    body: Body
    oddities: Oddities
    raw_digest: Id
    received_at: Instant


class CdrSeen(Fact, frozen=True, kw_only=True):
    """A CDR or, with `credit`, the credit CDR that takes back `credit_reference_id`.

    A second body under the same id never comes here: it is parked as `cdr-changed`.
    `body_digest` is over all of the body but `last_updated`, `money_digest` over what is owed, for
    what and when: the same in all versions. `rejected_code`: the OCPI status code with which a hub
    or partner refused the CDR, 0: not known to be; what was refused proves nothing. `accepted`:
    they are known to have taken it; then they did, whatever they said of the same body before.
    """

    tenant: Id
    partner: Id
    ocpi_version: OcpiVersion
    country_code: Country
    party_id: MaybeId
    cdr_id: Id
    ocpi_session_id: MaybeId
    authorization_reference: MaybeId
    auth_method: Word
    token_type: Word
    token_uid: MaybeId
    contract_id: MaybeId
    payment_kind: PaymentKind
    location_id: MaybeId
    evse_uid: MaybeId
    evse_id: MaybeId
    connector_id: MaybeId
    meter_id: MaybeId
    currency: Currency
    kwh: Exact
    energy_wh: SignedEnergyWh
    total_hours: Exact
    parking_hours: Exact
    costs: Annotated[list[OcpiCost], Meta(description="as told, the total first")]
    credit: YesNo
    credit_reference_id: MaybeId
    invoice_reference_id: MaybeId
    started_at: MaybeInstant
    ended_at: MaybeInstant
    last_updated_at: Instant
    periods_known: Count
    periods_digest: Id
    body: Body
    body_digest: Id
    money_digest: Id
    oddities: Oddities
    rejected_code: MaybeCount = 0
    raw_digest: Id
    received_at: Instant
    accepted: YesNo = False
