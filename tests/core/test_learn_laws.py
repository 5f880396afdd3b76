"""`learn` is a join: the same facts in any order, any number of times, give the same session."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from partnerworld import advice, cdr, seen, settlement
from partnerworld import linked as told_by_link
from sessionworld import (
    POLICY,
    T0,
    World,
    answered,
    card_read,
    ended,
    notified,
    reading,
    refund_decided,
    request,
    started,
    tariff,
    tick,
    updated,
    visited,
)

from schemas.decisions import LinkConfirmed
from streams.core.learn import encoded, learn
from streams.core.opening import pin
from streams.core.session import (
    Issued,
    Quarantined,
    QuarantineLifted,
    ReferenceReused,
    SessionUnknown,
    TapChosen,
)
from streams.core.strategy_plan import Refusal

PATHS = ["hold/1", "hold/1/raise/1", "hold/1/raise/2", "hold/1/lower/1", "capture/1", "capture/2"]
PROBES = [
    f"{path}/{probe}/{n}" for path in PATHS for probe in ("inquire", "resend") for n in (1, 2)
]
OUTCOMES = ["done", "declined", "failed", "unknown", "not_found"]
instants = st.integers(0, 6).map(lambda minutes: T0 + minutes * 60_000)
amounts = st.integers(0, 4).map(lambda tens: tens * 1_000)
registers = st.integers(0, 5).map(lambda kwh: kwh * 1_000)
chargings = st.sampled_from(["tx1", "tx2"])
states = st.sampled_from(["charging", "suspended_ev", "ev_connected"])
numbers = st.integers(0, 5)

acquirer_facts = st.one_of(
    st.builds(
        answered,
        st.sampled_from(PATHS + PROBES),
        st.sampled_from(OUTCOMES),
        amounts,
        instants,
        expires_at=st.sampled_from([0, T0 + 10**6, T0 + 10**7]),
        reason=st.sampled_from(["", "stolen"]),
        raw_code=st.sampled_from(["", "05", "51"]),
        advice_code=st.sampled_from(["", "03"]),
        psp_reference=st.sampled_from(["", "A", "B"]),
    ),
    st.builds(
        notified,
        st.sampled_from(["hold_lapsed", "capture_failed", "refund_failed", "refunded_unasked"]),
        amounts,
        st.sampled_from(["", "capture/1"]),
        instants,
    ),
)
charger_facts = st.one_of(
    st.builds(started, registers, instants, chargings, takes_limit=st.booleans()),
    st.builds(
        reading,
        registers,
        instants,
        chargings,
        numbers,
        st.sampled_from([-1, 0, 50_000, 90_000]),
        st.sampled_from([0, 10_000, 30_000]),
    ),
    st.builds(
        updated, states, registers, instants, chargings, numbers, st.sampled_from([-1, 5_000])
    ),
    st.builds(ended, registers, instants, chargings, numbers, complete=st.booleans()),
)
partner_facts = st.one_of(
    st.builds(
        seen,
        registers,
        instants,
        status=st.sampled_from(["ACTIVE", "COMPLETED", "NEW_WORD"]),
        ocpi_session_id=st.sampled_from(["S-1", "s-1", "S-2"]),
        partner=st.sampled_from(["hub", "peer"]),
    ),
    st.builds(
        cdr,
        registers,
        st.sampled_from(["7.90", "8.00", ""]),
        instants,
        cdr_id=st.sampled_from(["C-1", "c-1", "C-2"]),
        credit=st.booleans(),
        credit_reference_id=st.sampled_from(["", "C-1"]),
        rejected_code=st.sampled_from([0, 2001, 3001]),
        accepted=st.booleans(),
        partner=st.sampled_from(["hub", "peer"]),
    ),
    st.builds(
        advice,
        amounts,
        instants,
        outcome=st.sampled_from(["done", "failed"]),
        partner=st.sampled_from(["p", "q"]),
        advice_id=st.sampled_from(["A-1", "A-2"]),
    ),
    st.builds(
        settlement, st.sampled_from(["7.90", "x"]), st.sampled_from(["settled", "failed"]), instants
    ),
).map(told_by_link)
own_facts = st.one_of(
    st.builds(
        lambda alias: LinkConfirmed(
            tenant="t",
            session_id=request().session_id,
            proposal_id="x",
            alias=alias,
            bound_from=0,
            bound_to=1,
            source_topic="x",
            source_partition=0,
            source_offset=0,
            who="a",
            why="b",
            evidence="c",
            decided_at=T0,
        ),
        st.sampled_from(["a", "b"]),
    ),
    st.builds(
        refund_decided,
        st.sampled_from(["D-1", "D-2"]),
        st.sampled_from([100, 200]),
        instants,
        second_who=st.sampled_from(["", "bob", "eve"]),
        route=st.sampled_from(["card", "transfer"]),
    ),
    st.builds(
        card_read,
        st.integers(1, 2),
        st.integers(0, 2),
        amounts,
        instants,
        cvm=st.sampled_from(["none", "cdcvm"]),
    ),
    st.builds(
        lambda number: TapChosen(key=f"{number}/1/1000", refusal=Refusal(f"no-{number}", "")),
        st.integers(1, 2),
    ),
    st.builds(
        visited,
        st.integers(1, 3),
        instants,
        superseded_by=st.sampled_from(["", "another"]),
        attempts_left=st.integers(-1, 1),
        barred=st.booleans(),
    ),
    st.builds(tick, instants),
    st.builds(Quarantined, ref=st.sampled_from(["a", "b"])),
    st.builds(QuarantineLifted, ref=st.sampled_from(["a", "b"])),
    st.builds(lambda minutes: request(requested_at=T0 + minutes * 60_000), st.integers(0, 6)),
)


def commands_of_a_session():
    """Real commands, and the first of them with another body: a conflict."""
    world = World()
    facts = [
        request(),
        answered("hold/1", "done", 2_000),
        started(0),
        reading(22_000),
        answered("hold/1/raise/1", "done", 4_000),
        ended(24_000),
    ]
    for at, fact in enumerate(facts):
        world.apply(fact, T0 + at * 60_000)
    other = msgspec.structs.replace(world.commands[0], amount_minor=1, body_hash="other")
    return [Issued(command=command) for command in [*world.commands, other]]


ISSUED = commands_of_a_session()
issued_facts = st.sampled_from(ISSUED)
any_fact = st.one_of(acquirer_facts, charger_facts, partner_facts, own_facts, issued_facts)


def test_the_laws_are_tried_with_every_command_of_a_raised_session():
    kinds = {type(one.command).__name__ for one in ISSUED}
    assert kinds == {"PlaceHold", "StartCharging", "RaiseHold", "CaptureHold"}


def fold(facts):
    session = learn(None, request())
    pinned = pin(request(), tariff(), POLICY, {})
    session = learn(session, msgspec.structs.replace(pinned, traced=True))
    for fact in facts:
        session = learn(session, fact)
    return session


@settings(max_examples=400, deadline=None)
@given(st.lists(any_fact, max_size=14), st.data())
def test_neither_order_nor_repetition_matters(facts, data):
    again = data.draw(st.lists(st.sampled_from(facts), max_size=5)) if facts else []
    shuffled = data.draw(st.permutations([*facts, *again]))
    one, other = fold(facts), fold(shuffled)
    assert one == other
    assert encoded(one) == encoded(other)


@settings(max_examples=100, deadline=None)
@given(st.lists(any_fact, max_size=10))
def test_state_survives_the_wire(facts):
    session = fold(facts)
    wire = msgspec.msgpack.encode(session)
    assert msgspec.msgpack.decode(wire, type=type(session)) == session


def test_a_yes_stands_above_a_no_and_the_no_is_not_forgotten():
    session = fold([answered("capture/1", "declined"), answered("capture/1", "done", 500)])
    (answer,) = session.answers.values()
    assert answer.outcome == "done"
    assert answer.outcomes == ("declined", "done")


def test_nothing_but_a_request_opens_a_session():
    with pytest.raises(SessionUnknown):
        learn(None, answered("hold/1", "done", 2_000))


@pytest.mark.parametrize(
    "changed",
    [
        {"terminal_id": "x"},
        {"evse_uid": "x"},
        {"card_token": "x"},
        {"requested_at": T0 + 3 * 60 * 60 * 1000},
    ],
)
def test_a_reference_for_another_driver_is_never_merged(changed):
    session = learn(None, request())
    with pytest.raises(ReferenceReused, match=next(iter(changed))):
        learn(session, request(**changed))


def test_the_body_of_a_command_is_forgotten_with_its_verdict():
    first = Issued(command=commands_of_a_session()[0].command)
    waiting = fold([first])
    settled = fold([first, answered("hold/1", "done", 2_000)])
    assert [one.body != b"" for one in waiting.issued.values()] == [True]
    assert [one.body for one in settled.issued.values()] == [b""]
