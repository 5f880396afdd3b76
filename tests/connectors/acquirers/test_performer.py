"""A key that is kept long enough is sent again; an acquirer that cannot be asked is not guessed."""

import json

import pytest

from connectors.acquirers.acquirer import HttpResponse
from connectors.acquirers.adyen.adapter import KEY_GUARDS_MS, AdyenAdapter
from connectors.acquirers.exchange import wall_at
from connectors.acquirers.intake import Taken
from connectors.acquirers.performer import Account, Performer
from connectors.acquirers.settings import AccountSettings

DAY_MS = 24 * 60 * 60 * 1000


class Line:
    """Stands where HTTP is: says what Adyen says to a capture, and keeps what it was sent."""

    def __init__(self) -> None:
        self.sent = []

    async def send(self, request, issued_at):
        self.sent.append(request)
        told = json.loads(request.body) | {
            "status": "received", "pspReference": "M1", "paymentPspReference": "P1",
        }  # fmt: skip
        return HttpResponse(status=201, headers={}, body=json.dumps(told).encode(), at=issued_at)


@pytest.fixture
def line():
    return Line()


@pytest.fixture
def performer(line):
    account = AccountSettings(
        adapter="adyen", base_url="https://a.test", account="Main", convention="TOTAL"
    )
    return Performer({"acme": Account(AdyenAdapter(account), line, KEY_GUARDS_MS)})


@pytest.mark.parametrize(
    ("age_ms", "times", "reason"),
    [(0, 1, "pending"), (6 * DAY_MS, 1, "pending"), (8 * DAY_MS, 0, "no_inquiry")],
)
async def test_what_may_be_sent_goes_again_only_while_its_key_is_kept(
    performer, line, issue, age_ms, times, reason
):
    capture = issue(issued_at=wall_at() - age_ms).capture("P1", 1834)
    answer = await performer.perform(Taken(capture, capture), may_be_sent=True)
    assert (answer.outcome, answer.reason) == ("unknown", reason)
    assert [one.headers["Idempotency-Key"] for one in line.sent] == [
        capture.idempotency_key
    ] * times


async def test_a_resend_counts_from_when_the_original_was_issued(performer, line, issue):
    old = issue(issued_at=wall_at() - 8 * DAY_MS).capture("P1", 1834)
    resend = issue(issued_at=wall_at()).resend(old, "capture")
    answer = await performer.perform(Taken(resend, old), may_be_sent=False)
    assert (answer.outcome, answer.reason, line.sent) == ("unknown", "no_inquiry", [])


async def test_an_inquiry_that_cannot_be_made_is_unknown_and_never_a_no(performer, issue):
    inquiry = issue().inquire(issue().hold, "hold")
    answer = await performer.perform(Taken(inquiry, None), may_be_sent=False)
    assert (answer.outcome, answer.reason) == ("unknown", "no_inquiry")
