"""What the benchmark feeds the feeds: messages as operators have them, by key and value.

OCPP 1.6 MeterValues of four sampled values, OCPI 2.2.1 CDRs of ten periods, Adyen's webhooks.
All follows from the numbers in `FeedScene`, so that how many facts must come out is known.
"""

import hmac
import json
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, get_args

import msgspec
from pydantic import SecretStr

from connectors.acquirers.settings import AccountSettings
from schemas import ids, topics
from streams.agents.feed import FeedStage
from streams.agents.feed_mapping import feed_of
from streams.agents.feed_opening import opened
from streams.bench.scene import BEGAN_AT, TENANT
from streams.settings import Settings

FeedName = Literal["feed-ocpp", "feed-ocpi", "feed-acquirer"]
FEEDS: tuple[FeedName, ...] = get_args(FeedName)
PROMISED: dict[FeedName, int] = {"feed-ocpp": 15_000, "feed-ocpi": 4_000, "feed-acquirer": 15_000}
THEIRS = "theirs"
PERIODS = 10

_SECRET = sha256(b"benchmark").hexdigest()
_ACCOUNT = "BenchECOM"
_MAPPINGS: dict[FeedName, dict[str, Any]] = {
    "feed-ocpp": {"source": "ocpp", "where": {"charger": {"key": True}, "network": "nordlade"}},
    "feed-ocpi": {"source": "ocpi", "where": {"partner": "nordlade"}},
    "feed-acquirer": {"source": "acquirer", "where": {"acquirer": "adyen"}},
}


class FeedScene(msgspec.Struct, frozen=True, kw_only=True):
    """`chargers` send `rounds` MeterValues each; so many `cdrs`, and `notices` of acquirers."""

    chargers: int = 2_000
    rounds: int = 40
    cdrs: int = 16_000
    notices: int = 60_000

    def records(self, name: FeedName) -> int:
        """How many messages; each becomes one fact, but that a start needs its result as well."""
        match name:
            case "feed-ocpp":
                return self.chargers * (self.rounds + 2)
            case "feed-ocpi":
                return self.cdrs
            case "feed-acquirer":
                return self.notices

    def facts(self, name: FeedName) -> int:
        return self.records(name) - (self.chargers if name == "feed-ocpp" else 0)


def stage_of(name: FeedName, partitions: int) -> FeedStage:
    """The stage as `run feed` has it, with a mapping and an account of the benchmark's own."""
    mapping = {**_MAPPINGS[name], "name": name.removeprefix("feed-")}
    mapping["where"] = {**mapping["where"], "tenant": TENANT}
    return opened(feed_of(mapping, Path()), THEIRS, partitions, Settings(), _accounts())


def messages(name: FeedName, scene: FeedScene) -> Iterator[tuple[bytes, bytes]]:
    """By key, in the order in which they are sent."""
    match name:
        case "feed-ocpp":
            return _meter_values(scene)
        case "feed-ocpi":
            return _cdrs(scene)
        case "feed-acquirer":
            return _notices(scene)


def _iso(at: int) -> str:
    seconds, milliseconds = divmod(at - BEGAN_AT, 1000)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    return f"2024-03-01T{hour:02}:{minute:02}:{second:02}.{milliseconds:03}Z"


def _meter_values(scene: FeedScene) -> Iterator[tuple[bytes, bytes]]:
    for number in range(scene.chargers):
        key = b"NO-NLA-%06d" % number
        begin = {"connectorId": 1, "idTag": "TAG", "meterStart": 1000, "timestamp": _iso(BEGAN_AT)}
        yield key, _frame(2, "0", "StartTransaction", begin)
        result = {"transactionId": number + 1, "idTagInfo": {"status": "Accepted"}}
        yield key, _frame(3, "0", result)
    for turn in range(1, scene.rounds + 1):
        at = _iso(BEGAN_AT + 10_000 * turn)
        sampled = _sampled(1000 + 137 * turn)
        for number in range(scene.chargers):
            body = {
                "connectorId": 1,
                "transactionId": number + 1,
                "meterValue": [{"timestamp": at, "sampledValue": sampled}],
            }
            yield b"NO-NLA-%06d" % number, _frame(2, str(turn), "MeterValues", body)


def _sampled(energy_wh: int) -> list[dict[str, str]]:
    register = "Energy.Active.Import.Register"
    context = {"context": "Sample.Periodic", "location": "Outlet"}
    return [
        {"value": str(energy_wh), "measurand": register, "unit": "Wh", **context},
        {"value": "49320.0", "measurand": "Power.Active.Import", "unit": "W", **context},
        {"value": "71.2", "measurand": "Current.Import", "unit": "A", "phase": "L1", **context},
        {"value": "55", "measurand": "SoC", "unit": "Percent", "location": "EV"},
    ]


