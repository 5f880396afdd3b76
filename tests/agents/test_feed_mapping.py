"""The mapping file: what it may say, and that every mistake is named at once."""

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from streams.agents import feed_mapping
from streams.agents.feed_mapping import MappingWrong, feed_of, read_mapping

SAMPLES = Path(__file__).parents[1] / "connectors/ocpp/signed/samples"
BARE = {"source": "ocpp", "name": "csms", "where": {"charger": {"key": True}, "network": "volt"}}


def problems(folder, **changes):
    with pytest.raises(MappingWrong) as wrong:
        feed_of({**BARE, **changes}, folder)
    return wrong.value.problems


def test_the_least_that_is_needed(tmp_path):
    feed = feed_of(BARE, tmp_path)
    assert feed.mapping.where["network"].value == "volt"
    assert feed.mapping.framing.kind == "json"


def test_the_manuals_example_is_one(tmp_path):
    manual = Path(feed_mapping.__file__).with_name("FEEDS.md").read_text()
    file = tmp_path / "mapping.toml"
    file.write_text(manual.split("```toml")[1].split("```")[0])
    feed = read_mapping(file)
    assert feed.mapping.where["payload"].steps == ("data", "frames", 0)
    assert feed.rules.power_max_w == 400_000


def test_the_manual_names_every_place():
    manual = Path(feed_mapping.__file__).with_name("FEEDS.md").read_text()
    every = feed_mapping.OF_EVERY.union(*feed_mapping.OF_SOURCE.values())
    assert [name for name in every if f"`{name}`" not in manual] == []


def test_a_path_is_names_and_indices(tmp_path):
    where = {**BARE["where"], "payload": {"path": "a.b[0].c d"}, "time": {"path": "[2]"}}
    feed = feed_of({**BARE, "where": where}, tmp_path)
    assert feed.mapping.where["payload"].steps == ("a", "b", 0, "c d")
    assert feed.mapping.where["time"].steps == (2,)


def rsa_key():
    return RSAPublicNumbers(65537, (1 << 2047) + 1).public_key()


KEY = (SAMPLES / "iskra.key").read_text().strip()


def test_the_keys_of_meters(tmp_path):
    rows = {"M1": KEY, "M2": [KEY, KEY], "@CP1/2": KEY, "M3": {"keys": KEY, "at": "CP1"}}
    (tmp_path / "meters.json").write_text(json.dumps(rows))
    feed = feed_of({**BARE, "keys": "meters.json"}, tmp_path)
    assert feed.keys.known.of("M9", "M1") == (KEY,)
    assert feed.keys.known.at("CP1", "2").of("M9") == (KEY,)
    assert feed.keys.known.at("CP2", "2").elsewhere("M3") == "CP1"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (None, "No such file or directory"),
        ("{", "keys by serial: Input data was truncated"),
        ('{"M1": 3}', "keys by serial: Expected"),
        ('{"M1": []}', "M1: no key"),
        ('{"M1": "00"}', "M1: the public key cannot be read"),
        ('{"M1": {"keys": "00", "until": 3}}', "keys by serial: Object contains unknown field"),
    ],
)
def test_keys_that_are_none_keep_a_feed_from_starting(tmp_path, text, problem):
    if text is not None:
        (tmp_path / "meters.json").write_text(text)
    (line,) = problems(tmp_path, keys="meters.json")
    assert line.startswith(f"keys: meters.json: {problem}")


def test_a_file_of_other_things_is_named_in_few_lines(tmp_path):
    (tmp_path / "meters.json").write_text(json.dumps({f"M{one}": "00" for one in range(500)}))
    found = problems(tmp_path, keys="meters.json")
    assert found[-1] == "keys: meters.json: 500 of 500 cannot be read"
    assert len(found) == 21


def test_a_kind_of_key_that_is_not_known_here_is_a_key(tmp_path):
    rsa = rsa_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    (tmp_path / "meters.json").write_text(json.dumps({"M1": rsa}))
    assert feed_of({**BARE, "keys": "meters.json"}, tmp_path).keys.known.of("M1") == (rsa,)


