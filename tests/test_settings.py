"""The environment: every mistake at once, secrets never shown, every setting in the README."""

from pathlib import Path

import pytest

from streams.settings import SettingsWrong, names, read_settings
from streams.stack import environment

README = (Path(__file__).parents[1] / "README.md").read_text()


def test_the_readme_names_every_setting():
    missing = [name for name in names() if f"`{name}`" not in README]
    assert missing == []


def test_every_mistake_is_named_at_once(monkeypatch):
    monkeypatch.setenv("HOLDFAST_KAFKA__PARTITIONS", "many")
    monkeypatch.setenv("HOLDFAST_CLOCK__SOURCE", "sundial")
    monkeypatch.setenv("HOLDFAST_NOT_A_SETTING", "1")
    with pytest.raises(SettingsWrong) as wrong:
        read_settings()
    lines = str(wrong.value).splitlines()
    assert [line.split(":")[0] for line in lines] == [
        "HOLDFAST_CLOCK__SOURCE",
        "HOLDFAST_KAFKA__PARTITIONS",
        "HOLDFAST_NOT_A_SETTING",
    ]


def test_secrets_do_not_print(monkeypatch):
    monkeypatch.setenv("HOLDFAST_EXECUTOR__WEBHOOK_SECRET", "whsec_very_secret")
    monkeypatch.setenv("HOLDFAST_CLICKHOUSE__DSN", "clickhouse://user:hunter2@host/db")
    monkeypatch.setenv("HOLDFAST_EXECUTOR__API_KEYS", '{"a": "k_sesame"}')
    shown = repr(read_settings()) + str(read_settings())
    assert "very_secret" not in shown
    assert "hunter2" not in shown
    assert "sesame" not in shown


def test_a_near_miss_is_named_with_what_is_meant(monkeypatch):
    monkeypatch.setenv("HOLDFAST_KAFKA__BOOTSTRAPS", "x:1")
    with pytest.raises(SettingsWrong, match="; HOLDFAST_KAFKA__BOOTSTRAP is meant"):
        read_settings()


@pytest.mark.parametrize("value", ["a:1", "a:1,b.example:9092", "[::1]:9092", ""])
def test_bootstrap_servers_are_host_and_port(monkeypatch, value):
    monkeypatch.setenv("HOLDFAST_KAFKA__BOOTSTRAP", value)
    assert read_settings().kafka.bootstrap == value


@pytest.mark.parametrize("value", ["a", "a:", ":1", "a:1,", "a:1 b:2", "http://a:1"])
def test_what_is_no_bootstrap_server_is_refused(monkeypatch, value):
    monkeypatch.setenv("HOLDFAST_KAFKA__BOOTSTRAP", value)
    with pytest.raises(SettingsWrong, match="host:port"):
        read_settings()


def test_children_read_the_same_settings(monkeypatch):
    monkeypatch.setenv("HOLDFAST_EXECUTOR__API_KEYS", '{"a": "k"}')
    monkeypatch.setenv("HOLDFAST_EXECUTOR__INSTANCE_ID", "e-7")
    monkeypatch.setenv("HOLDFAST_CLICKHOUSE__QUERY_PORT", "8124")
    ours = read_settings()
    given = environment(ours)
    files = {"HOLDFAST_EXECUTOR__ACCOUNTS_FILE", "HOLDFAST_FISCAL__ACCOUNTS_FILE"}
    assert set(names()) - set(given) == files
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert read_settings() == ours
