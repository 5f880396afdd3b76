"""One world: drawn from a seed, lived to its end, checked at each step and at the end."""

import functools
from collections.abc import Mapping

from schemas import codec, ids, topics
from schemas.commands import (
    MoneyCommand,
    OfferAmount,
    ReceiptReady,
    StartCharging,
    StopCharging,
)
from schemas.facts import (
    AcquirerAnswered,
    AcquirerNotified,
    DiscrepancyChanged,
    Fact,
    PolicyPublished,
    SessionJournal,
    TariffPublished,
    Tick,
)
from schemas.fiscal import ReceiptSettled, RequestReceipt, SignReceipt
from schemas.ledger import SessionLedger
from streams.core import pricing
from streams.engine.stage import Output
from streams.simulation.bank import Bank
from streams.simulation.bridge import Bridge
from streams.simulation.chance import Chance
from streams.simulation.chargers import EVSE
from streams.simulation.checker import Checker, Watched
from streams.simulation.office import Office
from streams.simulation.partner import Partner
from streams.simulation.people import People
from streams.simulation.plans import T0, SessionPlan, WorldPlan, plan_of
from streams.simulation.policies import DAY_MS, Figures, Receipts, text_of
from streams.simulation.receipts import ReceiptChecker
from streams.simulation.sky import TENANT, Sky
from streams.simulation.tariffs import TARIFFS, body_of
from streams.simulation.terminal import Terminal, session_id_of
from streams.simulation.truth import SessionTruth
from streams.simulation.turns import Turns

HEALED_AT = T0 + 4 * DAY_MS
"""From then on acquirers answer and refuse nothing: what was unknown must become known."""

END_AT = T0 + 40 * DAY_MS
_STEPS_MAX = 200_000
_BEHIND_MS = 2_000


class Tables:
    """The compacted topics of one operator, as the stages read them."""

    def __init__(self, tables: Mapping[str, Mapping[bytes, bytes]]) -> None:
        self._tables = tables

    def get(self, topic: str, key: bytes) -> bytes | None:
        return self._tables[topic].get(key)

    def require(self, topic: str, key: bytes) -> bytes | None:
        return self.get(topic, key)

    def items(self, topic: str) -> Mapping[bytes, bytes]:
        return self._tables[topic]


@functools.cache
def tariff_hashes() -> dict[str, str]:
    """The hash of each tariff, by its name."""
    return {one.name: pricing.content_hash(pricing.canonical(body_of(one))) for one in TARIFFS}


@functools.cache
def tables_of(operator: Figures, receipts: Receipts | None) -> Tables:
    policy = PolicyPublished(
        tenant=TENANT,
        policy_id=operator.name,
        version="1",
        body=text_of(operator, receipts),
        published_at=0,
    )
    published = [
        TariffPublished(
            tenant=TENANT,
            tariff_id=one.name,
            tariff_hash=tariff_hashes()[one.name],
            currency=one.currency,
            body=pricing.canonical(body_of(one)),
            received_at=0,
        )
        for one in TARIFFS
    ]
    return Tables(
        {
            topics.TARIFFS: {
                ids.tariff_key(TENANT, one.tariff_id, one.tariff_hash).encode(): codec.encode(one)
                for one in published
            },
            topics.POLICIES: {
                ids.policy_key(TENANT, operator.name, "1").encode(): codec.encode(policy)
            },
            topics.HEALTH: {},
        }
    )


