"""What the messages of OCPP 1.6 become."""

from connectors.ocpp import evidence, pairing, register
from connectors.ocpp.figures import OF_16
from connectors.ocpp.identity import is_card, payer_16
from connectors.ocpp.instants import NoInstant, instant
from connectors.ocpp.memory import Transaction
from connectors.ocpp.messages import v16
from connectors.ocpp.plausibility import Implausible
from connectors.ocpp.sampled import MOST_WH, NOTHING, Sample, Samples, samples
from connectors.ocpp.turn import Moment, Turn
from schemas.flags import Flag

_NOT_AT_OUTLET = Flag.NOT_AT_OUTLET.value
_NO_SEQ = -1
_MAIN_METER = 0
_MOST_NUMBER = 2**31
_NO_METER_STOP = -1  # what chargers send that could not read their meter (ocpp-go #114)
_LOCAL = "Local"  # what an absent reason means


def call(turn: Turn, unique_id: str, message: object) -> None:
    """A request of 1.6, from charger or CSMS."""
    match message:
        case v16.MeterValues():
            _meter_values(turn, message)
        case v16.StartTransaction():
            _start(turn, unique_id, message)
        case v16.StopTransaction():
            _stop(turn, message)
        case v16.StatusNotification():
            error = "" if message.error_code == "NoError" else f" {message.error_code}"
            turn.seen("status", f"{message.connector_id} {message.status}{error}")
        case v16.Heartbeat():
            turn.seen("heartbeat")
        case v16.BootNotification():
            firmware = message.firmware_version
            turn.booted(message.charge_point_vendor, message.charge_point_model, firmware)
            turn.seen("boot", firmware or "")
        case v16.RemoteStartTransaction():
            turn.asked(message.id_tag)
        case _:
            turn.note("no-fact", type(message).__name__)


def started(turn: Turn, unique_id: str, result: v16.StartTransactionResponse) -> None:
    """The result of a start: the one place where a transaction's number is told."""
    number = result.transaction_id
    if abs(number) > _MOST_NUMBER:
        turn.refuse("impossible-id", "transactionId", "no number of 32 bits")
        return
    place = pairing.started_by(turn, unique_id)
    if place is None:
        pairing.remember_result(turn, unique_id, number)
        turn.note("result-before-call", unique_id)
        return
    if number in turn.state.transactions[place].numbers:
        turn.note("repeated", "the result of a start")
        return
    pairing.numbered(turn, turn.changing(place), number)


def _start(turn: Turn, unique_id: str, message: v16.StartTransaction) -> None:
    moment = _moment(turn, message.timestamp)
    if moment is None or not _is_register(turn, message.meter_start, "meterStart"):
        return
    id_tag = "" if is_card(message.id_tag) else message.id_tag
    one = Transaction(
        place=str(message.connector_id),
        connector_id=str(message.connector_id),
        id_tag=id_tag,
        started_at=moment.at,
        start_offline=moment.offline,
        start_flags=moment.flags,
        begin_explicit=True,
    )
    register.begin(one, message.meter_start, moment.at)
    known = pairing.same_start(turn, one)
    if known is None:
        asked = turn.state.remote_starts
        before = turn.state.transactions
        payer = payer_16(message.id_tag, asked, moment.at, turn.rules)
        if payer.stripped:
            turn.note("card-data", "idTag")
        one.remote_start_id, one.payment_kind = payer.remote_start_id, payer.payment_kind
        if any(other.place == one.place and not other.ended_at for other in before):
            turn.note("never-ended", f"another start on connector {one.place}")
        one = turn.opened(one)
    else:
        turn.note("repeated", "the start")
        one = turn.changing(known)
    pairing.called(one, unique_id)
    number = pairing.early(turn, unique_id)
    if number is not None:
        pairing.numbered(turn, one, number)
    elif known is None:
        turn.note("awaiting-result", "the transaction's number comes with the result of its start")


def _meter_values(turn: Turn, message: v16.MeterValues) -> None:
    said = samples(message.meter_value, "meterValue", OF_16, turn.place.utc_offset_min)
    turn.refused += said.refused
    turn.notes += said.notes
    if message.connector_id == _MAIN_METER:
        turn.note("main-meter", "connector 0 serves no car")
        return
    if not said.samples:
        return
    number = message.transaction_id
    newest_at = said.samples[-1].at
    one = pairing.about(turn, number, str(message.connector_id), newest_at)
    if one is None:
        if number is None or number <= 0:
            turn.note("outside-transaction", f"connector {message.connector_id}")
            return
        one = _unknown(turn, number, str(message.connector_id), newest_at)
    _readings(turn, one, said, "meterValue")
    signed = len(one.signed)
    _proofs(turn, one, said.samples, all_of=False)
    if one.ended_at and len(one.signed) > signed:
        turn.proven_late(one)


def _unknown(turn: Turn, number: int, connector: str, at: int) -> Transaction:
    """A transaction whose start was never seen: nobody can claim it, and nothing is lost."""
    name = str(number)
    transactions = turn.state.transactions
    for place in reversed(range(len(transactions))):
        one = transactions[place]
        if one.name == name and not 0 < one.ended_at < at:
            return turn.changing(place)
    if any(one.name == name for one in transactions):
        name = f"{number}@{at}"  # the number came again
    turn.note("start-unknown", name)
    flags = Flag.START_UNKNOWN.value
    return turn.opened(Transaction(name=name, place=connector, connector_id=connector, flags=flags))


