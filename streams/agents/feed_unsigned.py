"""Samples of webhooks without an account: whose they are is told by their bodies.

For `feed check` alone, where somebody wants to see what a body means and has no secret at hand:
the mapping then says `verify = false`, and every message is told so.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from connectors.acquirers.settings import AccountSettings
from streams.engine.stage import Record

ACQUIRER = "acquirer"
"""The header that says which of the made-up accounts a message is for."""

NOBODY = "neither Adyen, Stripe nor Checkout.com"
"""What that header says of a body that is nobody's."""

_BASE_URL = "https://sample.invalid"


def accounts_for(
    records: Sequence[Record], tenant: str
) -> tuple[dict[str, AccountSettings], list[Record]]:
    """Accounts that the messages could be of, and the messages with whose they are."""
    accounts: dict[str, AccountSettings] = {}
    named = []
    for record in records:
        name, account = _account_of(record, tenant)
        if account is not None:
            accounts[name] = account
        header = (ACQUIRER, name.encode())
        named.append(msgspec.structs.replace(record, headers=(*record.headers, header)))
    return accounts, named


def _account_of(record: Record, tenant: str) -> tuple[str, AccountSettings | None]:
    """A body of nobody known has none, and is refused beside its neighbours."""
    told = _decoded(record.value)
    if told.get("object") == "event":
        return "stripe", _account("stripe", told.get("account") or "acct_sample", "TOTAL", tenant)
    if "type" in told and {"created_on", "timestamp"} & told.keys():
        return "checkout", _account("checkout", "pc_sample", "DELTA", tenant)
    if "notificationItems" in told:
        merchant = _merchant(told)
        return f"adyen-{merchant}", _account("adyen", merchant, "TOTAL", tenant)
    return NOBODY, None


def _merchant(told: dict[str, Any]) -> str:
    """The account of the first item; the reader refuses others by name."""
    try:
        found = told["notificationItems"][0]["NotificationRequestItem"]["merchantAccountCode"]
    except (LookupError, TypeError):
        found = None
    return found if isinstance(found, str) and found else "sample"


def _account(adapter: Any, account: object, convention: Any, tenant: str) -> AccountSettings:
    wanted = "".join(one if one.isalnum() or one in "_-" else "_" for one in str(account))
    return AccountSettings(
        adapter=adapter,
        base_url=_BASE_URL,
        account=wanted[:64] or "sample",
        convention=convention,
        tenant=tenant,
    )


def _decoded(body: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
