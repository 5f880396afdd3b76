"""Each regime from end to receipt: the real stages, the signer, a service over HTTP."""

import asyncio
import sys
from pathlib import Path

import pytest
from receiptworld import receipt

from connectors.acquirers.exchange import Exchange
from connectors.acquirers.settings import HttpSettings
from connectors.fiscal.signer import Line, Signer, authorisation
from connectors.fiscal.simulator.books import verify
from connectors.fiscal.simulator.config import Script
from schemas import codec, ids, topics
from schemas.commands import CaptureHold, RaiseHold
from schemas.facts import AcquirerAnswered

sys.path.insert(0, str(Path(__file__).parents[2] / "agents"))  # for the stages in memory
import pipeline as stages
from test_link_and_sessions import Day

MINUTE = 60_000
HTTP = HttpSettings(read_timeout_s=0.3, total_s=0.5)
SIGNED = ("SIGN_SYNC", "SIGN_CHAINED", "PROVIDER_CLEARANCE")
TWO_RATES = (
    '{"id":"dc","currency":"CHF","elements":[{"price_components":['
    '{"type":"ENERGY","price":0.55,"vat":8.1,"step_size":1},'
    '{"type":"TIME","price":6.0,"vat":2.6,"step_size":60}]}]}'
)


def policy(regime, order="capture_first", **more):
    told = {"regime": regime, "chain": "ATU1", "order": order} | more
    lines = [f'{name} = "{value}"' for name, value in told.items()]
    return "\n".join(["", "[fiscal.AT]", *lines, ""])


class Office:
    """Signs what the fiscal stage says, one by one, and tells it back; `waits` says nothing."""

    def __init__(self, day, service):
        self.day = day
        self.service = service
        self.done = 0
        self.answers = []

    def works(self):
        """Until nothing is outstanding."""
        pipeline = self.day.pipeline
        while len(pipeline.said[topics.FISCAL_COMMANDS]) > self.done:
            sign = pipeline.said[topics.FISCAL_COMMANDS][self.done]
            self.done += 1
            answer = asyncio.run(self._signed(sign))
            self.answers.append(answer)
            pipeline.send(topics.FISCAL_ANSWERS, ids.chain_key(sign.tenant, sign.chain), answer)
            pipeline.run()
            self.day.tick(self.day.now_at + MINUTE)

    async def _signed(self, sign):
        account = self.service.account
        exchange = Exchange(account.base_url, authorisation(account), HTTP, virtual=False)
        signer = Signer({sign.chain: Line(account, exchange)}, _no_pause, virtual_time=True)
        try:
            return await signer.signed(sign, codec.decode(sign.request), may_be_sent=False)
        finally:
            await exchange.close()


async def _no_pause(_attempt):
    pass


class NoRaises(Day):
    """What is delivered after the hold is used up was never held."""

    def _answer(self):
        for one in self.commands(RaiseHold):
            if one.command_id not in self.answered:
                self.answered.add(one.command_id)
                answer = AcquirerAnswered(
                    tenant="t", session_id=one.session_id, command_id=one.command_id, kind="raise",
                    hold_id=one.hold_id, acquirer_id=one.acquirer_id, outcome="declined",
                    reason="insufficient_funds", amount_minor=0, currency=one.currency,
                    source="executor", answered_at=self.now_at,
                )  # fmt: skip
                self.pipeline.send(topics.RESPONSES, one.session_id, answer)
                return True
        return super()._answer()


def lived(fiscal, told, kind=Day, minutes=30, **config):
    """A day, its office and what became of it."""
    day = kind(more_policy=told, merchant_country="AT", funding="debit")
    day.charge(minutes=minutes)
    office = Office(day, fiscal(**config))
    return day, office


