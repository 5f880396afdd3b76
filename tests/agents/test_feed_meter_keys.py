"""An edited list of meters' keys counts while the feed runs, once all of it is right."""

import json
import threading
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from feedworld import OCPP, T0, Pure, frame, iso

from schemas.facts import ChargingEnded
from streams.agents.feed_meter_keys import KeysWatch, KeysWrong, MeterKeys

METER, OTHER = (ec.derive_private_key(secret, ec.SECP256R1()) for secret in (3, 5))


def public(key):
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo).hex()


KEY, OTHER_KEY = public(METER), public(OTHER)


@pytest.fixture
def file(tmp_path: Path):
    path = tmp_path / "meters.json"
    path.write_text(json.dumps({"M1": KEY, "M2": KEY}))
    return path


def test_nothing_is_said_of_what_did_not_change(file):
    keys = MeterKeys(file)
    assert keys.look() == ""
    assert keys.known.of("M1") == (KEY,)


def test_an_edit_is_taken_over_once_and_what_changed_is_said(file):
    keys = MeterKeys(file)
    file.write_text(json.dumps({"M1": [KEY, OTHER_KEY], "M3": {"keys": KEY, "at": "CP1"}}))
    assert keys.look().endswith("taken over: keys of 2 meters; 1 new, 1 changed, 1 gone")
    assert keys.look() == ""
    assert keys.known.of("M1") == (KEY, OTHER_KEY)
    assert keys.known.of("M2") == ()
    assert keys.known.at("CP2", "1").elsewhere("M3") == "CP1"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "keys by serial: Input data was truncated"),
        ('{"M1": "' + KEY, "keys by serial: Input data was truncated"),
        (json.dumps({"M1": OTHER_KEY, "M9": "00"}), "M9: the public key cannot be read"),
        (json.dumps({"M1": []}), "M1: no key"),
    ],
)
def test_what_is_wrong_is_named_once_and_changes_nothing(file, text, problem):
    keys = MeterKeys(file)
    file.write_text(text)
    said = keys.look()
    assert "is not taken over, the keys before it stay" in said
    assert problem in said
    assert keys.look() == ""
    assert keys.known.of("M1") == (KEY,)
    file.write_text(json.dumps({"M1": OTHER_KEY}))
    assert "taken over" in keys.look()
    assert keys.known.of("M1") == (OTHER_KEY,)


def test_a_file_that_is_away_changes_nothing_and_may_come_back(file):
    keys = MeterKeys(file)
    file.rename(file.with_suffix(".old"))
    assert keys.look() == ""
    assert keys.known.of("M1") == (KEY,)
    file.write_text(json.dumps({"M1": OTHER_KEY}))
    assert "1 changed, 1 gone" in keys.look()


def test_at_start_a_wrong_file_is_refused(file):
    file.write_text('{"M1": "00"}')
    with pytest.raises(KeysWrong, match="M1: the public key cannot be read"):
        MeterKeys(file)


def test_it_looks_by_itself(file):
    keys, told, came = MeterKeys(file), [], threading.Event()

    def tell(said):
        told.append(said)
        came.set()

    with KeysWatch(keys, tell):
        file.write_text(json.dumps({"M1": OTHER_KEY}))
        assert came.wait(60)
    assert keys.known.of("M1") == (OTHER_KEY,)
    assert len(told) == 1


def test_without_a_file_there_is_nothing_to_look_at():
    with KeysWatch(MeterKeys(), pytest.fail):
        assert MeterKeys().look() == ""


# --- in the feed ----------------------------------------------------------------------------------


def signed(kind, minute, kwh, page, key):
    reading = {
        "TM": iso(T0 + 60_000 * minute).replace("Z", ",000+0000 S"), "TX": kind, "RV": kwh,
        "RI": "01-00:B2.08.00*FF", "RU": "kWh", "ST": "G", "EF": "",
    }  # fmt: skip
    payload = json.dumps({"FV": "1.0", "GS": "G-1", "PG": page, "MS": "M1", "RD": [reading]})
    signature = key.sign(payload.encode(), ec.ECDSA(hashes.SHA256())).hex()
    return f"OCMF|{payload}|{json.dumps({'SD': signature})}"


def outcome(world, number, key):
    """Of the signed values of one charging of 1.6."""
    said = iso(T0 + 3_600_000 * number)
    start = {"connectorId": 1, "idTag": "T", "meterStart": 0, "timestamp": said}
    pair = [
        ("Transaction.Begin", signed("B", 60 * number, 0.0, f"T{2 * number + 1}", key)),
        ("Transaction.End", signed("E", 60 * number + 9, 1.0, f"T{2 * number + 2}", key)),
    ]
    end = iso(T0 + 3_600_000 * number + 600_000)
    sampled = [{"value": text, "format": "SignedData", "context": name} for name, text in pair]
    stop = {
        "transactionId": number + 1, "meterStop": 1000, "timestamp": end,
        "transactionData": [{"timestamp": end, "sampledValue": sampled}],
    }  # fmt: skip
    facts = [
        *world.facts(frame(2, "1", "StartTransaction", start)),
        *world.facts(
            frame(3, "1", {"transactionId": number + 1, "idTagInfo": {"status": "Accepted"}}),
            headers={"way": "out"},
        ),
        *world.facts(frame(2, "2", "StopTransaction", stop)),
    ]
    (ended,) = [one for one in facts if isinstance(one, ChargingEnded)]
    return ended.signed_outcome, ended.signed_key_from


def test_an_exchanged_meter_is_believed_once_its_key_is_listed(file):
    world = Pure({**OCPP, "keys": file.name}, folder=file.parent)
    keys = world.stage.feed.keys
    assert outcome(world, 0, METER) == ("valid", "registry")
    assert outcome(world, 1, OTHER)[0] != "valid"
    file.write_text(json.dumps({"M1": OTHER_KEY}))
    keys.look()
    assert outcome(world, 2, OTHER) == ("valid", "registry")
