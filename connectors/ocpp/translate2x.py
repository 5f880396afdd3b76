"""What the messages of OCPP 2.0.1 and 2.1 become."""

from collections.abc import Mapping
from decimal import Decimal

from connectors.ocpp import evidence, register
from connectors.ocpp.figures import OF_2X, whole
from connectors.ocpp.identity import is_card, payer_2x
from connectors.ocpp.instants import NoInstant, instant
from connectors.ocpp.memory import MOST_SEQS, NOT_TOLD, Transaction
from connectors.ocpp.messages import v2, v21, v21_costs, v201
from connectors.ocpp.plausibility import Implausible
from connectors.ocpp.sampled import NOTHING, Sample, Samples, samples
from connectors.ocpp.settling import settled
from connectors.ocpp.turn import ChargingState, Moment, Turn
from schemas.flags import Flag

Event = v201.TransactionEvent | v21.TransactionEvent

_MAIN_METER = 0
_MOST_SEQ = 2**63 - 1
_MOST_LIMIT_WH = 10**9
_LOCAL = "Local"  # what an absent reason means
_NEVER_CONNECTED = "EVConnectTimeout"
_BY_METER = frozenset(("MeterValuePeriodic", "MeterValueClock"))
_BY_STOPPING = frozenset(("StopAuthorized", "Deauthorized"))
_STATES: Mapping[str, ChargingState] = {
    "Charging": "charging",
    "EVConnected": "ev_connected",
    "SuspendedEV": "suspended_ev",
    "SuspendedEVSE": "suspended_evse",
    "Idle": "idle",
}


def call(turn: Turn, message: object, mark: int) -> None:
    """A request of 2.x, from charger or CSMS; `mark`: a checksum of its bytes."""
    match message:
        case v201.TransactionEvent() | v21.TransactionEvent():
            _event(turn, message, mark)
        case v201.MeterValues() | v21.MeterValues():
            _meter_values(turn, message)
        case v201.RequestStartTransaction() | v21.RequestStartTransaction():
            turn.asked(message.id_token.id_token, message.remote_start_id)
        case v2.CostUpdated():
            turn.note("cost-told", f"{message.transaction_id}: {message.total_cost}")
        case v21_costs.NotifySettlement():
            settled(turn, message)
        case _:
            _alive(turn, message)


def _alive(turn: Turn, message: object) -> None:
    """A sign of life."""
    match message:
        case v201.StatusNotification() | v21.StatusNotification():
            place = f"{message.evse_id}/{message.connector_id}"
            turn.seen("status", f"{place} {message.connector_status}")
        case v2.Heartbeat():
            turn.seen("heartbeat")
        case v2.BootNotification():
            station = message.charging_station
            turn.booted(station.vendor_name, station.model, station.firmware_version)
            turn.seen("boot", message.reason)
        case v201.NotifyEvent() | v21.NotifyEvent():
            first = message.event_data[0]
            name = f"{first.component.name}.{first.variable.name}"
            turn.seen("event", f"{name}={first.actual_value}")
        case v2.SecurityEventNotification():
            turn.seen("event", message.type)
        case _:
            turn.note("no-fact", type(message).__name__)


def _meter_values(turn: Turn, message: v201.MeterValues | v21.MeterValues) -> None:
    """Values outside transactions: in 2.x a transaction's own come with its events (E02)."""
    said = samples(message.meter_value, "meterValue", OF_2X, turn.place.utc_offset_min)
    turn.refused += said.refused
    turn.notes += said.notes
    if message.evse_id == _MAIN_METER:
        turn.note("main-meter", "EVSE 0 serves no car")
        return
    one = _running(turn, str(message.evse_id), said)
    if one is None:
        turn.note("outside-transaction", f"EVSE {message.evse_id}")
        return
    for sample in said.samples:
        turn.sample(one, sample, NOT_TOLD, "meterValue")


def _running(turn: Turn, place: str, said: Samples) -> Transaction | None:
    """The transaction on this EVSE at the time of the samples: clock-aligned ones may come so."""
    for index in reversed(range(len(turn.state.transactions))):
        one = turn.state.transactions[index]
        if one.place != place or not one.told or not said.samples:
            continue
        over = 0 < one.ended_at < said.samples[-1].at
        if one.started_at <= said.samples[0].at and not over:
            return turn.changing(index)
    return None


def _event(turn: Turn, event: Event, mark: int) -> None:
    moment = _moment(turn, event)
    if moment is None:
        return
    one = _transaction(turn, event.transaction_info.transaction_id)
    if _is_repeat(turn, one, event.seq_no, mark):
        return
    values = event.meter_value
    said = samples(values, "meterValue", OF_2X, turn.place.utc_offset_min) if values else NOTHING
    turn.refused += said.refused
    turn.notes += said.notes
    if event.event_type == "Ended" and 0 < moment.at < one.started_at:
        turn.refuse(
            "stop-before-start", "timestamp", f"{moment.at}, where it started at {one.started_at}"
        )
        return
    if event.event_type == "Ended":
        one.end_seq = moment.seq
    news = _carried(turn, one, event, moment)
    news |= _begun(one, event, said, moment.at)
    if one.started_at and one.begin_wh != NOT_TOLD and (news or not one.told):
        turn.started(one)
    signed = len(one.signed)
    _proofs(turn, one, said.samples, all_of=event.event_type != "Updated")
    if event.event_type == "Ended":
        _ended(turn, one, event, moment, said)
    else:
        _running_event(turn, one, event, moment, said)
        if one.ended_at and len(one.signed) > signed:
            turn.proven_late(one)


