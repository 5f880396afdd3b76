"""Accounts of every kind, with secrets that only the environment has."""

import json
from contextlib import AsyncExitStack

import pytest

from connectors.acquirers.accounts import notice_readers, open_accounts
from connectors.acquirers.settings import ExecutorSettings
from streams.cli.accounts import AccountsWrong, of_tenant, read_accounts, with_secrets
from streams.settings import Executor

KEY, OLD = "44" * 32, "0d" * 32
FILE = {
    "ady": {"adapter": "adyen", "base_url": "https://checkout-test.adyen.com", "account": "Main",
            "convention": "TOTAL"},
    "str": {"adapter": "stripe", "base_url": "https://api.stripe.com", "account": "acct_1",
            "convention": "TOTAL"},
    "cko": {"adapter": "checkout", "base_url": "https://x.api.checkout.com", "account": "pc_1",
            "convention": "DELTA"},
}  # fmt: skip


@pytest.fixture
def file(tmp_path):
    def write(accounts):
        path = tmp_path / "accounts.json"
        path.write_text(json.dumps(accounts))
        return path

    return write


async def test_an_operator_configures_each_kind(file):
    secrets = {name: [KEY, OLD] for name in FILE}
    keys = {name: f"sk_{name}" for name in FILE}
    environment = Executor(api_keys=json.dumps(keys), webhook_secrets=json.dumps(secrets))
    accounts = with_secrets(read_accounts(file(FILE)), environment)
    settings = ExecutorSettings(bootstrap="localhost:9092", accounts=accounts)
    async with AsyncExitStack() as stack:
        opened = open_accounts(stack, settings)
        assert {name: one.key_guards_ms > 0 for name, one in opened.items()} == dict.fromkeys(
            FILE, True
        )
        assert set(notice_readers(settings)) == set(FILE)
    shown = f"{settings!r} {environment!r}"
    assert not [one for one in (KEY, OLD, "sk_") if one in shown]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"convention": "DELTA"}, "adyen has TOTAL"),
        ({"adapter": "paper"}, "adapter"),
        ({"webhook_secrets": [KEY]}, "stands in no file"),
    ],
)
def test_a_wrong_account_is_named(file, changes, problem):
    with pytest.raises(AccountsWrong, match=problem):
        read_accounts(file({"ady": FILE["ady"] | changes}))


def test_a_secret_of_another_kind_is_refused_and_not_shown(file):
    environment = Executor(webhook_secrets='{"ady": ["whsec_not_hexadecimal"]}')
    with pytest.raises(AccountsWrong, match="hexadecimal") as caught:
        with_secrets(read_accounts(file(FILE)), environment)
    assert "whsec_not" not in str(caught.value)


def test_an_account_is_the_installations_tenants_unless_its_file_says_whose(file):
    accounts = read_accounts(file(FILE | {"str": FILE["str"] | {"tenant": "south"}}))
    told = {name: one.tenant for name, one in of_tenant(accounts, "north").items()}
    assert told == {"ady": "north", "str": "south", "cko": "north"}
