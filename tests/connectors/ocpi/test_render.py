"""What goes out is valid for its version, and read again it is what it was."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from partners import (
    PERIODS,
    PRICES,
    TOKEN,
    VERSIONS,
    cdr,
    example,
    fact,
    problems,
    session,
)

from connectors.ocpi import render
from connectors.ocpi.render import CannotRender

# Who told it and when, and how: not what it says.
PROVENANCE = {"raw_digest", "received_at", "partner", "oddities"}
# What 2.1.1 has no field for, and what of the others is worded otherwise in it.
NOT_IN_2_1_1 = {
    "country_code",
    "party_id",
    "ocpi_session_id",
    "authorization_reference",
    "token_type",
    "token_uid",
    "payment_kind",
    "auth_method",
    "invoice_reference_id",
}
OF_ITS_VERSION = {"ocpi_version", "body", "body_digest"}
LOCATION = json.loads(example("2.1.1", "cdrs_example_of_a_cdr"))["location"]


def said(seen, *without):
    """All that the fact says, but for these fields."""
    left = PROVENANCE.union(*without)
    return {name: getattr(seen, name) for name in seen.__struct_fields__ if name not in left}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("of", ["2.2.1", "2.3.0"])
def test_a_session_is_valid_and_the_same_again(version, of):
    seen = fact(session(of))
    out = render.session(seen, version, LOCATION)
    assert list(problems(json.loads(out), "Session", version)) == []
    again = fact(out)
    assert again.ocpi_version == version
    spots = {"location_id", "evse_uid", "evse_id", "connector_id", "costs"}
    left = OF_ITS_VERSION | (
        NOT_IN_2_1_1 - {"ocpi_session_id"} | spots if version == "2.1.1" else set()
    )
    assert said(again, left) == said(seen, left)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("of", ["2.2.1", "2.3.0"])
def test_a_cdr_is_valid_and_the_same_again(version, of):
    seen = fact(cdr(of, invoice_reference_id="INV-1", remark="as agreed", meter_id="M-1"))
    out = render.cdr(seen, version, LOCATION)
    assert list(problems(json.loads(out), "CDR", version)) == []
    again = fact(out)
    assert again.ocpi_version == version
    spots = {"location_id", "evse_uid", "evse_id", "connector_id", "costs"}
    left = OF_ITS_VERSION | (NOT_IN_2_1_1 | spots if version == "2.1.1" else set())
    assert said(again, left) == said(seen, left)
    assert again.money_digest == seen.money_digest


@pytest.mark.parametrize("version", ["2.2.1", "2.3.0"])
def test_a_2_1_1_cdr_is_told_in_later_versions(version):
    seen = fact(example("2.1.1", "cdrs_example_of_a_cdr"), country_code="BE", party_id="BEC")
    found = json.loads(render.cdr(seen, version))
    assert list(problems(found, "CDR", version)) == []
    assert found["cdr_token"] == {
        "country_code": "DE",
        "party_id": "8AC",
        "uid": "DE8ACC12E46L89",
        "type": "OTHER",
        "contract_id": "DE8ACC12E46L89",
    }
    # The tariff inside tells net prices without saying so, which the later versions would misread.
    assert "tariffs" not in found
    again = fact(found)
    assert (again.money_digest, again.evse_uid) == (seen.money_digest, seen.evse_uid)


@pytest.mark.parametrize(("of", "version"), [(of, to) for of in VERSIONS for to in VERSIONS])
def test_the_standard_s_own_cdr_is_told_in_every_version(of, version):
    name = "cdrs_example_of_a_cdr" if of == "2.1.1" else "cdr_example"
    seen = fact(example(of, name), country_code="BE", party_id="BEC")
    found = json.loads(render.cdr(seen, version, LOCATION))
    # Its own tariff is not valid: it has no tax_included in 2.3.0 and a price as text in 2.1.1.
    assert [one for one in problems(found, "CDR", version) if "tariffs" not in one] == []
    assert fact(found).money_digest == seen.money_digest


@pytest.mark.parametrize("version", ["2.2.1", "2.3.0"])
def test_on_a_credit_cdr_only_the_total_is_below_zero(version):
    for price in PRICES.values():
        seen = fact(cdr(id="cdr-42-C", credit=True, credit_reference_id="cdr-42",
                        total_cost=price, total_energy_cost=price))  # fmt: skip
        found = json.loads(render.cdr(seen, version))
        assert list(problems(found, "CDR", version)) == []
        sides = {"2.2.1": "excl_vat", "2.3.0": "before_taxes"}[version]
        assert found["total_cost"][sides] == -80
        assert found["total_energy_cost"][sides] == 80
        assert said(fact(found), OF_ITS_VERSION) == said(seen, OF_ITS_VERSION)


def test_named_taxes_keep_their_names():
    found = json.loads(render.cdr(fact(cdr("2.3.0")), "2.3.0"))
    assert found["total_cost"]["taxes"][0]["name"] == "MVA"
    assert json.loads(render.cdr(fact(cdr()), "2.3.0"))["total_cost"] == {
        "before_taxes": 80,
        "taxes": [{"name": "VAT", "amount": 20}],
    }


@pytest.mark.parametrize(
    ("kind", "found", "version", "field"),
    [
        ("cdr", cdr(), "2.1.1", "location"),
        ("session", session(), "2.1.1", "location"),
        ("cdr", cdr(credit=True, credit_reference_id="x"), "2.1.1", "credit"),
        ("cdr", cdr(total_cost={"incl_vat": 100}), "2.3.0", "total_cost"),
        ("cdr", cdr(id="x" * 40), "2.2.1", "id"),
        ("cdr", cdr(cdr_token={**TOKEN, "contract_id": "x" * 37}), "2.2.1", "contract_id"),
        ("cdr", cdr(auth_method="TELEPATHY"), "2.2.1", "auth_method"),
        ("cdr", cdr(charging_periods=[]), "2.2.1", "charging_periods"),
        ("session", session(status="LOST"), "2.2.1", "status"),
        ("session", session(party_id=None, country_code=None), "2.2.1", "country_code"),
    ],
)
def test_what_a_version_needs_and_nobody_told_is_not_made_up(kind, found, version, field):
    with pytest.raises(CannotRender) as refused:
        getattr(render, kind)(fact(found), version)
    assert refused.value.field == field


def test_words_and_dimensions_that_a_version_lacks():
    dimensions = [{"type": "MAX_POWER", "volume": 50}, {"type": "ENERGY", "volume": 20}]
    power_only = {"start_date_time": PERIODS[1]["start_date_time"], "dimensions": dimensions[:1]}
    listed = [{**PERIODS[0], "dimensions": dimensions, "tariff_id": "t"}, power_only]
    seen = fact(session(charging_periods=listed, status="RESERVATION"))
    out = json.loads(render.session(seen, "2.1.1", LOCATION))
    assert (out["auth_method"], out["status"]) == ("AUTH_REQUEST", "PENDING")
    seen = fact(session(charging_periods=listed))
    out = json.loads(render.session(seen, "2.1.1", LOCATION))
    assert out["charging_periods"] == [
        {"start_date_time": PERIODS[0]["start_date_time"], "dimensions": dimensions[1:]}
    ]


amounts = st.decimals(0, 10_000, places=4).map(str)
IDS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=36)


@given(
    changes=st.fixed_dictionaries(
        {},
        optional={
            "id": IDS,
            "total_energy": st.decimals(0, 99, places=6).map(str),
            "total_cost": st.builds(lambda net: {"excl_vat": net, "incl_vat": net}, amounts),
            "total_time": st.decimals(0, 24, places=3).map(str),
            "session_id": IDS | st.none(),
            "authorization_reference": IDS | st.none(),
            "invoice_reference_id": IDS | st.none(),
            "total_fixed_cost": st.builds(lambda net: {"excl_vat": net}, amounts),
            "end_date_time": st.sampled_from(
                ["2026-11-09T10:36:00Z", "2026-11-09T12:36:00.25+01:00", "1970-01-01T00:00:00Z"]
            ),
        },
    ),
    version=st.sampled_from(["2.2.1", "2.3.0"]),
)
def test_translating_what_was_rendered_gives_the_fact(changes, version):
    seen = fact(cdr(**changes))
    out = render.cdr(seen, version)
    assert list(problems(json.loads(out), "CDR", version)) == []
    assert said(fact(out), OF_ITS_VERSION) == said(seen, OF_ITS_VERSION)


@given(
    changes=st.fixed_dictionaries(
        {},
        optional={
            "id": IDS,
            "kwh": st.decimals(0, 99, places=6).map(str),
            "total_cost": st.builds(lambda net: {"before_taxes": net}, amounts) | st.none(),
            "status": st.sampled_from(["ACTIVE", "COMPLETED", "INVALID", "PENDING"]),
            "authorization_reference": IDS | st.none(),
            "evse_uid": IDS | st.just("#NA"),
            "end_date_time": st.none() | st.just("2026-11-09T12:36:00.25+01:00"),
            "charging_periods": st.lists(st.sampled_from(PERIODS), unique_by=str),
        },
    ),
    version=st.sampled_from(["2.2.1", "2.3.0"]),
)
def test_translating_a_session_that_was_rendered_gives_the_fact(changes, version):
    seen = fact(session(**changes))
    out = render.session(seen, version)
    assert list(problems(json.loads(out), "Session", version)) == []
    assert said(fact(out), OF_ITS_VERSION) == said(seen, OF_ITS_VERSION)