def _moment(turn: Turn, event: Event) -> Moment | None:
    """When it happened; None: the event is refused."""
    name = event.transaction_info.transaction_id
    if not name or is_card(name):
        turn.refuse("impossible-id", "transactionInfo.transactionId", "no identifier")
        return None
    if not 0 <= event.seq_no <= _MOST_SEQ:
        turn.refuse("impossible-number", "seqNo", str(event.seq_no))
        return None
    try:
        at, assumed = instant(event.timestamp, turn.place.utc_offset_min)
        flags = turn.judged(at) | (Flag.ZONE_ASSUMED.value if assumed else 0)
    except NoInstant as error:
        turn.refuse("bad-instant", "timestamp", str(error))
        return None
    except Implausible as error:
        turn.refuse(error.rule, "timestamp", str(error))
        return None
    return Moment(at, event.seq_no, bool(event.offline), flags)


def _transaction(turn: Turn, name: str) -> Transaction:
    for place in reversed(range(len(turn.state.transactions))):
        if turn.state.transactions[place].name == name:
            return turn.changing(place)
    return turn.opened(Transaction(name=name))


def _is_repeat(turn: Turn, one: Transaction, seq: int, mark: int) -> bool:
    """Whether this very message came before: retries repeat number and body (E13)."""
    known = one.seqs.get(seq)
    if known == mark:
        turn.note("repeated", f"event {seq} of {one.name}")
        return True
    if known is not None:
        turn.note("same-number-other-body", f"event {seq} of {one.name}")
    one.seqs = dict([*one.seqs.items(), (seq, mark)][-MOST_SEQS:])
    return False


def _carried(turn: Turn, one: Transaction, event: Event, moment: Moment) -> bool:
    """Keeps what is told once; whether it changes what the start says."""
    before = (
        one.remote_start_id, one.payment_kind, one.psp_reference, one.takes_limit, one.place,
        one.connector_id, one.started_at,
    )  # fmt: skip
    if event.event_type == "Started":
        one.started_at, one.start_seq = moment.at, moment.seq
        one.start_offline = moment.offline
        one.start_flags |= moment.flags
    if event.evse is not None and event.evse.id > 0:
        one.place = str(event.evse.id)
        if event.evse.connector_id is not None:
            one.connector_id = str(event.evse.connector_id)
    _payer(turn, one, event)
    if event.event_type != "Ended" and _limit_wh(event) != NOT_TOLD:
        one.takes_limit = True
    return before != (
        one.remote_start_id, one.payment_kind, one.psp_reference, one.takes_limit, one.place,
        one.connector_id, one.started_at,
    )  # fmt: skip


def _payer(turn: Turn, one: Transaction, event: Event) -> None:
    info = event.transaction_info
    # Another card may stop what it did not start, and does not pay.
    stops = event.event_type == "Ended" or event.trigger_reason in _BY_STOPPING
    token = None if stops else event.id_token
    if token is not None or info.remote_start_id is not None:
        payer = payer_2x(token, info.remote_start_id, turn.state.remote_starts)
        if payer.stripped:
            turn.note("card-data", "idToken")
        elif token is not None and not one.token:
            one.token = token.id_token
        one.remote_start_id = one.remote_start_id or payer.remote_start_id
        one.psp_reference = one.psp_reference or payer.psp_reference
        if one.payment_kind == "unknown":
            one.payment_kind = payer.payment_kind


def _begun(one: Transaction, event: Event, said: Samples, at: int) -> bool:
    """Settles the begin register where this event tells it; whether it is news.

    It comes with context Transaction.Begin, in whichever event (E02.FR.21); else the start's own
    register is the begin; else the first register known stands for it, flagged.
    """
    registers = [sample for sample in said.samples if sample.wh >= 0]
    told = next((sample for sample in registers if sample.at_begin), None)
    told = told or _told_again(one, registers)
    if told is None and event.event_type == "Started" and registers:
        told = registers[0]
    if told is not None and not one.begin_explicit:
        return _explicit(one, told)
    if one.begin_explicit or not one.started_at:
        return False
    first = registers[0] if registers else None
    running = event.event_type != "Ended"
    if first and running and (one.begin_wh == NOT_TOLD or first.at < one.begin_at):
        return _assume(one, first.wh, first.at)
    if one.begin_wh != NOT_TOLD or not _all_seen(one):
        return False
    # Over, and no event told a begin: of what flowed only what this one shows is known.
    wh, at = (first.wh, first.at) if first else (max(one.end_wh, one.last_wh, 0), at)
    if first or event.trigger_reason != _NEVER_CONNECTED or one.charging_state:
        return _assume(one, wh, at)
    register.begin(one, wh, at)
    return True


