"""How every command ends: the code, the words, and one JSON object last."""

import json
import os
import subprocess
import sys

import pytest
import typer.main
from typer.testing import CliRunner

from streams.cli import answers
from streams.cli.main import app

POLICY = "HOLDFAST_POLICY_FILE"
ACCOUNTS = "HOLDFAST_EXECUTOR__ACCOUNTS_FILE"
STATE = "HOLDFAST_STATE_DIR"
BROKER = {"HOLDFAST_KAFKA__BOOTSTRAP": "127.0.0.1:1"}


@pytest.fixture
def holdfast(tmp_path, monkeypatch):
    """A command with these settings and no others."""
    for name in [one for one in os.environ if one.startswith("HOLDFAST_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv(STATE, str(tmp_path / "state"))

    def run(*arguments, **settings):
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        return CliRunner().invoke(app, list(arguments))

    return run


def _commands(group=None):
    group = group or typer.main.get_command(app)
    for command in group.commands.values():
        if hasattr(command, "commands"):
            yield from _commands(command)
        elif not command.hidden:
            yield command


def test_every_command_takes_json():
    without = [c.name for c in _commands() if not any("--json" in p.opts for p in c.params)]
    assert without == []


def test_the_readme_has_the_keys():
    assert answers.table() in answers.README.read_text(), (
        "run `python -c 'from streams.cli import answers; answers.write()'`"
    )


def test_topics_names_differences_only_where_it_looked(holdfast):
    body = json.loads(holdfast("topics", "--json").stdout.splitlines()[-1])
    assert list(body) == ["topics"]
    assert "session.ledger.v1" in body["topics"]


@pytest.mark.parametrize("command", ["up", "demo", "bench"])
def test_a_wrong_policy_file_ends_before_anything_starts(holdfast, tmp_path, command):
    (tmp_path / "policy.toml").write_text("id = 3\nlook_ahead = 1\n")
    done = holdfast(command, "--json", **{POLICY: str(tmp_path / "policy.toml")})
    assert done.exit_code == 2
    said = json.loads(done.stdout.splitlines()[-1])
    assert said["exit_code"] == 2
    assert len(said["problems"]) > 1
    assert all(line.startswith(f"{POLICY}: {tmp_path}/policy.toml: ") for line in said["problems"])
    assert all(line in done.stderr for line in said["problems"])
    assert not (tmp_path / "state" / "kafka").exists()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (None, "No such file"),
        (b"\xff\xfe", "not JSON"),
        (b"[1]", "valid dictionary"),
        (b"{}", "at least 1"),
        (b'{"a": {"account": "x", "base_url": "http://h", "convention": "SUM"}}', "a.convention"),
        (b'{"a": {"api_key": "k_secret"}}', "HOLDFAST_EXECUTOR__API_KEYS"),
    ],
)
@pytest.mark.parametrize("command", ["up", "executor"])
def test_a_wrong_accounts_file_ends_before_anything_starts(
    holdfast, tmp_path, command, body, words
):
    file = tmp_path / "accounts.json"
    if body is not None:
        file.write_bytes(body)
    done = holdfast(command, "--json", **{ACCOUNTS: str(file)}, **BROKER)
    assert done.exit_code == 2
    problems = json.loads(done.stdout.splitlines()[-1])["problems"]
    assert any(line.startswith(f"{ACCOUNTS}: ") and words in line for line in problems)
    assert "k_secret" not in done.stdout + done.stderr


