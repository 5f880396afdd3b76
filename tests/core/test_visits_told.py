"""What a card's book tells, field by field, and what it forgets."""

import pytest
from visitworld import MINUTE, T0, book_of, refused, used

from streams.core import visits
from streams.core.declines_codes import DAY_MS, HOUR_MS
from streams.core.visits import REFUSALS_MAX, SESSIONS_MAX, VISIT_GAP_MS

MONTH_MS = 30 * DAY_MS


def test_the_public_view_of_a_visit():
    uses = [
        used("a", "tapped", scheme="Visa"),
        refused(1, T0 + MINUTE, retry="never"),
        used("b", "tapped", T0 + 2 * MINUTE, requested_at=T0 + 2 * MINUTE),
        refused(2, T0 + 3 * MINUTE, retry="later", wait_ms=HOUR_MS),
    ]
    book, _ = book_of(uses)
    told = visits.visit_of(book)
    assert (told.tenant, told.site_id, told.card_token, told.scheme) == ("t", "site", "tok", "visa")
    assert (told.visit_from_at, told.last_at, told.sessions) == (T0, T0 + 3 * MINUTE, ["a", "b"])
    assert (told.declined_day, told.declined_month, told.attempts_left) == (2, 2, 18)
    assert (told.barred, told.wait_until_at) == (True, T0 + 3 * MINUTE + HOUR_MS)
    assert told.version == book.version == len(uses)


def test_every_change_is_told_and_nothing_else():
    first = visits.apply(None, used("a", "tapped"))
    assert first.visit == visits.visit_of(first.book)
    again = visits.apply(first.book, used("a", "tapped"))
    assert (again.visit, again.seen, again.book) == (None, [], first.book)


def test_only_the_newest_visit_is_told():
    later = T0 + 2 * VISIT_GAP_MS
    book, _ = book_of([used("a", "tapped"), used("b", "tapped", later, requested_at=later)])
    told = visits.visit_of(book)
    assert (told.sessions, told.visit_from_at) == (["b"], later)


def test_what_a_session_is_told_is_of_its_card_and_dated_by_the_newest_use():
    _, told = book_of([used("a", "tapped"), refused(1, T0 + MINUTE, retry="never")])
    seen = told["a"]
    assert (seen.tenant, seen.session_id, seen.card_token) == ("t", "a", "tok")
    assert (seen.seen_at, seen.version, seen.barred) == (T0 + MINUTE, 2, True)
    assert (seen.attempts_left, seen.wait_until_at, seen.superseded_by) == (19, 0, "")


def test_a_session_that_is_over_is_told_nothing_more_and_takes_no_place():
    over = [used("a", "tapped"), used("a", "over")]
    _, told = book_of([*over, used("b", "declined", retry="never", command_id="b/hold/1")])
    assert set(told) == {"b"}
    later = {"requested_at": T0 + MINUTE}
    ended = [used("b", "approved", **later), used("b", "over", **later)]
    _, told = book_of([*ended, used("a", "tapped")])
    assert told == {}


def test_a_refusal_told_twice_counts_once_and_at_its_earliest():
    book, _ = book_of([refused(1, T0 + HOUR_MS), refused(1, T0)])
    assert [one.at for one in book.refusals.values()] == [T0]


@pytest.mark.parametrize(("age_ms", "counted"), [(MONTH_MS - 1, 2), (MONTH_MS, 1)])
def test_a_refusal_leaves_the_window_to_the_instant(age_ms, counted):
    book, _ = book_of([refused(1, T0), refused(2, T0 + age_ms)])
    assert visits.allowed_of(book).left == 20 - counted
    assert visits.visit_of(book).declined_month == counted


@pytest.mark.parametrize(("age_ms", "kept"), [(MONTH_MS, 2), (MONTH_MS + 1, 1)])
def test_a_refusal_is_kept_while_any_scheme_looks_at_it(age_ms, kept):
    book, _ = book_of([refused(1, T0), refused(2, T0 + age_ms)])
    assert len(book.refusals) == kept


@pytest.mark.parametrize(
    ("age_ms", "event", "kept"),
    [(DAY_MS, "over", True), (DAY_MS + 1, "over", False), (DAY_MS + 1, "approved", True)],
)
def test_a_session_is_forgotten_a_day_after_it_was_asked_for_if_it_is_over(age_ms, event, kept):
    at = T0 + age_ms
    book, _ = book_of([used("a", event), used("b", "tapped", at, requested_at=at)])
    assert ("a" in book.sessions) == kept


def test_of_too_many_the_least_recent_are_forgotten():
    taps = [
        used(f"s{number:03}", "tapped", T0 + number, requested_at=T0 + number)
        for number in range(SESSIONS_MAX + 1)
    ]
    book, _ = book_of(taps)
    assert set(book.sessions) == {use.session_id for use in taps[1:]}
    # Their names say nothing: the first of the alphabet is the newest.
    noes = [refused(REFUSALS_MAX - number, T0 + number) for number in range(REFUSALS_MAX + 1)]
    book, _ = book_of(noes)
    assert set(book.refusals) == {use.command_id for use in noes[1:]}


def test_an_instant_of_approval_does_not_go_back():
    row = {"scheme": "mastercard"}
    uses = [
        used("a", "approved", T0 + HOUR_MS, **row),
        refused(1, T0 + MINUTE, **row),
        used("b", "approved", T0, **row),
    ]
    book, _ = book_of(uses)
    assert (book.approved_at, visits.allowed_of(book).left) == (T0 + HOUR_MS, 10)


def test_before_the_first_approval_none_is_known():
    assert book_of([used("a", "tapped")])[0].approved_at == 0