def test_keys_belong_to_ocpp(tmp_path):
    ocpi = {"source": "ocpi", "name": "csms", "where": {"partner": "p"}, "keys": "meters.json"}
    with pytest.raises(MappingWrong) as wrong:
        feed_of(ocpi, tmp_path)
    assert "keys: belongs to ocpp" in wrong.value.problems


def test_every_mistake_is_named_at_once(tmp_path):
    where = {"charger": {"path": "a..b"}, "network": {"path": "a", "header": "b"}, "time": 7}
    found = problems(tmp_path, name="Not A Name", where=where, colour="red", max_bytes=1)
    named = {line.split(":")[0] for line in found}
    assert named >= {
        "name",
        "where.charger.path",
        "where.network",
        "where.time",
        "colour",
        "max_bytes",
    }


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"where": {"charger": {"key": True}}}, "where.network: is wanted"),
        (
            {"where": {**BARE["where"], "partner": "x"}},
            "where.partner: there is no such place",
        ),
        ({"quirks": {"*": "none"}}, "quirks: belongs to ocpi"),
        (
            {"source": "ocpi", "where": {"partner": "p"}, "utc_offset_min": 60},
            "utc_offset_min: belongs to ocpp",
        ),
        ({"plausibility": {"power_max_w": "much"}}, "plausibility: "),
        ({"plausibility": {"no_such_rule": 1}}, "plausibility: "),
        ({"plausibility": {"power_max_w": -1}}, "plausibility: "),
        ({"plausibility": {"restart_ratio": 0}}, "plausibility: "),
        ({"framing": {"kind": "avro-single-object"}}, "schemas are given with"),
        ({"framing": {"registry": "http://r"}}, "asked for avro-confluent only"),
        ({"framing": {"kind": "avro-confluent", "registry": "r:80"}}, "framing.registry"),
        (
            {"framing": {"kind": "avro-single-object", "schemas": ["gone.avsc"]}},
            "framing.schemas: gone.avsc: No such file",
        ),
        ({"where": {**BARE["where"], "time": {"key": True, "match": "("}}}, "no regular"),
        ({"where": {**BARE["where"], "time": {"key": True, "match": "a"}}}, "one group"),
        ({"source": "ocpi", "where": {"partner": "p"}, "quirks": {"p": "nobody"}}, "quirks.p"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path, changes, says):
    assert any(says in line for line in problems(tmp_path, **changes))


@pytest.mark.parametrize(
    ("text", "says"),
    [(b"\xff", "UTF-8"), (b"a =", "no TOML"), (None, "No such file")],
)
def test_a_file_that_is_none_is_named(tmp_path, text, says):
    file = tmp_path / "mapping.toml"
    if text is not None:
        file.write_bytes(text)
    with pytest.raises(MappingWrong, match=says):
        read_mapping(file)


def test_a_schema_that_cannot_be_bounded_is_refused(tmp_path):
    (tmp_path / "chain.avsc").write_text(
        '{"type":"record","name":"Chain","fields":[{"name":"next","type":["null","Chain"]}]}'
    )
    framing = {"kind": "avro-single-object", "schemas": ["chain.avsc"]}
    (said,) = problems(tmp_path, framing=framing)
    assert said.startswith("framing.schemas: chain.avsc: Chain holds itself")


def test_partners_have_profiles_of_their_own(tmp_path):
    (tmp_path / "wh.toml").write_text('name = "wh"\nenergy_in_wh = true\n')
    told = {"source": "ocpi", "name": "hub", "where": {"partner": {"header": "from"}}}
    feed = feed_of({**told, "quirks": {"DE*ABC": "wh.toml"}}, tmp_path)
    assert feed.quirks_of("DE*ABC").energy_in_wh
    assert feed.quirks_of("NL*XYZ").name == "none"
