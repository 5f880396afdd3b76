"""What settings name: files and directories, looked at before anything starts."""

import os
import tempfile
from collections.abc import Callable, Iterator
from enum import Enum, auto
from pathlib import Path
from typing import NamedTuple

from platformdirs import user_state_path

from streams.cli.accounts import (
    AccountsWrong,
    read_accounts,
    read_chains,
    with_secrets,
    with_tokens,
)
from streams.core.strategy import PolicyInvalid, parse_policy
from streams.settings import (
    DEFAULT_POLICY,
    Executor,
    Fiscal,
    Settings,
    SettingsWrong,
    read_settings,
)

_STATE = "HOLDFAST_STATE_DIR"
_POLICY = "HOLDFAST_POLICY_FILE"
_ACCOUNTS = "HOLDFAST_EXECUTOR__ACCOUNTS_FILE"
_CHAINS = "HOLDFAST_FISCAL__ACCOUNTS_FILE"
_BROKER = "HOLDFAST_KAFKA__BOOTSTRAP"
_ENDPOINT = "HOLDFAST_SETTLEMENT__URL"
_SIGNED = "HOLDFAST_SETTLEMENT__SECRET"


class Use(Enum):
    """What a command is about to use."""

    STATE = auto()  # to write into; that it is a directory is always checked
    POLICY = auto()
    ACCOUNTS = auto()  # where they are named
    OWN_ACCOUNTS = auto()  # they must be named
    CHAINS = auto()  # where they are named
    OWN_CHAINS = auto()  # they must be named
    BROKER = auto()  # it must be named
    ENDPOINT = auto()  # it must be named, with its secret


_OF_ACCOUNTS = {Use.ACCOUNTS, Use.OWN_ACCOUNTS}
_OF_CHAINS = {Use.CHAINS, Use.OWN_CHAINS}


class _Named(NamedTuple):
    state_dir: Path
    policy_file: Path
    accounts_file: Path | None
    chains_file: Path | None
    bootstrap: str
    endpoint: str
    is_signed: bool


def settings_for(*used: Use) -> Settings:
    """The settings, all that they name being usable. Raises SettingsWrong with every mistake."""
    uses = frozenset(used)
    try:
        settings = read_settings()
    except SettingsWrong as wrong:
        named = _named()
        raise SettingsWrong([*wrong.problems, *_problems(named, uses)]) from wrong
    executor = settings.executor
    named = _Named(
        settings.state_dir,
        settings.policy_file,
        executor.accounts_file,
        settings.fiscal.accounts_file,
        settings.kafka.bootstrap,
        settings.settlement.url,
        bool(settings.settlement.secret.get_secret_value()),
    )
    problems = [*_problems(named, uses)]
    if not problems and uses & _OF_ACCOUNTS:
        problems = _keys(executor)
    if not problems and uses & _OF_CHAINS:
        problems = _tokens(settings.fiscal)
    if problems:
        raise SettingsWrong(problems)
    return settings


def _named() -> _Named:
    """The same out of the bare environment, for when other settings are wrong.

    What is empty is already named as such.
    """
    accounts, chains = os.environ.get(_ACCOUNTS), os.environ.get(_CHAINS)
    return _Named(
        Path(os.environ.get(_STATE) or user_state_path("holdfast")),
        Path(os.environ.get(_POLICY) or DEFAULT_POLICY),
        Path(accounts) if accounts else None,
        Path(chains) if chains else None,
        os.environ.get(_BROKER, ""),
        os.environ.get(_ENDPOINT, ""),
        bool(os.environ.get(_SIGNED)),
    )


def _problems(named: _Named, uses: frozenset[Use]) -> Iterator[str]:
    if named.state_dir.exists() and not named.state_dir.is_dir():
        yield f"{_STATE}: {named.state_dir} is not a directory"
    elif Use.STATE in uses:
        yield from _unwritable(named.state_dir)
    if Use.POLICY in uses:
        yield from (f"{_POLICY}: {named.policy_file}: {one}" for one in _policy(named.policy_file))
    if Use.BROKER in uses and not named.bootstrap:
        yield f"{_BROKER}: it needs a broker (or use `holdfast up`)"
    yield from _endpoint(named, uses)
    yield from _files(named, uses)


def _files(named: _Named, uses: frozenset[Use]) -> Iterator[str]:
    file = named.accounts_file
    if file is None and Use.OWN_ACCOUNTS in uses:
        yield f"{_ACCOUNTS}: it needs its accounts (or use `holdfast up`)"
    if file is not None and uses & _OF_ACCOUNTS:
        yield from (f"{_ACCOUNTS}: {file}: {one}" for one in _wrong(read_accounts, file))
    chains = named.chains_file
    if chains is None and Use.OWN_CHAINS in uses:
        yield f"{_CHAINS}: it needs the fiscal chains that it signs for"
    if chains is not None and uses & _OF_CHAINS:
        yield from (f"{_CHAINS}: {chains}: {one}" for one in _wrong(read_chains, chains))


def _endpoint(named: _Named, uses: frozenset[Use]) -> Iterator[str]:
    wanted = Use.ENDPOINT in uses
    if wanted and not named.endpoint:
        yield f"{_ENDPOINT}: it needs the endpoint that commands are posted to"
    if (wanted or (named.endpoint and uses & _OF_ACCOUNTS)) and not named.is_signed:
        yield f"{_SIGNED}: it needs the secret that commands are signed with"


def _keys(executor: Executor) -> list[str]:
    """Of accounts that can be read: every key is one of theirs."""
    accounts = {} if executor.accounts_file is None else read_accounts(executor.accounts_file)
    try:
        with_secrets(accounts, executor)
    except AccountsWrong as wrong:
        return [f"HOLDFAST_EXECUTOR__API_KEYS: {one}" for one in wrong.problems]
    return []


def _tokens(fiscal: Fiscal) -> list[str]:
    """Of chains that can be read: every token is one of theirs."""
    chains = {} if fiscal.accounts_file is None else read_chains(fiscal.accounts_file)
    try:
        with_tokens(chains, fiscal)
    except AccountsWrong as wrong:
        return [f"HOLDFAST_FISCAL__TOKENS: {one}" for one in wrong.problems]
    return []


def _unwritable(directory: Path) -> Iterator[str]:
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory):
            pass
    except OSError as error:
        yield f"{_STATE}: {directory} cannot be written: {error.strerror}"


def _policy(file: Path) -> list[str]:
    try:
        parse_policy(file.read_text(encoding="utf-8"))
    except OSError as error:
        return [error.strerror or repr(error)]
    except UnicodeDecodeError:
        return ["not text in UTF-8"]
    except PolicyInvalid as invalid:
        return [*invalid.problems]
    return []


def _wrong(read: Callable[[Path], object], file: Path) -> list[str]:
    try:
        read(file)
    except AccountsWrong as wrong:
        return wrong.problems
    return []
