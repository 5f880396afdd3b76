"""What is new of others' words is told once, and every message is counted once."""

import json
from collections import Counter
from pathlib import Path

import msgspec
import pytest
from feedworld import OCPP, T0, Pure, conversation, frame, record
from hypothesis import given
from hypothesis import strategies as st

from connectors.feeding import Note, Refused
from schemas import codec, topics
from streams.agents.feed_drift import (
    HOUR_MS,
    KIND,
    MARKS_MAX,
    NOT_LOCATED,
    OTHERS,
    PARTIES_MAX,
    Drift,
)
from streams.engine.state import StateStore, WorkingCopy

BEGAN = T0 - T0 % HOUR_MS
PAN = "4111111111111111"


class Taken(msgspec.Struct):
    tenant: str = "t"
    partner: str = "volt"
    make: str = ""
    marks: tuple = ()
    refused: list = []
    notes: list = []


class World:
    """One partition's counts over a state, transaction by transaction."""

    def __init__(self):
        self.store = StateStore((KIND,))
        self.restart()
        self.told = []

    def restart(self):
        self.drift = Drift("csms", "ocpp", "own")
        for key, party in self.store.decoded():
            self.drift.restored(key, party)

    def transaction(self, *messages, aborted=False):
        """Of (message, at) each; what it tells."""
        for message, at in messages:
            self.drift.took(message, at)
        view = WorkingCopy(self.store)
        outputs = self.drift.finish(view)
        if aborted:
            self.drift.aborted()
            return []
        assert {one.topic for one in outputs} <= {topics.DRIFT}
        self.store.commit(view.changes())
        self.drift.committed(view.touched)
        told = [codec.decode(one.value) for one in outputs]
        self.told += told
        return told


@pytest.fixture
def world():
    return World()


def marks(seen):
    return [(one.what, one.detail, one.count) for one in seen.marks]


V16 = Taken(marks=(("version", "1.6"),))
V201 = Taken(marks=(("version", "2.0.1"),))


def test_what_is_new_is_told_at_once_and_what_is_known_with_its_hour(world):
    (first,) = world.transaction((V16, BEGAN + 5), (V16, BEGAN + 9))
    assert (first.accepted, first.refused, first.from_at, first.to_at) == (
        2,
        0,
        BEGAN + 5,
        BEGAN + 9,
    )
    assert marks(first) == [("version", "1.6", 2)]
    assert world.transaction((V16, BEGAN + 20)) == []
    (second,) = world.transaction((V201, BEGAN + 30))
    assert marks(second) == [("version", "1.6", 1), ("version", "2.0.1", 1)]
    assert [one.first_at for one in second.marks] == [BEGAN + 5, BEGAN + 30]
    assert world.transaction((V16, BEGAN + 40)) == []
    (third,) = world.transaction((V16, BEGAN + HOUR_MS))
    assert (third.accepted, third.to_at, marks(third)) == (1, BEGAN + 40, [("version", "1.6", 1)])


def test_who_falls_silent_is_told_when_the_hour_of_others_ends(world):
    other = Taken(partner="other")
    world.transaction((V16, BEGAN), (other, BEGAN))
    world.transaction((V16, BEGAN + 1), (other, BEGAN + 1))
    told = world.transaction((other, BEGAN + HOUR_MS))
    assert sorted((one.partner, one.accepted) for one in told) == [("other", 2), ("volt", 1)]


def test_an_aborted_transaction_counts_nothing_and_tells_it_next_time(world):
    world.transaction((V16, BEGAN), (Taken(partner="o"), BEGAN))
    world.transaction((V16, BEGAN + 1), (Taken(partner="o"), BEGAN + 1))
    late = (V201, BEGAN + HOUR_MS)
    assert world.transaction(late, aborted=True) == []
    told = world.transaction(late)
    assert Counter(one.partner for one in told) == {"volt": 2, "o": 1}
    assert sum(one.accepted for one in world.told) == 5


