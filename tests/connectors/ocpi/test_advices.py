"""Advices: what a terminal provider captured, for certain or not at all; never a card number."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from partners import example, examples, fact, kinds, refusal, told

from connectors.ocpi.feed import destination
from connectors.ocpi.quirks import Quirks
from schemas import codec, ids, topics

CARDS = ["4111111111111111", "4111 1111 1111 1111", "5555-5555-5555-4444", "378282246310005"]
ADVICE = {
    "id": "A-1",
    "authorization_reference": "PT-8F3A-000417",
    "total_costs": {"before_taxes": 80, "taxes": [{"name": "MVA", "percentage": 25, "amount": 20}]},
    "currency": "NOK",
    "eft_data": ["Example Scheme", "Nr: **** **** **** 1234", "Amount: NOK 100.00"],
    "capture_status_code": "SUCCESS",
    "capture_status_message": "captured",
    "last_updated": "2026-11-09T11:00:00Z",
}


def advice(**changes):
    return {name: value for name, value in (ADVICE | changes).items() if value is not None}


def test_an_advice_is_the_outcome_of_a_capture():
    done = told(ADVICE, partner="paymint")
    (seen,) = done.facts
    assert done.notes == ()
    assert (seen.outcome, seen.capture_status, seen.captured_minor, seen.currency) == (
        "done",
        "SUCCESS",
        10_000,
        "NOK",
    )
    assert (seen.net, seen.gross, seen.message) == ("80", "100", "captured")
    (tax,) = seen.taxes
    assert (tax.name, tax.percentage, tax.tax) == ("MVA", "25", "20")
    assert seen.eft_lines == ADVICE["eft_data"]
    assert json.loads(seen.raw) == ADVICE
    assert seen.last_updated_at == 1_794_222_000_000


def test_it_goes_to_the_alias_of_its_reference_whatever_its_case():
    keys = {
        destination(fact(advice(authorization_reference=reference)))
        for reference in ("PT-8F3A-000417", "pt-8f3a-000417", " PT-8F3A-000417 ")
    }
    assert keys == {(topics.ADVICES, ids.reference_alias("nordlade", "PT-8F3A-000417"))}


@pytest.mark.parametrize(("version", "name"), examples("payment_financial"))
def test_the_standards_own_advices_are_taken(version, name):
    done = told(example(version, name))
    (seen,) = done.facts
    # Their price is 2.2.1's, although payments came out with 2.3.0 (protocols.md 1.7).
    assert seen.ocpi_version == "2.2.1"
    assert codec.decode(codec.encode(seen)) == seen
    if "failure" in name:
        assert (seen.outcome, seen.captured_minor, seen.eft_lines) == ("failed", 0, [])
        assert kinds(done) == ["missing-field"]
    else:
        assert (seen.outcome, seen.captured_minor, seen.net, seen.gross) == (
            "done",
            440,
            "4",
            "4.4",
        )


@pytest.mark.parametrize(
    ("status", "outcome", "minor"),
    [
        ("SUCCESS", "done", 10_000),
        ("PARTIAL_SUCCESS", "partial", 10_000),
        ("FAILED", "failed", 0),
        ("PENDING", "unknown", -1),  # ocpi-python of elumobility
        ("PARTIAL", "unknown", -1),  # as a guide has it; the standard does not
        ("success", "done", 10_000),
    ],
)
def test_only_an_explicit_yes_is_one(status, outcome, minor):
    seen = fact(advice(capture_status_code=status))
    assert (seen.outcome, seen.captured_minor) == (outcome, minor)
    assert seen.capture_status == status.upper()


@pytest.mark.parametrize(
    ("total", "currency", "minor", "net", "gross", "odd"),
    [
        ({"excl_vat": 4.00, "incl_vat": 4.40}, "EUR", 440, "4", "4.4", []),
        (
            {"before_taxes": 4, "taxes": [{"name": "VAT", "amount": 0.4}]},
            "EUR",
            440,
            "4",
            "4.4",
            [],
        ),
        (
            {"before_taxes": 4, "taxes": [{"name": "a", "amount": 0.1}] * 3},
            "EUR",
            430,
            "4",
            "4.3",
            [],
        ),
        # The one number of an advice is what was taken.
        (4.4, "EUR", 440, "", "4.4", ["price-as-number"]),
        ("4.40", "EUR", 440, "", "4.4", ["number-as-text", "price-as-number"]),
        # A missing net is not zero, and a gross that is not told is not the net.
        ({"incl_vat": 4.40}, "EUR", 440, "", "4.4", ["net-not-told"]),
        ({"excl_vat": 4.00}, "EUR", -1, "4", "", ["gross-not-told"]),
        ({"before_taxes": 4.00}, "EUR", -1, "4", "", ["gross-not-told"]),
        (None, "EUR", -1, "", "", ["missing-field", "gross-not-told"]),
        # Currencies have their own minor units; a fraction of one cannot have been captured.
        ({"incl_vat": 440}, "JPY", 440, "", "440", ["net-not-told"]),
        ({"incl_vat": 4.405}, "KWD", 4_405, "", "4.405", ["net-not-told"]),
        ({"incl_vat": 4.405}, "EUR", -1, "", "4.405", ["net-not-told", "not-in-minor-units"]),
        ({"excl_vat": 0, "incl_vat": 0}, "EUR", 0, "0", "0", []),
    ],
)
def test_the_amount_is_taken_only_where_it_is_certain(total, currency, minor, net, gross, odd):
    done = told(advice(total_costs=total, currency=currency))
    (seen,) = done.facts
    assert (seen.captured_minor, seen.net, seen.gross) == (minor, net, gross)
    assert kinds(done) == odd == seen.oddities


def test_a_partner_whose_only_price_is_the_gross_is_told_by_its_profile():
    seen = fact(
        advice(total_costs={"excl_vat": 4.4}, currency="EUR"), quirks=Quirks(prices="gross")
    )
    assert (seen.captured_minor, seen.net) == (440, "")


@pytest.mark.parametrize(
    ("changes", "reason", "field"),
    [
        ({"id": None}, "missing", "id"),
        ({"authorization_reference": None}, "missing", "authorization_reference"),
        ({"authorization_reference": "x" * 37}, "impossible-field", "authorization_reference"),
        ({"currency": None}, "missing", "currency"),
        ({"currency": "NOKK"}, "unknown-currency", "currency"),
        ({"currency": "XQZ"}, "unknown-currency", "currency"),
        ({"capture_status_code": None}, "missing", "capture_status_code"),
        ({"capture_status_code": 1}, "wrong-type", "capture_status_code"),
        ({"total_costs": {"incl_vat": -1}}, "negative-amount", "total_costs"),
        ({"total_costs": {}}, "missing", "total_costs"),
        ({"total_costs": {"incl_vat": "much"}}, "not-a-number", "total_costs.incl_vat"),
        (
            {"total_costs": {"excl_vat": 4, "before_taxes": 5}},
            "price-contradicts",
            "total_costs",
        ),
        ({"eft_data": [1, {}]}, "wrong-type", "eft_data[1]"),
        ({"last_updated": "2026-11-09"}, "not-an-instant", "last_updated"),
    ],
)
def test_what_is_wrong_is_refused_by_its_field(changes, reason, field):
    if field == "last_updated":
        changes = {"last_updated": "soon"}
    found = refusal(advice(**changes), object_hint="advice", object_id="")
    assert found.field == field
    assert found.reason == reason


def test_a_path_that_says_another_advice_is_refused():
    found = refusal(ADVICE, method="PUT", object_id="A-2")
    assert (found.reason, found.field) == ("contradicts-its-path", "id")
    assert fact(ADVICE, method="PUT", object_id="a-1").advice_id == "A-1"


# --- the same again, and something else under the same id -----------------------------------------


def test_a_repeat_is_told_once_and_another_body_again():
    state = told(ADVICE).state
    again = told(ADVICE, state=state, partner="peer")
    assert (again.facts, kinds(again)) == ((), ["repeated"])
    other = told(advice(capture_status_message="settled"), state=state)
    assert len(other.facts) == 1


def test_what_failed_may_succeed():
    state = told(advice(capture_status_code="FAILED", last_updated="2026-11-09T10:00:00Z")).state
    done = told(ADVICE, state=state)
    assert (done.facts[0].outcome, kinds(done)) == ("done", [])


@pytest.mark.parametrize("reverse", [False, True])
def test_a_capture_taken_back_is_counted_in_any_order(reverse):
    messages = [ADVICE, advice(capture_status_code="FAILED", last_updated="2026-11-09T12:00:00Z")]
    first, second = reversed(messages) if reverse else messages
    assert kinds(told(second, state=told(first).state)) == ["capture-taken-back"]


def test_the_standards_examples_of_one_id_and_instant_contradict_each_other():
    names = [
        "payment_financial_advice_confirmation_example_" + one for one in ("success", "failure")
    ]
    state = told(example("2.3.0", names[0])).state
    assert "capture-taken-back" in kinds(told(example("2.3.0", names[1]), state=state))


MESSAGES = [
    ADVICE,
    advice(capture_status_code="FAILED", last_updated="2026-11-09T10:00:00Z"),
    advice(total_costs={"incl_vat": 90}, last_updated="2026-11-09T12:00:00Z"),
]


@given(st.lists(st.sampled_from(MESSAGES), min_size=1), st.randoms(use_true_random=False))
def test_the_same_advices_in_any_order_are_the_same_facts(messages, random):
    def facts(order):
        state, found = None, []
        for one in order:
            done = told(one, state=state)
            state = done.state
            found += done.facts
        return {codec.encode(one) for one in found}

    shuffled = random.sample(messages, len(messages))
    assert facts(shuffled) == facts(messages)


# --- card numbers ---------------------------------------------------------------------------------


@pytest.mark.parametrize("card", CARDS)
@pytest.mark.parametrize(
    "where",
    [
        lambda text: {"eft_data": ["Example Scheme", f"Nr: {text} EXP 12/30"]},
        lambda text: {"eft_data": [f";{text}=30122010000000000000?"]},
        lambda text: {"capture_status_message": f"card {text} captured"},
        lambda text: {"total_costs": ADVICE["total_costs"] | {"note": text}},
        lambda text: {text: "x"},
        lambda text: {"extra": {"deeper": [{"still": text}]}},
    ],
)
def test_a_card_number_never_gets_through_and_takes_its_text_along(card, where):
    done = told(advice(**where(card)))
    (seen,) = done.facts
    for told_text in (str(done), codec.encode(seen).decode(errors="replace")):
        assert card not in told_text
        assert "30122010" not in told_text
        assert "EXP 12/30" not in told_text
    assert "card-number-masked" in kinds(done)


def test_a_card_number_as_a_json_number_never_gets_through():
    for number in (4111111111111111, 4111111111111111.0):
        done = told(advice(extra=number))
        assert "4111111111111111" not in str(done)


@pytest.mark.parametrize("name", ["id", "authorization_reference"])
def test_a_card_number_as_an_identity_is_refused_and_not_repeated(name):
    found = refusal(advice(**{name: CARDS[0]}))
    assert (found.reason, found.field) == ("card-number", name)
    assert CARDS[0] not in str(found)


def test_what_is_masked_already_is_the_drivers_to_see():
    assert fact(ADVICE).eft_lines[1] == "Nr: **** **** **** 1234"


def test_the_digest_is_of_what_was_left():
    """Beside a mask, a digest of the whole would give the number away."""
    one, other = (fact(advice(capture_status_message=card)) for card in (CARDS[0], CARDS[2]))
    assert one.raw_digest == other.raw_digest


def test_long_lines_and_many_are_cut_and_counted():
    done = told(advice(eft_data=["x" * 300] + ["y"] * 200))
    (seen,) = done.facts
    assert (len(seen.eft_lines), len(seen.eft_lines[0])) == (100, 255)
    assert kinds(done) == ["lines-cut"]
