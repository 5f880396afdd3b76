"""CDRs: immutable, credited by others, in three shapes; what money needs is never guessed."""

import json
from decimal import Decimal

import pytest
from partners import PRICES, SPOT, TOKEN, cdr, example, fact, kinds, refusal, told

from connectors.ocpi.quirks import Quirks
from streams.core.pricing.cdr import decode, read_cdr


def costs(seen):
    return {one.kind: (one.net, one.gross) for one in seen.costs}


def test_what_a_cdr_says():
    seen = fact(cdr())
    assert (seen.cdr_id, seen.ocpi_session_id, seen.credit) == ("cdr-42", "krs-42", False)
    assert (seen.token_type, seen.payment_kind) == ("AD_HOC_USER", "card")
    assert (seen.kwh, seen.energy_wh, seen.total_hours, seen.parking_hours) == (
        "20",
        20_000,
        "0.6",
        "0.1",
    )
    assert costs(seen) == {"total": ("80", "100"), "energy": ("80", "100")}
    assert (seen.evse_uid, seen.evse_id, seen.location_id) == ("krs-1-a", "NO*NLD*E0042*1", "KRS-1")
    assert (seen.ended_at - seen.started_at, seen.periods_known) == (36 * 60_000, 3)


@pytest.mark.parametrize(
    ("price", "expected", "version"),
    [
        (80, ("80", ""), "2.2.1"),  # a number beside names of 2.2
        ("80.00", ("80", ""), "2.2.1"),
        ({"excl_vat": 80}, ("80", ""), "2.2.1"),
        ({"excl_vat": 80.0, "incl_vat": 100.00}, ("80", "100"), "2.2.1"),
        ({"before_taxes": 80}, ("80", ""), "2.3.0"),
        ({"before_taxes": 80, "taxes": []}, ("80", ""), "2.3.0"),
        (
            {"before_taxes": 80, "taxes": [{"name": "GST", "amount": 4}, {"amount": 8}]},
            ("80", "92"),
            "2.3.0",
        ),
        ({"incl_vat": 100}, ("", "100"), "2.2.1"),
        ({"excl_vat": 80, "incl_vat": 0.00}, ("80", ""), "2.2.1"),  # 0 for "not known"
        ("4,00", ("4", ""), "2.2.1"),
        (4e-14, ("0.00000000000004", ""), "2.2.1"),
        (1.421085471520200433e-14, ("0.00000000000001421", ""), "2.2.1"),
        ({"before_taxes": 0.1, "taxes": [{"name": "a", "amount": 0.2}]}, ("0.1", "0.3"), "2.3.0"),
    ],
)
def test_a_price_in_each_of_its_shapes(price, expected, version):
    seen = fact(cdr(total_cost=price, total_energy_cost=None))
    assert costs(seen) == {"total": expected}
    assert seen.ocpi_version == version


@pytest.mark.parametrize(
    ("price", "reason", "field"),
    [
        ({}, "missing", "total_cost"),
        ({"taxes": []}, "missing", "total_cost"),
        ({"excl_vat": "x"}, "not-a-number", "total_cost.excl_vat"),
        ({"excl_vat": 1, "before_taxes": 2}, "price-contradicts", "total_cost"),
        ({"before_taxes": 1, "incl_vat": 5, "taxes": [{"amount": 1}]}, "price-contradicts",
         "total_cost"),
        ({"before_taxes": 1, "taxes": [{"amount": 1}, {"name": "x"}]}, "missing",
         "total_cost.taxes[1].amount"),
        (True, "not-a-number", "total_cost"),
        ([], "not-a-number", "total_cost"),
        (1e12, "impossible-number", "total_cost"),
        ("4,000", "not-a-number", "total_cost"),
        ("NaN", "impossible-number", "total_cost"),
        ("1e999999", "impossible-number", "total_cost"),
        (-80, "negative", "total_cost"),
    ],
)  # fmt: skip
def test_a_price_that_is_none_is_refused_by_its_name(price, reason, field):
    done = refusal(cdr(total_cost=price, total_energy_cost=None))
    assert (done.reason, done.field) == (reason, field)


