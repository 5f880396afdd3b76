"""The HTTP shell: forms, accounts, time."""

import asyncio

import pytest

from connectors.acquirers.simulator import forms
from connectors.acquirers.simulator.config import Account

AT = 1_767_225_600_000
DAY = 86_400_000
TEST_CARD = "4" + "1" * 15  # valid Luhn digit, the schemes' own test number


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        (TEST_CARD, True),
        (TEST_CARD[:4] + " " + TEST_CARD[4:8] + "-" + TEST_CARD[8:], True),
        (TEST_CARD[:-1] + "2", False),
        ("x" + TEST_CARD, False),
        (TEST_CARD[:11], False),
        (TEST_CARD + "0000", False),
    ],
)
def test_what_looks_like_a_card_number(text, is_one):
    assert forms.looks_like_a_pan(text) is is_one


@pytest.mark.parametrize("where", ["card_token", "scheme", "metadata", "unknown_field"])
async def test_a_card_number_is_refused_wherever_it_stands(open_counter, where):
    counter = await open_counter()
    body = {
        "merchant_reference": "r1", "amount_minor": 100, "currency": "EUR",
        "card": {"card_token": "tok", "scheme": "visa"},
    }  # fmt: skip
    if where in body["card"]:
        body["card"][where] = TEST_CARD
    else:
        body[where] = {"note": TEST_CARD} if where == "metadata" else TEST_CARD
    refused = await counter.post("holds", body)
    assert (refused.status_code, refused.json()["code"]) == (400, "looks_like_a_pan")
    assert TEST_CARD not in refused.text
    assert (await counter.inquire("r1"))["outcome"] == "not_found"


@pytest.mark.parametrize(
    "broken",
    [{"merchant_reference": "x" * 37}, {"merchant_reference": "a/b"}, {"currency": "euro"},
     {"amount_minor": "5"}, {"amount_minor": 5.5}, {"cvv": "1"}, {"metadata": {"a": {"b": "c"}}}],
)  # fmt: skip
async def test_a_malformed_request_is_not_processed(open_counter, broken):
    counter = await open_counter()
    body = {
        "merchant_reference": "r1", "amount_minor": 100, "currency": "EUR",
        "card": {"card_token": "tok", "scheme": "visa"},
    }  # fmt: skip
    refused = await counter.post("holds", body | broken, key="k")
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid_request")
    assert (await counter.post("holds", body, key="k")).status_code == 201, "nothing was stored"


async def test_outcomes_have_their_status(open_counter):
    counter = await open_counter(cards={"tok": {"decline_raise": "51"}})
    placed = await counter.authorise(5000, metadata={"session_id": "s1"})
    hold = placed.json()["payment_reference"]
    assert placed.json()["metadata"] == {"session_id": "s1"}
    declined = await counter.on(hold, "raises", 6000)
    assert (declined.status_code, declined.json()["reason"]) == (402, "insufficient_funds")
    assert (await counter.on(hold, "captures", 6000)).status_code == 422
    assert (await counter.on("pay_x", "captures", 6000)).status_code == 404
    captured = await counter.on(hold, "captures", 4000, reference="c1")
    assert captured.status_code == 201
    told = await counter.inquire("c1")
    assert (told["outcome"], told["answer"]) == ("done", captured.json())
    shown = (await counter.client.get(f"/v1/main/holds/{hold}")).json()
    assert (shown["status"], shown["captured_minor"]) == ("captured", 4000)


async def test_accounts_are_apart(open_counter, monkeypatch):
    monkeypatch.setenv("KEY_OF_B", "sesame")
    accounts = {"a": Account(), "b": Account(api_key_env="KEY_OF_B")}
    counter = await open_counter(accounts=accounts)
    assert (await counter.authorise(account="a", reference="r1")).status_code == 201
    assert (await counter.authorise(account="c")).json()["code"] == "unknown_account"
    assert (await counter.authorise(account="b", reference="r1")).status_code == 401
    counter.client.headers["Authorization"] = "Bearer sesame"
    assert (await counter.authorise(account="b", reference="r1")).status_code == 201
    summary = (await counter.client.get("/ledger/summary", params={"account": "b"})).json()
    assert summary["sums"]["EUR"]["holds"] == 1


async def test_virtual_time_moves_on_by_requests_and_by_order(open_counter):
    counter = await open_counter()
    hold = (await counter.authorise(at=AT)).json()
    assert hold["occurred_at"] == AT
    assert hold["hold"]["expires_at"] == AT + 5 * DAY
    overtaken = (await counter.authorise(at=AT - 1000)).json()
    assert overtaken["occurred_at"] == AT - 1000, "a request is dated by its own instant"
    moved = await counter.client.post("/clock", json={"at": AT - 1})
    assert moved.json() == {"at": AT, "lapsed": 0}, "time does not go back"
    moved = await counter.client.post("/clock", json={"at": AT + 5 * DAY - 1})
    assert moved.json() == {"at": AT + 5 * DAY - 1, "lapsed": 1}
    moved = await counter.client.post("/clock", json={"at": AT + 5 * DAY, "account": "main"})
    assert moved.json() == {"at": AT + 5 * DAY, "lapsed": 1}
    ledger = (await counter.client.get("/ledger", params={"limit": "1"})).json()
    assert ledger["holds"][0]["status"] == "lapsed"
    rest = await counter.client.get("/ledger", params={"after": str(ledger["next_after"])})
    assert len(rest.json()["holds"]) == 1


async def test_holds_lapse_by_the_wall_clock_without_being_asked(open_counter):
    counter = await open_counter(hold_lifetime_ms=50)
    hold = (await counter.authorise()).json()["payment_reference"]
    told = ["authorise"]
    async with asyncio.timeout(20):
        while told == ["authorise"]:
            await asyncio.sleep(0.05)
            lines = await counter.client.get("/operations", params={"payment_reference": hold})
            told = [one["operation"] for one in lines.json()["operations"]]
    assert told == ["authorise", "lapse"]


async def test_the_ledger_can_be_asked_by_session(open_counter):
    counter = await open_counter()
    hold = (await counter.authorise(metadata={"session_id": "s1"})).json()["payment_reference"]
    await counter.authorise(metadata={"session_id": "s2"})
    await counter.on(hold, "captures", 100)
    lines = await counter.client.get("/operations", params={"session_id": "s1"})
    told = [one["operation"] for one in lines.json()["operations"]]
    assert told == ["authorise", "capture"], "a capture belongs to its hold's session"
