"""The ladder under chance: an independent checker of each capture; order and repetition change
nothing of a proof; no rung takes what a higher one denies."""

import random

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from partnerworld import cdr, linked, seen
from sessionworld import (
    POLICY,
    T0,
    World,
    answered,
    ended,
    reading,
    released,
    request,
    signed,
    started,
    tick,
    told_so,
    updated,
)

from schemas import codec
from schemas.commands import CaptureHold
from schemas.flags import Flag
from streams.core.case import case_of
from streams.core.session import TimeReached
from streams.core.strategy_policy import Policy

MINUTE = 60_000
HOUR = 60 * MINUTE
END = T0 + 40 * MINUTE
DELIVERED = 10_000
FIGURES = st.sampled_from([DELIVERED, DELIVERED, DELIVERED + 60, 6_000, 16_000, 0])


class Day(msgspec.Struct):
    """What is told of a charging of 10 kWh, truly or not. None: it is not told at all."""

    end_wh: int | None
    whole: bool
    numbered: bool
    doubtful: bool
    fell: bool
    signed_wh: int | None
    signed_by: str
    reading_wh: int | None
    cdr_wh: int | None
    ocpi_wh: int | None
    decided_wh: int | None
    rejected: bool
    parked: bool

    def facts(self):
        found = [started(0, T0, seq=0 if self.numbered else -1)]
        if self.reading_wh is not None:
            found.append(reading(self.reading_wh, T0 + 30 * MINUTE, seq=1 if self.numbered else -1))
        if self.parked:
            found.append(updated("suspended_ev", 0, T0 + 35 * MINUTE, seq=2))
        if self.end_wh is not None:
            found.append(self.end())
        if self.cdr_wh is not None:
            code = 2001 if self.rejected else 0
            gross = f"{79 * self.cdr_wh / 100_000:.2f}"
            told = {"ended_at": END, "rejected_code": code, "parking_hours": ""}
            found.append(linked(cdr(self.cdr_wh, gross, END, **told)))
        if self.ocpi_wh is not None:
            found.append(linked(seen(self.ocpi_wh, END, status="COMPLETED")))
        if self.decided_wh is not None:
            found.append(released(self.decided_wh, at=END))
        return found

    def end(self):
        seq = 9 if self.numbered else -1
        one = ended(self.end_wh, END, seq=seq, complete=self.whole and self.numbered)
        flags = int(Flag.PER_TRANSACTION) if self.doubtful else 0
        one = told_so(one, fell=self.fell, flags=flags)
        if self.signed_wh is None:
            return one
        return msgspec.structs.replace(
            signed(one, self.signed_wh, (T0, END), key=self.signed_by), register_fell=self.fell
        )


DAYS = st.builds(
    Day, end_wh=st.none() | FIGURES, whole=st.booleans(), numbered=st.booleans(),
    doubtful=st.booleans(), fell=st.booleans(), signed_wh=st.none() | FIGURES,
    signed_by=st.sampled_from(["registry", "enclosed"]), reading_wh=st.none() | FIGURES,
    cdr_wh=st.none() | FIGURES, ocpi_wh=st.none() | FIGURES,
    decided_wh=st.none() | st.just(DELIVERED), rejected=st.booleans(), parked=st.booleans(),
)  # fmt: skip
RULES = st.sampled_from(
    [{}, {"enclosed_keys": True}, {"lowest_rung": "COMPLETE_TRANSACTION"},
     {"lowest_rung": "SESSION_AND_CDR"}, {"disagreement": "lower"}, {"disagreement": "cdr"}]
)  # fmt: skip


def is_end(fact):
    return hasattr(fact, "fact") and codec.record_name(fact.fact) == "ChargingEnded"


def lived(rules, facts):
    """The session that has heard these facts, three days later and a step at a time."""
    policy: Policy = msgspec.structs.replace(
        POLICY, proof=msgspec.structs.replace(POLICY.proof, **rules)
    )
    world = World(policy=policy)
    world.apply(request(), T0)
    world.apply(answered("hold/1", "done", 2_000, T0), T0)
    for fact in facts:
        world.apply(fact, END)
    for hours in (1, 6, 7, 24, 25, 30):
        world.apply(tick(END + hours * HOUR), END + hours * HOUR)
    return world


def near(one, other):
    return abs(one - other) <= 100 + max(one, other) // 100


