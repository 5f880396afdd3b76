"""What one decision and one price cost: the pure core on a session in mid-charging."""

import statistics
import time
from collections.abc import Callable
from typing import TypedDict

import msgspec

from schemas import codec, ids
from schemas.commands import PlaceHold
from schemas.facts import (
    AcquirerAnswered,
    ChargingStarted,
    Fact,
    LinkedFact,
    MeterReading,
    SessionRequested,
)
from streams.core.pipe import apply
from streams.core.pricing import Course, Quantities, charging, parking, parse, price
from streams.core.routing import Health
from streams.core.rules import decide
from streams.core.session import PaymentSession
from streams.core.strategy_policy import Policy

_AT = 1_790_000_000_000
_TIMES = 2_000
_TENANT, _PROVIDER, _REFERENCE = "bench", "terminals", "REF-1"
_SESSION = ids.session_id(_TENANT, _PROVIDER, _REFERENCE)


class _Evse(TypedDict):
    """The fields that every fact of this charging begins with."""

    tenant: str
    network: str
    charger_id: str
    evse_uid: str


_EVSE = _Evse(tenant=_TENANT, network="nordlade", charger_id="NO-NLA-1", evse_uid="NO*NLA*E1*1")
_TARIFF = (
    '{"currency":"CHF","elements":[{"price_components":['
    '{"type":"FLAT","price":0.50,"step_size":1},{"type":"ENERGY","price":0.59,"step_size":1},'
    '{"type":"PARKING_TIME","price":6.00,"step_size":1}]}]}'
)
_RESTRICTED = (
    '{"currency":"CHF","min_price":{"excl_vat":1},"max_price":{"excl_vat":100},"elements":['
    '{"price_components":[{"type":"ENERGY","price":0.3,"vat":8.1,"step_size":10}],'
    '"restrictions":{"max_kwh":10,"day_of_week":["MONDAY","TUESDAY"]}},'
    '{"price_components":[{"type":"ENERGY","price":0.4,"vat":8.1,"step_size":10}],'
    '"restrictions":{"min_power":20,"start_time":"20:00","end_time":"06:00"}},'
    '{"price_components":[{"type":"FLAT","price":1,"vat":8.1,"step_size":1},'
    '{"type":"ENERGY","price":0.5,"vat":8.1,"step_size":10},'
    '{"type":"TIME","price":0.6,"vat":8.1,"step_size":10}]},'
    '{"price_components":[{"type":"PARKING_TIME","price":6,"vat":8.1,"step_size":60}],'
    '"restrictions":{"min_duration":3600}}]}'
)
_PERIODS, _PERIOD_MS = 100, 180_000
_REQUEST = SessionRequested(
    **_EVSE,
    session_id=_SESSION,
    provider=_PROVIDER,
    authorization_reference=_REFERENCE,
    terminal_id="terminal-1",
    channel="terminal",
    role="operator_side",
    capture_by="executor",
    power_type="DC",
    power_max_w=150_000,
    scheme="visa",
    funding="credit",
    entry_mode="contactless",
    cvm="none",
    bin_country="CH",
    merchant_country="CH",
    card_token="token-1",  # noqa: S106 - stands for a card, opens nothing
    currency="CHF",
    acquirer_id="sim-total",
    tariff_id="T",
    tariff_hash="H",
    requested_at=_AT,
)


class CoreCost(msgspec.Struct, frozen=True, kw_only=True):
    """Medians of single calls in microseconds, on the wall clock of an otherwise idle thread.

    `decide_us` is one decision on an open session, `price_us` one price of its tariff by quantities
    alone, `price_100_us` one by a tariff of every kind of restriction over 100 periods.
    """

    decide_us: float
    price_us: float
    price_100_us: float


class _Pins:
    """The one tariff and the one policy of this session."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy

    def opening(self, request: SessionRequested) -> tuple[str | None, Policy]:  # noqa: ARG002 - there is one
        return _TARIFF, self._policy

    def health(self, tenant: str) -> Health:  # noqa: ARG002 - nothing is known of any
        return {}

    def policy(self, tenant: str, policy_id: str, version: str) -> Policy:  # noqa: ARG002 - as above
        return self._policy


def core_cost(policy: Policy) -> CoreCost:
    session = open_session(policy)
    rates, quantities = parse(_TARIFF).simple, Quantities(31_415, 1_800_000, 60_000)
    assert rates is not None  # as the tariff above is
    restricted, course = parse(_RESTRICTED), _hundred_periods()
    return CoreCost(
        decide_us=_median_us(lambda: decide(session, policy)),
        price_us=_median_us(lambda: rates.minor(quantities)),
        price_100_us=_median_us(lambda: price(restricted, course)),
    )


def _hundred_periods() -> Course:
    """Four hours of charging over the evening's boundaries, and one of standing there."""
    segments = []
    for number in range(_PERIODS):
        from_at = _AT + number * _PERIOD_MS
        until_at = from_at + _PERIOD_MS
        if number < _PERIODS * 4 // 5:
            segments.append(charging(from_at, until_at, 317))
        else:
            segments.append(parking(from_at, until_at))
    return Course(tuple(segments), "Europe/Zurich")


def open_session(policy: Policy) -> PaymentSession:
    """Requested, held and charging for ten minutes."""
    pins = _Pins(policy)
    first = apply(None, _REQUEST, _AT, pins)
    (hold,) = (one for one in first.commands if isinstance(one, PlaceHold))
    session = first.session
    # Each at its own time: a hold approved late would be given up, and nothing left to decide.
    told = ((_AT + 1_000, _approved(hold)), (_AT + 5_000, _linked(_started())))
    for at, fact in (*told, (_AT + 600_000, _linked(_reading()))):
        session = apply(session, fact, at, pins).session
    return session


def _approved(hold: PlaceHold) -> AcquirerAnswered:
    return AcquirerAnswered(
        tenant=_TENANT,
        session_id=_SESSION,
        command_id=hold.command_id,
        resolves="",
        kind="hold",
        hold_id=hold.hold_id,
        acquirer_id=hold.acquirer_id,
        outcome="done",
        amount_minor=hold.amount_minor,
        currency=hold.currency,
        psp_reference="PSP-1",
        source="executor",
        answered_at=_AT + 1_000,
    )


def _started() -> ChargingStarted:
    return ChargingStarted(
        **_EVSE,
        transaction_id="tx-1",
        remote_start_id=ids.remote_start_id(_SESSION),
        payment_kind="card",
        seq=0,
        energy_wh=1_000,
        offline=False,
        started_at=_AT + 5_000,
    )


def _reading() -> MeterReading:
    return MeterReading(
        **_EVSE,
        transaction_id="tx-1",
        seq=1,
        energy_wh=9_000,
        power_w=50_000,
        read_at=_AT + 600_000,
    )


def _linked(fact: ChargingStarted | MeterReading) -> Fact:
    return LinkedFact(
        tenant=_TENANT,
        session_id=_SESSION,
        charging_id=ids.charging_id(
            fact.tenant, fact.network, fact.charger_id, fact.transaction_id
        ),
        source_topic="charger.transactions.v1",
        source_partition=0,
        source_offset=fact.seq,
        crossing=0,
        sequence_complete=False,
        fact=codec.encode(fact),
    )


def _median_us(call: Callable[[], object]) -> float:
    spent = []
    for _ in range(_TIMES):
        began = time.perf_counter_ns()
        call()
        spent.append(time.perf_counter_ns() - began)
    return round(statistics.median(spent) / 1_000, 2)