@pytest.mark.parametrize("order", ["capture_first", "receipt_first"])
@pytest.mark.parametrize("regime", SIGNED)
def test_a_receipt_is_signed_once_before_or_after_the_capture(fiscal, regime, order):
    day, office = lived(fiscal, policy(regime, order))
    assert len(day.commands(CaptureHold)) == (1 if order == "capture_first" else 0)
    assert len(day.pipeline.said[topics.FISCAL_COMMANDS]) == 1
    office.works()
    (capture,) = day.commands(CaptureHold)
    (entry,) = office.service.journal()
    assert verify([entry])
    assert entry.amount == entry.paid == capture.amount_minor * 100
    ledger = day.ledger()
    assert (ledger.phase, ledger.receipt_status) == ("closed", "signed")
    (shown,) = [one for one in day.pipeline.said[topics.TERMINAL_COMMANDS] if one.signatures]
    assert [one.data for one in shown.signatures] == [
        one.data for one in office.answers[0].signatures
    ]


@pytest.mark.parametrize(("regime", "status"), [("NONE", ""), ("PERIODIC_REPORT", "recorded")])
def test_where_nobody_signs_nothing_is_asked_of_a_service(fiscal, regime, status):
    day, office = lived(fiscal, policy(regime))
    office.works()
    assert office.service.journal() == []
    assert len(day.commands(CaptureHold)) == 1
    assert (day.ledger().phase, day.ledger().receipt_status) == ("closed", status)


FAULTS = {
    "hang_before": True, "error_before": True, "scu_down": True,
    "hang_after": False, "error_after": False,
}  # fmt: skip


@pytest.mark.parametrize(("fault", "late"), FAULTS.items())
def test_what_was_not_signed_is_signed_late_and_what_was_is_found(fiscal, fault, late):
    script = Script(nth=1, fault=fault, times=1)
    day, office = lived(fiscal, policy("SIGN_CHAINED"), scripts=(script,))
    office.works()
    (entry,) = [one for one in office.service.journal() if one.amount]
    assert entry.late == late
    assert office.answers[0].late == late
    assert (day.ledger().phase, day.ledger().receipt_status) == ("closed", "signed")


@pytest.mark.parametrize("below_cost", ["reduction", "balance"])
def test_below_cost_is_split_by_rate_and_what_is_owed_stands_open(fiscal, monkeypatch, below_cost):
    monkeypatch.setattr(stages, "TARIFF", TWO_RATES)
    told = policy("SIGN_CHAINED", below_cost=below_cost)
    day, office = lived(fiscal, told, NoRaises, minutes=90)
    office.works()
    (capture,) = day.commands(CaptureHold)
    (sign,) = day.pipeline.said[topics.FISCAL_COMMANDS]
    asked = codec.decode(sign.request)
    assert capture.amount_minor < capture.priced_minor
    assert {one.rate for one in asked.parts} == {"8.1", "2.6"}
    supply = capture.priced_minor if below_cost == "balance" else capture.amount_minor
    assert sum(one.gross_minor for one in asked.parts) == asked.supply_minor == supply
    (entry,) = office.service.journal()
    assert (entry.amount, entry.paid) == (supply * 100, capture.amount_minor * 100)
    ledger = day.ledger()
    missing = capture.priced_minor - capture.amount_minor
    assert ledger.arrears_minor == (missing if below_cost == "balance" else 0)


def test_of_one_chain_one_is_outstanding_and_the_moments_rise_at_the_service(fiscal):
    """Receipts of others wait behind the first, and are signed in the order of being taken."""
    day, office = lived(fiscal, policy("SIGN_CHAINED"))
    pipeline = day.pipeline
    for number in (7, 8):
        other = receipt(number)
        pipeline.send(topics.FISCAL_REQUESTS, ids.chain_key(other.tenant, other.chain), other)
    pipeline.run()
    assert len(pipeline.said[topics.FISCAL_COMMANDS]) == 1
    office.works()
    journal = office.service.journal()
    assert [one.ordinal for one in office.answers] == [1, 2, 3]
    assert len(journal) == 3
    assert verify(journal)
    moments = [one.moment for one in journal]
    assert moments == sorted({*moments})
