"""Days that went wrong, through the real stages and then met again: they come out as they were."""

from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise

import pytest
from msgspec.structs import replace
from pipeline import Pipeline
from sessionworld import POLICY, SESSION, T0, hold_reported, request

from schemas import codec, ids, topics
from schemas.commands import StopCharging
from schemas.facts import (
    AcquirerAnswered,
    ChargingEnded,
    ChargingStarted,
    LinkedFact,
    MeterReading,
    NoticeUnbound,
)
from streams.whatif.bank import Bank
from streams.whatif.compare import compare
from streams.whatif.exposure import exposure_of
from streams.whatif.from_topics import Read, recording, take
from streams.whatif.model import run
from streams.whatif.rates import Assumption, assumed

SECOND, MINUTE, HOUR = 1_000, 60_000, 3_600_000
TICK_MS = 5 * SECOND  # the day's grain; the model has none
FLOWS_A_TICK, COSTS_A_TICK = 84, 5
RAISE = ids.raise_id(ids.hold_id(SESSION, 1), 1)
GRAIN = {
    "delivered_wh": FLOWS_A_TICK,
    "captured_minor": COSTS_A_TICK,
    "frozen_currency_hours": Decimal("0.2"),
}
KINDS = {"PlaceHold": "hold", "RaiseHold": "raise", "CaptureHold": "capture", "LowerHold": "lower"}
ON_CHARGER = {"tenant": "t", "network": "n", "charger_id": "c", "evse_uid": "e"}
RATES = assumed([Assumption(kind, "", 0, Decimal(1)) for kind in ("hold", "raise")], "certain")


