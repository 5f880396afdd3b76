"""A fiscal service over HTTP, as fiskaltrust's POS System API answers; it fails as told.

`POST /sign`, `POST /echo`, `GET /journal` (the oracle of tests). Binds 127.0.0.1 only.
"""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web

from connectors.fiscal import messages as words
from connectors.fiscal.messages import FtSignature, ReceiptRequest, ReceiptResponse
from connectors.fiscal.simulator.books import Books, Content, OutOfOrder, Signed, Taken
from connectors.fiscal.simulator.config import Config, Fault

_HOST = "127.0.0.1"
_HANG_S = 3600.0


class Server:
    """One fiscal service with all its queues. `start` returns the port."""

    def __init__(self, config: Config, database: Path) -> None:
        self._config = config
        self._books = Books(database)
        self._asked = 0
        self._late_mode: set[str] = set()
        self._stack = AsyncExitStack()

    async def start(self, port: int) -> int:
        self._stack.callback(self._books.close)
        application = web.Application()
        application.add_routes(
            [
                web.post("/sign", self._sign),
                web.post("/echo", _echo),
                web.get("/journal", self._journal),
            ]
        )
        runner = web.AppRunner(
            application, handler_cancellation=True, access_log=None, shutdown_timeout=0.2
        )
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, _HOST, port).start()
        return int(runner.addresses[0][1])

    async def stop(self) -> None:
        await self._stack.aclose()

    async def _sign(self, request: web.Request) -> web.Response:
        if self._config.latency_ms:
            await asyncio.sleep(self._config.latency_ms / 1000)
        if self._config.access_token != request.headers.get("x-cashbox-accesstoken", ""):
            return _problem(401, "x-cashbox-accesstoken")
        if not request.headers.get(words.OPERATION_ID):
            return _problem(400, words.OPERATION_ID)
        raw = await request.read()
        try:
            asked = msgspec.json.decode(raw, type=ReceiptRequest)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return _problem(400, str(error))
        if asked.ftReceiptCase & words.RECEIPT_REQUEST:
            return self._looked_up(asked)
        self._asked += 1
        return await self._signed_as_told(asked, raw, self._fault())

    def _fault(self) -> Fault | None:
        for script in self._config.scripts:
            beyond = script.times and self._asked >= script.nth + script.times
            if self._asked >= script.nth and not beyond:
                return script.fault
        return None

    async def _signed_as_told(
        self, asked: ReceiptRequest, raw: bytes, fault: Fault | None
    ) -> web.Response:
        if fault == "hang_before":
            await asyncio.sleep(_HANG_S)
        if fault == "error_before":
            return _problem(500, "as told")
        if fault == "refuse":
            return _problem(422, "as told")
        if fault == "scu_down":
            self._late_mode.add(asked.ftCashBoxID)
            return _answer(asked, [], words.OUT_OF_SERVICE, "")
        response = self._signed(asked, raw)
        if fault == "hang_after":
            await asyncio.sleep(_HANG_S)
        if fault == "error_after":
            return _problem(500, "as told")
        return response

    def _looked_up(self, asked: ReceiptRequest) -> web.Response:
        known = self._books.find(asked.ftCashBoxID, asked.cbReceiptReference)
        if known is None:
            return _problem(404, "not signed")
        return self._answered(asked, known)

    def _signed(self, asked: ReceiptRequest, raw: bytes) -> web.Response:
        if asked.ftReceiptCase & 0xFFFF == words.ZERO_RECEIPT:
            self._late_mode.discard(asked.ftCashBoxID)
            note = FtSignature(ftSignatureFormat=1, ftSignatureType=0, Data="zero receipt")
            return _answer(asked, [note], 0, "zero")
        paid = sum(one.Amount for one in asked.cbPayItems)
        amount = sum(one.Amount for one in asked.cbChargeItems)
        if paid != amount or not asked.cbChargeItems:
            return _problem(400, "cbChargeItems and cbPayItems do not add up")
        content = Content(
            reference=asked.cbReceiptReference,
            moment=asked.cbReceiptMoment,
            case=asked.ftReceiptCase,
            amount=amount,
            paid=sum(one.Amount for one in asked.cbPayItems if _by_card(one.ftPayItemCase)),
            previous_reference=asked.cbPreviousReceiptReference,
            late=bool(asked.ftReceiptCase & words.LATE_SIGNING),
        )
        try:
            signed = self._books.sign(asked.ftCashBoxID, content, raw)
        except Taken:
            return _problem(409, "cbReceiptReference is taken")
        except OutOfOrder as error:
            return _problem(422, f"cbReceiptMoment: {error}")
        return self._answered(asked, signed)

    def _answered(self, asked: ReceiptRequest, signed: Signed) -> web.Response:
        data = f"_R1-{signed.row}_{signed.moment}_{signed.amount}_{signed.signature[:32]}"
        code = FtSignature(ftSignatureFormat=3, ftSignatureType=1, Caption="QR", Data=data)
        state = words.LATE_MODE if asked.ftCashBoxID in self._late_mode else 0
        return _answer(asked, [code], state, f"ft{signed.row:X}#")

    async def _journal(self, request: web.Request) -> web.Response:  # noqa: ARG002 - aiohttp's form
        return web.Response(
            body=msgspec.json.encode(self._books.all()), content_type="application/json"
        )


def _by_card(case: int) -> bool:
    return case & 0xFFFF == words.PAID_BY_CARD


def _answer(
    asked: ReceiptRequest, signatures: list[FtSignature], state: int, name: str
) -> web.Response:
    country = asked.ftReceiptCase >> 48 << 48
    response = ReceiptResponse(
        cbReceiptReference=asked.cbReceiptReference,
        ftReceiptIdentification=name,
        ftReceiptMoment=asked.cbReceiptMoment,
        ftSignatures=signatures,
        ftState=country | words.VERSION | state,
    )
    return web.Response(body=msgspec.json.encode(response), content_type="application/json")


def _problem(status: int, detail: str) -> web.Response:
    told: dict[str, Any] = {"title": "cannot be signed", "detail": detail}
    return web.json_response(told, status=status)


async def _echo(request: web.Request) -> web.Response:
    return web.Response(body=await request.read(), content_type="application/json")
