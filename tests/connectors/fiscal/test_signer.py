"""One receipt at a real service that hangs, fails, goes late and refuses: signed once, in order."""

import pytest
from receiptworld import receipt, sign

from connectors.acquirers.exchange import Exchange
from connectors.acquirers.settings import HttpSettings
from connectors.fiscal.signer import Line, NoAccount, Signer, Stopped, authorisation
from connectors.fiscal.simulator.books import verify

HTTP = HttpSettings(read_timeout_s=0.3, total_s=0.5)


class Chain:
    """A signer over one service; `attempts` counts its pauses, and the third one too many stops."""

    def __init__(self, service):
        self.exchange = Exchange(
            service.base_url, authorisation(service.account), HTTP, virtual=False
        )
        self.pauses = 0
        lines = {"ATU1": Line(service.account, self.exchange)}
        self.signer = Signer(lines, self._pause, virtual_time=True)

    async def _pause(self, attempt):
        self.pauses += 1
        if attempt > 3:
            raise Stopped

    async def signed(self, number, *, may_be_sent=False, **changed):
        return await self.signer.signed(
            sign(number, **changed), receipt(number, **changed), may_be_sent=may_be_sent
        )


@pytest.fixture
async def chain(fiscal):
    made = []

    def at(**config):
        service = fiscal(**config)
        one = Chain(service)
        one.service = service
        made.append(one)
        return one

    yield at
    for one in made:
        await one.exchange.close()


async def test_receipts_are_chained_in_the_order_of_their_moments(chain):
    one = chain()
    answers = [await one.signed(number) for number in (1, 2, 3)]
    assert [(a.outcome, a.receipt, a.ordinal) for a in answers] == [
        ("signed", "ft1#", 1), ("signed", "ft2#", 2), ("signed", "ft3#", 3),
    ]  # fmt: skip
    journal = one.service.journal()
    assert verify(journal)
    assert [one.amount for one in journal] == [120_000] * 3
    assert not verify(journal[:1] + journal[2:])


@pytest.mark.parametrize("fault", ["hang_before", "error_before"])
async def test_what_did_not_land_is_signed_late(chain, fault):
    one = chain(scripts=({"fault": fault},))
    answer = await one.signed(1)
    assert (answer.outcome, answer.late, one.pauses) == ("signed", True, 1)
    assert [line.late for line in one.service.journal()] == [True]


@pytest.mark.parametrize("fault", ["hang_after", "error_after"])
async def test_what_landed_is_found_and_not_signed_again(chain, fault):
    one = chain(scripts=({"fault": fault},))
    answer = await one.signed(1)
    assert (answer.outcome, answer.late, one.pauses) == ("signed", False, 1)
    assert len(one.service.journal()) == 1


async def test_after_a_time_out_of_service_the_late_mode_is_ended(chain):
    one = chain(scripts=({"fault": "scu_down", "times": 2},))
    first = await one.signed(1)
    assert (first.outcome, first.late, one.pauses) == ("signed", True, 2)
    second = await one.signed(2)
    assert (second.outcome, second.late) == ("signed", False)


async def test_a_refusal_is_told_and_nothing_is_tried_again(chain):
    one = chain(scripts=({"fault": "refuse"},))
    answer = await one.signed(1)
    assert (answer.outcome, answer.reason, one.pauses) == ("refused", "refused-422", 0)
    assert one.service.journal() == []


async def test_a_moment_before_the_last_is_refused_by_the_service(chain):
    one = chain()
    await one.signed(5)
    assert (await one.signed(3)).outcome == "refused"


async def test_what_may_have_been_sent_before_a_restart_is_asked_after_first(chain):
    one = chain()
    before = await one.signed(1)
    assert await one.signed(1, may_be_sent=True) == before
    assert len(one.service.journal()) == 1
    assert not (await one.signed(2, may_be_sent=True)).late


async def test_a_service_that_is_away_is_waited_for_until_we_are_stopped(chain):
    one = chain()
    one.service.stop()
    with pytest.raises(Stopped):
        await one.signed(1)
    one.service.start()
    assert (await one.signed(1, may_be_sent=True)).outcome == "signed"


async def test_a_refund_follows_its_sale(chain):
    one = chain()
    sale = await one.signed(1)
    refund = await one.signed(2, document="refund", of_receipt=sale.receipt)
    assert refund.outcome == "signed"
    lines = one.service.journal()
    assert [(line.amount, line.previous_reference) for line in lines] == [
        (120_000, ""), (-120_000, sale.receipt),
    ]  # fmt: skip


async def test_a_chain_without_an_account_is_named(chain):
    with pytest.raises(NoAccount, match="ESB1"):
        await chain().signed(1, chain="ESB1")


async def test_the_token_is_in_no_request_that_could_be_shown(chain, token, capsys):
    one = chain(scripts=({"fault": "error_before"},))
    await one.signed(1)
    shown = capsys.readouterr()
    assert token not in shown.out + shown.err + repr(one.service.account)