@dataclass
class Day:
    """An hour at 60 kW, 0.5946 CHF a kWh. `dark`: minutes in which nothing is heard; `late`:
    commands whose answer is lost, and found out after so many seconds; None: never."""

    dark: tuple[int, int] = (0, 0)
    late: dict[str, int | None] = field(default_factory=dict)
    minutes: int = 60

    def __post_init__(self):
        self.pipeline = Pipeline(partitions=1)
        self.answers = []  # (at, answer), to come
        self.told = []  # answers that came
        self.facts = []  # (at, fact) of the charger, to come
        self.seen = 0
        self.stopped_at = None

    def lived(self):
        asked = request(
            power_max_w=60_000, cvm="cdcvm", tariff_id="dc", tariff_hash=self.pipeline.tariff_hash
        )
        self.request = asked
        self.pipeline.send(topics.REQUESTS, SESSION, asked)
        begin = T0 + 10 * SECOND
        self._charge(begin)
        for at in range(T0, begin + (self.minutes + 60) * MINUTE, TICK_MS):
            self._until(at)
        for at in range(T0 + 3 * HOUR, T0 + 170 * HOUR, HOUR):  # until what is open has lapsed
            self._until(at)
        return self

    def _charge(self, begin):
        self.begin = begin
        for ms in range(0, self.minutes * MINUTE, 30 * SECOND):
            at, seq = begin + ms, ms // (30 * SECOND)
            common = {**ON_CHARGER, "transaction_id": "x", "seq": seq, "energy_wh": ms // 60}
            if ms == 0:
                fact = ChargingStarted(
                    **common, remote_start_id=ids.remote_start_id(SESSION), payment_kind="card",
                    offline=False, started_at=at,
                )  # fmt: skip
            else:
                fact = MeterReading(**common, power_w=60_000, read_at=at)
            self.facts.append((self._heard(at), at, fact))
        self._end(begin + self.minutes * MINUTE)

    def _end(self, at):
        fact = ChargingEnded(
            **ON_CHARGER,
            transaction_id="x",
            seq=-((self.begin - at) // (30 * SECOND)),
            energy_wh=(at - self.begin) // 60,
            reason="Local",
            offline=False,
            ended_at=at,
        )
        self.facts = [one for one in self.facts if one[1] < at]
        self.facts.append((self._heard(at), at, fact))

    def _heard(self, at):
        since, until = (self.begin + minute * MINUTE for minute in self.dark)
        return until if since <= at < until else at

    def _until(self, now):
        due = [one for one in self.facts if one[0] <= now]
        self.facts = [one for one in self.facts if one[0] > now]
        for _, _, fact in due:
            reading = isinstance(fact, MeterReading)
            topic = topics.READINGS if reading else topics.TRANSACTIONS
            self.pipeline.send(topic, ids.charger_key("t", "n", "c"), fact)
        for one in [one for one in self.answers if one.answered_at <= now]:
            self.answers.remove(one)
            self.told.append(one)
            self.pipeline.send(topics.RESPONSES, SESSION, one)
        self.pipeline.tick(now)
        self._perform(now)

    def _perform(self, now):
        commands = self.pipeline.said[topics.COMMANDS]
        for command in commands[self.seen :]:
            self._bank(command)
        self.seen = len(commands)
        for command in self.pipeline.said[topics.CHARGER_COMMANDS]:
            if isinstance(command, StopCharging) and self.stopped_at is None:
                self.stopped_at = self._heard(now) + 5 * SECOND
                if self.stopped_at < self.begin + self.minutes * MINUTE:
                    self._end(self.stopped_at)

    def _bank(self, command):
        kind = KINDS.get(type(command).__name__)
        if kind is None:
            return  # inquiries find nothing out; what was lost comes when it comes
        late_s = 1
        if command.command_id in self.late:
            self._answer(command, kind, "unknown", 30)
            late_s = self.late[command.command_id]
        if late_s is not None:
            self._answer(command, kind, "done", late_s)

    def _answer(self, command, kind, outcome, after_s):
        answer = AcquirerAnswered(
                tenant="t",
                session_id=SESSION,
                command_id=command.command_id,
                kind=kind,
                hold_id=command.hold_id,
                acquirer_id=command.acquirer_id,
                outcome=outcome,
                amount_minor=command.amount_minor if outcome == "done" else 0,
                currency="CHF",
                reason="" if outcome == "done" else "timeout",
                psp_reference="psp",
                source="executor",
                answered_at=command.issued_at + after_s * SECOND,
                issued_at=command.issued_at,
        )  # fmt: skip
        self.answers.append(answer)

    # --- afterwards ---

    def recording(self):
        read = Read()
        tables = self.pipeline.references.items
        for topic in (topics.TARIFFS, topics.POLICIES):
            for value in tables(topic).values():
                take(read, codec.decode(value))
        for topic in (topics.EVENTS, topics.LEDGER):
            for fact in self.pipeline.said[topic]:
                take(read, fact)
        for fact in (self.request, *self.told):
            take(read, fact)
        return recording(read, 0, RATES)

    @property
    def held(self):
        """(instant, minor open), wherever it changed."""
        found = []
        for ledger in self.pipeline.said[topics.LEDGER]:
            if not found or found[-1][1] != ledger.open_minor:
                found.append((ledger.changed_at, ledger.open_minor))
        return found


DAYS = {
    "plain": {},
    "dark when more was wanted": {"dark": (25, 50)},
    "ended in the dark": {"dark": (45, 80)},
    "an answer lost and found": {"late": {RAISE: 95}},
    "an answer that never came": {"late": {RAISE: None}},
}


@pytest.fixture(params=DAYS)
def day(request):
    return Day(**DAYS[request.param]).lived()


def met(day):
    known = day.recording()
    (happened,) = known.sessions
    bank = Bank(known.rates, known.latencies_ms, known.decline_reason, known.health)
    (tap,) = run(happened, POLICY, bank).taps
    (way,) = tap.ways
    return happened, way


def test_a_day_comes_out_as_it_was(day):
    _, way = met(day)
    ledger = day.pipeline.said[topics.LEDGER][-1]
    for name in ("phase", "closed_reason", "raises", "stop_sent", "proof"):
        assert getattr(way.ledger, name) == getattr(ledger, name), name
    assert abs(way.ledger.energy_wh - ledger.energy_wh) <= FLOWS_A_TICK
    for name in ("captured", "arrears", "forgiven", "released", "lapsed"):
        minors = (getattr(one, f"{name}_minor") for one in (way.ledger, ledger))
        assert abs(next(minors) - next(minors)) <= COSTS_A_TICK, name
    assert [minor for _, minor in way.held] == [minor for _, minor in day.held]
    for (modelled_at, _), (was_at, _) in zip(way.held, day.held, strict=True):
        assert abs(modelled_at - was_at) <= (3 * TICK_MS if was_at < T0 + 3 * HOUR else HOUR)


def test_the_model_is_calibrated_on_it(day):
    found = compare(day.recording(), POLICY, lambda *_: None).currencies[0]
    assert found.old == found.new
    off = {
        one.figure: (one.model, one.recorded)
        for one in found.calibration
        if abs(one.model - one.recorded) > GRAIN.get(one.figure, 0)
    }
    assert off == {}


def test_what_was_dark_is_what_exposes():
    """Heard of at every half minute, the same car would have been covered throughout."""
    day = Day(dark=(25, 50)).lived()
    happened, way = met(day)
    ((since, until),) = happened.course.dark
    assert abs(since - 25 * MINUTE) <= MINUTE
    assert abs(until - 50 * MINUTE) <= TICK_MS
    assert exposure_of(way).most_minor > 5_00
    heard = replace(happened, course=replace(happened.course, dark=()))
    bank = Bank(RATES, (1_000,), "insufficient_funds", {})
    assert exposure_of(run(heard, POLICY, bank).taps[0].ways[0]).most_minor == 0


def test_a_lost_answer_is_lost_under_any_policy():
    happened, way = met(Day(late={RAISE: 95}).lived())
    assert [(one.after_ms, one.outcome) for one in happened.fates[RAISE]] == [
        (30_000, "unknown"),
        (95_000, "done"),
    ]
    rises = [at for (_, low), (at, high) in pairwise(way.held) if high > low > 0]
    bank = Bank(RATES, (1_000,), "insufficient_funds", {})
    prompt = run(replace(happened, fates={}), POLICY, bank).taps[0].ways[0]
    sooner = [at for (_, low), (at, high) in pairwise(prompt.held) if high > low > 0]
    assert rises[0] - sooner[0] == 94_000


def test_what_acquirers_say_by_link_is_no_part_of_the_course():
    plain, disputed = Day().lived(), Day().lived()
    session = disputed.request.session_id
    alias = ids.psp_alias(disputed.request.tenant, "psp")
    notice = NoticeUnbound(
        tenant=disputed.request.tenant,
        alias=alias,
        acquirer_id="sim-total",
        event="chargeback_opened",
        outcome="done",
        merchant_reference="",
        psp_reference="psp",
        amount_minor=100,
        currency="CHF",
        occurred_at=T0,
    )
    link = LinkedFact(
        tenant=notice.tenant,
        session_id=session,
        charging_id=alias,
        source_topic=topics.LOOKUPS,
        source_partition=0,
        source_offset=0,
        crossing=0,
        sequence_complete=False,
        fact=codec.encode(notice),
    )
    disputed.pipeline.said[topics.EVENTS].append(link)
    assert disputed.recording().sessions == plain.recording().sessions


def test_a_hold_that_others_placed_is_left_out_by_name():
    day = Day().lived()
    day.request = hold_reported(2_000, tariff_hash=day.request.tariff_hash)
    found = day.recording()
    assert found.sessions == []
    assert [one.reason for one in found.left_out] == ["its hold was placed by others"]
