"""Chance that repeats: the same seed and reference meet the same fate, whenever they come."""

from hypothesis import given
from hypothesis import strategies as st

from connectors.acquirers.simulator import fate, issuer
from connectors.acquirers.simulator.config import Account, Latency
from connectors.acquirers.simulator.fate import Arrival
from connectors.acquirers.simulator.messages import AuthoriseRequest, Card

REFERENCES = [f"ref-{number}" for number in range(4000)]


def request(reference, amount=5000, funding="credit"):
    return AuthoriseRequest(
        merchant_reference=reference,
        amount_minor=amount,
        currency="EUR",
        card=Card(card_token="tok", scheme="visa", funding=funding),
    )


def declined(account, amount=5000, funding="credit"):
    verdicts = {
        reference: issuer.judge_first_hold(account, request(reference, amount, funding)).code
        for reference in REFERENCES
    }
    return {reference: code for reference, code in verdicts.items() if code}


def test_declines_come_at_their_rate_by_band_and_funding():
    account = Account(
        declines=[
            {"operation": "authorise", "fundings": ["prepaid"], "rate_bp": 3000},
            {"operation": "authorise", "amount_from_minor": 8000, "rate_bp": 1000,
             "codes": {"51": 1, "05": 1}},
            {"operation": "raise", "rate_bp": 10_000},
        ]
    )  # fmt: skip
    assert not declined(account), "no entry fits: no decline, whatever raises do"
    assert 0.27 < len(declined(account, funding="prepaid")) / len(REFERENCES) < 0.33
    large = declined(account, amount=8000)
    assert 0.08 < len(large) / len(REFERENCES) < 0.12
    assert set(large.values()) == {"51", "05"}


def test_fate_repeats_and_changes_with_the_seed():
    rates = [{"rate_bp": 1000}]
    first, again = Account(seed=1, declines=rates), Account(seed=1, declines=rates)
    assert declined(first) == declined(again)
    assert declined(first) != declined(Account(seed=2, declines=rates))


def test_a_seeded_fault_strikes_the_first_attempt_only():
    account = Account(fault_rates=[{"fault": "timeout_after", "rate_bp": 2000}])
    first = [
        bool(fate.seeded_faults(account, Arrival(operation="capture", merchant_reference=one)))
        for one in REFERENCES
    ]
    assert 0.17 < sum(first) / len(first) < 0.23
    assert not any(
        fate.seeded_faults(account, Arrival(operation="capture", merchant_reference=one, attempt=2))
        for one in REFERENCES
    )


def test_latency_has_the_quantiles_asked_for():
    latency = Latency(least_ms=50, p50_ms=200, p95_ms=900, most_ms=4000)
    drawn = sorted(
        fate.latency_ms(latency, 7, Arrival(operation="authorise", merchant_reference=one))
        for one in REFERENCES
    )
    assert 50 <= drawn[0] <= drawn[-1] <= 4000
    assert 180 < drawn[len(drawn) // 2] < 220
    assert 750 < drawn[len(drawn) * 95 // 100] < 1100


@given(st.integers(), st.text(max_size=20), st.integers(min_value=1, max_value=50))
def test_a_draw_stays_within_its_sides(seed, about, sides):
    assert 0 <= fate.draw(seed, about, sides=sides) < sides


def test_answers_do_not_depend_on_the_order_of_arrival(open_desk):
    """Two replays of one day, the second in another order: same ids, declines, faults, delays."""
    told = []
    for order in (REFERENCES[:60], REFERENCES[59::-1]):
        desk = open_desk(
            declines=[{"rate_bp": 2000}],
            latency={"p50_ms": 100, "p95_ms": 500, "most_ms": 900},
            fault_rates=[{"fault": "error500_after", "rate_bp": 2000}],
        )
        told.append({one: desk.send(request(one)) for one in order})
    assert told[0] == told[1]
    assert {reply.status for reply in told[0].values()} == {201, 402, 500}
