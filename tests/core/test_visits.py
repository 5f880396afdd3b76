"""A card at a site: one visit or two, whose hold is surplus, and what the scheme still allows."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from visitworld import MINUTE, T0, book_of, refused, used

from streams.core import visits
from streams.core.declines_codes import DAY_MS, HOUR_MS
from streams.core.visits import VISIT_GAP_MS, CardBook

EVENTS = ("tapped", "approved", "declined", "charging", "over")


def test_a_second_tap_at_the_same_evse_takes_the_place_once_it_is_approved():
    first = [used("a", "tapped"), used("a", "approved")]
    second = [used("b", "tapped", requested_at=T0 + MINUTE)]
    _, told = book_of(first + second)
    assert told == {}
    _, told = book_of([*first, *second, used("b", "approved", requested_at=T0 + MINUTE)])
    assert {name: one.superseded_by for name, one in told.items()} == {"a": "b"}


def test_a_tap_at_another_evse_takes_the_place_only_once_energy_flows_there():
    later = {"requested_at": T0 + MINUTE, "evse": "2"}
    uses = [used("a", "approved"), used("b", "approved", **later)]
    assert book_of(uses)[1] == {}
    _, told = book_of([*uses, used("b", "charging", **later)])
    assert told["a"].superseded_by == "b"


def test_where_energy_flows_nothing_is_surplus_and_it_is_said_when_it_was():
    later = {"requested_at": T0 + MINUTE}
    uses = [used("a", "approved"), used("b", "approved", **later), used("a", "charging")]
    _, told = book_of(uses)
    assert told["a"].superseded_by == ""
    assert told["a"].version == 3
    assert "b" not in told


def test_a_session_that_ends_days_later_is_still_the_newest_of_its_card():
    """A charger was dark for three days: its end is the newest use, and no session is recent."""
    late = used("a", "over", at=T0 + 3 * DAY_MS)
    change = visits.apply(book_of([used("a", "approved"), used("a", "charging")])[0], late)
    assert change.visit.sessions == ["a"]
    alone = visits.apply(None, late)
    assert alone.visit.sessions == ["a"]


@pytest.mark.parametrize(("gap_ms", "one"), [(VISIT_GAP_MS, True), (VISIT_GAP_MS + 1, False)])
def test_taps_far_apart_are_two_visits(gap_ms, one):
    uses = [used("a", "approved"), used("b", "approved", requested_at=T0 + gap_ms)]
    book, told = book_of(uses)
    assert visits.visit(book) == (["a", "b"] if one else ["b"])
    assert ("a" in told) == one


@pytest.mark.parametrize(
    ("scheme", "apart_ms", "left"),
    [("visa", DAY_MS, 16), ("mastercard", HOUR_MS, 6), ("mastercard", DAY_MS, 9), ("amex", 1, -1)],
)
def test_refused_attempts_count_in_the_window_of_the_scheme(scheme, apart_ms, left):
    uses = [refused(number, T0 + number * apart_ms, scheme=scheme) for number in range(4)]
    book, told = book_of(uses)
    assert visits.allowed_of(book).left == left
    assert told["a"].attempts_left == left if left >= 0 else told == {}


def test_old_refusals_are_forgotten_and_the_caps_never_go_below_nothing():
    uses = [refused(number, T0 + number) for number in range(30)]
    assert visits.allowed_of(book_of(uses)[0]).left == 0
    book, _ = book_of([*uses, used("b", "tapped", T0 + 31 * DAY_MS, T0 + 31 * DAY_MS)])
    assert visits.allowed_of(book).left == 20
    assert book.refusals == {}


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(["visa", "mastercard"]),
    st.lists(
        st.tuples(st.integers(0, 40 * 24), st.sampled_from([1_000, 2_000])), min_size=9, max_size=40
    ),
)
def test_what_is_spent_is_told_with_the_very_instant_at_which_it_is_not(scheme, refusals):
    uses = [
        refused(number, T0 + hours * HOUR_MS + number, scheme=scheme, amount_minor=amount)
        for number, (hours, amount) in enumerate(refusals)
    ]
    book, told = book_of(uses)
    allowed = visits.allowed_of(book)
    assert (allowed.left == 0) == (allowed.again_at > book.last_at)
    if allowed.left == 0:
        assert told["a"].again_at == allowed.again_at
        before, then = (
            visits.allowed_of(msgspec.structs.replace(book, last_at=at)).left
            for at in (allowed.again_at - 1, allowed.again_at)
        )
        assert (before, then > 0) == (0, True)


def test_an_approval_ends_what_mastercard_counts_in_a_row():
    uses = [refused(number, T0 + number, scheme="mastercard") for number in range(9)]
    book, _ = book_of([*uses, used("a", "approved", T0 + 20, scheme="mastercard")])
    assert visits.allowed_of(book).left == 10


def test_a_card_that_is_never_to_be_tried_again_is_barred_for_all_its_sessions():
    uses = [used("b", "tapped", requested_at=T0 + MINUTE), refused(1, T0, retry="never")]
    _, told = book_of(uses)
    assert told["a"].barred
    assert told["b"].barred


def test_an_advice_to_wait_is_passed_on():
    _, told = book_of([refused(1, T0, retry="later", wait_ms=HOUR_MS)])
    assert told["a"].wait_until_at == T0 + HOUR_MS


@st.composite
def uses(draw):
    session = draw(st.sampled_from(["a", "b", "c"]))
    event = draw(st.sampled_from(EVENTS))
    minutes = {"a": 0, "b": 4, "c": 30}[session]
    evse = {"a": "1", "b": "1", "c": "2"}[session]
    requested_at = T0 + minutes * MINUTE
    number = draw(st.integers(1, 3)) if event == "declined" else 1
    # What a refusal was does not change from one telling to the next.
    fate = {"retry": ("never", "later", "smaller")[number - 1], "wait_ms": number * HOUR_MS}
    more = {"command_id": f"{session}/hold/1/raise/{number}", **fate} if event == "declined" else {}
    at = requested_at + EVENTS.index(event) * MINUTE + number
    return used(session, event, at, requested_at, evse, **more)


@settings(deadline=None)
@given(st.lists(uses(), min_size=1, max_size=14), st.randoms(use_true_random=False))
def test_neither_order_nor_repetition_changes_what_is_known_or_what_follows(facts, chance):
    again = [*facts, *chance.choices(facts, k=4)]
    chance.shuffle(again)
    books = [book_of(one)[0] for one in (facts, again)]
    plain, mixed = (msgspec.structs.replace(one, version=0) for one in books)
    assert plain == mixed


@settings(deadline=None)
@given(st.lists(uses(), min_size=1, max_size=14))
def test_the_last_session_of_a_visit_is_never_surplus_nor_one_that_charges(facts):
    book, told = book_of(facts)
    last = visits.visit(book)[-1]
    assert book.sessions[last].told.superseded_by == ""
    for name, one in told.items():
        if one.superseded_by:
            assert not book.sessions[name].charging or book.sessions[name].over
            assert book.sessions[one.superseded_by].requested_at > book.sessions[name].requested_at


@given(st.lists(uses(), min_size=1, max_size=14))
def test_what_is_known_already_says_nothing(facts):
    book, _ = book_of(facts)
    for use in facts:
        change = visits.apply(book, use)
        assert (change.visit, change.seen, change.book) == (None, [], book)


def test_a_book_is_written_and_read_again():
    book, _ = book_of([used("a", "approved"), refused(2, T0, retry="never")])
    data = msgspec.msgpack.encode(book)
    assert msgspec.msgpack.decode(data, type=CardBook) == book
