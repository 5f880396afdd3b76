"""Every refusal code has a story here, and no story is missing."""

import pytest

from connectors.acquirers.simulator.messages import REFUSAL_CODES

DAY = 86_400_000
STORIES = {}


def story(code, **settings):
    def register(tell):
        STORIES[code] = (tell, settings)
        return tell

    return register


@story("amount_not_positive")
def _(desk):
    return desk.authorise(0)


@story("currency_mismatch")
def _(desk):
    return desk.capture(desk.place(), 100, currency="DKK")


@story("unknown_reference")
def _(desk):
    return desk.capture("pay_of_nobody", 100)


@story("convention_mismatch")
def _(desk):
    return desk.raise_(desk.place(), 6000, convention="DELTA")


@story("raise_not_above_held")
def _(desk):
    return desk.raise_(desk.place(5000), 5000)


@story("raise_on_closed_hold")
def _(desk):
    hold = desk.place()
    desk.reverse(hold)
    return desk.raise_(hold, 6000)


@story("raise_on_lapsed_hold")
def _(desk):
    hold = desk.place()
    desk.wait(5 * DAY)
    return desk.raise_(hold, 6000)


@story("raise_attempts_exhausted", raise_attempts_cap=2, cards={"tok": {"available_minor": 6000}})
def _(desk):
    hold = desk.place()
    assert desk.raise_(hold, 6000).outcome == "done"
    assert desk.raise_(hold, 7000).outcome == "declined", "a declined one counts too"
    return desk.raise_(hold, 6001)


@story("raises_not_supported", raise_refused_fundings=("prepaid",))
def _(desk):
    assert desk.raise_(desk.place(scheme="girocard"), 6000).code == "raises_not_supported"
    return desk.raise_(desk.place(funding="prepaid"), 6000)


@story("lower_not_below_held")
def _(desk):
    return desk.lower(desk.place(5000), 5000)


@story("lower_on_closed_hold")
def _(desk):
    hold = desk.place()
    desk.capture(hold, 5000)
    return desk.lower(hold, 100)


@story("lower_on_lapsed_hold")
def _(desk):
    hold = desk.place()
    desk.wait(5 * DAY)
    return desk.lower(hold, 100)


@story("capture_above_held")
def _(desk):
    return desk.capture(desk.place(5000), 5001)


@story("already_captured", remainder="REVERSE_AFTER_CAPTURE")
def _(desk):
    hold = desk.place(5000)
    desk.capture(hold, 4000)
    return desk.capture(hold, 1000)


@story("nothing_left_to_capture")
def _(desk):
    hold = desk.place(5000)
    desk.capture(hold, 5000, final=False)
    return desk.capture(hold, 1)


@story("capture_after_release")
def _(desk):
    hold = desk.place()
    desk.reverse(hold)
    return desk.capture(hold, 100)


@story("capture_after_lapse")
def _(desk):
    hold = desk.place()
    desk.wait(5 * DAY)
    return desk.capture(hold, 100)


@story("capture_must_equal_held", remainder="LOWER_BEFORE_CAPTURE")
def _(desk):
    return desk.capture(desk.place(5000), 4999)


@story("partial_capture_not_allowed", partial_capture=False)
def _(desk):
    return desk.capture(desk.place(5000), 4999)


@story("already_released")
def _(desk):
    hold = desk.place()
    assert desk.reverse(hold).outcome == "done"
    return desk.reverse(hold)


@story("nothing_left_to_release")
def _(desk):
    hold = desk.place(5000)
    desk.capture(hold, 4000)
    return desk.reverse(hold)


@story("reverse_after_lapse")
def _(desk):
    hold = desk.place()
    desk.wait(5 * DAY)
    return desk.reverse(hold)


@story("remainder_lapses_only", remainder="LAPSE_ONLY")
def _(desk):
    hold = desk.place(5000)
    assert desk.lower(hold, 4000).code == "remainder_lapses_only"
    desk.capture(hold, 4000)
    return desk.reverse(hold)


@story("refund_not_captured")
def _(desk):
    return desk.refund(desk.place(), 100)


@story("refund_above_captured")
def _(desk):
    hold = desk.place(5000)
    desk.capture(hold, 4000)
    assert desk.refund(hold, 3000).outcome == "done"
    return desk.refund(hold, 1001)


def test_every_code_has_a_story():
    assert set(STORIES) == set(REFUSAL_CODES)


@pytest.mark.parametrize("code", sorted(STORIES))
def test_refusal(code, open_desk):
    tell, settings = STORIES[code]
    desk = open_desk(**settings)
    answer = tell(desk)
    assert (answer.outcome, answer.code) == ("refused", code)
    assert answer.moved_minor == answer.amount_minor == 0
    if answer.hold is not None:
        stored = desk.hold(answer.payment_reference)
        assert stored is not None
        assert stored.view() == answer.hold, "a refusal changes nothing"
    assert desk.summary().unbalanced_holds == 0
