"""The simulated banks' own rules."""

import pytest

from streams.simulation.bank import Bank, Request
from streams.simulation.policies import BY_ID, DAY_MS

AT = 1_790_000_000_000


def bank():
    made = Bank()
    made.available["s"] = 100_00
    return made


def place(made, terms, amount=20_00):
    return made.send("k-hold", terms, Request("hold", "s", "", amount, "CHF"), AT).reference


def ask(made, terms, operation, amount, *, key="k", at=AT):
    return made.send(key, terms, Request(operation, "s", "psp-1", amount, "CHF"), at)


@pytest.mark.parametrize(("name", "amount"), [("total", 30_00), ("delta", 10_00)])
def test_a_raise_travels_as_total_or_as_difference(name, amount):
    made, terms = bank(), BY_ID[name]
    place(made, terms)
    assert ask(made, terms, "raise", amount).amount == 30_00
    assert made.holds["psp-1"].open == 30_00


def test_a_key_is_done_once_while_it_is_known_and_again_when_it_is_forgotten():
    made, terms = bank(), BY_ID["delta"]
    place(made, terms)
    for _ in range(3):
        assert ask(made, terms, "raise", 10_00).amount == 30_00
    assert ask(made, terms, "raise", 10_00, at=AT + 2 * DAY_MS).amount == 40_00


def test_a_key_with_another_body_is_told():
    made, terms = bank(), BY_ID["delta"]
    place(made, terms)
    ask(made, terms, "raise", 10_00)
    ask(made, terms, "raise", 11_00)
    assert len(made.wrong) == 1


@pytest.mark.parametrize(
    ("name", "captured", "left"),
    [("total", 5_00, 0), ("reverse", 5_00, 15_00), ("lapse", 5_00, 15_00), ("delta", 0, 20_00)],
)
def test_what_a_capture_leaves_goes_by_the_acquirer(name, captured, left):
    made, terms = bank(), BY_ID[name]
    place(made, terms)
    ask(made, terms, "capture", 5_00)
    hold = made.holds["psp-1"]
    assert (hold.captured, hold.open) == (captured, left)
    assert hold.approved == hold.captured + hold.released + hold.lapsed + hold.open


def test_a_hold_whose_time_is_over_is_not_captured():
    made, terms = bank(), BY_ID["total"]
    place(made, terms)
    late = ask(made, terms, "capture", 5_00, at=AT + terms.lifetime_ms)
    assert late.outcome == "failed"
    assert made.holds["psp-1"].lapsed == 20_00


def test_a_refund_is_of_what_was_captured_and_never_of_more():
    made, terms = bank(), BY_ID["total"]
    place(made, terms)
    assert ask(made, terms, "refund", 1_00, key="early").outcome == "failed"
    ask(made, terms, "capture", 5_00, key="capture")
    assert ask(made, terms, "refund", 3_00, key="first").outcome == "done"
    assert ask(made, terms, "refund", 3_00, key="second").outcome == "failed"
    assert made.holds["psp-1"].refunded == 3_00
    assert len(made.wrong) == 2