def _told_again(one: Transaction, registers: list[Sample]) -> Sample | None:
    """The begin that stands beside a later sample: of its instant only the start's is known."""
    told = next((sample for sample in registers if sample.begin_wh >= 0), None)
    return told and told._replace(wh=told.begin_wh, at=one.started_at or told.at)


def _all_seen(one: Transaction) -> bool:
    """Whether no event of an ended transaction can still come, as far as is remembered."""
    if one.end_seq == NOT_TOLD:
        return False
    if one.end_seq - one.start_seq >= MOST_SEQS:
        return True
    return all(seq in one.seqs for seq in range(one.start_seq, one.end_seq))


def _explicit(one: Transaction, told: Sample) -> bool:
    one.begin_explicit = True
    if not one.started_at:
        one.started_at = told.at  # the start was lost: an end that tells the begin tells when, too
        one.start_flags |= Flag.BEGIN_ASSUMED.value
    one.start_flags |= told.flags
    if one.begin_wh != NOT_TOLD and told.wh > one.begin_wh:
        return False  # what was read is lower than what is told: the doubt stands
    if one.begin_wh != NOT_TOLD:
        one.flags &= ~Flag.BEGIN_ASSUMED.value
        one.start_flags &= ~Flag.BEGIN_ASSUMED.value
    register.begin(one, told.wh, told.at)
    return True


def _assume(one: Transaction, wh: int, at: int) -> bool:
    lower = one.begin_wh == NOT_TOLD or wh < one.begin_wh
    if lower:
        one.flags |= Flag.BEGIN_ASSUMED.value
        one.start_flags |= Flag.BEGIN_ASSUMED.value
        register.begin(one, wh, at)
    return lower


def _proofs(turn: Turn, one: Transaction, told: tuple[Sample, ...], *, all_of: bool) -> None:
    trust: evidence.Trust | None = None
    for sample in told:
        if not sample.signed:
            continue
        trust = trust or evidence.Trust(turn.state, turn.place, turn.keys)
        if why := evidence.keep(one, sample.signed, trust, all_of=all_of):
            turn.note("signed-dropped", why)


def _running_event(
    turn: Turn, one: Transaction, event: Event, moment: Moment, said: Samples
) -> None:
    """A start or an update: readings, and a state where one is told that is news."""
    before = len(turn.facts)
    newest: Sample | None = None
    for sample in said.samples:
        told = len(turn.facts)
        if event.event_type == "Started" and (sample.at, sample.wh) == (one.begin_at, one.begin_wh):
            continue  # the start says it
        turn.sample(one, sample, moment.seq, "meterValue")
        if len(turn.facts) > told:
            newest = sample
    state = _STATES.get(event.transaction_info.charging_state or "", "not_told")
    limit_wh = _limit_wh(event)
    known = one.charging_state
    if state != "not_told":
        one.charging_state = state
    if event.event_type == "Started" and limit_wh == NOT_TOLD and state in ("not_told", "charging"):
        return  # the start says that much
    by_meter = event.trigger_reason in _BY_METER and state in ("not_told", known)
    # The number of every event has to be seen, or the end can never be whole (design.md, 5).
    if len(turn.facts) > before and limit_wh == NOT_TOLD and (by_meter or state == "not_told"):
        return
    if newest is None and said.samples:
        newest = said.samples[-1]
    turn.updated(one, moment, state, newest, limit_wh)


def _ended(turn: Turn, one: Transaction, event: Event, moment: Moment, said: Samples) -> None:
    registers = [
        sample
        for sample in said.samples
        if sample.wh >= 0 and not turn.is_of_another_meter(one, sample)
    ]
    closing = [sample for sample in registers if sample.at_end] or registers
    last = closing[-1] if closing else None
    for sample in said.samples:
        if sample is not last and sample.at <= moment.at:
            turn.sample(one, sample, moment.seq, "meterValue")
    reason = event.transaction_info.stopped_reason or _LOCAL
    if last is None:
        # What was read last is no end: it goes on flagged, and proves nothing (design.md, 1.3).
        wh = max(one.last_wh, one.begin_wh, 0)
        if event.trigger_reason != _NEVER_CONNECTED or one.charging_state or wh:
            moment = moment._replace(flags=moment.flags | Flag.ENERGY_NOT_TOLD)
        turn.ended(one, moment, wh, reason)
        return
    try:
        wh, flags = register.end(one, last.wh, max(last.at, moment.at), turn.rules)
    except Implausible as error:
        turn.refuse(error.rule, f"meterValue[{last.number}]", str(error))
        return
    turn.ended(one, moment._replace(flags=moment.flags | flags | last.flags), wh, reason)


def _limit_wh(event: Event) -> int:
    """The energy that the station says it will end at (2.1, E16); -1: none told."""
    if not isinstance(event, v21.TransactionEvent):
        return NOT_TOLD
    limit = event.transaction_info.transaction_limit
    if limit is None or limit.max_energy is None:
        return NOT_TOLD
    if not Decimal(0) <= limit.max_energy <= _MOST_LIMIT_WH:
        return NOT_TOLD
    return whole(limit.max_energy)
