"""Samples of webhooks without an account: signed by a key made up here, and read as usual.

For `feed check` alone, where somebody wants to see what a body means and has no secret at hand.
Which acquirer it is from is told by the body; the reading says that no signature was checked.
"""

import hmac
from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import msgspec
from pydantic import SecretStr

from connectors.acquirers.acquirer import BadNotice
from connectors.acquirers.adyen import messages as adyen
from connectors.acquirers.adyen.webhooks import signed_text
from connectors.acquirers.reading import instant_of
from connectors.acquirers.settings import AccountSettings
from streams.agents.feed_samples import Unusable
from streams.engine.stage import Record

ACQUIRER = "acquirer"
"""The header that says which of the made-up accounts a message is for."""

_KEY = b"nobody's key: samples"
_BASE_URL = "https://sample.invalid"


def accounts_for(
    records: Sequence[Record],
) -> tuple[dict[str, AccountSettings], list[Record]]:
    """Accounts that the messages could be of, and the messages signed for them."""
    accounts: dict[str, AccountSettings] = {}
    signed = []
    for record in records:
        name, account, one = _signed(record)
        accounts[name] = account
        signed.append(one)
    return accounts, signed


def _signed(record: Record) -> tuple[str, AccountSettings, Record]:
    told = _decoded(record.value)
    if told.get("object") == "event":
        return _of_stripe(record, told)
    if isinstance(told.get("created_on"), str) and "type" in told:
        return _of_checkout(record, told)
    if "notificationItems" in told:
        return _of_adyen(record, told)
    raise Unusable(
        "neither Adyen's, Stripe's nor Checkout.com's webhooks; for others name your accounts:"
        " HOLDFAST_EXECUTOR__ACCOUNTS_FILE and HOLDFAST_EXECUTOR__WEBHOOK_SECRETS"
    )


def _of_stripe(record: Record, told: dict[str, Any]) -> tuple[str, AccountSettings, Record]:
    at = str(record.timestamp_at // 1000)
    mark = hmac.new(_KEY, f"{at}.".encode() + record.value, sha256).hexdigest()
    account = told.get("account") or "acct_sample"
    header = ("stripe-signature", f"t={at},v1={mark}".encode())
    made = _account("stripe", str(account), "TOTAL", _KEY.decode())
    return "stripe", made, _with(record, record.value, header, "stripe")


def _of_checkout(record: Record, told: dict[str, Any]) -> tuple[str, AccountSettings, Record]:
    mark = hmac.new(_KEY, record.value, sha256).hexdigest()
    try:
        at = instant_of(told["created_on"], "created_on")
    except BadNotice:
        at = record.timestamp_at
    header = ("cko-signature", mark.encode())
    made = _account("checkout", "pc_sample", "DELTA", _KEY.decode())
    dated = msgspec.structs.replace(record, timestamp_at=at)
    return "checkout", made, _with(dated, record.value, header, "checkout")


def _of_adyen(record: Record, told: dict[str, Any]) -> tuple[str, AccountSettings, Record]:
    """Signed item by item, within the body; one that cannot be signed stays as it is."""
    merchant = "sample"
    for wrapped in told["notificationItems"] if isinstance(told["notificationItems"], list) else ():
        try:
            item = msgspec.convert(wrapped, adyen.Wrapped).NotificationRequestItem
        except msgspec.ValidationError:
            continue
        merchant = item.merchantAccountCode
        mark = b64encode(hmac.new(_KEY, signed_text(item).encode(), sha256).digest()).decode()
        inner = wrapped["NotificationRequestItem"]
        inner["additionalData"] = {**item.additionalData, "hmacSignature": mark}
    made = _account("adyen", merchant, "TOTAL", _KEY.hex())
    name = f"adyen-{merchant}"
    return name, made, _with(record, msgspec.json.encode(told), None, name)


def _account(adapter: Any, account: str, convention: Any, secret: str) -> AccountSettings:
    wanted = "".join(one if one.isalnum() or one in "_-" else "_" for one in account)
    return AccountSettings(
        adapter=adapter,
        base_url=_BASE_URL,
        account=wanted[:64] or "sample",
        convention=convention,
        webhook_secrets=(SecretStr(secret),),
    )


def _with(record: Record, value: bytes, header: tuple[str, bytes] | None, name: str) -> Record:
    more = () if header is None else (header,)
    headers = (*record.headers, *more, (ACQUIRER, name.encode()))
    return msgspec.structs.replace(record, value=value, headers=headers)


def _decoded(body: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Unusable(f"no webhook: {error}") from error