def test_a_profile_says_that_the_only_number_is_gross():
    gross = Quirks(prices="gross")
    assert costs(fact(cdr(total_cost=100), gross))["total"] == ("", "100")
    assert costs(fact(cdr(total_cost={"excl_vat": 100}), gross))["total"] == ("", "100")
    assert costs(fact(cdr(), gross))["total"] == ("80", "100")


# --- credit -----------------------------------------------------------------------------------


@pytest.mark.parametrize("sign", [1, -1])
def test_the_flag_makes_the_sign_and_not_the_number(sign):
    price = {"excl_vat": 80 * sign, "incl_vat": 100 * sign}
    found = cdr(id="cdr-42-C", credit=True, credit_reference_id="cdr-42", total_cost=price)
    seen = fact(found)
    assert (seen.credit, seen.credit_reference_id) == (True, "cdr-42")
    assert costs(seen) == {"total": ("-80", "-100"), "energy": ("-80", "-100")}


def test_a_credit_names_what_it_credits():
    done = refusal(cdr(credit=True))
    assert (done.reason, done.field) == ("missing", "credit_reference_id")
    assert refusal(cdr(credit=False, credit_reference_id="x")).field == "credit"
    seen = fact(cdr(credit_reference_id="x"))
    assert (seen.credit, seen.oddities) == (True, ["credit-by-its-reference"])


def test_energy_to_the_grid_may_cost_less_than_nothing():
    period = {"start_date_time": "2026-11-09T10:00:00Z",
              "dimensions": [{"type": "ENERGY", "volume": -4.5}]}  # fmt: skip
    seen = fact(cdr(total_cost={"excl_vat": -1}, total_energy=-4.5, total_energy_cost=None,
                    charging_periods=[period]))  # fmt: skip
    assert (seen.energy_wh, seen.credit, costs(seen)["total"]) == (-4500, False, ("-1", ""))
    assert "energy-to-the-grid" in seen.oddities


def test_time_does_not_run_backwards():
    period = {"start_date_time": "2026-11-09T10:00:00Z",
              "dimensions": [{"type": "TIME", "volume": -0.5}]}  # fmt: skip
    done = refusal(cdr(charging_periods=[period]))
    assert done.reason == "negative"
    assert done.field.startswith("charging_periods[0].dimensions")
    assert refusal(cdr(total_time=-1)).field == "total_time"


# --- once, and unchanged ----------------------------------------------------------------------


def test_hours_out_of_a_binary_fraction_are_taken():
    assert fact(cdr(total_time=0.016729166666666666)).total_hours == "0.016729166666666666"


def test_a_repeat_is_nothing_new_whatever_its_form():
    first = told(cdr())
    again = cdr(total_cost={"incl_vat": "100.00", "excl_vat": 80.0}, meter_id=None,
                last_updated="2026-11-10T00:00:00+00:00")  # fmt: skip
    done = told(again, state=first.state)
    assert done.facts == ()
    assert "repeated" in kinds(done)
    assert done.state == first.state


@pytest.mark.parametrize(
    "change",
    [{"total_cost": {"excl_vat": 81, "incl_vat": 101}}, {"total_energy": 20.5}, {"remark": "new"}],
)
def test_another_body_under_a_known_id_is_refused_and_never_merged(change):
    first = told(cdr())
    done = told(cdr(**change), state=first.state)
    assert done.facts == ()
    assert [(one.reason, one.field) for one in done.refused] == [("cdr-changed", "id")]
    assert done.state == first.state


