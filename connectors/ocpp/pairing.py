"""Which transaction of OCPP 1.6 a message is about: by its call, its number, or its connector.

The number comes with the result of the start (StartTransaction.conf) alone. Results come late, come
before their call, come twice or never; numbers are -1 or 0 where a charger never heard its own, and
mean another transaction after a reboot (EVerest libocpp #495, #551, #906, #907; steve #1293).
"""

from connectors.ocpp.memory import (
    MOST_CALLS,
    MOST_NUMBERS,
    MOST_RESULTS,
    EarlyResult,
    Transaction,
)
from connectors.ocpp.turn import Turn
from schemas.flags import Flag

# A value read at begin or end may bear an instant slightly outside them.
_BESIDE_MS = 60_000


class Ambiguous(ValueError):
    """Several transactions can be meant; the message names them."""


def started_by(turn: Turn, call: str) -> int | None:
    """The place in memory of the transaction that this call started."""
    transactions = turn.state.transactions
    for place in reversed(range(len(transactions))):
        if call and call in transactions[place].calls:
            return place
    return None


def same_start(turn: Turn, wanted: Transaction) -> int | None:
    """The place of the same start told before: connector, instant, register and card are equal."""
    transactions = turn.state.transactions
    for place in reversed(range(len(transactions))):
        one = transactions[place]
        if (one.started_at, one.place, one.begin_wh, one.id_tag) == (
            wanted.started_at,
            wanted.place,
            wanted.begin_wh,
            wanted.id_tag,
        ):
            return place
    return None


def called(one: Transaction, call: str) -> None:
    if call:
        one.calls = [*one.calls, call][-MOST_CALLS:]


def numbered(turn: Turn, one: Transaction, number: int) -> None:
    """The transaction is known by this number from now on; its first one names it."""
    if number not in one.numbers:
        one.numbers = [*one.numbers, number][-MOST_NUMBERS:]
    name(turn, one)


def name(turn: Turn, one: Transaction) -> None:
    """Names the transaction if it has no name yet, and tells its start.

    Its number comes with the instant of its start, because numbers come again after a reboot
    (design.md, section 4); without a number of its own it goes by its connector.
    """
    if one.name:
        return
    own = next((number for number in one.numbers if number > 0), None)
    by = f"connector-{one.place}" if own is None else str(own)
    one.name = f"{by}@{one.started_at}"
    turn.started(one)


def early(turn: Turn, call: str) -> int | None:
    """The number from a result that was logged before this call; it is forgotten with that."""
    for one in turn.state.results:
        if call and one.call == call:
            turn.early_results([other for other in turn.state.results if other is not one])
            return one.number
    return None


def remember_result(turn: Turn, call: str, number: int) -> None:
    kept = [one for one in turn.state.results if one.call != call]
    turn.early_results([*kept, EarlyResult(call, number)][-MOST_RESULTS:])


def about(turn: Turn, number: int | None, connector: str, at: int) -> Transaction | None:
    """The transaction that a reading is about, to be changed; None: none that is known.

    A number of its own names it; else, and where nobody heard the number before, the transaction
    that runs on the connector. `connector` is '' where the message tells none.
    """
    transactions = turn.state.transactions
    known = number is not None and number > 0
    if known:
        for place in reversed(range(len(transactions))):
            one = transactions[place]
            begun = one.started_at <= at + _BESIDE_MS
            if number in one.numbers and begun and not _long_over(one, at):
                return turn.changing(place)
    for place in reversed(range(len(transactions))):
        one = transactions[place]
        unheard = not any(told > 0 for told in one.numbers)
        if one.place != connector or not one.started_at or one.started_at > at:
            continue
        if _long_over(one, at):
            return None
        if known and not unheard:
            return None
        return _assumed(turn, turn.changing(place), number)
    return None


def stopped(turn: Turn, number: int, id_tag: str, meter_stop: int, at: int) -> Transaction | None:
    """The transaction that a stop is about, to be changed; None: its start was never seen.

    Raises Ambiguous where it names none and several could be meant.
    """
    transactions = turn.state.transactions
    if number > 0:
        meant = [
            (one.started_at <= at, place)
            for place, one in enumerate(transactions)
            if number in one.numbers and not _long_over(one, at)
        ]
        if meant:  # of several the newest that began by then: numbers come again
            return turn.changing(max(meant)[1])
    # What was started last on a connector is what runs there.
    begun = sorted(
        (one.started_at, place)
        for place, one in enumerate(transactions)
        if 0 < one.started_at <= at
    )
    newest = {transactions[place].place: place for _, place in begun}
    fitting = [place for place in newest.values() if _may_end(transactions[place], number, at)]
    if len(fitting) > 1:  # another card of the same group may stop it, so the card only prefers
        fitting = [one for one in fitting if transactions[one].id_tag == id_tag] or fitting
    if len(fitting) > 1:
        fitting = [one for one in fitting if _fits(transactions[one], meter_stop)] or fitting
    if len(fitting) > 1:
        names = ", ".join(
            f"connector {transactions[place].place} from {transactions[place].started_at}"
            for place in fitting
        )
        raise Ambiguous(names)
    if not fitting:
        return None
    return _assumed(turn, turn.changing(fitting[0]), number)


def _assumed(turn: Turn, one: Transaction, number: int | None) -> Transaction:
    """The transaction is meant although no result has said so."""
    if number is not None and number not in one.numbers:
        one.flags |= Flag.ID_ASSUMED.value
        if not one.name and number > 0:
            numbered(turn, one, number)
            turn.note("start-without-result", f"transaction {number}")
        elif number > 0:
            one.numbers = [*one.numbers, number][-MOST_NUMBERS:]
    name(turn, one)
    return one


def _long_over(one: Transaction, at: int) -> bool:
    return 0 < one.ended_at < at - _BESIDE_MS


def _may_end(one: Transaction, number: int, at: int) -> bool:
    if not one.started_at or one.started_at > at or one.ended_at:
        return False
    return number <= 0 or not any(told > 0 for told in one.numbers)


def _fits(one: Transaction, meter_stop: int) -> bool:
    return max(one.begin_wh, one.last_wh) <= meter_stop
