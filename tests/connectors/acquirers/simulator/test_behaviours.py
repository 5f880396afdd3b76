"""What differs between acquirers: convention, remainder, finality, lifetimes, partial approval."""

import pytest

DAY = 86_400_000


def sums(desk, hold):
    one = desk.hold(hold)
    return {"captured": one.captured, "released": one.released, "lapsed": one.lapsed,
            "open": one.open}  # fmt: skip


def test_total_and_delta_tell_the_same_story_in_different_words(open_desk):
    total, delta = open_desk(amount_convention="TOTAL"), open_desk(amount_convention="DELTA")
    a, b = total.place(5000), delta.place(5000)
    raised = [total.raise_(a, 8000), delta.raise_(b, 3000)]
    assert [(one.amount_minor, one.moved_minor) for one in raised] == [(8000, 3000)] * 2
    lowered = [total.lower(a, 6000), delta.lower(b, 2000)]
    assert [(one.amount_minor, one.moved_minor) for one in lowered] == [(6000, 2000)] * 2
    assert (
        sums(total, a)
        == sums(delta, b)
        == {"captured": 0, "released": 2000, "lapsed": 0, "open": 6000}
    )


def test_the_same_number_means_different_money(open_desk):
    total, delta = open_desk(amount_convention="TOTAL"), open_desk(amount_convention="DELTA")
    assert total.raise_(total.place(5000), 6000).amount_minor == 6000
    assert delta.raise_(delta.place(5000), 6000).amount_minor == 11000


def test_auto_at_capture_gives_the_rest_back_with_the_capture(open_desk):
    desk = open_desk(remainder="AUTO_AT_CAPTURE")
    hold = desk.place(5000)
    assert desk.capture(hold, 3000).hold.released_minor == 2000
    assert sums(desk, hold) == {"captured": 3000, "released": 2000, "lapsed": 0, "open": 0}


def test_lower_before_capture_wants_the_exact_amount(open_desk):
    desk = open_desk(remainder="LOWER_BEFORE_CAPTURE")
    hold = desk.place(5000)
    assert desk.capture(hold, 3000).code == "capture_must_equal_held"
    desk.lower(hold, 3000)
    assert desk.capture(hold, 3000).outcome == "done"
    assert sums(desk, hold) == {"captured": 3000, "released": 2000, "lapsed": 0, "open": 0}


def test_reverse_after_capture_leaves_the_rest_open_until_reversed(open_desk):
    desk = open_desk(remainder="REVERSE_AFTER_CAPTURE")
    hold = desk.place(5000)
    desk.capture(hold, 3000)
    assert sums(desk, hold) == {"captured": 3000, "released": 0, "lapsed": 0, "open": 2000}
    assert desk.reverse(hold).moved_minor == 2000
    assert sums(desk, hold) == {"captured": 3000, "released": 2000, "lapsed": 0, "open": 0}


def test_lapse_only_gives_the_rest_back_by_time_alone(open_desk):
    desk = open_desk(remainder="LAPSE_ONLY")
    hold = desk.place(5000)
    desk.capture(hold, 3000)
    assert desk.reverse(hold).code == "remainder_lapses_only"
    desk.wait(5 * DAY)
    assert sums(desk, hold) == {"captured": 3000, "released": 0, "lapsed": 2000, "open": 0}


def test_lapse_only_still_reverses_a_hold_that_nothing_was_taken_from(open_desk):
    desk = open_desk(remainder="LAPSE_ONLY")
    assert desk.reverse(desk.place(5000)).outcome == "done"


@pytest.mark.parametrize(
    ("captures", "final", "second"),
    [
        ("by_flag", True, "already_captured"),
        ("by_flag", False, ""),
        ("always_final", False, "already_captured"),
        ("never_final", True, ""),
    ],
)
def test_who_decides_that_a_capture_is_final(open_desk, captures, final, second):
    desk = open_desk(captures=captures, remainder="REVERSE_AFTER_CAPTURE")
    hold = desk.place(5000)
    desk.capture(hold, 2000, final=final)
    assert desk.capture(hold, 2000, final=final).code == second
    assert desk.summary().duplicate_captures == (1 if second == "" else 0)