def test_through_a_hub_in_another_version_it_is_the_same_where_as_much_is_owed():
    first = told(cdr())
    peer = cdr("2.3.0", authorization_reference=None, id="CDR-42")
    done = told(peer, state=first.state, partner="hub")
    assert [one.money_digest for one in done.facts] == [first.facts[0].money_digest]
    assert "cdr-in-another-form" in kinds(done)
    dearer = cdr("2.3.0", total_cost={"before_taxes": 90})
    (refused,) = told(dearer, state=first.state, partner="hub").refused
    assert refused.reason == "cdr-changed"


def test_a_cdr_that_somebody_refused_says_so_even_when_it_is_known():
    first = told(cdr())
    envelope = {"data": cdr(), "status_code": 2001, "timestamp": "2026-11-09T10:38:00Z"}
    done = told(envelope, state=first.state)
    assert [one.rejected_code for one in done.facts] == [2001]
    assert told(cdr(), answer_code=1000).facts[0].rejected_code == 0


def test_what_was_refused_and_then_accepted_is_told_once_more():
    refused = told(cdr(), answer_code=2001)
    assert kinds(told(cdr(), state=refused.state, answer_code=2001)) == ["repeated"]
    done = told(cdr(), state=refused.state, answer_code=1000)
    assert [(one.rejected_code, one.accepted) for one in done.facts] == [(0, True)]
    again = told(cdr(), state=done.state, answer_code=1000)
    assert (again.facts, kinds(again)) == ((), ["repeated"])


def test_what_nobody_refused_is_not_told_again_when_it_is_accepted():
    first = told(cdr())
    assert [one.accepted for one in first.facts] == [False]
    assert kinds(told(cdr(), state=first.state, answer_code=1000)) == ["repeated"]
    assert fact(cdr(), answer_code=1000).accepted


# --- energy -----------------------------------------------------------------------------------


def periods(*volumes):
    return [
        {
            "start_date_time": f"2026-11-09T10:{minute:02}:00Z",
            "dimensions": [{"type": "ENERGY", "volume": volume}],
        }
        for minute, volume in enumerate(volumes)
    ]


@pytest.mark.parametrize(
    ("total", "volumes", "expected", "oddity"),
    [
        (20, (12.5, 7.5), "20", None),
        (20, (12_500, 7_500), "20", "period-energy-in-wh"),
        (20_000, (12.5, 7.5), "20", "total-energy-in-wh"),
        (20, (12.5,), "20", "periods-tell-another-energy"),
        (0, (), "0", "no-periods"),
        (Decimal("0.0005"), (), "0.0005", "no-periods"),
    ],
)
def test_energy_is_kwh(total, volumes, expected, oddity):
    seen = fact(cdr(total_energy=str(total), charging_periods=periods(*volumes)))
    assert seen.kwh == expected
    assert [one for one in seen.oddities if one != "number-as-text"] == ([oddity] if oddity else [])
    summed = sum(Decimal(str(one["dimensions"][0]["volume"]))
                 for one in json.loads(seen.body)["charging_periods"])  # fmt: skip
    assert summed == sum(map(Decimal, map(str, volumes))) / (
        1000 if oddity == "period-energy-in-wh" else 1
    )


def test_wh_cut_off_are_never_more_than_was_told():
    assert fact(cdr(total_energy=19.9999)).energy_wh == 19_999


def test_an_impossible_energy_names_its_field_of_the_profile():
    done = refusal(cdr(total_energy=20_000, charging_periods=periods(20_000)))
    assert done.reason == "impossible-energy"
    assert "energy_in_wh" in done.problem


@pytest.mark.parametrize(
    ("kwh", "minutes", "change", "taken"),
    [
        (600, 36, {}, True),
        (601, 36, {}, False),
        (100, 1, {}, True),  # nothing counts as shorter than six minutes
        (101, 1, {}, False),
        (900, 6, {}, False),  # 900 Wh
        (2700, 36, {"connector_standard": "MCS"}, True),
        (2701, 36, {"connector_standard": "MCS"}, False),
    ],
)
def test_no_plug_gives_more_than_it_can(kwh, minutes, change, taken):
    found = cdr(
        total_energy=kwh,
        charging_periods=periods(kwh),
        total_time=minutes / 60,
        end_date_time=f"2026-11-09T10:{minutes:02}:00Z",
        cdr_location=SPOT | change,
    )
    done = told(found)
    assert bool(done.facts) is taken
    refused = [(one.reason, one.field) for one in done.refused]
    assert taken or refused == [("impossible-energy", "total_energy")]
    assert told(found, Quirks(most_kw=9_000)).facts


