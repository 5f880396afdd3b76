"""OCPP 2.1: costs, limits, settlement (part 2, functional blocks C and I)."""

from typing import Annotated, Literal

from msgspec import Meta, field

from connectors.ocpp.messages.payload import (
    Count,
    Extensible,
    Number,
    OneOrMore,
    Text3,
    Text20,
    Text36,
    Text50,
    Text60,
    Text100,
    Text255,
    Text500,
    Text2000,
    Whole,
)


class TransactionLimit(Extensible, frozen=True, kw_only=True):
    max_cost: Number | None = None
    max_energy: Number | None = None
    max_time: Whole | None = None
    max_soc: Annotated[int, Meta(ge=0, le=100)] | None = field(default=None, name="maxSoC")


TariffCost = Literal["MaxCost", "MinCost", "NormalCost"]


class TotalPrice(Extensible, frozen=True, kw_only=True):
    excl_tax: Number | None = None
    incl_tax: Number | None = None


class TaxRate(Extensible, frozen=True, kw_only=True):
    type: Text20
    tax: Number
    stack: Count | None = None


class Price(Extensible, frozen=True, kw_only=True):
    excl_tax: Number | None = None
    incl_tax: Number | None = None
    tax_rates: Annotated[tuple[TaxRate, ...], Meta(min_length=1, max_length=5)] | None = None


class TotalCost(Extensible, frozen=True, kw_only=True):
    currency: Text3
    type_of_cost: TariffCost
    total: TotalPrice
    fixed: Price | None = None
    energy: Price | None = None
    charging_time: Price | None = None
    idle_time: Price | None = None
    reservation_time: Price | None = None
    reservation_fixed: Price | None = None


class TotalUsage(Extensible, frozen=True, kw_only=True):
    energy: Number
    charging_time: Whole
    idle_time: Whole
    reservation_time: Whole | None = None


CostDimensionKind = Literal[
    "ChargingTime", "Energy", "IdleTIme", "MaxCurrent", "MaxPower", "MinCurrent", "MinPower"
]


class CostDimension(Extensible, frozen=True, kw_only=True):
    type: CostDimensionKind
    volume: Number


class ChargingPeriod(Extensible, frozen=True, kw_only=True):
    start_period: str
    dimensions: OneOrMore[CostDimension] | None = None
    tariff_id: Text60 | None = None


class CostDetails(Extensible, frozen=True, kw_only=True):
    total_cost: TotalCost
    total_usage: TotalUsage
    charging_periods: OneOrMore[ChargingPeriod] | None = None
    failure_to_calculate: bool | None = None
    failure_reason: Text500 | None = None


PaymentStatus = Literal["Canceled", "Failed", "Rejected", "Settled"]


class Address(Extensible, frozen=True, kw_only=True):
    name: Text50
    address1: Text100
    city: Text100
    country: Text50
    address2: Text100 | None = None
    postal_code: Text20 | None = None


class NotifySettlement(Extensible, frozen=True, kw_only=True):
    psp_ref: Text255
    status: PaymentStatus
    settlement_amount: Number
    settlement_time: str
    transaction_id: Text36 | None = None
    status_info: Text500 | None = None
    receipt_id: Text50 | None = None
    receipt_url: Text2000 | None = None
    vat_company: Address | None = None
    vat_number: Text20 | None = None


class NotifySettlementResponse(Extensible, frozen=True, kw_only=True):
    receipt_url: Text2000 | None = None
    receipt_id: Text50 | None = None
