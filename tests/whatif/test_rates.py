"""How often cards say yes: intervals hold their rate, more money is never likelier, few answers."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.whatif.from_file import RatesWrong, rates_of
from streams.whatif.rates import (
    BANDS,
    LEAST_ANSWERS,
    Assumption,
    Verdict,
    assumed,
    band_of,
    observed,
    wilson,
)

amounts = st.integers(0, 300_00)
fundings = st.sampled_from(["credit", "debit", "prepaid", "unknown"])
kinds = st.sampled_from(["hold", "raise"])
verdicts = st.lists(
    st.builds(Verdict, st.just("CHF"), kinds, fundings, amounts, st.booleans()), max_size=120
)


@given(st.integers(1, 10**6).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_holds_the_share(counted):
    approved, answered = counted
    low, high = wilson(approved, answered)
    assert 0 <= low <= Decimal(approved) / answered <= high <= 1


@given(st.integers(1, 1000), st.integers(0, 1000))
def test_more_answers_of_the_same_share_say_more(answered, approved):
    approved = min(approved, answered)
    low, high = wilson(approved, answered)
    closer_low, closer_high = wilson(approved * 10, answered * 10)
    assert closer_high - closer_low < high - low


def test_the_published_interval():
    """Wilson's, 95 %, 8 of 10 (Newcombe 1998 gives such tables): 0.490 to 0.943."""
    low, high = wilson(8, 10)
    assert (round(low, 3), round(high, 3)) == (Decimal("0.490"), Decimal("0.943"))
    assert wilson(0, 0) == (0, 1)


@given(verdicts, kinds, fundings)
def test_more_money_is_never_approved_more_often(seen, kind, funding):
    rates = observed(seen)
    told = [rates.of("CHF", kind, funding, begins) for begins in BANDS]
    assert all(one.low <= one.rate <= one.high for one in told)
    known = [one.rate for one in told]
    assert known == sorted(known, reverse=True)


@given(verdicts)
def test_the_bands_together_say_what_was_answered(seen):
    """Pooled or not: over all asks of a kind, as many are expected to be approved as were."""
    rates = observed(seen)
    for kind in ("hold", "raise"):
        asked = [one for one in seen if one.kind == kind]
        rows = [rates.of("CHF", kind, "nobody", one.amount_minor).rate for one in asked]
        assert abs(sum(rows) - sum(one.approved for one in asked)) < Decimal("0.001")


def seen_of(funding, amount, approved, declined, kind="hold"):
    yes = [Verdict("CHF", kind, funding, amount, approved=True)] * approved
    return yes + [Verdict("CHF", kind, funding, amount, approved=False)] * declined


def test_a_class_with_few_answers_goes_by_all():
    few = seen_of("prepaid", 20_00, 1, 1)
    many = seen_of("credit", 20_00, LEAST_ANSWERS, 0)
    rates = observed(few + many)
    credit, prepaid = (rates.of("CHF", "hold", one, 20_00) for one in ("credit", "prepaid"))
    assert (credit.source, credit.rate, credit.answered) == ("observed", 1, LEAST_ANSWERS)
    assert (prepaid.source, prepaid.answered) == ("all_classes", LEAST_ANSWERS + 2)
    assert prepaid.rate == Decimal("0.968750")


def test_what_was_never_asked_is_unknown():
    rates = observed(seen_of("credit", 20_00, 50, 0))
    never = rates.of("CHF", "raise", "credit", 40_00)
    assert (never.source, never.low, never.rate, never.high) == ("unknown", 0, 1, 1)
    assert rates.of("EUR", "hold", "credit", 20_00).source == "unknown"


@given(amounts)
def test_every_amount_has_its_band(amount):
    number = band_of(amount)
    assert BANDS[number] <= amount
    assert number + 1 == len(BANDS) or amount < BANDS[number + 1]


def test_what_is_stated_has_no_interval():
    rates = assumed(
        [
            Assumption("hold", "", 0, Decimal("0.97")),
            Assumption("hold", "", 40_00, Decimal("0.94")),
            Assumption("hold", "prepaid", 0, Decimal("0.91")),
        ],
        "here",
    )
    small = rates.of("CHF", "hold", "credit", 39_99)
    assert (small.rate, small.low, small.high, small.source) == (
        Decimal("0.97"),
        Decimal("0.97"),
        Decimal("0.97"),
        "assumed",
    )
    assert rates.of("CHF", "hold", "credit", 40_00).rate == Decimal("0.94")
    assert rates.of("CHF", "hold", "prepaid", 90_00).rate == Decimal("0.91")


def test_a_file_of_rates():
    text = """
    [[rate]]
    kind = "hold"
    approved = 90
    answered = 100
    [[rate]]
    kind = "raise"
    funding = "debit"
    from_minor = 3000
    percent = 92.5
    """
    rates = rates_of(text, "mine.toml")
    hold = rates.of("CHF", "hold", "credit", 10_00)
    assert hold.low < hold.rate == Decimal("0.9") < hold.high
    assert rates.of("CHF", "raise", "debit", 35_00).rate == Decimal("0.925")
    assert rates.of("CHF", "raise", "debit", 25_00).source == "unknown"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("[[rate]]\nkind = 'hold'\nfrom_minor = 1234\npercent = 5", "from_minor: bands begin"),
        ("[[rate]]\nkind = 'hold'\npercent = 101", "percent"),
        ("[[rate]]\nkind = 'hold'", "percent"),
        ("[[rate]]\nkind = 'hold'\napproved = 3\nanswered = 2", "approved"),
        ("[[rate]]\nkind = 'refund'\npercent = 1", "kind"),
        ("[[rate]]\nkind = 'hold'\nshare = 1", "share"),
        ("rate = ", "mine.toml"),
        ("", "mine.toml"),
    ],
)
def test_a_wrong_file_of_rates_is_named(text, names):
    with pytest.raises(RatesWrong, match=names):
        rates_of(text, "mine.toml")