def test_without_any_time_there_is_still_too_much():
    never = {"start_date_time": "1970-01-01T00:00:00Z", "end_date_time": "1970-01-01T00:00:00Z"}
    assert fact(cdr(**never, total_time=0, total_energy=4000, charging_periods=periods(4000)))
    done = refusal(cdr(**never, total_time=0, total_energy=4001, charging_periods=periods(4001)))
    assert done.reason == "impossible-energy"


# --- who and where ----------------------------------------------------------------------------


def test_of_a_2_1_1_location_the_only_outlet_is_the_one_used():
    found = json.loads(example("2.1.1", "cdrs_example_of_a_cdr"))
    assert fact(found).evse_id == "BE-BEC-E041503003"
    found["location"]["evses"] *= 2
    seen = fact(found)
    assert (seen.evse_uid, seen.oddities) == ("", ["which-outlet-not-told"])


@pytest.mark.parametrize("reference", ["4111111111111111", "PT-4111111111111111"])
def test_a_reference_like_a_cards_number_is_not_told_and_never_one_mask_for_all(reference):
    seen = fact(cdr(authorization_reference=reference))
    assert seen.authorization_reference == ""
    assert "4111111111111111" not in str(seen)
    assert "card-number-masked" in seen.oddities


def test_a_card_number_never_gets_into_a_fact():
    pan = "4111111111111111"
    token = {**TOKEN, "uid": pan, "contract_id": f"C-{pan}"}
    seen = fact(cdr(cdr_token=token, remark=f"card {pan}"))
    assert pan not in repr(seen)
    assert "card-number-masked" in seen.oddities


@pytest.mark.parametrize(
    "change",
    [
        {"auth_method": "4111111111111111"},
        {"total_energy": "4111111111111111"},
        {"total_energy": 4111111111111111},
        {"currency": "4111 1111 1111 1111"},
        {"currency": "x" * 50 + "4111111111111111"},
        {"start_date_time": "4111111111111111"},
        {"cdr_location": SPOT | {"name": "4111 1111 1111 1111"}},
        {"cdr_token": TOKEN | {"type": "4111111111111111"}},
        {"4111111111111111": 1},
    ],
)
def test_nor_into_a_refusal_or_a_note(change):
    done = told(cdr(**change))
    kept = (done.refused, done.notes, done.facts)
    assert "41111111" not in repr(kept).replace(" ", "")
    assert done.refused or done.notes


def test_ids_keep_their_case_and_lose_their_blanks():
    seen = fact(cdr(party_id="nld", country_code="no", session_id=" KRS-42 "))
    assert (seen.party_id, seen.country_code, seen.ocpi_session_id) == ("NLD", "NO", "KRS-42")


def test_what_is_odd_is_counted_and_lived_with():
    found = cdr(
        start_date_time="2026-11-09T10:00:00.500",
        end_date_time="2026-11-09T11:36:00+01:00",
        extra={"a": 1},
        auth_method="command",
        cdr_location={**SPOT, "evse_id": "#NA"},
        home_charging_compensation="false",
        credit=None,
        total_cost=PRICES["2.2.1"] | {"incl_vat": "100"},
        cdr_token={**TOKEN, "type": "PHONE"},
    )
    seen = fact(found)
    assert set(seen.oddities) == {
        "instant-without-zone",
        "instant-with-offset",
        "unknown-field",
        "word-in-another-case",
        "boolean-as-text",
        "number-as-text",
        "unknown-word",
    }
    assert (seen.started_at % 1000, seen.ended_at - seen.started_at) == (500, 2_159_500)
    assert (seen.evse_id, seen.token_type) == ("", "PHONE")


