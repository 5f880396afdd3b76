"""`holdfast feed check`: what a sample becomes, why not, and how the command ends."""

import base64
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from schemas import ids
from streams.cli.main import app

BEAT = '[2,"1","Heartbeat",{}]'
START = {"connectorId": 1, "idTag": "T", "meterStart": 5, "timestamp": "2026-03-01T08:00:00Z"}
OCPI = Path(__file__).parents[1] / "connectors" / "ocpi" / "examples"
OCPP = Path(__file__).parents[1] / "connectors" / "ocpp"
GOLDEN = Path(__file__).parents[1] / "connectors" / "acquirers" / "golden"


@pytest.fixture
def check(tmp_path, monkeypatch):
    monkeypatch.setenv("HOLDFAST_STATE_DIR", str(tmp_path))

    def run(sample, source="ocpp", *more, expect=0):
        file = tmp_path / "sample"
        file.write_bytes(sample if isinstance(sample, bytes) else sample.encode())
        arguments = ["feed", "check", "--source", source, "--sample", str(file), "--json", *more]
        ended = CliRunner().invoke(app, arguments)
        assert ended.exit_code == expect, ended.output
        return json.loads(ended.stdout.splitlines()[-1]) if expect < 2 else ended

    return run


def outcomes(found):
    return [one["outcome"] for one in found["messages"]]


@pytest.mark.parametrize(
    "sample",
    [
        BEAT,
        f"[{BEAT}]",
        f"{BEAT}\n\n",
        f" [\n {BEAT}\n]",
        "{}",
        '{"action":"Heartbeat","payload":{}}',
        f'{{"value": {json.dumps(BEAT)}, "key": "k"}}',
        f"\ufeff{BEAT}",
    ],
)
def test_one_message_in_any_dress(check, sample):
    found = check(sample)
    assert outcomes(found) == ["accepted"]
    assert found["messages"][0]["facts"][0]["record"] == "ChargerSeen"


def test_an_envelope_of_other_fields_is_told_of_with_the_way_out(check):
    found = check('{"frame": "[2,...]", "station": "4111111111111111"}', expect=1)
    (why,) = found["messages"][0]["refused"]
    assert why["reason"] == "not-a-frame"
    assert "frame, station" in why["problem"]
    assert "where.payload" in why["problem"]


@pytest.mark.parametrize("apart", ["\n", ",", ", \n"])
def test_several_are_told_apart_one_a_line_or_in_an_array(check, apart):
    joined = apart.join([BEAT, '[2,"2","Heartbeat",{"x":NaN}]', BEAT])
    found = check(joined if apart == "\n" else f"[{joined}]", expect=1)
    assert outcomes(found) == ["accepted", "refused", "accepted"]
    assert (found["accepted"], found["refused"], found["facts"]) == (2, 1, 2)
    (why,) = found["messages"][1]["refused"]
    assert why["reason"]
    assert why["problem"]


@pytest.mark.parametrize("odd", ["oops", '{"a": ', "2026-01-01 INFO [2]", '"text"'])
def test_a_line_that_is_none_is_refused_alone(check, odd):
    found = check(f"{BEAT}\n{odd}\n{BEAT}\n{BEAT}", expect=1)
    assert outcomes(found) == ["accepted", "refused", "accepted", "accepted"]


def test_one_object_over_many_lines_is_one_message(check):
    found = check(json.dumps(json.loads(BEAT), indent=1))
    assert outcomes(found) == ["accepted"]
    broken = json.dumps({"action": "Heartbeat", "payload": {"a": [1, 2]}}, indent=1)[:-1]
    assert outcomes(check(broken, expect=1)) == ["refused"]


def test_what_a_message_leaves_is_there_for_the_next(check):
    frames = [[2, "a", "StartTransaction", START], [3, "a", {"transactionId": 9}]]
    frames[1][2]["idTagInfo"] = {"status": "Accepted"}
    found = check("\n".join(json.dumps(one) for one in frames))
    facts = [fact for one in found["messages"] for fact in one["facts"]]
    (started,) = facts
    assert (started["record"], started["topic"]) == ("ChargingStarted", "charger.transactions.v1")
    assert started["fields"]["energy_wh"] == 5
    assert not started["fields"]["offline"]


@pytest.mark.parametrize("sample", ["", " \n", "hello", "12", '"text"', b"\x00\x01"])
def test_what_holds_no_message_is_no_sample(check, sample):
    assert "--sample" in check(sample, expect=2).stderr


def test_a_file_that_is_not_there_is_wrong_use(tmp_path):
    arguments = ["feed", "check", "--source", "ocpp", "--sample", str(tmp_path / "gone")]
    assert CliRunner().invoke(app, arguments).exit_code == 2


def test_a_mapping_is_used_and_its_mistakes_are_named(check, tmp_path):
    mapping = tmp_path / "mapping.toml"
    mapping.write_text(
        'source = "ocpp"\nname = "csms"\n[where]\n'
        'charger = { header = "cp" }\nnetwork = "volt"\npayload = { path = "frame" }\n'
    )
    sample = {"value": {"frame": [2, "1", "Heartbeat", {}]}, "headers": {"cp": "CP-1"}}
    found = check(json.dumps(sample), "ocpp", "--mapping", str(mapping))
    assert found["messages"][0]["facts"][0]["fields"]["charger_id"] == "CP-1"
    assert "is for ocpp" in check(BEAT, "ocpi", "--mapping", str(mapping), expect=2).stderr
    mapping.write_text('source = "ocpp"\nname = "csms"\ncolour = "red"\n')
    said = check(BEAT, "ocpp", "--mapping", str(mapping), expect=2).stderr
    assert "colour" in said
    assert "where.charger" in said


