"""Accounts at acquirers and fiscal services: their files, with secrets of the environment."""

from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
from pydantic import Field, SecretStr, TypeAdapter, ValidationError

from connectors.acquirers.settings import AccountSettings, AcquirerId
from connectors.fiscal.settings import FiscalAccount
from streams.settings import Executor, Fiscal

_SECRETS = {
    "api_key": "HOLDFAST_EXECUTOR__API_KEYS",
    "webhook_secrets": "HOLDFAST_EXECUTOR__WEBHOOK_SECRETS",
}
_TOKENS = {"access_token": "HOLDFAST_FISCAL__TOKENS"}
_ACCOUNTS = TypeAdapter(Annotated[dict[AcquirerId, AccountSettings], Field(min_length=1)])
_CHAINS = TypeAdapter(Annotated[dict[str, FiscalAccount], Field(min_length=1)])
_Account = TypeVar("_Account", AccountSettings, FiscalAccount)


class AccountsWrong(ValueError):
    """The file cannot be used; `problems` has a line for each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def read_accounts(file: Path) -> dict[str, AccountSettings]:
    """By acquirer id, without keys. Raises AccountsWrong; its words never show a value."""
    return _read(file, _ACCOUNTS, _SECRETS)


def read_chains(file: Path) -> dict[str, FiscalAccount]:
    """By fiscal chain, without tokens. Raises as `read_accounts`."""
    return _read(file, _CHAINS, _TOKENS)


def with_tokens(chains: dict[str, FiscalAccount], fiscal: Fiscal) -> dict[str, FiscalAccount]:
    """The chains with what the environment says. Raises AccountsWrong: a token of no chain."""
    text = fiscal.tokens.get_secret_value()
    tokens = msgspec.json.decode(text, type=dict[str, str]) if text else {}
    strange = sorted(tokens.keys() - chains.keys())
    if strange:
        raise AccountsWrong([f"there is no chain {name!r}" for name in strange])
    return {
        name: chain.model_copy(update={"access_token": SecretStr(tokens[name])})
        if name in tokens
        else chain
        for name, chain in chains.items()
    }


def _read(
    file: Path, form: TypeAdapter[dict[str, _Account]], secrets: dict[str, str]
) -> dict[str, _Account]:
    try:
        found: Any = msgspec.json.decode(file.read_bytes())
    except OSError as error:
        raise AccountsWrong([error.strerror or repr(error)]) from error
    except (msgspec.DecodeError, UnicodeError) as error:
        raise AccountsWrong(["not JSON"]) from error
    problems = [*_secrets_in(found, secrets)]
    try:
        accounts = form.validate_python(found)
    except ValidationError as error:
        for one in error.errors(include_url=False, include_input=False):
            path = ".".join(str(part) for part in one["loc"])
            problems.append(f"{path}: {one['msg']}" if path else one["msg"])
    if problems:
        raise AccountsWrong(problems)
    return accounts


def with_secrets(
    accounts: dict[str, AccountSettings], executor: Executor
) -> dict[str, AccountSettings]:
    """The accounts with what the environment says. Raises AccountsWrong: a key of no account."""
    text = executor.api_keys.get_secret_value()
    keys = msgspec.json.decode(text, type=dict[str, str]) if text else {}
    own_text = executor.webhook_secrets.get_secret_value()
    own = msgspec.json.decode(own_text, type=dict[str, list[str]]) if own_text else {}
    strange = sorted((keys.keys() | own.keys()) - accounts.keys())
    if strange:
        raise AccountsWrong([f"there is no account {name!r}" for name in strange])
    return {
        name: _with(account, keys.get(name), own.get(name, _common(account, executor)), name)
        for name, account in accounts.items()
    }


def of_tenant(accounts: dict[str, AccountSettings], tenant: str) -> dict[str, AccountSettings]:
    """The accounts, those that the file says nothing of as this installation's tenant's."""
    return {
        name: account if account.tenant else account.model_copy(update={"tenant": tenant})
        for name, account in accounts.items()
    }


def _common(account: AccountSettings, executor: Executor) -> list[str]:
    """The one secret of accounts that have none of their own: in the simulator's format."""
    text = executor.webhook_secret.get_secret_value()
    return [text] if text and account.adapter == "simulator" else []


def _with(
    account: AccountSettings, key: str | None, secrets: list[str], name: str
) -> AccountSettings:
    """Checked as the file was: a secret of another acquirer's kind is refused, and not shown."""
    fields = account.model_dump() | {
        "api_key": key,
        "webhook_secrets": tuple(secrets),
    }
    try:
        return AccountSettings.model_validate(fields)
    except ValidationError as error:
        told = error.errors(include_url=False, include_input=False, include_context=False)
        raise AccountsWrong([f"{name}: {one['msg']}" for one in told]) from None


def _secrets_in(found: Any, secrets: dict[str, str]) -> list[str]:
    if not isinstance(found, dict):
        return []
    return [
        f"{name}.{field}: stands in no file, but in {variable}"
        for name, account in found.items()
        if isinstance(account, dict)
        for field, variable in secrets.items()
        if field in account
    ]