def test_a_hold_lapses_at_its_instant_and_not_before(open_desk):
    desk = open_desk(hold_lifetime_ms=1000, hold_lifetime_ms_by_scheme={"amex": 2000})
    visa, amex = desk.place(), desk.place(scheme="amex")
    desk.wait(999)
    assert desk.hold(visa).open == 5000
    desk.wait(1)
    assert (desk.hold(visa).status, desk.hold(amex).status) == ("lapsed", "open")
    lapse = desk.store.answers("main", "ref-1")[-1]
    assert (lapse.operation, lapse.occurred_at) == ("lapse", desk.hold(visa).expires_at)


@pytest.mark.parametrize(("scheme", "lives"), [("visa", False), ("mastercard", True)])
def test_a_raise_extends_the_life_of_a_hold_for_some_schemes(open_desk, scheme, lives):
    desk = open_desk(hold_lifetime_ms=1000)
    hold = desk.place(scheme=scheme)
    desk.wait(600)
    desk.raise_(hold, 6000)
    desk.wait(600)
    assert (desk.hold(hold).open > 0) is lives


def test_a_prepaid_card_gets_what_it_has_when_less_is_welcome(open_desk):
    desk = open_desk(cards={"poor": {"available_minor": 2000}})
    refused = desk.authorise(5000, card_token="poor")
    assert (refused.outcome, refused.code, refused.reason) == (
        "declined", "51", "insufficient_funds",
    )  # fmt: skip
    part = desk.authorise(5000, card_token="poor", allow_partial=True)
    assert (part.outcome, part.partial, part.amount_minor) == ("done", True, 2000)
    assert desk.raise_(part.payment_reference, 2001).code == "51"


def test_seeded_partial_approval_is_by_funding(open_desk):
    desk = open_desk(partial_approval={"rate_bp": 10_000, "share_percent": 40})
    assert desk.authorise(5000, funding="prepaid", allow_partial=True).amount_minor == 2000
    assert desk.authorise(5000, funding="credit", allow_partial=True).amount_minor == 5000


def test_a_card_may_be_good_for_the_hold_and_bad_for_the_raise(open_desk):
    desk = open_desk(cards={"tok": {"decline_raise": "61"}})
    hold = desk.place(5000)
    declined = desk.raise_(hold, 6000)
    assert (declined.outcome, declined.code, declined.reason) == ("declined", "61", "amount_limit")
    assert desk.capture(hold, 5000).outcome == "done", "a declined raise never kills the old hold"


def test_a_capture_that_fails_later_may_be_captured_again(open_desk):
    desk = open_desk(
        fault_scripts=[{"fault": "capture_fails", "operation": "capture"}], fails_after_ms=1000
    )
    hold = desk.place(5000)
    assert desk.capture(hold, 3000).outcome == "done"
    desk.wait(1000)
    assert sums(desk, hold) == {"captured": 0, "released": 2000, "lapsed": 0, "open": 3000}
    assert desk.capture(hold, 3000).outcome == "done"
    summary = desk.summary()
    assert (summary.duplicate_captures, summary.unbalanced_holds) == (0, 0)
    assert summary.operations["capture_failure"] == {"done": 1}


def test_a_capture_that_was_refunded_did_clear(open_desk):
    desk = open_desk(fault_scripts=[{"fault": "capture_fails"}], fails_after_ms=1000)
    hold = desk.place(5000)
    desk.capture(hold, 3000)
    desk.refund(hold, 1)
    desk.wait(1000)
    assert desk.hold(hold).captured == 3000
    assert "capture_failure" not in desk.summary().operations


def test_a_refund_that_fails_later_leaves_the_money_captured(open_desk):
    desk = open_desk(fault_scripts=[{"fault": "refund_fails"}], fails_after_ms=1000)
    hold = desk.place(5000)
    desk.capture(hold, 5000)
    refund = desk.refund(hold, 5000)
    desk.wait(1000)
    assert desk.hold(hold).refunded == 0
    inquiry = desk.inquire(refund.merchant_reference)
    assert (inquiry.outcome, inquiry.times_done, inquiry.times_failed_later) == ("done", 1, 1)
    assert desk.refund(hold, 5000).outcome == "done"


def test_two_captures_of_one_session_on_two_holds_are_counted(open_desk):
    desk = open_desk()
    for _ in range(2):
        answer = desk.authorise(5000, metadata={"session_id": "s1"})
        desk.capture(answer.payment_reference, 5000)
    summary = desk.summary()
    assert (summary.duplicate_captures, summary.duplicate_captures_by_session) == (0, 1)