def test_what_comes_late_opens_no_hour_anew_but_a_clock_put_right_does(world):
    world.transaction((V16, BEGAN))
    assert world.transaction((V16, BEGAN + 1), (V16, BEGAN - HOUR_MS)) == []
    far = BEGAN + 10_000 * HOUR_MS
    assert [one.from_at for one in world.transaction((V16, far))] == [BEGAN - HOUR_MS]
    assert [one.from_at for one in world.transaction((V16, BEGAN + 2))] == [far]


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (Note("unknown-field", "meterValue[3].extra"), [("field", "meterValue[].extra", 1)]),
        (Note("unknown-word", "reason: Sleepy"), [("word", "reason=Sleepy", 1)]),
        (Note("unknown-word", "status FLYING"), [("word", "status=FLYING", 1)]),
        (Note("letter-case", "x: kwh"), [("note", "letter-case", 1)]),
        (Note("unknown-field", f"f{'x' * 500}"), [("field", "f" + "x" * 99, 1)]),
        (
            Refused("not-by-schema", "a[0].unit", "Invalid enum value 'kVAh'"),
            [("refusal", "not-by-schema a[].unit", 1), ("word", "a[].unit=kVAh", 1)],
        ),
        (Refused("too-large", "", "too large"), [("refusal", "too-large", 1)]),
    ],
)
def test_marks_of_notes_and_refusals(world, told, expected):
    notes, refused = ([told], []) if isinstance(told, Note) else ([], [told])
    twice = Taken(notes=notes * 2, refused=refused * 2)  # in one message: counted once
    (seen,) = world.transaction((twice, BEGAN))
    assert marks(seen) == expected
    assert (seen.accepted, seen.refused) == (0, 1) if refused else (1, 0)


def test_no_card_number_is_kept(world):
    hidden = Taken(make=PAN, notes=[Note("unknown-word", f"status {PAN}")])
    (seen,) = world.transaction((hidden, BEGAN))
    assert PAN not in str(seen)
    assert PAN.encode() not in b"".join(world.store.encoded.values())


def test_marks_and_parties_are_bounded(world):
    many = [Taken(marks=(("field", str(one)),)) for one in range(MARKS_MAX + 50)]
    (seen,) = world.transaction(*[(one, BEGAN) for one in many])
    assert len(seen.marks) == MARKS_MAX + 1
    assert marks(seen)[-1] == ("more", "", 50)
    assert world.transaction((many[-1], BEGAN + 1)) == []  # the rest is one, and known

    crowd = [(Taken(partner=str(one)), BEGAN) for one in range(PARTIES_MAX + 50)]
    world.transaction(*crowd)
    world.transaction(*crowd)
    told = world.transaction((V16, BEGAN + HOUR_MS))
    assert len(world.store) == PARTIES_MAX + 1
    assert [one.accepted for one in told if one.partner == OTHERS] == [102]


def test_whose_message_it_was_may_not_be_known(world):
    (seen,) = world.transaction((Taken(tenant="", partner="", refused=[Refused("x", "", "")]), 0))
    assert (seen.tenant, seen.partner, seen.refused) == ("own", NOT_LOCATED, 1)


@given(
    st.lists(
        st.lists(
            st.tuples(
                st.sampled_from(
                    [V16, V201, Taken(partner="p"), Taken(refused=[Refused("r", "", "")])]
                ),
                st.integers(BEGAN - 30 * HOUR_MS, BEGAN + 30 * HOUR_MS),
            ),
            max_size=6,
        ),
        max_size=8,
    ),
    st.lists(st.booleans(), min_size=16, max_size=16),
)
def test_every_message_is_counted_once_over_aborts_and_restarts(transactions, chance):
    world = World()
    sent = Counter()
    for number, messages in enumerate(transactions):
        if chance[number]:
            world.transaction(*messages, aborted=True)
        if chance[number + 8]:
            world.restart()
        world.transaction(*messages)
        for message, _ in messages:
            sent[message.partner, bool(message.refused)] += 1
    for partner in ("volt", "p"):  # what is under way
        world.transaction((Taken(partner=partner), BEGAN + 100 * HOUR_MS))
        sent[partner, False] += 1
        world.transaction((Taken(partner=partner), BEGAN + 200 * HOUR_MS))
    found = Counter()
    for seen in world.told:
        found[seen.partner, False] += seen.accepted
        found[seen.partner, True] += seen.refused
    assert +found == +sent
    versions = sum(one.count for seen in world.told for one in seen.marks if one.what == "version")
    counted = sum(1 for of in transactions for message, _ in of if message.marks)
    assert versions == counted


# --- through the stage ----------------------------------------------------------------------------

BOOT = {"chargePointVendor": "ABB", "chargePointModel": "T54", "firmwareVersion": "1.8"}


