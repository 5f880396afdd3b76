"""The environment: every mistake at once, secrets never shown, every setting in the README."""

from pathlib import Path

import pytest

from streams.settings import PREFIX, Settings, SettingsWrong, read_settings

README = (Path(__file__).parents[1] / "README.md").read_text()


def _names(model, prefix):
    for name, field in model.model_fields.items():
        path = f"{prefix}{name.upper()}"
        inner = field.annotation
        if isinstance(inner, type) and hasattr(inner, "model_fields"):
            yield from _names(inner, f"{path}__")
        else:
            yield path


def test_the_readme_names_every_setting():
    missing = [name for name in _names(Settings, PREFIX) if f"`{name}`" not in README]
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
    shown = repr(read_settings()) + str(read_settings())
    assert "very_secret" not in shown
    assert "hunter2" not in shown
