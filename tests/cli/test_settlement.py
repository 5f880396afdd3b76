"""`holdfast settlement` and `up`: what is missing is named before anything starts."""

import pytest

from streams.cli.named import Use, settings_for
from streams.cli.performers import settlement_settings
from streams.settings import Settings, SettingsWrong
from streams.stack import children

URL = "https://money.example/holdfast"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture(autouse=True)
def own_state(monkeypatch, tmp_path):
    monkeypatch.setenv("HOLDFAST_STATE_DIR", str(tmp_path))


def problems(*uses):
    with pytest.raises(SettingsWrong) as wrong:
        settings_for(*uses)
    return [line.split(":")[0] for line in wrong.value.problems]


def test_the_endpoint_and_its_secret_are_both_wanted(monkeypatch):
    both = ["HOLDFAST_SETTLEMENT__URL", "HOLDFAST_SETTLEMENT__SECRET"]
    assert problems(Use.ENDPOINT) == both
    monkeypatch.setenv("HOLDFAST_SETTLEMENT__URL", URL)
    assert problems(Use.ENDPOINT) == both[1:]
    assert problems(Use.ACCOUNTS) == both[1:]  # as `up` looks at them
    monkeypatch.setenv("HOLDFAST_SETTLEMENT__SECRET", SECRET)
    assert settings_for(Use.ENDPOINT, Use.ACCOUNTS).settlement.url == URL


@pytest.mark.parametrize("url", ["money.example", "ftp://x/y", "https://x/?a=b", "https://x/"])
def test_an_address_that_commands_cannot_be_posted_to_is_refused(monkeypatch, url):
    monkeypatch.setenv("HOLDFAST_SETTLEMENT__URL", url)
    assert "HOLDFAST_SETTLEMENT__URL" in problems()


def test_the_consumer_runs_where_an_endpoint_is_named(monkeypatch):
    names = [one.name for one in children(Settings(), 1, executor=True)]
    assert "settlement" not in names
    monkeypatch.setenv("HOLDFAST_SETTLEMENT__URL", URL)
    monkeypatch.setenv("HOLDFAST_SETTLEMENT__SECRET", SECRET)
    assert "settlement" in [one.name for one in children(Settings(), 1, executor=True)]


def test_the_book_is_a_file_of_the_state_unless_named_and_does_not_print(monkeypatch, tmp_path):
    monkeypatch.setenv("HOLDFAST_KAFKA__BOOTSTRAP", "localhost:9092")
    own = settlement_settings(settings_for())
    assert own.book.get_secret_value() == str(tmp_path / "settlement.sqlite")
    monkeypatch.setenv("HOLDFAST_SETTLEMENT__BOOK", "postgresql://user:hunter2@db/money")
    named = settlement_settings(settings_for())
    assert named.book.get_secret_value().startswith("postgresql://")
    assert "hunter2" not in repr(named) + repr(settings_for())
