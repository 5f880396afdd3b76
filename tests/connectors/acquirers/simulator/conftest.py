"""Two ways in: `open_desk` calls the acquirer directly, `open_counter` over real HTTP."""

import asyncio
import hashlib
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import msgspec
import pytest

from connectors.acquirers.simulator.acquirer import Acquirer, Call, Reply
from connectors.acquirers.simulator.config import Account, Config
from connectors.acquirers.simulator.messages import (
    Answer,
    AuthoriseRequest,
    CaptureRequest,
    Card,
    Inquiry,
    LowerRequest,
    RaiseRequest,
    RefundRequest,
    ReverseRequest,
)
from connectors.acquirers.simulator.reports import summarise
from connectors.acquirers.simulator.server import Server
from connectors.acquirers.simulator.store import Store

START = 1_767_225_600_000  # 2026-01-01, the tests' first virtual instant


class Desk:
    """An acquirer at hand, in virtual time; each call has a reference of its own unless told."""

    def __init__(self, account: Account, path: Path) -> None:
        self.store = Store(path)
        self.acquirer = Acquirer(Config(accounts={"main": account}), self.store, lambda: START)
        self.at = START
        self.calls = 0

    def send(self, request, payment_reference: str = "", key: str | None = None) -> Reply:
        body = msgspec.json.encode([payment_reference, request])
        call = Call(
            account="main",
            request=request,
            key=key or request.merchant_reference,
            body_hash=hashlib.sha256(body).digest(),
            payment_reference=payment_reference,
            virtual_at=self.at,
        )
        return self.acquirer.perform(call)

    def ask(self, request, payment_reference: str = "") -> Answer:
        reply = self.send(request, payment_reference)
        return msgspec.json.decode(reply.body, type=Answer)

    def reference(self) -> str:
        self.calls += 1
        return f"ref-{self.calls}"

    def authorise(self, amount=5000, currency="EUR", *, allow_partial=False, metadata=None, **card):
        facts = {"card_token": "tok", "scheme": "visa", "funding": "credit"} | card
        return self.ask(
            AuthoriseRequest(
                merchant_reference=self.reference(),
                amount_minor=amount,
                currency=currency,
                card=Card(**facts),
                allow_partial=allow_partial,
                metadata=metadata or {},
            )
        )

    def place(self, amount=5000, **card) -> str:
        answer = self.authorise(amount, **card)
        assert answer.outcome == "done", answer
        return answer.payment_reference

    def _on(self, form, hold, amount, currency="EUR", **more) -> Answer:
        request = form(
            merchant_reference=self.reference(), amount_minor=amount, currency=currency, **more
        )
        return self.ask(request, hold)

    def raise_(self, hold, amount, **more) -> Answer:
        return self._on(RaiseRequest, hold, amount, **more)

    def lower(self, hold, amount, **more) -> Answer:
        return self._on(LowerRequest, hold, amount, **more)

    def capture(self, hold, amount, **more) -> Answer:
        return self._on(CaptureRequest, hold, amount, **more)

    def refund(self, hold, amount, **more) -> Answer:
        return self._on(RefundRequest, hold, amount, **more)

    def reverse(self, hold) -> Answer:
        return self.ask(ReverseRequest(merchant_reference=self.reference()), hold)

    def wait(self, milliseconds: int) -> None:
        self.at += milliseconds
        self.acquirer.move_clock("main", self.at)

    def hold(self, payment_reference: str):
        return self.store.hold("main", payment_reference)

    def inquire(self, merchant_reference: str) -> Inquiry:
        reply = self.acquirer.inquire("main", merchant_reference, self.at)
        return msgspec.json.decode(reply.body, type=Inquiry)

    def summary(self):
        return summarise(self.store)

    def close(self) -> None:
        self.store.close()


@pytest.fixture
def open_desk(tmp_path):
    desks = []

    def open_one(**settings) -> Desk:
        desks.append(Desk(Account(**settings), tmp_path / f"desk-{len(desks)}.sqlite"))
        return desks[-1]

    yield open_one
    for desk in desks:
        desk.close()


class Counter:
    """An acquirer behind real HTTP on loopback; `at` None means real time."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client
        self.calls = 0

    def reference(self) -> str:
        self.calls += 1
        return f"ref-{self.calls}"

    async def post(self, path, body, *, key=None, at=None, account="main", timeout_s=30.0):
        headers = {"Idempotency-Key": key or body["merchant_reference"]}
        if at is not None:
            headers["Holdfast-Virtual-At"] = str(at)
        url = f"/v1/{account}/{path}"
        return await self.client.post(url, json=body, headers=headers, timeout=timeout_s)

    async def authorise(self, amount=5000, *, reference=None, **how) -> httpx.Response:
        metadata = how.pop("metadata", {})
        body = {
            "merchant_reference": reference or self.reference(),
            "amount_minor": amount,
            "currency": "EUR",
            "card": {"card_token": "tok", "scheme": "visa", "funding": "credit"},
            "metadata": metadata,
        }
        return await self.post("holds", body, **how)

    async def on(self, hold, what, amount, *, reference=None, **how) -> httpx.Response:
        body = {
            "merchant_reference": reference or self.reference(),
            "amount_minor": amount,
            "currency": "EUR",
        }
        return await self.post(f"holds/{hold}/{what}", body, **how)

    async def inquire(self, reference, at=None) -> dict:
        headers = {} if at is None else {"Holdfast-Virtual-At": str(at)}
        answer = await self.client.get(f"/v1/main/operations/{reference}", headers=headers)
        assert answer.status_code == 200
        return answer.json()


@pytest.fixture
async def open_counter(tmp_path):
    async with AsyncExitStack() as stack:

        async def open_one(**settings) -> Counter:
            accounts = settings.pop("accounts", None) or {"main": Account(**settings)}
            server = Server(Config(accounts=accounts), tmp_path / "ledger.sqlite")
            port = await server.start(0)
            stop = asyncio.Event()
            running = asyncio.create_task(server.run_until(stop))

            async def end() -> None:
                stop.set()
                try:
                    await running  # tells of errors beside the requests
                finally:
                    await server.stop()

            stack.push_async_callback(end)
            client = httpx.AsyncClient(
                base_url=f"http://127.0.0.1:{port}", timeout=30.0, trust_env=False
            )
            return Counter(await stack.enter_async_context(client))

        yield open_one
