"""From settings to accounts: the one place that names the adapters there are."""

from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack

from connectors.acquirers.acquirer import Acquirer, BadNotice, Notice, NoticeReader
from connectors.acquirers.adyen import adapter as adyen
from connectors.acquirers.adyen.adapter import AdyenAdapter
from connectors.acquirers.adyen.webhooks import AdyenNotices
from connectors.acquirers.checkout import adapter as checkout
from connectors.acquirers.checkout.adapter import CheckoutAdapter
from connectors.acquirers.checkout.webhooks import CheckoutNotices
from connectors.acquirers.exchange import Exchange, wall_at
from connectors.acquirers.performer import Account
from connectors.acquirers.settings import AccountSettings, ExecutorSettings
from connectors.acquirers.simulator_adapter import SimulatorAdapter
from connectors.acquirers.simulator_webhooks import SimulatorNotices
from connectors.acquirers.stripe import adapter as stripe
from connectors.acquirers.stripe.adapter import StripeAdapter
from connectors.acquirers.stripe.webhooks import StripeNotices
from schemas.facts import NoticeUnbound


def open_accounts(stack: AsyncExitStack, settings: ExecutorSettings) -> dict[str, Account]:
    """By acquirer id; the stack closes their connections."""
    opened = {}
    for acquirer_id, account in settings.accounts.items():
        adapter, key_guards_ms = _adapter(account, virtual=settings.virtual_time)
        authorisation = _key_header(account) if account.adapter == "adyen" else _bearer(account)
        exchange = Exchange(
            account.base_url, authorisation, settings.http, virtual=settings.virtual_time
        )
        stack.push_async_callback(exchange.close)
        opened[acquirer_id] = Account(adapter, exchange, key_guards_ms)
    return opened


def notice_readers(settings: ExecutorSettings) -> dict[str, NoticeReader]:
    """By acquirer id; an account without a secret has none, and its webhooks are refused."""
    return readers_at(settings.accounts, wall_at)


def readers_at(
    accounts: Mapping[str, AccountSettings], clock: Callable[[], int], *, verify: bool = True
) -> dict[str, NoticeReader]:
    """As `notice_readers`, for webhooks that were received earlier: `clock` says when, epoch ms.

    `verify` False: whoever wrote them down has checked them; then no account needs a secret.
    """
    readers: dict[str, NoticeReader] = {}
    for acquirer_id, account in accounts.items():
        if verify and not account.webhook_secrets:
            continue
        match account.adapter:
            case "simulator":
                readers[acquirer_id] = SimulatorNotices(acquirer_id, account, clock, verify=verify)
            case "adyen":  # there is no signed instant, and so no age
                readers[acquirer_id] = AdyenNotices(acquirer_id, account, verify=verify)
            case "stripe":
                readers[acquirer_id] = StripeNotices(acquirer_id, account, clock, verify=verify)
            case "checkout":
                readers[acquirer_id] = CheckoutNotices(acquirer_id, account, clock, verify=verify)
        if account.unnamed == "ignore":
            readers[acquirer_id] = _NamedOnly(readers[acquirer_id])
    return readers


class _NamedOnly:
    """An account shared with another business: what names no session of ours is not looked for.

    It would wait at link for a year and be told of as an orphan. Disputes name none, either.
    """

    def __init__(self, reader: NoticeReader) -> None:
        self._reader = reader

    def read(self, headers: dict[str, str], body: bytes) -> tuple[Notice, ...]:
        try:
            return self._named(self._reader.read(headers, body))
        except BadNotice as bad:
            raise BadNotice(bad.field, bad.problem, self._named(bad.facts)) from None

    def _named(self, notices: tuple[Notice, ...]) -> tuple[Notice, ...]:
        return tuple(one for one in notices if not isinstance(one, NoticeUnbound))


def _adapter(account: AccountSettings, *, virtual: bool) -> tuple[Acquirer, int]:
    """The adapter, and for how long its acquirer's own key check guards a second sending."""
    match account.adapter:
        case "simulator":
            return SimulatorAdapter(account, virtual=virtual), 0
        case "adyen":
            return AdyenAdapter(account), adyen.KEY_GUARDS_MS
        case "stripe":
            return StripeAdapter(account), stripe.KEY_GUARDS_MS
        case "checkout":
            return CheckoutAdapter(account), checkout.KEY_GUARDS_MS


def _key_header(account: AccountSettings) -> dict[str, str]:
    """Adyen's."""
    return {} if account.api_key is None else {"X-API-Key": account.api_key.get_secret_value()}


def _bearer(account: AccountSettings) -> dict[str, str]:
    if account.api_key is None:
        return {}
    return {"Authorization": f"Bearer {account.api_key.get_secret_value()}"}
