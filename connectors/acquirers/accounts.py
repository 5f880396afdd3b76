"""From settings to accounts: the one place that names the adapters there are."""

from contextlib import AsyncExitStack

from connectors.acquirers.acquirer import NoticeReader
from connectors.acquirers.exchange import Exchange
from connectors.acquirers.performer import Account
from connectors.acquirers.settings import AccountSettings, ExecutorSettings
from connectors.acquirers.simulator_adapter import SimulatorAdapter
from connectors.acquirers.simulator_webhooks import SimulatorNotices


def open_accounts(stack: AsyncExitStack, settings: ExecutorSettings) -> dict[str, Account]:
    """By acquirer id; the stack closes their connections."""
    opened = {}
    for acquirer_id, account in settings.accounts.items():
        match account.adapter:
            case "simulator":
                adapter = SimulatorAdapter(account, virtual=settings.virtual_time)
                authorisation = _bearer(account)
        exchange = Exchange(
            account.base_url, authorisation, settings.http, virtual=settings.virtual_time
        )
        stack.push_async_callback(exchange.close)
        opened[acquirer_id] = Account(adapter, exchange)
    return opened


def notice_readers(settings: ExecutorSettings) -> dict[str, NoticeReader]:
    """By acquirer id; an account without a secret has none, and its webhooks are refused."""
    readers: dict[str, NoticeReader] = {}
    for acquirer_id, account in settings.accounts.items():
        if not account.webhook_secrets:
            continue
        match account.adapter:
            case "simulator":
                readers[acquirer_id] = SimulatorNotices(acquirer_id, account)
    return readers


def _bearer(account: AccountSettings) -> dict[str, str]:
    if account.api_key is None:
        return {}
    return {"Authorization": f"Bearer {account.api_key.get_secret_value()}"}
