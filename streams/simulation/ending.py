"""What must hold when everything has come to rest: each session against the banks and the truth."""

from collections import Counter

from schemas import topics
from schemas.ledger import SessionLedger
from streams.simulation.bank import Hold
from streams.simulation.checker import Watched
from streams.simulation.policies import DAY_MS, HOUR_MS
from streams.simulation.receipts import OURS, Settling, out_of_order
from streams.simulation.tariffs import price_minor
from streams.simulation.world import World

_TIME_ENOUGH_MS = 6 * HOUR_MS


def check_end(world: World) -> None:
    """Adds to `world.checker.found`."""
    ledgers = world.ledgers
    for session_id, watched in world.checker.sessions.items():
        _Ending(world, session_id, watched).check(ledgers.get(session_id))
    for words in world.bank.wrong:
        world.checker.wrong("bank", "", words)
    _check_conservation(world)
    _check_chain(world)


class _Ending:
    def __init__(self, world: World, session_id: str, watched: Watched) -> None:
        self.world = world
        self.session_id = session_id
        self.watched = watched
        self.holds = world.bank.holds_of(session_id)
        # Commands and answers may be slow, and lost to an outage: what was in time allows for that.
        from_at, to_at = world.plan.outage
        self.enough_ms = _TIME_ENOUGH_MS + 3 * world.plan.slowest_ms + to_at - from_at
        self.open = world.open.get(session_id, {})

    def wrong(self, invariant: str, words: str) -> None:
        self.world.checker.wrong(invariant, self.session_id, words)

    def check(self, ledger: SessionLedger | None) -> None:
        if ledger is None:
            self.wrong("ledger", "there is none")
            return
        captures = sum(one.captures for one in self.holds)
        if captures > 1:
            self.wrong("I1", f"{captures} captures took effect")
        for hold in self.holds:
            if hold.open:
                self.wrong("I4", f"{hold.reference} still holds {hold.open}")
            where = hold.captured + hold.released + hold.lapsed + hold.open
            if hold.approved != where:
                self.wrong("I11", f"{hold.reference}: {hold.approved} approved, {where} known of")
        self._check_books(ledger)
        self._check_price(ledger)
        self._check_unused()
        self._check_reused()
        self._check_refunds(ledger)
        self._check_receipts(ledger)
        if self._ought_to_be_captured():
            self._check_captured(ledger)

    def _is_told(self) -> bool:
        """Something is for a person: what it is about need not be right by itself."""
        return any(one.kind in _FOR_PEOPLE for one in self.open.values())

    def _was_told(self) -> bool:
        """A person was, for a while: a hold that lapses ends what was to be decided."""
        return any((self.session_id, kind) in self.world.ever for kind in _FOR_PEOPLE)

    def _check_books(self, ledger: SessionLedger) -> None:
        """I3, I11: our books are the banks' books."""
        if ledger.phase != "closed":
            if not self._is_told() and self.watched.plan.role in OURS:
                self.wrong("I2", f"{ledger.phase} for ever, and nobody is told: {list(self.open)}")
            return
        settled = ledger.captured_minor - ledger.refunded_minor
        settled += ledger.arrears_minor + ledger.forgiven_minor
        if ledger.priced_minor != settled:
            self.wrong("I11", f"priced {ledger.priced_minor}, settled {settled}")
        ours = (
            ledger.approved_minor,
            ledger.captured_minor,
            ledger.released_minor,
            ledger.lapsed_minor,
        )
        theirs = (
            sum(one.approved for one in self.holds),
            sum(one.captured for one in self.holds),
            sum(one.released for one in self.holds),
            sum(one.lapsed for one in self.holds),
        )
        if ours != theirs:
            self.wrong("I3", f"approved, captured, released, lapsed: {ours}, at the bank {theirs}")

    def _check_price(self, ledger: SessionLedger) -> None:
        """I7: whatever came in whatever order, what is proven costs what it costs."""
        truth = self.watched.truth
        captured = sum(one.captured - one.refunded for one in self.holds)
        most = price_minor(self.watched.plan.prices, truth.used(truth.chargings))
        if captured > most and not self._refused("refund"):
            self.wrong("I3", f"captured {captured} of {most}")
        whole = [one for one in truth.seen if one.whole]
        if len(whole) < len(truth.seen) or any(one.odd for one in whole):
            return
        price = price_minor(self.watched.plan.prices, truth.used(whole))
        if ledger.phase == "closed" and self.holds and ledger.priced_minor != price:
            self.wrong("I7", f"priced {ledger.priced_minor}, in truth {price}")

    def _check_unused(self) -> None:
        """I4: what was held for nothing went back in good time, and was not left to lapse."""
        told_at = self.watched.told_at
        if self.watched.truth.chargings or not told_at or self._was_told():
            return
        for hold in self.holds:
            in_time = told_at + self.enough_ms < hold.expires_at
            if hold.lapsed and in_time and not self._refused("release"):
                self.wrong("I4", f"{hold.lapsed} held for nothing were left to lapse")

    def _check_reused(self) -> None:
        """A reference that another driver comes with is set aside, and changes nothing."""
        found = [
            one.reason
            for one in self.world.turns.parked
            if one.topic == topics.REQUESTS and one.key == self.session_id.encode()
        ]
        if self.watched.plan.reused and "reference-reused" not in found:
            self.wrong("reference", f"reused, and not set aside: {found}")

    def _check_refunds(self, ledger: SessionLedger) -> None:
        """I4: what went back is what the bank gave back."""
        ours = getattr(ledger, "refunded_minor", 0)
        theirs = sum(one.refunded for one in self.holds)
        if ours != theirs and not self._is_told():
            self.wrong("I4", f"refunded {ours}, at the bank {theirs}")

    def _check_receipts(self, ledger: SessionLedger) -> None:
        """What the card paid is receipted, once; what it did not is not."""
        receipts = self.world.receipts
        if receipts.rules is None or self.watched.plan.role not in OURS:
            return
        captured = sum(one.captured - one.refunded for one in self.holds)
        told = self._is_told() or any(one.kind.startswith("receipt-") for one in self.open.values())
        settling = Settling(receipts, self.session_id)
        for words in settling.wrong(captured, ledger.receipt_status, told=told):
            self.wrong("receipt", words)

    # --- captured in time ---

    def _ought_to_be_captured(self) -> bool:
        """Proven in good time on a hold that lives, and neither refused nor waiting for people."""
        truth, plan = self.watched.truth, self.watched.plan
        if not self.holds or not truth.seen or self._was_told() or plan.role not in OURS:
            return False
        if self.watched.by_others:
            return False  # what the charger tells later is owed, or refunded
        if any(not one.whole or one.odd for one in truth.seen):
            return False
        ending_at = self.watched.ending_at
        if ending_at and any(one.arrived_at >= ending_at for one in truth.seen):
            return False  # a charging that shows up after the end is told, and owed
        whole_at = max(one.whole_at for one in truth.seen)
        return whole_at + self.enough_ms < self._ends_at(self.holds[-1], whole_at)

    def _ends_at(self, hold: Hold, whole_at: int) -> int:
        """Of Visa's contactless holds two days after the end of charging are the least window."""
        ended_at = min(whole_at, self.watched.truth.last_ended_at)
        visa = self.watched.plan.scheme == "visa"
        return min(hold.expires_at, ended_at + 2 * DAY_MS) if visa else hold.expires_at

    def _check_captured(self, ledger: SessionLedger) -> None:
        """I2, I4: exactly what is due and covered; the rest was given back, not left to lapse."""
        hold = self.holds[-1]
        truth = self.watched.truth
        price = price_minor(self.watched.plan.prices, truth.used(truth.seen))
        due = min(price, hold.most_open)
        refused = self._refused("capture")
        captured = hold.captured - hold.refunded + self.watched.given_minor()
        if captured != due and not refused:
            self.wrong("I2", f"captured {captured}, due {due} of {price}: {ledger.phase}")
        kept = hold.terms.remainder == "LAPSE_ONLY" and hold.captured
        if hold.lapsed and not kept and not refused and not self._refused("release"):
            self.wrong("I4", f"{hold.lapsed} were left to lapse")

    def _refused(self, kind: str) -> bool:
        bridge = self.world.bridge
        said = bridge.refused | bridge.taken_back
        return any(one.startswith(self.session_id) and f"/{kind}/" in one for one in said)


_FOR_PEOPLE = frozenset(
    "unresolved refused register implausible-end conflict unanswered refund-failed"
    " refund-refused".split()
)


def _check_chain(world: World) -> None:
    receipts = world.receipts
    for words in world.office.wrong:
        world.checker.wrong("receipt", "", words)
    for words in out_of_order(receipts.asked, list(receipts.settled.values())):
        world.checker.wrong("receipt", "", words)


def _check_conservation(world: World) -> None:
    """I10: every record was taken, and of each session's every input is in the journal once."""
    turns = world.turns
    ends = turns.ends()
    for place, taken in turns.taken.items():
        if taken != ends[place]:
            world.checker.wrong("I10", "", f"{place}: {taken} taken of {ends[place]}")
    seen = Counter(
        (one.topic, one.partition, one.offset)
        for entry in world.journal
        for one in entry.applied
        if one.offset >= 0
    )
    for record, times in seen.items():
        if times > 1:
            world.checker.wrong("I10", "", f"{record} applied {times} times")
    parked = {(one.topic, one.partition, one.offset) for one in turns.parked}
    for record in seen.keys() & parked:
        world.checker.wrong("I10", "", f"{record} applied and parked")