def _readings(turn: Turn, one: Transaction, said: Samples, path: str) -> None:
    for sample in said.samples:
        turn.sample(one, sample, _NO_SEQ, path)


def _proofs(turn: Turn, one: Transaction, told: tuple[Sample, ...], *, all_of: bool) -> None:
    trust: evidence.Trust | None = None
    for sample in told:
        if not sample.signed:
            continue
        trust = trust or evidence.Trust(turn.state, turn.place, turn.keys)
        if why := evidence.keep(one, sample.signed, trust, all_of=all_of):
            turn.note("signed-dropped", why)


def _stop(turn: Turn, message: v16.StopTransaction) -> None:
    moment = _moment(turn, message.timestamp)
    told = message.meter_stop != _NO_METER_STOP
    if moment is None or (told and not _is_register(turn, message.meter_stop, "meterStop")):
        return
    data = message.transaction_data
    said = samples(data, "transactionData", OF_16, turn.place.utc_offset_min) if data else NOTHING
    turn.refused += said.refused
    turn.notes += said.notes
    try:
        one = pairing.stopped(
            turn, message.transaction_id, message.id_tag or "", message.meter_stop, moment.at
        )
    except pairing.Ambiguous as error:
        turn.refuse("ambiguous-start", "transactionId", f"{message.transaction_id}: {error}")
        return
    if one is None:
        one = _unknown_start(turn, message, said, moment.at)
    if one.ended_at:
        same = (one.ended_at, one.end_raw_wh) == (moment.at, message.meter_stop)
        kind = "repeated" if same else "second-stop"
        turn.note(kind, f"stop of {one.name}: {message.meter_stop} Wh at {moment.at}")
        return
    if moment.at < one.started_at:
        turn.refuse(
            "stop-before-start", "timestamp", f"{moment.at}, where it started at {one.started_at}"
        )
        return
    _end(turn, one, moment, message, said)


def _end(
    turn: Turn, one: Transaction, moment: Moment, message: v16.StopTransaction, said: Samples
) -> None:
    for sample in said.samples:
        if sample.at < moment.at:
            turn.sample(one, sample, _NO_SEQ, "transactionData")
        elif sample.power_w >= 0:
            register.show_power(one, sample.power_w, sample.at)
    _proofs(turn, one, said.samples, all_of=True)
    shown_wh = _shown_at_end(message, said)
    try:
        if shown_wh is None:
            # What was read last is no end: it goes on flagged, and proves nothing (design.md, 1.3).
            wh, flags = max(one.last_wh, one.begin_wh, 0), Flag.ENERGY_NOT_TOLD.value
        else:
            wh, flags = register.end(one, shown_wh, moment.at, turn.rules)
    except Implausible as error:
        turn.refuse(error.rule, "meterStop", str(error))
        return
    one.end_raw_wh = message.meter_stop
    reason = message.reason or _LOCAL
    turn.ended(one, moment._replace(flags=moment.flags | flags), wh, reason)


def _shown_at_end(message: v16.StopTransaction, said: Samples) -> int | None:
    """The register at the end, in Wh: meterStop, else what transactionData calls the end."""
    if message.meter_stop != _NO_METER_STOP:
        return message.meter_stop
    closing = [
        one.wh
        for one in said.samples
        if one.at_end and one.wh >= 0 and not one.flags & _NOT_AT_OUTLET
    ]
    return closing[-1] if closing else None


def _unknown_start(turn: Turn, message: v16.StopTransaction, said: Samples, at: int) -> Transaction:
    """A stop whose start was dropped: its transactionData may still tell the begin."""
    number = message.transaction_id
    begin = next((one for one in said.samples if one.at_begin and one.wh >= 0), None)
    if begin is None:
        return _unknown(turn, number, "", at)
    payer = payer_16(message.id_tag or "", turn.state.remote_starts, begin.at, turn.rules)
    one = Transaction(
        numbers=[number] if number > 0 else [],
        started_at=begin.at,
        start_offline=turn.offline(begin.at),
        start_flags=begin.flags | Flag.BEGIN_ASSUMED.value,
        flags=Flag.BEGIN_ASSUMED.value,
        remote_start_id=payer.remote_start_id,
        payment_kind=payer.payment_kind,
    )
    register.begin(one, begin.wh, begin.at)
    one = turn.opened(one)
    turn.note("start-unknown", f"{number}: its begin is told by its end")
    pairing.name(turn, one)
    return one


def _moment(turn: Turn, timestamp: str) -> Moment | None:
    """When it happened; None: refused."""
    try:
        at, assumed = instant(timestamp, turn.place.utc_offset_min)
        flags = turn.judged(at) | (Flag.ZONE_ASSUMED.value if assumed else 0)
    except NoInstant as error:
        turn.refuse("bad-instant", "timestamp", str(error))
        return None
    except Implausible as error:
        turn.refuse(error.rule, "timestamp", str(error))
        return None
    return Moment(at, _NO_SEQ, turn.offline(at), flags)


def _is_register(turn: Turn, wh: int, field: str) -> bool:
    if 0 <= wh <= MOST_WH:
        return True
    turn.refuse("bad-energy", field, f"{wh} Wh is no register of a meter")
    return False