def _frame(*parts: object) -> bytes:
    return json.dumps(parts, separators=(",", ":")).encode()


def _cdrs(scene: FeedScene) -> Iterator[tuple[bytes, bytes]]:
    for number in range(scene.cdrs):
        yield b"CDR-%06d" % number, msgspec.json.encode(_cdr(number))


def _cdr(number: int) -> dict[str, Any]:
    end = _iso(BEGAN_AT + PERIODS * 300_000)
    price = {"excl_vat": 7.5, "incl_vat": 9.375}
    # Whole Wh, as meters tell them: CDRs do not share their numbers.
    told_wh = [1000 + (number * 137 + one * 997) % 5_000 for one in range(PERIODS)]
    periods = [
        {
            "start_date_time": _iso(BEGAN_AT + 300_000 * one),
            "dimensions": [
                {"type": "ENERGY", "volume": told_wh[one] / 1000},
                {"type": "TIME", "volume": 0.083},
            ],
            "tariff_id": "T1",
        }
        for one in range(PERIODS)
    ]
    evse = f"NO*NLA*E{number % 500:06d}"
    return {
        "country_code": "NO", "party_id": "NLA", "id": f"CDR-{number:06d}",
        "session_id": f"S-{number:06d}", "authorization_reference": f"R-{number:06d}",
        "start_date_time": _iso(BEGAN_AT), "end_date_time": end, "auth_method": "COMMAND",
        "cdr_token": {
            "country_code": "NO", "party_id": "PAY", "uid": f"T{number}", "type": "AD_HOC_USER",
            "contract_id": f"C{number}",
        },
        "cdr_location": {
            "id": "L1", "name": "Furuset", "address": "Veien 1", "city": "Oslo", "country": "NOR",
            "coordinates": {"latitude": "59.940000", "longitude": "10.890000"},
            "evse_uid": evse, "evse_id": evse, "connector_id": "1",
            "connector_standard": "IEC_62196_T2_COMBO", "connector_format": "CABLE",
            "connector_power_type": "DC",
        },
        "currency": "EUR", "charging_periods": periods, "total_cost": price,
        "total_energy": sum(told_wh) / 1000, "total_energy_cost": price, "total_time": 0.833,
        "last_updated": end,
    }  # fmt: skip


def _notices(scene: FeedScene) -> Iterator[tuple[bytes, bytes]]:
    for number in range(scene.notices):
        session = sha256(str(number).encode()).hexdigest()[:32]
        yield session.encode(), msgspec.json.encode(_adyen(session, number))


def _adyen(session: str, number: int) -> dict[str, Any]:
    command = ids.capture_id(session, 1)
    item: dict[str, Any] = {
        "amount": {"currency": "EUR", "value": 1834 + number % 1000},
        "eventCode": "CAPTURE", "eventDate": "2024-03-01T12:01:40+02:00",
        "merchantAccountCode": _ACCOUNT, "originalReference": f"PSP{number:013d}",
        "merchantReference": ids.idempotency_key(TENANT, command),
        "pspReference": f"MOD{number:013d}", "paymentMethod": "visa", "success": "true",
    }  # fmt: skip
    names = ("pspReference", "originalReference", "merchantAccountCode", "merchantReference")
    told = [*(item[name] for name in names), str(item["amount"]["value"]), "EUR", "CAPTURE", "true"]
    mark = hmac.new(bytes.fromhex(_SECRET), ":".join(told).encode(), sha256).digest()
    item["additionalData"] = {
        "hmacSignature": b64encode(mark).decode(), "metadata.tenant": TENANT,
        "metadata.session_id": session, "metadata.hold_id": ids.hold_id(session, 1),
        "metadata.command_id": command, "cardSummary": "1142", "expiryDate": "03/2030",
    }  # fmt: skip
    return {"live": "false", "notificationItems": [{"NotificationRequestItem": item}]}


def _accounts() -> dict[str, AccountSettings]:
    account = AccountSettings(
        adapter="adyen",
        base_url="https://bench.invalid",
        account=_ACCOUNT,
        convention="TOTAL",
        webhook_secrets=(SecretStr(_SECRET),),
    )
    return {"adyen": account}


def written_to() -> list[str]:
    """The topics that the feeds of a benchmark write to: facts, counts, what they park."""
    facts = [topics.READINGS, topics.TRANSACTIONS, topics.OCPI_CDRS, topics.RESPONSES]
    return [*facts, topics.DRIFT, topics.PARKED]
