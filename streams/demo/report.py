"""The demo's result: our public view of every session against the acquirer's ledger. Pure.

Nothing here is taken from the core: what a session cost is priced anew from what the recorded
charger delivered, what happened to the money is what the acquirer's own books say.
"""

from collections.abc import Iterable, Mapping

import msgspec

from connectors.fiscal.simulator.books import Signed
from schemas.ledger import SessionLedger
from streams.demo.receipts import Receipts, compared
from streams.replay.chargers import Delivered
from streams.replay.fleet import Fleet, market_of
from streams.replay.pricing import cost_minor


class Books(msgspec.Struct, kw_only=True):
    """Sums over holds, minor units. Always: approved = captured + released + lapsed + open."""

    approved: int = 0
    captured: int = 0
    released: int = 0
    lapsed: int = 0
    open: int = 0

    def add(self, other: "Books") -> None:
        self.approved += other.approved
        self.captured += other.captured
        self.released += other.released
        self.lapsed += other.lapsed
        self.open += other.open

    @property
    def balanced(self) -> bool:
        return self.approved == self.captured + self.released + self.lapsed + self.open


class Sums(msgspec.Struct, kw_only=True):
    """Money of the sessions in one currency, minor units."""

    currency: str
    sessions: int = 0
    priced_minor: int = 0
    approved_minor: int = 0
    captured_minor: int = 0
    arrears_minor: int = 0
    forgiven_minor: int = 0
    released_minor: int = 0
    lapsed_minor: int = 0
    lapsed_with_delivery_minor: int = 0
    open_minor: int = 0


class Report(msgspec.Struct, kw_only=True):
    """What `holdfast demo --json` prints; amounts in minor units of `currency`.

    `sessions` are all; those in other currencies have their amounts in `abroad`.
    """

    sessions: int
    currency: str
    bad_days: int
    priced_minor: int
    approved_minor: int
    captured_minor: int
    arrears_minor: int
    forgiven_minor: int
    released_minor: int
    lapsed_minor: int
    lapsed_with_delivery_minor: int
    open_minor: int
    wrong_amount_sessions: int
    unfinished_sessions: int
    cut_short: int
    declined_at_tap: int
    declined_mid_charge: int
    raises: int
    duplicate_captures: int
    captures_above_hold: int
    conserved: bool
    worker_kills: int
    readings: int
    readings_per_second: int = 0
    virtual_hours: int = 0
    seconds: int = 0
    abroad: list[Sums] = []
    receipts: Receipts = msgspec.field(default_factory=Receipts)
    example_session: str = ""
    problems: list[str] = []

    @property
    def green(self) -> bool:
        return (
            self.conserved
            and self.wrong_amount_sessions == 0
            and self.unfinished_sessions == 0
            and self.duplicate_captures == 0
            and self.captures_above_hold == 0
            and self.open_minor == sum(one.open_minor for one in self.abroad) == 0
            and self.receipts.green
            and not self.problems
        )


class Oracle(msgspec.Struct, kw_only=True):
    """The acquirer's side: books by session, and what it counted over its whole ledger.

    `receipts`: the fiscal service's journal.
    """

    by_session: dict[str, Books]
    duplicate_captures: int
    captures_above_hold: int
    unbalanced_holds: int
    receipts: list[Signed] = []


def our_books(ledger: SessionLedger) -> Books:
    books = Books()
    for hold in ledger.holds:
        books.add(
            Books(
                approved=hold.approved_minor,
                captured=hold.captured_minor,
                released=hold.released_minor,
                lapsed=hold.lapsed_minor,
                open=hold.open_minor,
            )
        )
    return books


def expected_minor(fleet: Fleet, session_id: str) -> int:
    driver = fleet.drivers[session_id]
    delivered = driver.charger.delivered
    if delivered is None:
        return 0
    market = market_of(fleet.settings, driver.plan.evse)
    body = market.tariffs[driver.request.power_type][2]
    return cost_minor(body, delivered)