def test_a_chargers_messages_are_counted_by_its_make():
    pure = Pure()
    pure.take(record(frame(2, "1", "BootNotification", BOOT)))
    pure.take(record(frame(2, "1", "BootNotification", {**BOOT, "iccid2": "x"}), key=b"cp-8"))
    for way, parts in conversation(7, 3):
        pure.take(record(frame(*parts), headers={"way": way}))
    pure.take(record(b"nonsense", timestamp_at=T0 + HOUR_MS))
    assert {(one.feed, one.source, one.tenant, one.partner, one.make) for one in pure.told} == {
        ("csms", "ocpp", "t", "volt", "ABB/T54/1.8")
    }
    assert (sum(one.accepted for one in pure.told), sum(one.refused for one in pure.told)) == (8, 1)
    assert ("field", "iccid2", 1) in [mark for one in pure.told for mark in marks(one)]
    assert ("refusal", "not-json message", 1) in marks(pure.told[-1])


def test_a_partner_that_cannot_be_told_is_counted_too():
    pure = Pure()
    pure.take(record(b"{}", key=b"odd"))
    assert [(one.tenant, one.partner, one.refused) for one in pure.told] == [
        ("demo", NOT_LOCATED, 1)
    ]


def test_the_state_of_parties_is_no_chargers_home(caplog):
    pure = Pure()
    for partition in (0, 1):
        pure.take(record(frame(2, "1", "Heartbeat", {}), key=b"cp-%d" % partition,
                         partition=partition))  # fmt: skip
    assert "comes on partition" not in caplog.text


# --- pins -----------------------------------------------------------------------------------------


def pinned(**pin):
    return Pure({**OCPP, "pins": [pin]})


def test_another_version_than_agreed_is_taken_and_told():
    pure = pinned(partner="vo*", version="2.0.1")
    (fact,) = pure.facts(frame(2, "1", "BootNotification", BOOT))
    assert fact.kind == "boot"
    assert ("note", "version-changed", 1) in marks(pure.told[0])


def test_a_strict_pin_refuses_and_leaves_nothing_but_the_make():
    pure = pinned(make="ABB/*", version="2.0.1", strict=True)
    start = next(parts for _, parts in conversation(7, 0))
    assert not pure.parked(frame(*start))  # of a make that is not known yet, and so of no pin
    (parked,) = pure.parked(frame(2, "1", "BootNotification", BOOT))
    assert parked[3]["reason"] == b"version-changed"
    assert parked[3]["detail"] == b"version: '1.6' where '2.0.1' was agreed"
    assert pure.parked(frame(2, "2", "StartTransaction", start[3]), key=b"cp-7")
    assert pure.facts(frame(2, "3", "Heartbeat", {}))  # of every version


def test_the_first_pin_that_fits_counts():
    pins = [{"make": "ABB/*/1.*", "version": "1.6", "strict": True}, {"version": "2.0.1"}]
    pure = Pure({**OCPP, "pins": pins})
    assert pure.facts(frame(2, "1", "BootNotification", BOOT))
    assert "version-changed" not in str(pure.told)
    assert pure.facts(
        frame(2, "1", "BootNotification", {**BOOT, "chargePointVendor": "X"}), key=b"cp-9"
    )
    assert "version-changed" in str(pure.told)


CDR = Path(__file__).parents[1] / "connectors" / "ocpi" / "examples" / "2.3.0" / "cdr_example.json"
OCPI = {"source": "ocpi", "name": "roaming", "where": {"partner": "hub"}}


def test_partners_versions_and_words_are_counted():
    pure = Pure(OCPI)
    body = {**json.loads(CDR.read_text()), "extra": 1, "auth_method": "TELEPATHY"}
    pure.take(record(json.dumps(body).encode()))
    (seen,) = pure.told
    assert (seen.partner, seen.make, seen.accepted) == ("hub", "", 1)
    assert marks(seen)[:1] == [("version", "2.3.0", 1)]
    assert ("field", "CDR.extra", 1) in marks(seen)
    assert ("word", "auth_method=TELEPATHY", 1) in marks(seen)


def test_a_strict_pin_refuses_an_object_and_keeps_nothing_of_it():
    body = CDR.read_bytes()
    pure = Pure({**OCPI, "pins": [{"partner": "hub", "version": "2.2.1", "strict": True}]})
    (parked,) = pure.parked(body)
    assert parked[3]["reason"] == b"version-changed"
    assert [key[:1] for key in pure.stores[0].encoded] == [b"d"]
    lenient = Pure({**OCPI, "pins": [{"partner": "hub", "version": "2.2.1"}]})
    assert [type(one).__name__ for one in lenient.facts(body)] == ["CdrSeen"]
    assert "version-changed" in str(lenient.told)
