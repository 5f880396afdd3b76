"""Conversations of the `ocpp` package's charge points over real sockets, and what is read of them.

`golden/` holds what was said: `>` from the charger, `<` to it. To write it anew (a new story, or
another version of the package), run this with HOLDFAST_WRITE_GOLDEN=1.
"""

import os
from collections import Counter
from pathlib import Path

import msgspec
import pytest
from charge_points import conversation
from stories import KEY, STORIES

from connectors.ocpp.frames import Call, CallError, CallResult, NotValid, frame_of
from connectors.ocpp.messages import v21, v21_costs
from connectors.ocpp.signed.container import of_ocpp
from connectors.ocpp.signed.pairing import judged
from connectors.ocpp.validation import Parsed, Skipped, request_of, response_of

GOLDEN = Path(__file__).parent / "golden"
EVERY_STORY = pytest.mark.parametrize(("version", "name"), STORIES)
ODD = {"quirks", "newer"}
# The faults of a firmware that are refused on purpose, in the order of the conversation.
REFUSED = {
    "1.6": ["action: 'VendorAction' is none of OCPP 1.6"],
    "2.0.1": [],
    "2.1": [],
}
NOTED = {
    "1.6": {
        "too-long", "number-as-text", "text-as-number", "whole-number-as-decimal", "fraction-of-wh",
        "null-for-absent", "letter-case", "empty-for-absent", "unknown-sample", "unknown-field",
        "unknown-word",
    },
    "2.0.1": {
        "letter-case", "number-as-text", "text-as-number", "null-for-absent", "empty-for-absent",
        "custom-data", "whole-number-as-decimal", "unknown-sample", "unknown-word",
    },
}  # fmt: skip
NOTED["2.1"] = NOTED["2.0.1"]


def golden(version, name):
    return GOLDEN / f"{version}-{name}.txt"


def heard(version, lines):
    """What every frame is to us, with results paired to their calls: parsed, skipped or refused."""
    calls = {}
    for line in lines:
        frame = frame_of(line[2:])
        if isinstance(frame, Call):
            calls[line[0], frame.unique_id] = frame.action
        try:
            match frame:
                case Call():
                    yield line[0], request_of(version, frame.action, frame.payload)
                case CallResult():
                    action = calls.pop(("<" if line[0] == ">" else ">", frame.unique_id))
                    yield line[0], response_of(version, action, frame.payload)
                case CallError():
                    yield line[0], frame
        except NotValid as error:
            yield line[0], error


@EVERY_STORY
async def test_the_conversation_is_the_golden_one(version, name):
    said = "".join(f"{line}\n" for line in await conversation(version, STORIES[version, name]))
    if os.environ.get("HOLDFAST_WRITE_GOLDEN"):
        golden(version, name).write_text(said)
    assert said == golden(version, name).read_text()


def test_every_golden_file_is_a_conversation():
    assert {path.name for path in GOLDEN.glob("*.txt")} == {golden(*one).name for one in STORIES}


@EVERY_STORY
def test_every_frame_is_read(version, name):
    lines = golden(version, name).read_text().splitlines()
    read = [one for _, one in heard(version, lines)]
    if name in ODD:
        return
    assert all(isinstance(one, Parsed) and one.notes == () for one in read)
    assert len(read) == len(lines)


@pytest.mark.parametrize("version", REFUSED)
def test_what_a_firmware_says_otherwise_is_taken_by_name_or_refused_by_field(version):
    lines = golden(version, "quirks").read_text().splitlines()
    read = [one for way, one in heard(version, lines) if way == ">"]
    assert [str(one).partition(" - ")[0] for one in read if isinstance(one, NotValid)] == REFUSED[
        version
    ]
    notes = Counter(note.kind for one in read if isinstance(one, Parsed) for note in one.notes)
    assert set(notes) == NOTED[version]
    assert not [one for one in read if isinstance(one, Skipped)]


def test_a_station_of_2_0_1_with_the_words_of_2_1():
    ((_, read), _) = heard("2.0.1", golden("2.0.1", "newer").read_text().splitlines())
    assert isinstance(read.message, v21.TransactionEvent)
    assert [one.kind for one in read.notes] == ["newer-words"]
    assert str(read.message.transaction_info.transaction_limit.max_cost) == "20.00"


def test_ids_that_stand_in_results_only_are_found():
    lines = golden("1.6", "normal").read_text().splitlines()
    (started,) = [
        one.message.transaction_id
        for _, one in heard("1.6", lines)
        if type(one.message).__name__ == "StartTransactionResponse"
    ]
    (stopped,) = [
        one.message.transaction_id
        for _, one in heard("1.6", lines)
        if type(one.message).__name__ == "StopTransaction"
    ]
    assert started == stopped == 4711
    lines = golden("2.1", "remote-start").read_text().splitlines()
    ids = [getattr(one.message, "transaction_id", None) for _, one in heard("2.1", lines)]
    assert ids[:2] == [None, "TX-REMOTE"]


@pytest.mark.parametrize("version", ["1.6", "2.0.1", "2.1"])
def test_signed_values_arrive_whole(version):
    lines = golden(version, "signed").read_text().splitlines()
    records = []
    for _, one in heard(version, lines):
        said = one.message
        meters = getattr(said, "meter_value", None) or getattr(said, "transaction_data", None)
        for sample in (sample for meter in meters or () for sample in meter.sampled_value):
            if version == "1.6" and sample.format == "SignedData":
                records.append(of_ocpp(sample.value))
            elif version != "1.6" and sample.signed_meter_value:
                records.append(of_ocpp(msgspec.to_builtins(sample.signed_meter_value)))
    verdicts = judged(records, KEY.hex(), None)
    assert [one.outcome for one in verdicts] == ["valid", "valid"]
    assert sum(one.energy_wh or 0 for one in verdicts) == 11_000


def test_what_the_card_at_the_charger_paid():
    lines = golden("2.1", "card-at-the-charger").read_text().splitlines()
    messages = [one.message for _, one in heard("2.1", lines)]
    settled = [one for one in messages if isinstance(one, v21_costs.NotifySettlement)]
    assert [(one.status, str(one.settlement_amount)) for one in settled] == [
        ("Settled", "7.1"),
        ("Canceled", "0"),
    ]
    ended = next(one for one in messages if getattr(one, "event_type", "") == "Ended")
    assert str(ended.cost_details.total_cost.fixed.incl_tax) == "0.5"