def _session_problems(
    session_id: str, ledger: SessionLedger | None, oracle: Oracle
) -> Iterable[str]:
    if ledger is None:
        yield f"{session_id}: never seen on session.ledger"
        return
    if ledger.phase != "closed":
        yield f"{session_id}: {ledger.phase}, not closed"
    kept = ledger.captured_minor - ledger.refunded_minor
    if ledger.priced_minor != kept + ledger.arrears_minor + ledger.forgiven_minor:
        yield f"{session_id}: priced is not captured - refunded + arrears + forgiven"
    ours, theirs = our_books(ledger), oracle.by_session.get(session_id, Books())
    if not ours.balanced:
        yield f"{session_id}: our holds do not add up: {ours}"
    if ours != theirs:
        yield f"{session_id}: we say {ours}, the acquirer {theirs}"


def _wrong(session_id: str, fleet: Fleet, ledger: SessionLedger | None) -> str:
    expected = expected_minor(fleet, session_id)
    priced = ledger.priced_minor if ledger is not None else 0
    return "" if expected == priced else f"{session_id}: priced {priced}, recorded {expected}"


def _cut_short(delivered: Delivered | None) -> bool:
    return delivered is not None and delivered.cut_short


def _lost(ledger: SessionLedger) -> int:
    """Lapsed although energy had been delivered that nobody paid for."""
    return ledger.lapsed_minor if ledger.arrears_minor > 0 else 0


def _sums(fleet: Fleet, ledgers: Mapping[str, SessionLedger], oracle: Oracle) -> list[Sums]:
    """Home first, whether or not there was a session."""
    sums = {fleet.settings.currency: Sums(currency=fleet.settings.currency)}
    for session_id, driver in fleet.drivers.items():
        currency = driver.request.currency
        one = sums.setdefault(currency, Sums(currency=currency))
        one.sessions += 1
        books, ledger = oracle.by_session.get(session_id, Books()), ledgers.get(session_id)
        for name in books.__struct_fields__:
            field = f"{name}_minor"
            setattr(one, field, getattr(one, field) + getattr(books, name))
        if ledger is not None:
            one.priced_minor += ledger.priced_minor
            one.arrears_minor += ledger.arrears_minor
            one.forgiven_minor += ledger.forgiven_minor
            one.lapsed_with_delivery_minor += _lost(ledger)
    return [*sums.values()]


def _receipts(fleet: Fleet, ledgers: Mapping[str, SessionLedger], oracle: Oracle) -> Receipts:
    if fleet.settings.abroad is None:
        return Receipts()
    country = fleet.settings.abroad.country
    captured = {
        session_id: oracle.by_session.get(session_id, Books()).captured
        for session_id, driver in fleet.drivers.items()
        if driver.request.merchant_country == country
    }
    return compared(country, captured, ledgers, oracle.receipts)


def report(
    fleet: Fleet, ledgers: Mapping[str, SessionLedger], oracle: Oracle, worker_kills: int
) -> Report:
    """Compare everything with everything; `problems` has a line for each difference found."""
    wrong = [line for one in fleet.drivers if (line := _wrong(one, fleet, ledgers.get(one)))]
    problems = [
        line for one in fleet.drivers for line in _session_problems(one, ledgers.get(one), oracle)
    ]
    ours = [ledgers[one] for one in fleet.drivers if one in ledgers]
    home, *abroad = _sums(fleet, ledgers, oracle)
    amounts = {name: getattr(home, name) for name in Sums.__struct_fields__ if "_minor" in name}
    return Report(
        sessions=len(fleet.drivers),
        currency=home.currency,
        bad_days=len(fleet.bad_day_sessions()),
        **amounts,
        abroad=abroad,
        receipts=_receipts(fleet, ledgers, oracle),
        wrong_amount_sessions=len(wrong),
        unfinished_sessions=sum(
            one not in ledgers or ledgers[one].phase != "closed" for one in fleet.drivers
        ),
        cut_short=sum(_cut_short(one.charger.delivered) for one in fleet.drivers.values()),
        declined_at_tap=sum(one.declined_at_tap for one in ours),
        declined_mid_charge=sum(one.declined_mid_charge for one in ours),
        raises=sum(one.raises for one in ours),
        duplicate_captures=oracle.duplicate_captures,
        captures_above_hold=oracle.captures_above_hold,
        conserved=not problems and oracle.unbalanced_holds == 0,
        worker_kills=worker_kills,
        readings=fleet.readings,
        example_session=next(iter(fleet.bad_day_sessions()), next(iter(fleet.drivers), "")),
        problems=[*wrong, *problems],
    )
