"""What is held, on which card, at which charger: the seed's matrix, its staircase, its headroom."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sessionworld import POLICY as MATRIX
from sessionworld import rated, request

from streams.core.pricing import NOTHING, Quantities
from streams.core.strategy import (
    Choice,
    Refusal,
    bounded,
    choose,
    next_total,
    parse_policy,
)

CHF_79 = rated("CHF", {"ENERGY": Fraction("0.79")})


def chosen(tariff=CHF_79, policy=MATRIX, **changed):
    choice = choose(policy, request(**changed), tariff)
    assert isinstance(choice, Choice), choice
    return choice


def refusal(tariff=CHF_79, policy=MATRIX, **changed):
    found = choose(policy, request(**changed), tariff)
    assert isinstance(found, Refusal), found
    return found


def amounts(choice):
    return (choice.strategy, choice.first_minor, choice.step_minor, choice.ceiling_minor)


@pytest.mark.parametrize(
    ("power_type", "funding", "cell", "held"),
    [
        ("DC", "credit", "dc-credit", ("incremental", 2_000, 2_000, 12_000)),
        ("DC", "debit", "dc-thin", ("incremental", 1_500, 1_500, 9_000)),
        ("DC", "prepaid", "dc-thin", ("incremental", 1_500, 1_500, 9_000)),
        ("DC", "unknown", "dc-thin", ("incremental", 1_500, 1_500, 9_000)),
        ("AC", "credit", "ac-credit", ("fixed", 3_000, 0, 3_000)),
        ("AC", "debit", "ac-thin", ("fixed", 2_000, 0, 2_000)),
    ],
)
def test_the_default_matrix(power_type, funding, cell, held):
    choice = chosen(power_type=power_type, funding=funding)
    assert choice.cell == cell
    assert amounts(choice) == held
    assert (choice.target_minor, choice.target_energy_wh) == (None, None)


@pytest.mark.parametrize("currency", ["CHF", "EUR", "USD"])
@pytest.mark.parametrize("acquirer", sorted(MATRIX.acquirers))
@pytest.mark.parametrize("power_type", ["AC", "DC"])
@pytest.mark.parametrize("funding", ["credit", "debit", "prepaid", "unknown"])
@pytest.mark.parametrize(
    "declared", [("none", 0), ("amount", 2_500), ("energy", 20_000), ("fill", 0)]
)
def test_the_default_policy_has_no_gap(currency, acquirer, power_type, funding, declared):
    choice = chosen(
        tariff=rated(currency, {"ENERGY": Fraction("0.79")}),
        currency=currency,
        acquirer_id=acquirer,
        power_type=power_type,
        funding=funding,
        declared_kind=declared[0],
        declared_value=declared[1],
    )
    assert 0 < choice.first_minor <= choice.ceiling_minor
    if choice.strategy == "incremental":
        assert MATRIX.acquirers[acquirer].increments


def test_a_declared_amount_is_held_as_it_was_named():
    choice = chosen(declared_kind="amount", declared_value=2_550)
    assert choice.cell == "declared-amount"
    assert amounts(choice) == ("declared", 2_550, 0, 2_550)
    assert (choice.target_minor, choice.target_energy_wh) == (2_550, None)


def test_a_declared_amount_above_the_ceiling_is_capped_and_says_so():
    choice = chosen(declared_kind="amount", declared_value=20_000)
    assert amounts(choice) == ("declared", 15_000, 0, 15_000)
    assert choice.target_minor == 15_000
    assert "200.00 CHF and is capped" in choice.explanation


def test_a_declared_energy_is_held_at_its_gross_price_with_a_buffer():
    tariff = rated("CHF", {"ENERGY": Fraction("0.79"), "TIME": Fraction(6), "FLAT": Fraction(1)})
    choice = chosen(tariff, declared_kind="energy", declared_value=30_000, power_max_w=150_000)
    # 23.70 for energy, 12 minutes at full power 1.20, 1.00 to start: 25.90; 5 % and 0.50 more.
    assert amounts(choice) == ("declared", 2_770, 0, 2_770)
    assert (choice.target_minor, choice.target_energy_wh) == (None, 30_000)


def test_the_time_of_a_declared_energy_is_rounded_up_to_the_ms():
    # A minor unit each ms
    tariff = rated("CHF", {"TIME": Fraction(36_000)})
    found = stepped(tariff, declared_kind="energy", declared_value=1, power_max_w=1_800_000)
    assert found.ceiling_minor == 3  # 2 ms, and 10 % of it, rounded up
    found = stepped(tariff, declared_kind="energy", declared_value=1, power_max_w=3_599_999)
    assert found.ceiling_minor == 3  # 1.0000003 ms


def test_a_declared_energy_at_a_charger_of_unknown_power():
    tariff = rated("CHF", {"ENERGY": Fraction("0.79"), "TIME": Fraction(6)})
    choice = chosen(tariff, declared_kind="energy", declared_value=30_000, power_max_w=-1)
    assert choice.first_minor == 2_539  # 23.70, 5 % and 0.50 more, rounded up


def test_fill_it_is_a_staircase():
    choice = chosen(declared_kind="fill")
    assert choice.cell == "dc-credit"
    assert amounts(choice) == ("incremental", 2_000, 2_000, 12_000)


def test_a_hold_that_cannot_be_raised_is_a_wall():
    assert chosen(scheme="Maestro", funding="debit").cell == "dc-wall"
    assert amounts(chosen(acquirer_id="sim-lapse")) == ("fixed", 5_000, 0, 5_000)


ONLY_STEPS = """
id = "p"
version = "1"
start_grace_ms = 1
inquiry_schedule_ms = [1]
[look_ahead]
acquirer_latency_ms = 0
retries_ms = 0
meter_interval_ms = 36_000
stop_latency_ms = 0
power_when_unknown_w = 100_000
[[cell]]
name = "steps"
why = "Because."
strategy = "incremental"
scheme = ["Visa"]
currency = "CHF"
first_minor = 1000
step_minor = 500
ceiling_minor = 3200
buffer = { percent = 10 }
[acquirers.yes]
convention = "TOTAL"
remainder = "AUTO_AT_CAPTURE"
increments = true
attempts_cap = 10
idempotency_window_ms = 1
hold_lifetime_ms = 1
partial_capture = true
[acquirers.no]
convention = "TOTAL"
remainder = "AUTO_AT_CAPTURE"
increments = false
attempts_cap = 10
idempotency_window_ms = 1
hold_lifetime_ms = 1
partial_capture = true
"""
STEPS = parse_policy(ONLY_STEPS)


def stepped(tariff=CHF_79, **changed):
    return chosen(tariff, STEPS, **({"acquirer_id": "yes"} | changed))


def test_without_another_cell_the_first_hold_is_all():
    assert amounts(stepped(acquirer_id="no")) == ("fixed", 1_000, 0, 1_000)


def test_a_staircase_ends_at_what_the_driver_declared():
    choice = stepped(declared_kind="amount", declared_value=2_000)
    assert amounts(choice) == ("incremental", 1_000, 500, 2_200)
    assert choice.target_minor == 2_000
    small = stepped(declared_kind="amount", declared_value=500)
    assert amounts(small) == ("incremental", 550, 500, 550)


def test_a_wall_is_no_higher_than_what_the_driver_declared():
    choice = stepped(acquirer_id="no", declared_kind="amount", declared_value=500)
    assert amounts(choice) == ("fixed", 550, 0, 550)
    large = stepped(acquirer_id="no", declared_kind="amount", declared_value=5_000)
    assert amounts(large) == ("fixed", 1_000, 0, 1_000)
    assert large.target_minor == 1_000


def test_the_first_hold_covers_what_is_due_at_once():
    tariff = rated("CHF", {"FLAT": Fraction(12)})
    assert stepped(tariff).first_minor == 1_500


def test_the_choice_explains_itself():
    assert stepped().explanation == (
        "cell steps (incremental) for DC, credit visa, CHF:"
        " hold 10.00 CHF, raised by 5.00 CHF up to 32.00 CHF. Because."
        " By policy p 1 on stage=with_card, tenant=t, channel=terminal, power_type=DC,"
        " power_w=150000, declared=none, scheme=visa, funding=credit, entry_mode=contactless,"
        " cvm=none, issuer_country=CH, merchant_country=CH, currency=CHF."
    )


@pytest.mark.parametrize(
    ("changed", "reason", "detail"),
    [
        ({"acquirer_id": "who"}, "unknown-acquirer", "acquirers.who"),
        ({"currency": "EUR"}, "currency-mismatch", "hold in EUR, tariff in CHF"),
        ({"scheme": "amex"}, "no-cell", "DC, credit amex, CHF"),
        ({"declared_kind": "amount"}, "empty-target", "amount declared as 0"),
        ({"declared_kind": "energy"}, "empty-target", "energy declared as 0"),
    ],
)
def test_a_refusal_has_a_name(changed, reason, detail):
    found = refusal(policy=STEPS, **({"acquirer_id": "yes"} | changed))
    assert found.reason == reason
    assert detail in found.detail


@pytest.mark.parametrize(
    ("flat", "changed"),
    [
        (33, {}),
        (11, {"acquirer_id": "no"}),
        (6, {"declared_kind": "amount", "declared_value": 599}),
    ],
)
def test_a_start_fee_that_cannot_be_held_is_refused(flat, changed):
    tariff = rated("CHF", {"FLAT": Fraction(flat)})
    found = refusal(tariff, STEPS, **({"acquirer_id": "yes"} | changed))
    assert found.reason == "flat-above-limit"
    assert f"{flat}.00 CHF" in found.detail


def test_a_start_fee_that_is_the_whole_hold_is_held():
    tariff = rated("CHF", {"FLAT": Fraction(32)})
    assert stepped(tariff).first_minor == 3_200
    declared = stepped(
        rated("CHF", {"FLAT": Fraction(6)}), declared_kind="amount", declared_value=600
    )
    assert declared.target_minor == 600


def test_a_target_at_the_ceiling_is_not_called_capped():
    assert "capped" not in chosen(declared_kind="amount", declared_value=15_000).explanation
    assert "capped" in chosen(declared_kind="amount", declared_value=15_001).explanation


# --- the staircase


@pytest.mark.parametrize(
    ("held", "needed", "attempts", "total"),
    [
        (1_000, 1_001, 10, 1_500),  # one step
        (1_000, 1_000, 10, 1_500),  # never less than one
        (1_000, 1_501, 10, 2_000),  # as many steps as are needed
        (700, 900, 10, 1_000),  # after a partial approval back to the stairs
        (3_000, 3_100, 10, 3_200),  # the last stair is the ceiling
        (1_000, 9_999, 10, 3_200),  # what there is, where not all can be had
        (1_000, 1_001, 1, 3_200),  # the last attempt has to reach the ceiling
        (1_000, 1_001, 2, 2_500),  # two attempts: half of the way, in whole steps
        (3_200, 3_201, 10, None),
        (9_999, 1_001, 10, None),
        (1_000, 1_001, 0, None),
    ],
)
def test_the_next_total(held, needed, attempts, total):
    assert next_total(stepped(), held, needed, attempts) == total


def test_only_a_staircase_is_raised():
    assert next_total(stepped(acquirer_id="no"), 500, 1_000, 10) is None
    assert next_total(chosen(declared_kind="amount", declared_value=2_000), 1, 2, 10) is None


@given(st.integers(1, 5_000), st.integers(1, 3_000), st.integers(0, 20_000), st.integers(1, 10))
def test_the_attempts_suffice_for_the_ceiling(first, step, above, attempts):
    stairs = Choice(
        cell="c",
        strategy="incremental",
        first_minor=first,
        step_minor=step,
        ceiling_minor=first + above,
        target_energy_wh=None,
        target_minor=None,
        explanation="",
    )
    held = first
    for left in range(attempts, 0, -1):
        total = next_total(stairs, held, held + 1, left)
        if total is None:
            break
        assert total > held
        assert total == stairs.ceiling_minor or (total - first) % step == 0
        held = total
    assert held == stairs.ceiling_minor


prices = st.fractions(0, 5, max_denominator=1_000)


@given(prices, prices, prices, st.integers(0, 100_000), st.integers(1, 400_000))
def test_what_a_declared_energy_costs_at_full_power_is_held(energy, time, flat, wh, power_w):
    tariff = rated("CHF", {"ENERGY": energy, "TIME": time, "FLAT": flat})
    found = choose(
        MATRIX,
        request(declared_kind="energy", declared_value=wh + 1, power_max_w=power_w),
        tariff,
    )
    assert isinstance(found, Choice)
    cost = tariff.simple.minor(Quantities(wh + 1, (wh + 1) * 3_600_000 // power_w, 0))
    assert found.first_minor == found.ceiling_minor
    assert found.first_minor >= min(cost, 15_000)
    assert found.first_minor >= tariff.simple.minor(NOTHING)


def test_the_tariffs_own_figure_is_held_where_a_cell_asks_for_it():
    asked = request(power_type="AC")
    held = choose(MATRIX, asked, CHF_79, preauthorize_minor=41_00)
    assert (held.cell, held.first_minor) == ("ac-of-tariff", 41_00)
    without = choose(MATRIX, asked, CHF_79)
    assert without.cell == "ac-credit"
    assert "Passed over: ac-of-tariff" in without.explanation


def test_what_is_not_known_of_a_card_is_said():
    assert "for DC, credit unknown scheme, CHF:" in chosen(scheme="").explanation
    before = choose(MATRIX, request(), CHF_79, carded=False)
    assert "for DC, no card yet, CHF:" in before.explanation


# --- bounds


def test_a_limit_is_told_only_where_it_binds():
    free = chosen(consented_minor=120_00)
    assert (free.ceiling_minor, "Bounded" in free.explanation) == (120_00, False)
    bound = chosen(consented_minor=119_99)
    assert bound.ceiling_minor == 119_99
    assert "Bounded: the driver consented to 119.99 CHF." in bound.explanation


def test_a_card_that_cannot_be_raised_is_held_once_for_what_was_offered():
    """The staircase was chosen before the card was read."""
    before = choose(MATRIX, request(), CHF_79, carded=False)
    card = request(scheme="maestro", funding="debit")
    held = bounded(MATRIX, card, before, 0)
    assert (held.first_minor, held.step_minor, held.ceiling_minor) == (15_00, 0, 15_00)
    assert held.explanation.endswith("Bounded: this card's hold cannot be raised.")


def test_consent_bounds_the_sum():
    assert amounts(chosen(consented_minor=3_000)) == ("incremental", 2_000, 2_000, 3_000)
    assert amounts(chosen(consented_minor=1_500)) == ("incremental", 1_500, 0, 1_500)
    assert (
        "Bounded: the driver consented to 15.00 CHF." in chosen(consented_minor=1_500).explanation
    )
    before = choose(MATRIX, request(consented_minor=1_500), CHF_79, carded=False)
    assert (before.cell, before.first_minor) == ("dc-thin", 1_500)


def test_a_tap_without_cvm_bounds_the_sum_once_the_card_is_known():
    euro = rated("EUR", {"ENERGY": Fraction("0.79")})
    in_germany = {"merchant_country": "DE", "currency": "EUR"}
    assert amounts(chosen(euro, **in_germany)) == ("incremental", 2_000, 2_000, 5_000)
    assert chosen(euro, cvm="cdcvm", **in_germany).ceiling_minor == 12_000
    before = choose(MATRIX, request(**in_germany), euro, carded=False)
    assert before.ceiling_minor == 9_000
    assert refusal(euro, entry_mode="chip", **in_germany).reason == "pin-required"
