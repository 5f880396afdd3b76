"""Health: a window of answers by their own time, the same in whatever order they arrive."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from sessionworld import T0, answered

from schemas.facts import AnswerSample
from streams.core.health import (
    LATENCIES_MS,
    RECENT,
    TELL_MS,
    WINDOW_MS,
    AcquirerWindow,
    health,
    quantile,
    sampled,
    to_tell,
    with_sample,
)
from streams.core.routing import TECHNICAL

EMPTY = AcquirerWindow("t", "a")

samples = st.builds(
    AnswerSample,
    verdict=st.sampled_from(["approved", "declined", "technical", "other"]),
    latency_ms=st.integers(-1, 200_000),
    answered_at=st.integers(T0, T0 + 3 * WINDOW_MS),
)


def sample(verdict="approved", at=T0, latency_ms=800):
    return AnswerSample(verdict=verdict, latency_ms=latency_ms, answered_at=at)


def window_of(answers):
    window = EMPTY
    for one in answers:
        window = with_sample(window, one)
    return window


@given(
    st.lists(samples, max_size=40).flatmap(
        lambda one: st.tuples(st.just(one), st.permutations(one))
    )
)
def test_order_does_not_matter(pair):
    one, other = pair
    assert window_of(one) == window_of(other)


@given(st.lists(samples, min_size=1, max_size=60))
def test_a_record_counts_what_is_in_its_window_and_nothing_else(answers):
    record = health(window_of(answers))
    newest_at = max(one.answered_at for one in answers)
    oldest_at = newest_at - newest_at % 60_000 - WINDOW_MS + 60_000
    inside = [one for one in answers if one.answered_at >= oldest_at]
    assert record.answers == len(inside)
    assert record.technical == sum(one.verdict == "technical" for one in inside)
    assert record.approved == sum(one.verdict == "approved" for one in inside)
    failed_at = max((one.answered_at for one in answers if one.verdict == "technical"), default=0)
    assert record.last_technical_at == failed_at
    after = sum(one.answered_at > failed_at for one in answers)
    assert record.good_since == min(after, RECENT)


@given(st.lists(st.integers(0, 120_000), min_size=1, max_size=80))
def test_a_told_quantile_is_never_below_the_true_one(latencies):
    record = health(window_of([sample(latency_ms=one) for one in latencies]))
    ordered = sorted(latencies)
    assert record.p50_ms >= ordered[-(-len(ordered) // 2) - 1]
    assert record.p95_ms >= ordered[-(-len(ordered) * 95 // 100) - 1]
    assert record.p95_ms in LATENCIES_MS


def test_no_latency_known_is_none():
    assert quantile([0] * len(LATENCIES_MS), 95) == -1
    assert health(window_of([sample(latency_ms=-1)])).p95_ms == -1


# --- what an answer says ---


def test_a_decline_is_the_issuers_and_a_timeout_the_acquirers():
    assert sampled(answered("hold/1", "done", 100)).verdict == "approved"
    assert (
        sampled(answered("hold/1", "declined", reason="insufficient_funds")).verdict == "declined"
    )
    assert sampled(answered("hold/1", "unknown", reason="timeout")).verdict == "technical"
    assert sampled(answered("capture/1", "done", 100)).verdict == "other"
    for reason in TECHNICAL:
        assert sampled(answered("hold/1", "failed", reason=reason)).verdict == "technical"


def test_latency_runs_from_the_command_to_its_answer():
    answer = answered("hold/1", "done", 100, at=T0 + 1_200, issued_at=T0)
    assert sampled(answer).latency_ms == 1_200
    assert sampled(replace(answer, issued_at=0)).latency_ms == -1
    assert sampled(replace(answer, issued_at=T0 + 5_000)).latency_ms == 0  # clocks that disagree


def test_word_of_an_earlier_answer_is_not_counted_again():
    assert sampled(answered("hold/1", "done", 100, source="webhook")) is None
    assert sampled(answered("hold/1/inquire/1", "done", 100)) is None
    assert sampled(answered("hold/1/resend/1", "done", 100)) is None
    assert sampled(answered("hold/1", "done", 100, source="consumer")) is None


# --- when it is told ---


def told(window):
    record = to_tell(window)
    return window if record is None else replace(window, told=record)


def test_the_first_answer_is_told_and_the_next_good_ones_wait():
    window = told(window_of([sample()]))
    assert window.told.version == 1
    quiet = with_sample(window, sample(at=T0 + 1))
    assert to_tell(quiet) is None
    assert to_tell(with_sample(quiet, sample(at=T0 + TELL_MS))).version == 2


def test_a_failure_and_what_follows_it_are_told_at_once():
    window = told(window_of([sample()]))
    failed = with_sample(window, sample("technical", T0 + 1))
    assert to_tell(failed).technical == 1
    back = with_sample(told(failed), sample(at=T0 + 2))
    assert to_tell(back).good_since == 1


def test_nothing_new_is_not_told():
    assert to_tell(told(window_of([sample()]))) is None