def test_everything_wrong_is_said_at_once_and_no_secret_with_it(holdfast, tmp_path):
    (tmp_path / "file").write_text("")
    wrong = {
        STATE: str(tmp_path / "file"),
        POLICY: str(tmp_path / "none.toml"),
        ACCOUNTS: str(tmp_path / "none.json"),
        "HOLDFAST_KAFKA": '{"partitions": 3}',
        "HOLDFAST_KAFKA__BOOTSTRAPS": "x:1",
        "HOLDFAST_KAFKA__BOOTSTRAP": "nowhere",
        "HOLDFAST_LOG_LEVEL": "",
        "HOLDFAST_CLICKHOUSE__DSN": "hunter2",
        "HOLDFAST_EXECUTOR__API_KEYS": '{"sim": hunter2}',
        "HOLDFAST_EXECUTOR__WEBHOOK_SECRET": "whsec_%",
    }
    done = holdfast("up", "--json", **wrong)
    assert done.exit_code == 2
    problems = json.loads(done.stdout.splitlines()[-1])["problems"]
    assert {line.split(":")[0] for line in problems} == set(wrong)
    assert "hunter2" not in done.stdout + done.stderr


def test_a_state_directory_that_cannot_be_made_is_named(holdfast):
    done = holdfast("up", **{STATE: "/proc/holdfast"})
    assert (done.exit_code, done.stderr.count("HOLDFAST_STATE_DIR: /proc/holdfast")) == (2, 1)


@pytest.mark.parametrize("command", ["worker", "executor", "sink"])
def test_a_process_says_what_it_lacks(holdfast, command):
    done = holdfast(command, "--json", HOLDFAST_CLOCK__SOURCE="sundial")
    assert done.exit_code == 2
    assert "HOLDFAST_CLOCK__SOURCE" in done.stdout
    assert "HOLDFAST_KAFKA__BOOTSTRAP" in done.stdout
    assert "HOLDFAST_KAFKA__BOOTSTRAP" in done.stderr


def test_keys_of_no_account_are_named(holdfast, tmp_path):
    account = {"account": "x", "base_url": "http://h", "convention": "TOTAL"}
    (tmp_path / "a.json").write_text(json.dumps({"ours": account}))
    keys = {"HOLDFAST_EXECUTOR__API_KEYS": '{"theirs": "k_secret"}'}
    done = holdfast("executor", **{ACCOUNTS: str(tmp_path / "a.json")}, **keys, **BROKER)
    assert done.exit_code == 2
    assert "HOLDFAST_EXECUTOR__API_KEYS: there is no account 'theirs'" in done.stderr
    assert "k_secret" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["nope"], 2),
        (["query"], 2),
        (["query", "DROP TABLE parked"], 3),
        (["explain", "x"], 3),
        (["replay", "/nowhere.csv"], 2),
        (["parked", "list"], 3),
        (["worker", "--stage", "nope"], 2),
    ],
)
def test_a_failure_is_one_object_with_the_code_it_ends_with(holdfast, arguments, code):
    done = holdfast(*arguments, "--json")
    assert done.exit_code == code
    said = json.loads(done.stdout)
    assert tuple(said) == answers.keys("any, when it fails")
    assert said["exit_code"] == code
    assert said["error"]


def test_as_a_program_the_words_and_the_object_keep_apart(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "streams", "topics", "--json"],
        env={**os.environ, STATE: str(tmp_path), "HOLDFAST_CLOCK__SOURCE": "sundial"},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert json.loads(done.stdout)["problems"] == done.stderr.splitlines()[1:]


def test_a_broker_that_is_away_is_said_in_words(holdfast):
    done = holdfast("explain", "x", "--json", **BROKER)
    assert done.exit_code == 3
    assert "127.0.0.1" in json.loads(done.stdout.splitlines()[-1])["error"]


def test_a_bug_of_ours_keeps_its_traceback_and_still_ends_in_an_object(monkeypatch):
    def broken():
        raise ZeroDivisionError("ours")

    monkeypatch.setattr("streams.cli.topics.topic_specs", lambda _: broken())
    monkeypatch.setattr("streams.cli.topics.wait_for_broker", _at_once)
    monkeypatch.setenv("HOLDFAST_KAFKA__BOOTSTRAP", "127.0.0.1:1")
    told = CliRunner().invoke(app, ["topics", "--check", "--json"])
    assert isinstance(told.exception, ZeroDivisionError)
    assert json.loads(told.stdout)["error"] == "ZeroDivisionError: ours"


async def _at_once(*_, **__):
    return None