def believable(day, rules, capture):
    """What each rung asks, told once more and otherwise than in the core."""
    key_is_good = day.signed_by == "registry" or rules.get("enclosed_keys", False)
    has_end, cdr_counts = day.end_wh is not None, bool(day.cdr_wh) and not day.rejected
    match capture.proof:
        case "SIGNED_END":
            assert has_end
            assert day.signed_wh is not None
            assert key_is_good
        case "COMPLETE_TRANSACTION":
            assert has_end
            assert not day.doubtful
            assert not day.fell
            assert day.whole or not day.numbered
            assert day.reading_wh is None or day.reading_wh <= day.end_wh
        case "SESSION_AND_CDR":
            assert cdr_counts
            assert day.ocpi_wh is not None
            assert near(day.ocpi_wh, day.cdr_wh)
        case "CDR_AFTER_QUIET":
            assert cdr_counts
        case rung:
            assert rung == "OPERATOR_RELEASE"
            assert day.decided_wh is not None
    if capture.proof in ("SESSION_AND_CDR", "CDR_AFTER_QUIET"):
        order = ["SIGNED_END", "COMPLETE_TRANSACTION", "SESSION_AND_CDR", "CDR_AFTER_QUIET"]
        lowest = rules.get("lowest_rung", "CDR_AFTER_QUIET")
        assert order.index(capture.proof) <= order.index(lowest)


def undenied(day, capture):
    """Nobody whose word counts says otherwise, unless policy or a person has settled it."""
    if capture.settled_by or capture.proof == "OPERATOR_RELEASE":
        return
    wh = capture.energy_wh
    if day.cdr_wh is not None and not day.rejected:
        assert near(day.cdr_wh, wh)
    if day.end_wh is not None and day.signed_wh is not None:
        assert near(day.signed_wh, wh)
    if day.end_wh is not None and not (day.doubtful or day.fell):
        assert near(day.end_wh, wh)
    if capture.proof in ("SESSION_AND_CDR", "CDR_AFTER_QUIET") and day.reading_wh is not None:
        assert day.reading_wh <= wh or near(day.reading_wh, wh)


@settings(max_examples=150, deadline=None)
@given(DAYS, RULES, st.randoms(use_true_random=False))
def test_each_capture_rests_on_its_rung_and_on_nothing_that_is_denied(day, rules, chance):
    facts = day.facts()
    chance.shuffle(facts)
    facts.sort(key=is_end)  # what comes after a capture cannot stand in its way
    captures = [one for one in lived(rules, facts).commands if isinstance(one, CaptureHold)]
    assert len(captures) <= 1
    for one in captures:
        believable(day, rules, one)
        undenied(day, one)
        assert one.amount_minor <= one.capturable_minor
        assert one.charger_wh >= -1
        assert one.evidence


@settings(max_examples=100, deadline=None)
@given(DAYS, RULES, st.integers(0, 10**9))
def test_a_proof_depends_on_neither_order_nor_repetition(day, rules, seed):
    """Of facts that are all known, and before anything was captured by some of them."""
    found = set()
    for number in range(3):
        facts = day.facts() * (1 + number % 2)
        random.Random(seed + number).shuffle(facts)
        policy = msgspec.structs.replace(
            POLICY, proof=msgspec.structs.replace(POLICY.proof, **rules)
        )
        world = World(policy=policy)
        world.apply(request(role="observer"), T0)
        for fact in facts:
            world.apply(fact, END)
        for hours in (0, 7, 30):
            world.apply(TimeReached(at=END + hours * HOUR), END + hours * HOUR)
            proof = case_of(world.session, policy).proof
            said = (proof.rung, proof.final, proof.cost_minor, proof.waits, proof.why)
            found.add((hours, said, proof.settled_by, proof.charger_wh, proof.again_at))
    assert len(found) == 3


@settings(max_examples=100, deadline=None)
@given(DAYS, st.sampled_from(["lower", "person", "cdr"]))
def test_the_lower_of_two_is_never_above_either(day, way):
    if day.cdr_wh is None or day.rejected or day.end_wh is None:
        return
    for one in lived({"disagreement": way}, day.facts()).commands:
        if isinstance(one, CaptureHold) and one.settled_by == "lower":
            assert one.energy_wh <= day.cdr_wh
            assert one.charger_wh < 0 or one.energy_wh <= one.charger_wh
