"""The golden conversations as facts: `golden/facts/` holds what each of them becomes.

To write them anew run this with HOLDFAST_WRITE_GOLDEN=1, and read the difference.
"""

import json
import os
from pathlib import Path

import msgspec
import pytest
from stories import KEY, STORIES
from talk import Talk

from connectors.ocpp.signed.container import records_of
from connectors.ocpp.signed.pairing import judged
from schemas.flags import ENERGY_DOUBTFUL, Flag

GOLDEN = Path(__file__).parent / "golden"
EVERY_STORY = pytest.mark.parametrize(("version", "name"), STORIES)
DIRECTIONS = {">": "from_charger", "<": "to_charger"}
UNSAID = {"tenant", "network", "charger_id"}


def talked(version, name):
    """The conversation, at the time of its last instant, message by message through the feed."""
    talk = Talk(version)
    lines = (GOLDEN / f"{version}-{name}.txt").read_text().splitlines()
    for line in lines:
        talk.raw(line[2:].encode(), direction=DIRECTIONS[line[0]])
    return talk


def told(talk):
    """A line a fact, a refusal, a note: what is told of it."""
    for one in talk.facts:
        fields = {
            key: value
            for key, value in msgspec.to_builtins(one).items()
            if key not in UNSAID and value not in ("", -1, False)
        }
        fields["flags"] = " ".join(each.name for each in Flag(fields.get("flags", 0)))
        yield f"{type(one).__name__} {json.dumps(fields)}"
    for one in talk.refused:
        yield f"refused {one.reason}: {one.field}: {one.problem}"
    for one in talk.notes:
        yield f"noted {one.kind}: {one.detail}"


@EVERY_STORY
def test_a_conversation_becomes_what_it_became(version, name):
    file = GOLDEN / "facts" / f"{version}-{name}.txt"
    lines = list(told(talked(version, name)))
    if os.environ.get("HOLDFAST_WRITE_GOLDEN"):
        file.parent.mkdir(exist_ok=True)
        file.write_text("\n".join(lines) + "\n")
    assert lines == file.read_text().splitlines()


@pytest.mark.parametrize("version", ["1.6", "2.0.1", "2.1"])
def test_a_usual_charging_has_one_begin_and_one_end_without_a_doubt(version):
    talk = talked(version, "normal")
    assert len({(one.started_at, one.energy_wh) for one in talk.started}) == 1
    (ended,) = talk.ended
    assert not ended.flags & ENERGY_DOUBTFUL
    assert ended.energy_wh > talk.started[0].energy_wh
    assert talk.refused == []


@pytest.mark.parametrize("version", ["1.6", "2.0.1", "2.1"])
def test_signed_values_can_be_verified_from_the_fact_alone(version):
    (ended,) = talked(version, "signed").ended
    verdicts = judged(records_of(ended.signed_data.encode()), KEY.hex())
    assert {one.outcome for one in verdicts} == {"valid"}
    energies = [one.energy_wh for one in verdicts if one.energy_wh]
    assert len(energies) == 1
