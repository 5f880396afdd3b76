"""A charger and a CSMS of the `ocpp` package that talk over a real WebSocket, on the record."""

import asyncio
import json
from contextlib import asynccontextmanager, suppress
from itertools import count

from aiohttp import ClientSession, WSMsgType, web
from ocpp import v16, v21, v201
from ocpp.charge_point import camel_to_snake_case
from ocpp.messages import MessageType
from ocpp.routing import on

NOW = "2026-03-01T08:00:00Z"
SUBPROTOCOLS = {"1.6": "ocpp1.6", "2.0.1": "ocpp2.0.1", "2.1": "ocpp2.1"}
PACKAGES = {"1.6": v16, "2.0.1": v201, "2.1": v21}
ACCEPTED = {"status": "Accepted"}
BOOTED = ACCEPTED | {"current_time": NOW, "interval": 300}


class Socket:
    """What the package expects of a connection; `said` gets every frame with its direction."""

    def __init__(self, socket, said=None):
        self._socket, self._said = socket, said

    async def recv(self):
        message = await self._socket.receive()
        if message.type is not WSMsgType.TEXT:
            raise ConnectionResetError
        if self._said is not None:
            self._said.append(f"> {message.data}")
        return message.data

    async def send(self, text):
        if self._said is not None:
            self._said.append(f"< {_in_short(text)}")
        await self._socket.send_str(text)


def _in_short(text):
    """An error without its explanation, which is the package's and changes with it."""
    frame = json.loads(text)
    if frame[0] == MessageType.CallError:
        return json.dumps([*frame[:3], "", {}], separators=(",", ":"))
    return text


async def listen(point):
    with suppress(ConnectionResetError):
        await point.start()


def numbered(prefix):
    """Message ids that are the same in every run."""
    numbers = count(1)
    return lambda: f"{prefix}{next(numbers)}"


def handling(package, answers):
    """A charge point of this package that gives these answers, one an action."""

    def method(action, answer):
        async def handler(self, **_said):
            said = answer(self) if callable(answer) else answer
            return getattr(package.call_result, action)(**said)

        handler.__name__ = action  # the package finds its handlers by their names
        return on(action)(handler)

    bodies = {action: method(action, answer) for action, answer in answers.items()}
    return type("Point", (package.ChargePoint,), bodies)


def csms(version):
    """Accepts everything. A cost so far is told with every event of 2.x."""
    info = {"id_tag_info": ACCEPTED}
    transactions = count(4711)
    answers = {"BootNotification": BOOTED, "Heartbeat": {"current_time": NOW}}
    answers |= {"StatusNotification": {}, "MeterValues": {}}
    if version == "1.6":
        answers |= {
            "Authorize": info,
            "StartTransaction": lambda _: info | {"transaction_id": next(transactions)},
            "StopTransaction": info,
            "DataTransfer": ACCEPTED,
        }
    else:
        answers |= {
            "NotifyEvent": {},
            "SecurityEventNotification": {},
            "TransactionEvent": {"total_cost": 4.25, "id_token_info": ACCEPTED},
        }
    if version == "2.1":
        answers["NotifySettlement"] = {"receipt_id": "R-1"}
    return handling(PACKAGES[version], answers)


def charger(version):
    remote = {"RequestStartTransaction": ACCEPTED | {"transaction_id": "TX-REMOTE"}}
    if version == "1.6":
        return handling(v16, {"RemoteStartTransaction": ACCEPTED})
    return handling(PACKAGES[version], remote | {"CostUpdated": {}})


@asynccontextmanager
async def connected(version, said):
    """A charger and its CSMS, each reading what the other says; `said` is the record."""
    there = asyncio.get_running_loop().create_future()

    async def serve(request):
        socket = web.WebSocketResponse(protocols=(SUBPROTOCOLS[version],))
        await socket.prepare(request)
        point = csms(version)("charger", Socket(socket, said), response_timeout=60)
        point._unique_id_generator = numbered("csms-")
        there.set_result(point)
        await listen(point)
        return socket

    app = web.Application()
    app.router.add_get("/{charger}", serve)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]
    try:
        async with (
            ClientSession() as session,
            session.ws_connect(
                f"ws://127.0.0.1:{port}/charger", protocols=(SUBPROTOCOLS[version],)
            ) as socket,
        ):
            assert socket.protocol == SUBPROTOCOLS[version]
            here = charger(version)("charger", Socket(socket), response_timeout=60)
            here._unique_id_generator = numbered("charger-")
            reading = asyncio.create_task(listen(here))
            yield here, await there
            reading.cancel()
            with suppress(asyncio.CancelledError):
                await reading
    finally:
        await runner.cleanup()


async def conversation(version, story):
    """What was said: a line a frame, `>` from the charger and `<` to it, in the CSMS's order."""
    said = []
    async with connected(version, said) as (here, there):
        for who, action, payload in story:
            if who == "raw":
                await _said_raw(here, action, payload)
                continue
            request = getattr(PACKAGES[version].call, action)(**camel_to_snake_case(payload))
            await (here if who == "charger" else there).call(request, suppress=False)
    return said


async def _said_raw(point, action, payload):
    """What a firmware says that the package would not: as text, and whatever the answer is."""
    number = point._unique_id_generator()
    head = f"{MessageType.Call},{json.dumps(number)},{json.dumps(action)}"
    await point._connection.send(f"[{head},{payload}]")
    await point._get_specific_response(number, 10)
