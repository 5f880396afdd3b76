"""Lives with a harder bank: it refuses at random, takes captures back, lapses; two chargings, and
people who give captured money back at any time.

Seeded and without shrinking: `lived(seed)` lives a failing one again.
"""

import random

import pytest
from sessionworld import (
    T0,
    ended,
    notified,
    path_of,
    reading,
    refund_decided,
    started,
    tariff,
    tick,
    updated,
)
from test_session_laws import LIFE, MINUTE, REMAINDERS, Bank, Life, full_power_ms

from schemas.commands import CaptureHold, PlaceHold
from streams.core.pricing import Quantities, parse

ENERGIES = [0, 1, 900, 9_000, 24_000, 47_000, 160_000]


class HardBank(Bank):
    """Refuses what it likes, takes back what it captured, and does nothing on a lapsed hold."""

    def __init__(self, remainder, available, chance):
        super().__init__(remainder, available)
        self.chance = chance
        self.expired = False
        self.refuses = 0.1
        self.taken_back = []

    def act(self, command):
        if command.command_id in self.verdicts:
            return self.verdicts[command.command_id]
        refused = not isinstance(command, PlaceHold) and self.chance.random() < self.refuses
        verdict = ("failed", 0) if self.expired or refused else self._act(command)
        self.verdicts[command.command_id] = verdict
        taken = isinstance(command, CaptureHold) and verdict[0] == "done"
        if taken and self.refuses and self.chance.random() < 0.15:
            self.taken_back.append((command.command_id, command.amount_minor))
        return verdict

    def take_back(self):
        command_id, amount = self.taken_back.pop()
        self.captures -= 1
        self.captured -= amount
        self.open += amount
        if self.expired:
            self.lapse()
        return command_id, amount

    def lapse(self):
        self.expired = True
        super().lapse()


class HardLife(Life):
    def __init__(self, chance, acquirer_id, available, trouble):
        super().__init__(chance, acquirer_id, available, trouble)
        self.bank = HardBank(REMAINDERS[acquirer_id], available, chance)
        self.decisions = 0

    def one_event(self):
        if self.bank.taken_back and self.chance.random() < 0.3:
            self.take_back()
        if self.chance.random() < 0.03:
            amount = self.chance.choice([0, 50, 500, 5_000])
            self.decisions += 1
            self.waiting.append(refund_decided(f"D-{self.decisions}", amount, self.now_at))
        if self.world.session.deadline and self.chance.random() < 0.02:
            self.now_at = max(self.now_at, self.world.session.deadline)
            if self.now_at >= T0 + LIFE:
                self.bank.lapse()
            self.apply(tick(self.now_at))
        super().one_event()

    def take_back(self):
        if self.bank.refunded:
            self.bank.taken_back.pop()  # what was refunded has cleared
            return
        command_id, amount = self.bank.take_back()
        notice = notified("capture_failed", amount, path_of(command_id), self.now_at)
        self.waiting.append(notice)

    def heal(self):
        while self.bank.taken_back:
            self.take_back()
        self.bank.refuses = 0
        super().heal()


def story(chance, tx, at):
    energy, begin, begun_at = chance.choice(ENERGIES), chance.choice([0, 5_000]), at
    facts = [started(begin, at, tx=tx)]
    points = sorted(chance.randrange(energy + 1) for _ in range(chance.randrange(7)))
    for number, point in enumerate(points, 1):
        at = max(at + chance.randrange(1, 10) * MINUTE, begun_at + full_power_ms(point))
        facts.append(reading(begin + point, at, seq=number, tx=tx))
    at = max(at + MINUTE, begun_at + full_power_ms(energy))
    facts.append(updated("suspended_ev", begin + energy, at, seq=len(points) + 1, tx=tx))
    at += chance.randrange(31) * MINUTE
    facts += [ended(begin + energy, at, complete=whole, tx=tx) for whole in (False, True)]
    return energy, facts


def lived(seed):
    chance = random.Random(seed)
    energy, facts = story(chance, "tx1", T0)
    if chance.random() < 0.3:
        more, later = story(chance, "tx2", T0 + chance.randrange(60) * MINUTE)
        energy, facts = energy + more, facts + later
    acquirer_id = chance.choice(sorted(REMAINDERS))
    available = chance.choice([0, 700, 3_000, 5_500, 10**6])
    life = HardLife(chance, acquirer_id, available, chance.choice([0, 0.1, 0.5]))
    life.run(facts)
    return life, energy


@pytest.mark.parametrize("hundred", range(6))
def test_a_hard_bank_is_never_charged_twice_and_its_books_are_ours(hundred):
    for seed in range(100 * hundred, 100 * (hundred + 1)):
        life, energy = lived(seed)
        ledger, bank = life.world.ledger, life.bank
        due = parse(tariff()).simple.minor(Quantities(energy, 0, 0)) if energy else 0
        assert bank.captures <= 1, seed
        assert ledger.captured_minor == bank.captured <= due, seed
        assert ledger.refunded_minor == bank.refunded <= bank.captured, seed
        if ledger.phase == "closed":
            ours = (ledger.released_minor, ledger.lapsed_minor, 0)
            assert ours == (bank.released, bank.lapsed, bank.open), seed
        else:
            told = life.world.session.published.differences.values()
            assert any(one.open for one in told), f"{seed}: open, and nobody is told"