def test_the_core_reads_the_body():
    read = read_cdr(decode(fact(cdr("2.3.0")).body))
    assert (read.version, read.energy_kwh, read.costs["total_cost"]) == ("2.3.0", 20, (80, 100))
    assert read.notes == ()


def test_gireve_s_name_of_the_reference_in_2_1_1_is_one():
    """GIREVE's OCPI 2.1.1: `authorization_id` links a CDR with its authorisation."""
    plain = json.loads(example("2.1.1", "cdrs_example_of_a_cdr"))
    found = plain | {"authorization_id": "aaa-eee-rrr"}
    assert fact(found).authorization_reference == "aaa-eee-rrr"
    assert "authorization-id" in kinds(told(found))


@pytest.mark.parametrize("name", ["credit_reference_id", "end_date_time", "session_id"])
def test_an_empty_text_tells_nothing_where_the_field_may_be_absent(name):
    done = told(cdr(**{name: ""}))
    assert done.refused == ()
    assert ("empty-for-absent", f"CDR.{name}") in [(one.kind, one.detail) for one in done.notes]


def test_an_empty_text_is_missed_where_money_needs_the_field():
    assert refusal(cdr(currency="")).reason == "missing"


PAN = 4111111111111111


@pytest.mark.parametrize("name", ["uid", "contract_id"])
def test_a_card_number_that_is_no_text_is_masked_too(name):
    found = cdr(cdr_token=TOKEN | {name: PAN})
    assert str(PAN) not in repr(told(found))
    assert "card-number-masked" in kinds(told(found))


@pytest.mark.parametrize(
    "shown", [str(PAN), "4111 1111 1111 1111", "%B4111111111111111^DOE/J^3012"]
)
def test_nor_does_it_hide_in_what_is_kept_as_told(shown):
    tariff = {"id": "12", "currency": "EUR", "elements": [], "tariff_alt_text": [{"text": shown}]}
    plain = json.loads(example("2.1.1", "cdrs_example_of_a_cdr"))
    place = plain["location"] | {"name": shown}
    assert shown not in repr(told(plain | {"location": place, "tariffs": [tariff]}))


def test_identifiers_of_what_is_kept_as_told_may_look_like_a_cards_number():
    plain = json.loads(example("2.1.1", "cdrs_example_of_a_cdr"))
    assert fact(plain | {"location": plain["location"] | {"id": str(PAN)}}).location_id == str(PAN)


# --- what partners are known for ---------------------------------------------------------------


def test_a_total_that_its_sender_calls_insignificant_is_not_told():
    usual = fact(cdr())
    found = fact(cdr(remark="Tariff unknown [?]"))
    assert "total-not-significant" in found.oddities
    assert [(one.net, one.gross) for one in found.costs if one.kind == "total"] == [("", "")]
    assert [one for one in found.costs if one.kind != "total"] == usual.costs[1:]
    assert found.money_digest == usual.money_digest


@pytest.mark.parametrize(
    ("total_time", "oddity"),
    [
        (0.6, None),
        (1.2, None),
        (2160, "total-time-in-seconds"),
        (36, "total-time-in-minutes"),
        (7, "total-time-beyond-its-end"),
    ],
)
def test_a_total_time_that_cannot_be_hours_is_kept_and_noted(total_time, oddity):
    found = fact(cdr(total_time=total_time))
    assert [one for one in found.oddities if one.startswith("total-time")] == [oddity] * bool(
        oddity
    )
    assert found.total_hours == str(total_time)


def test_a_total_time_in_seconds_does_not_let_impossible_energy_through():
    told = {"total_energy": 2_000, "charging_periods": periods(2_000)}
    assert refusal(cdr(total_time=2160, **told)).reason == "impossible-energy"