class World:
    """`open`: the discrepancies of each session that are open, by their ids; `ever`: kinds.

    `told`: facts that came to their topics; `commands` that were committed.
    """

    def __init__(self, plan: WorldPlan) -> None:
        self.plan = plan
        chance = functools.partial(Chance, plan.seed)
        tables = tables_of(plan.operator, plan.receipts)
        self.turns = Turns(plan.partitions, tables, chance("turns"), self._said)
        self.turns.batch, self.turns.crashes = plan.batch, plan.crashes
        self.sky = Sky(chance("sky"), self._put)
        self.sky.slowest_ms, self.sky.repeats = plan.slowest_ms, plan.repeats
        self.bank = Bank()
        self.bridge = Bridge(self.bank, self.sky, chance("bridge"))
        self.bridge.faults, self.bridge.refusals = plan.faults, plan.refusals
        self.bridge.outage, self.bridge.away = plan.outage, plan.away
        self.office = Office(self.sky, chance("office"))
        self.office.faults, self.office.refusals = plan.office_faults, plan.office_refusals
        self.office.outage = plan.office_outage
        self.checker = Checker(plan)
        self.receipts = ReceiptChecker(self.checker, plan.receipts)
        self._ledgers: dict[str, bytes] = {}  # most are never looked at
        self.open: dict[str, dict[str, DiscrepancyChanged]] = {}
        self.ever: set[tuple[str, str]] = set()
        self.journal: list[SessionJournal] = []
        self.story: list[tuple[int, str, Fact]] | None = None
        self._evses: dict[str, EVSE] = {}
        self._terminals: dict[str, Terminal] = {}
        self._ticked_at = 0
        self._waiting = 0
        self.told = 0
        self.commands = 0
        for one in plan.sessions:
            self._add(one, Chance(plan.seed, f"driver {one.number}"))

    def _add(self, plan: SessionPlan, chance: Chance) -> None:
        session_id = session_id_of(plan)
        truth = SessionTruth(session_id)
        terminal = Terminal(plan, tariff_hashes()[plan.prices.name], self.sky, chance)
        self._terminals[session_id] = terminal
        partner = Partner(plan, self.sky, Chance(self.plan.seed, f"partner {plan.number}"))
        self._evses[session_id] = EVSE(plan, truth, self.sky, chance, partner)
        people = People(plan, truth, self.sky, Chance(self.plan.seed, f"people {plan.number}"))
        self.bank.available[session_id] = plan.available
        self.checker.sessions[session_id] = Watched(plan, truth, people)
        self.sky.at(plan.at, terminal.ask)

    @property
    def events(self) -> int:
        """What the world stepped through; ticks and watermarks, which tell time only, are none."""
        return self.told + self.turns.events + self.commands

    @property
    def ledgers(self) -> dict[str, SessionLedger]:
        """What was last said of each session."""
        found = {key: codec.decode(value) for key, value in self._ledgers.items()}
        return {key: one for key, one in found.items() if isinstance(one, SessionLedger)}

    # --- living ---

    def live(self) -> None:
        """From the first request until nothing is under way and nobody waits."""
        self.sky.at(HEALED_AT, self._heal)
        for _ in range(_STEPS_MAX):
            if not self._once():
                return
        self.checker.wrong("rest", "", "it never comes to rest")

    def _once(self) -> bool:
        next_at = self.sky.next_at
        due_at = min(self.turns.deadlines.values(), default=None)
        if due_at is not None and (next_at is None or due_at <= next_at):
            if due_at > END_AT:
                return False
            self._tick(max(due_at, self.sky.now_at, self._ticked_at + 1))
            return True
        if next_at is None or next_at > END_AT:
            return False
        if next_at - self._ticked_at >= self.plan.tick_ms:
            self._tick(next_at)
            return True
        self.sky.step()
        self._waiting += 1
        following_at = self.sky.next_at
        soon = following_at is not None and following_at - self.sky.now_at < _BEHIND_MS
        if not soon or self._waiting >= self.plan.behind:
            self._run()
        return True

    def _run(self) -> None:
        self._waiting = 0
        self.turns.run()
        self.checker.rested_at = self.sky.now_at

    def _tick(self, at: int) -> None:
        self.sky.now_at = max(at, self.sky.now_at)
        self._ticked_at = self.sky.now_at
        for number in range(self.plan.partitions):
            tick = Tick(partition=number, at=self._ticked_at)
            self.turns.send(topics.TICKS, str(number), tick, number)
        self._run()

    def _heal(self) -> None:
        self.bridge.faults = self.bridge.refusals = 0
        self.office.faults = self.office.refusals = 0

    # --- what goes in ---

    def _put(self, topic: str, key: str, value: bytes, fact: Fact) -> None:
        if isinstance(fact, AcquirerAnswered):
            self.checker.on_answer(fact, self.sky.now_at)
            if fact.kind == "capture" and fact.outcome == "done":
                self.checker.sessions[fact.session_id].people.captured(fact.amount_minor)
        elif isinstance(fact, AcquirerNotified):
            self.checker.on_notice(fact)
        self.told += 1
        self._tell("->", fact)
        self.turns.send_bytes(topic, key.encode(), value)

    # --- what comes out ---

    def _said(self, output: Output) -> None:
        match output.topic:
            case topics.COMMANDS | topics.CHARGER_COMMANDS | topics.TERMINAL_COMMANDS:
                self._commanded(codec.decode(output.value))
            case topics.OCPI_COMMANDS:
                self._commanded(codec.decode(output.value))
            case topics.FISCAL_COMMANDS | topics.FISCAL_REQUESTS | topics.FISCAL_RESPONSES:
                self._receipted(codec.decode(output.value))
            case topics.LEDGER:
                self._ledgers[(output.key or b"").decode()] = output.value
            case topics.DISCREPANCIES:
                self._differs(codec.decode(output.value))
            case topics.JOURNAL:
                entry = codec.decode(output.value)
                assert isinstance(entry, SessionJournal)
                self.journal.append(entry)
            case _:
                pass  # the clock, visits: nobody in this world listens

    def _commanded(self, command: Fact) -> None:
        self.commands += 1
        self._tell("<-", command)
        match command:
            case MoneyCommand():
                self.checker.on_money(command, self.sky.now_at)
                self.bridge.take(command)
            case StartCharging() | StopCharging():
                evse = self._evses[command.session_id]
                self.sky.after(self.sky.lag_ms(), lambda: evse.command(command))
            case OfferAmount():
                self._terminals[command.session_id].offered(command)
            case ReceiptReady():
                self.receipts.shown.append(command.receipt_id)
            case _:
                pass  # a terminal shows the others, and nobody in this world acts on them

    def _receipted(self, told: Fact) -> None:
        self.commands += isinstance(told, RequestReceipt | SignReceipt)
        self._tell("<-", told)
        match told:
            case RequestReceipt():
                self.receipts.on_request(told)
            case ReceiptSettled():
                self.receipts.on_settled(told)
            case SignReceipt():
                self.office.take(told)
            case _:
                pass  # of the fiscal stage's own topics: nobody else reads them

    def _differs(self, told: Fact) -> None:
        if isinstance(told, DiscrepancyChanged):
            self._tell("!!", told)
            self.ever.add((told.session_id, told.kind))
            if told.status == "opened" and told.session_id in self.checker.sessions:
                self.checker.sessions[told.session_id].people.told(told)
            known = self.open.setdefault(told.session_id, {})
            if told.status == "closed":
                known.pop(told.discrepancy_id, None)
            else:
                known[told.discrepancy_id] = told

    def _tell(self, mark: str, fact: Fact) -> None:
        if self.story is not None:
            self.story.append((self.sky.now_at, mark, fact))


def world_of(seed: int) -> World:
    return World(plan_of(seed))