@pytest.mark.parametrize(
    "sample",
    ["adyen/webhooks/capture_refused", "stripe/webhooks/captured", "checkout/webhooks/captured"],
)
def test_webhooks_are_shown_without_an_account_and_said_to_be_unchecked(check, sample):
    golden = json.loads((GOLDEN / f"{sample}.json").read_text())
    found = check(json.dumps(golden["webhook"]), "acquirer")
    (message,) = found["messages"]
    fact = message["facts"][0]["fields"]
    assert fact["command_id"] == golden["facts"][0]["command_id"]
    assert fact["session_id"] == golden["facts"][0]["session_id"]
    assert ids.idempotency_key(fact["tenant"], fact["command_id"])
    assert "signature-not-checked" in [one["kind"] for one in message["notes"]]


@pytest.mark.parametrize(
    "sample",
    [
        "adyen/webhooks/placed_by_a_terminal",
        "stripe/webhooks/dispute",
        "checkout/webhooks/dispute",
    ],
)
def test_webhooks_that_name_no_session_are_shown_with_their_alias(check, sample):
    golden = json.loads((GOLDEN / f"{sample}.json").read_text())
    (message,) = check(json.dumps(golden["webhook"]), "acquirer")["messages"]
    (became,) = message["facts"]
    assert became["record"] == "NoticeUnbound"
    assert became["topic"] == "alias.lookups.v1"
    assert became["key"] == became["fields"]["alias"]


def test_a_body_of_no_acquirer_is_refused_beside_its_neighbours(check):
    golden = json.loads((GOLDEN / "stripe/webhooks/captured.json").read_text())["webhook"]
    found = check(json.dumps([{"a": 1}, golden]), "acquirer", expect=1)
    assert outcomes(found) == ["refused", "accepted"]
    (why,) = found["messages"][0]["refused"]
    assert (why["reason"], why["field"]) == ("unknown-acquirer", "acquirer")
    assert "neither Adyen, Stripe nor Checkout.com" in why["problem"]


def test_ocpi_objects_become_facts(check):
    token = {
        "country_code": "NL", "party_id": "TNM", "uid": "012345678", "type": "RFID",
        "contract_id": "NL8ACC12E46L89", "issuer": "TheNewMotion", "valid": True,
        "whitelist": "ALLOWED", "last_updated": "2018-12-10T17:25:10Z",
    }  # fmt: skip
    found = check(json.dumps([token, {"id": 1}]), "ocpi", expect=1)
    assert outcomes(found) == ["accepted", "refused"]
    assert found["messages"][0]["facts"][0]["record"] == "TokenSeen"


def test_people_see_the_same(tmp_path, monkeypatch):
    monkeypatch.setenv("HOLDFAST_STATE_DIR", str(tmp_path))
    file = tmp_path / "sample"
    file.write_text(f'{BEAT}\n[2,"1"]\n')
    ended = CliRunner().invoke(app, ["feed", "check", "--source", "ocpp", "--sample", str(file)])
    assert ended.exit_code == 1
    assert "1: accepted" in ended.stdout
    assert "2: refused" in ended.stdout
    assert "1 accepted, 1 refused, 1 facts" in ended.stdout


def test_people_see_what_is_told_in_lines_that_fit_and_each_reason_once(tmp_path, monkeypatch):
    monkeypatch.setenv("HOLDFAST_STATE_DIR", str(tmp_path))
    file = tmp_path / "sample"
    cdr = json.loads((OCPI / "2.2.1" / "cdr_example.json").read_text())
    odd = {**cdr, "id": "b", "total_energy": "much"}
    file.write_text(json.dumps([cdr, *({**odd, "id": f"o{one}"} for one in range(5))]))
    ended = CliRunner().invoke(app, ["feed", "check", "--source", "ocpi", "--sample", str(file)])
    assert "5 x refused, not-a-number: total_energy" in ended.stdout
    assert "kwh='15.342'" in ended.stdout
    assert "started_at=2015-06-29T21:39:09Z" in ended.stdout
    assert "credit_reference_id" not in ended.stdout  # empty
    assert max(map(len, ended.stdout.splitlines())) <= 140


@pytest.mark.parametrize(("serial", "key_from"), [("M-1", "registry"), ("M-2", "enclosed")])
def test_the_verdict_on_signed_values_is_shown(check, tmp_path, serial, key_from):
    lines = (OCPP / "golden" / "1.6-signed.txt").read_text().splitlines()
    said = next(json.loads(line[2:]) for line in lines if "SignedData" in line)
    told = said[3]["transactionData"][0]["sampledValue"][0]["value"]
    printed = base64.b64decode(json.loads(told)["publicKey"]).decode()
    (tmp_path / "meters.json").write_text(json.dumps({serial: printed}))
    where = '[where]\ncharger = "c"\nnetwork = "n"\n'
    mapping = tmp_path / "mapping.toml"
    mapping.write_text(f'source = "ocpp"\nname = "csms"\nkeys = "meters.json"\n{where}')
    found = check("\n".join(line[2:] for line in lines), "ocpp", "--mapping", str(mapping))
    facts = [fact for one in found["messages"] for fact in one["facts"]]
    (ended,) = [one["fields"] for one in facts if one["record"] == "ChargingEnded"]
    assert (ended["signed_outcome"], ended["signed_key_from"]) == ("valid", key_from)
    assert ended["signed_wh"] == 11_000
