"""Facts from OCPI that stand beside the sessions: places, tokens, terminals, advices, invoices.

`raw_digest` is the SHA-256 of the object as it came, cleaned of card numbers first: a digest beside
a masked number would give the number away. `last_updated_at` is the sender's own instant, 0 where
it told none. Without a `country_code`, `party_id` is the partner's own name: 2.1.1 names no owner.
Lists and words are open: what a later OCPI adds comes through as it is.
"""

from typing import Annotated, Literal

from msgspec import Meta

from schemas.facts import Fact
from schemas.fields import (
    Body,
    Country,
    Currency,
    Exact,
    Id,
    Instant,
    MaybeCount,
    MaybeId,
    MaybeInstant,
    PowerW,
    Text,
    Word,
    YesNo,
)
from schemas.roaming import OcpiVersion, Oddities, PaymentKind

Ids = Annotated[list[str], Meta(description="identifiers, in the order told")]
Words = Annotated[list[str], Meta(description="words from an open list, in the order told")]


class LocationSeen(Fact, frozen=True, kw_only=True):
    """A place with EVSEs (OCPI Location). Its EVSEs have records of their own, under its key.

    `country` is ISO 3166-1 alpha-3; `time_zone` an IANA name, by which tariffs tell the time: empty
    where a 2.1.1 location does not name it. `published` no: not to be shown to drivers.
    """

    tenant: Id
    partner: Id
    ocpi_version: OcpiVersion
    country_code: Country
    party_id: MaybeId
    location_id: Id
    published: YesNo = True
    name: Text = ""
    address: Text = ""
    city: Text = ""
    postal_code: Word = ""
    country: Word = ""
    time_zone: MaybeId = ""
    operator_name: Text = ""
    charging_when_closed: YesNo = True
    evse_uids: Ids
    oddities: Oddities
    raw_digest: Id
    last_updated_at: MaybeInstant
    received_at: Instant


class ConnectorSeen(Fact, frozen=True, kw_only=True):
    """One plug of an EVSE: what it can give at most, and the tariffs that may apply.

    `power_max_w` is the told power, else what voltage, current and phases give.
    """

    connector_id: Id
    standard: Word = ""
    format: Word = ""
    power_type: Word = ""
    power_max_w: PowerW = -1
    tariff_ids: Ids
    last_updated_at: MaybeInstant = 0


class EvseSeen(Fact, frozen=True, kw_only=True):
    """An outlet that serves one car, with its status as last told; REMOVED: it is gone.

    `time_zone` and `country` are its location's; `evse_id` is what is printed on site.
    """

    tenant: Id
    partner: Id
    ocpi_version: OcpiVersion
    country_code: Country
    party_id: MaybeId
    location_id: Id
    evse_uid: Id
    evse_id: MaybeId = ""
    status: Word
    capabilities: Words
    connectors: Annotated[list[ConnectorSeen], Meta(description="its plugs, in the order told")]
    time_zone: MaybeId = ""
    country: Word = ""
    oddities: Oddities
    raw_digest: Id
    last_updated_at: MaybeInstant
    received_at: Instant


class TokenSeen(Fact, frozen=True, kw_only=True):
    """A driver's token (OCPI Token): tells a contract's charging from one paid by card.

    `token_uid` and `contract_id` as sessions name them. A number that could be a payment card's
    is masked. Neither names nor visual numbers are kept.
    """

    tenant: Id
    partner: Id
    ocpi_version: OcpiVersion
    country_code: Country
    party_id: MaybeId
    token_uid: Id
    token_type: Word
    contract_id: MaybeId = ""
    group_id: MaybeId = ""
    issuer: Text = ""
    valid: YesNo
    whitelist: Word = ""
    payment_kind: PaymentKind
    oddities: Oddities
    raw_digest: Id
    last_updated_at: MaybeInstant
    received_at: Instant


class TerminalSeen(Fact, frozen=True, kw_only=True):
    """A payment terminal and what it serves (OCPI 2.3.0 payments, Terminal), as its provider says.

    It serves the union of the EVSEs of `location_ids` and of `evse_uids`. `country` is ISO 3166-1
    alpha-3, `country_code` and `party_id` are the charge point operator's.
    """

    tenant: Id
    partner: Id
    ocpi_version: OcpiVersion
    terminal_id: Id
    customer_reference: MaybeId = ""
    country_code: Country = ""
    party_id: MaybeId = ""
    address: Text = ""
    city: Text = ""
    postal_code: Word = ""
    state: Word = ""
    country: Word = ""
    latitude: Exact = ""
    longitude: Exact = ""
    invoice_base_url: Text = ""
    invoice_creator: Word = ""
    reference: MaybeId = ""
    location_ids: Ids
    evse_uids: Ids
    oddities: Oddities
    raw_digest: Id
    last_updated_at: MaybeInstant
    received_at: Instant


class AdviceTax(Fact, frozen=True, kw_only=True):
    """One tax within an advice's total, as told."""

    name: Text
    account: Text = ""
    percentage: Exact = ""
    tax: Exact


class AdviceConfirmed(Fact, frozen=True, kw_only=True):
    """What became of a capture that a terminal provider made (OCPI FinancialAdviceConfirmation).

    `outcome` done: the whole was captured; partial: less than asked for; failed: nothing was;
    unknown: any status that says none of these (`capture_status` has it). `captured_minor` is the
    gross amount, -1 where the message does not tell it in whole minor units; `net`, `gross` and
    `taxes` as told. `eft_lines` go on the driver's invoice. Card numbers in any text are masked.
    """

    tenant: Id
    partner: Id
    ocpi_version: OcpiVersion
    advice_id: Id
    authorization_reference: Annotated[
        str, Meta(min_length=1, max_length=36, description="minted by the terminal, any case")
    ]
    outcome: Literal["done", "partial", "failed", "unknown"]
    capture_status: Word
    message: Text = ""
    captured_minor: MaybeCount
    currency: Currency
    net: Exact = ""
    gross: Exact = ""
    taxes: Annotated[list[AdviceTax], Meta(description="in the order told")]
    eft_lines: Annotated[list[str], Meta(description="lines for the invoice, in order")]
    raw: Body = ""
    oddities: Oddities
    raw_digest: Id
    last_updated_at: MaybeInstant
    received_at: Instant


class InvoiceReported(Fact, frozen=True, kw_only=True):
    """Which CDRs a partner's invoice covers (OCPI 2.3.0 edition 2, InvoiceReconciliationRecord).

    `withdrawn`: the record was deleted. `cdr_ids` are of the same party.
    """

    tenant: Id
    partner: Id
    ocpi_version: OcpiVersion
    country_code: Country
    party_id: MaybeId
    record_id: Id
    invoice_id: Id
    cdr_ids: Ids
    withdrawn: YesNo = False
    oddities: Oddities
    raw_digest: Id
    last_updated_at: MaybeInstant
    received_at: Instant
