"""Advices and terminals rendered: valid by the standard's own table, and read back as they were."""

import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from partners import fact, problems, told

from connectors.ocpi import render_payments
from connectors.ocpi.render_payments import CannotRender
from schemas.commands import SendAdvice
from schemas.fiscal import VatPart
from schemas.partners import AdviceConfirmed, AdviceTax, TerminalSeen

VERSIONS = ("2.2.1", "2.3.0")
WHERE_FROM = ("tenant", "partner", "ocpi_version", "oddities", "raw", "raw_digest", "received_at")
printable = st.characters(min_codepoint=0x20, max_codepoint=0x7E)
# What reads back as a card's number is masked (`test_advices`), so digits stay few here.
texts = st.text(st.sampled_from("abcXYZ 012*.:-"), min_size=1, max_size=12)
identifiers = st.text(st.sampled_from("abcXYZ012-"), min_size=1, max_size=36)
instants = st.integers(946_684_800_000, 4_102_444_799_999)
cents = st.integers(0, 10**8)


def decimals(minor):
    """As the contract writes them: no zeros at the end."""
    text = f"{minor // 100}.{minor % 100:02}".rstrip("0").rstrip(".")
    return text or "0"


@st.composite
def advices(draw):
    net, tax = draw(cents), draw(cents)
    status = draw(st.sampled_from(["SUCCESS", "PARTIAL_SUCCESS", "FAILED"]))
    outcome = {"SUCCESS": "done", "PARTIAL_SUCCESS": "partial", "FAILED": "failed"}[status]
    percentage = draw(st.sampled_from(["", "25", "7.7"]))
    return AdviceConfirmed(
        tenant="nordlade",
        partner="paymint",
        ocpi_version="2.3.0",
        advice_id=draw(identifiers),
        authorization_reference=draw(identifiers),
        outcome=outcome,
        capture_status=status,
        message=draw(st.just("") | texts),
        captured_minor=0 if outcome == "failed" else net + tax,
        currency=draw(st.sampled_from(["EUR", "NOK"])),
        net=decimals(net),
        gross=decimals(net + tax),
        taxes=[
            AdviceTax(
                name=draw(texts),
                account=draw(st.just("") | texts),
                percentage=percentage,
                tax=decimals(tax),
            )
        ],
        eft_lines=draw(st.lists(texts, min_size=1, max_size=4)),
        oddities=[],
        raw_digest="-",
        last_updated_at=draw(instants),
        received_at=0,
    )


@st.composite
def terminals(draw):
    maybe = st.just("") | texts.map(str.strip)
    maybe_id = st.just("") | identifiers
    has_place = draw(st.booleans())
    degrees = st.sampled_from(["0", "58.146", "-7.5", "-7.123456"])
    return TerminalSeen(
        tenant="nordlade",
        partner="paymint",
        ocpi_version="2.3.0",
        terminal_id=draw(identifiers),
        customer_reference=draw(maybe_id),
        country_code=draw(st.sampled_from(["", "NO"])),
        party_id=draw(st.sampled_from(["", "NLD"])),
        address=draw(maybe),
        city=draw(maybe),
        postal_code=draw(st.sampled_from(["", "4611"])),
        state=draw(maybe),
        country=draw(st.sampled_from(["", "NOR"])),
        latitude=draw(degrees) if has_place else "",
        longitude=draw(degrees) if has_place else "",
        invoice_base_url=draw(st.sampled_from(["", "https://invoices.example/"])),
        invoice_creator=draw(st.sampled_from(["", "CPO", "PTP"])),
        reference=draw(maybe_id),
        location_ids=draw(st.lists(identifiers, max_size=3)),
        evse_uids=draw(st.lists(identifiers, max_size=3)),
        oddities=[],
        raw_digest="-",
        last_updated_at=draw(instants),
        received_at=0,
    )


def said(seen, *left_out):
    bare = msgspec.to_builtins(seen)
    return {name: bare[name] for name in bare if name not in {*WHERE_FROM, *left_out}}


@pytest.mark.parametrize("version", VERSIONS)
@given(seen=advices())
def test_an_advice_is_valid_and_reads_back(version, seen):
    rendered = render_payments.advice(seen, version)
    # The standard's table knows the module in 2.3.0 only; 2.2.1 has its own Price.
    body = json.loads(rendered)
    if version == "2.2.1":
        price = body.pop("total_costs")
        assert list(problems(price, "Price", "2.2.1")) == []
        body["total_costs"] = {"before_taxes": 0, "taxes": []}
    assert list(problems(body, "FinancialAdviceConfirmation", "2.3.0")) == []
    # 2.2.1 cannot carry the names of taxes.
    left_out = ("taxes",) if version == "2.2.1" else ()
    assert said(fact(rendered), *left_out) == said(seen, *left_out)
    assert fact(rendered).ocpi_version == version


@pytest.mark.parametrize("version", VERSIONS)
@given(seen=terminals())
def test_a_terminal_is_valid_and_reads_back(version, seen):
    rendered = render_payments.terminal(seen, version)
    assert list(problems(json.loads(rendered), "Terminal", "2.3.0")) == []
    assert said(fact(rendered)) == said(seen)
    in_envelope = render_payments.answer(rendered, 1_794_221_161_000)
    assert json.loads(in_envelope)["timestamp"] == "2026-11-09T10:46:01Z"
    assert said(fact(in_envelope)) == said(seen)


ADVICE = AdviceConfirmed(
    tenant="nordlade",
    partner="paymint",
    ocpi_version="2.3.0",
    advice_id="A-1",
    authorization_reference="PT-8F3A-000417",
    outcome="done",
    capture_status="SUCCESS",
    captured_minor=10_000,
    currency="NOK",
    net="80",
    gross="100",
    taxes=[],
    eft_lines=["Amount: NOK 100.00"],
    oddities=[],
    raw_digest="-",
    last_updated_at=1_794_222_000_000,
    received_at=1_794_222_001_000,
)
TERMINAL = TerminalSeen(
    tenant="nordlade",
    partner="paymint",
    ocpi_version="2.3.0",
    terminal_id="T-1",
    location_ids=[],
    evse_uids=[],
    oddities=[],
    raw_digest="-",
    last_updated_at=1_794_222_000_000,
    received_at=1_794_222_001_000,
)


def test_a_tax_without_a_name_is_vat_and_stays_so():
    body = json.loads(render_payments.advice(ADVICE, "2.3.0"))
    assert body["total_costs"] == {"before_taxes": 80, "taxes": [{"name": "VAT", "amount": 20}]}
    again = fact(render_payments.advice(ADVICE, "2.3.0"))
    assert said(fact(render_payments.advice(again, "2.3.0"))) == said(again)


def test_numbers_are_exact():
    one = msgspec.structs.replace(ADVICE, net="0.1", gross="0.3")
    body = render_payments.advice(one, "2.3.0")
    assert b'"amount":0.2}' in body
    assert b'"before_taxes":0.1,' in body


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"net": ""}, "total_costs"),
        ({"gross": ""}, "total_costs"),
        ({"taxes": [AdviceTax(name="MVA", tax="19")]}, "total_costs"),
        ({"taxes": [AdviceTax(name="", tax="20")]}, "total_costs.taxes[0].name"),
        ({"eft_lines": []}, "eft_data"),
        ({"eft_lines": ["x" * 256]}, "eft_data"),
        ({"eft_lines": ["Gebühr"]}, "eft_data"),
        ({"eft_lines": ["two\nlines"]}, "eft_data"),
        ({"advice_id": "x" * 37}, "id"),
        ({"message": "x" * 256}, "capture_status_message"),
        ({"capture_status": "PENDING"}, "capture_status_code"),
        ({"last_updated_at": 0}, "last_updated"),
    ],
)
def test_what_the_standard_cannot_hold_is_refused_by_its_field(changes, field):
    with pytest.raises(CannotRender) as refused:
        render_payments.advice(msgspec.structs.replace(ADVICE, **changes), "2.3.0")
    assert refused.value.field == field


def test_coordinates_are_cut_to_what_their_fields_take():
    precise = {"latitude": "-58.12345678901", "longitude": "179.12345678901"}
    body = json.loads(
        render_payments.terminal(msgspec.structs.replace(TERMINAL, **precise), "2.3.0")
    )
    assert body["coordinates"] == {"latitude": "-58.123456", "longitude": "179.1234567"}
    assert list(problems(body, "Terminal", "2.3.0")) == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"terminal_id": "x" * 37}, "terminal_id"),
        ({"address": "x" * 46}, "address"),
        ({"location_ids": ["a", "x" * 37]}, "location_ids"),
        ({"invoice_creator": "EMSP"}, "invoice_creator"),
        ({"last_updated_at": 0}, "last_updated"),
    ],
)
def test_what_a_terminal_cannot_hold_is_refused_by_its_field(changes, field):
    with pytest.raises(CannotRender) as refused:
        render_payments.terminal(msgspec.structs.replace(TERMINAL, **changes), "2.3.0")
    assert refused.value.field == field


def test_2_1_1_has_no_payments():
    with pytest.raises(CannotRender, match=r"2\.1\.1"):
        render_payments.advice(ADVICE, "2.1.1")
    with pytest.raises(CannotRender, match=r"2\.1\.1"):
        render_payments.terminal(TERMINAL, "2.1.1")


def test_an_activated_terminal_is_answered_with_itself():
    """The operator asks by serial number; what comes back is the terminal with its id."""
    asked = {"terminal_id": "T-1", "reference": "SN-0042", "location_ids": ["KRS-1"]}
    seen = fact(asked | {"last_updated": "2026-11-09T08:00:00Z"})
    body = json.loads(render_payments.answer(render_payments.terminal(seen, "2.3.0"), 0))
    assert (body["status_code"], body["data"]["reference"]) == (1000, "SN-0042")
    assert told(body["data"]).refused == ()


# --- what the core asks for -----------------------------------------------------------------------

EXAMPLE = Path(__file__).parents[3] / "schemas" / "examples" / "SendAdvice.v1.json"
COMMAND = msgspec.json.decode(EXAMPLE.read_bytes(), type=SendAdvice)


@pytest.mark.parametrize("version", VERSIONS)
@given(net=cents, vat=cents, outcome=st.sampled_from(["done", "partial"]))
def test_a_command_becomes_the_advice_that_it_asks_for(version, net, vat, outcome):
    part = VatPart(rate="8.1", net_minor=net, vat_minor=vat, gross_minor=net + vat)
    command = msgspec.structs.replace(
        COMMAND, amount_minor=net + vat, net_minor=net, parts=[part], outcome=outcome
    )
    seen = fact(render_payments.confirmation(command, version))
    assert (seen.captured_minor, seen.outcome) == (net + vat, outcome)
    assert (seen.net, seen.gross) == (decimals(net), decimals(net + vat))
    assert (seen.advice_id, seen.last_updated_at) == (command.advice_id, command.issued_at)
    assert seen.authorization_reference == command.authorization_reference
    assert seen.eft_lines == command.eft_lines


def test_a_currency_without_minor_units_is_told_in_its_own():
    part = VatPart(rate="10", net_minor=1_000, vat_minor=100, gross_minor=1_100)
    command = msgspec.structs.replace(
        COMMAND, currency="JPY", amount_minor=1_100, net_minor=1_000, parts=[part]
    )
    assert fact(render_payments.confirmation(command, "2.3.0")).captured_minor == 1_100


def test_nothing_captured_is_told_as_nothing_and_an_unknown_net_is_refused():
    failed = msgspec.structs.replace(
        COMMAND, outcome="failed", amount_minor=0, net_minor=0, parts=[], message="lapsed"
    )
    seen = fact(render_payments.confirmation(failed, "2.3.0"))
    assert (seen.outcome, seen.captured_minor, seen.message) == ("failed", 0, "lapsed")
    unknown = msgspec.structs.replace(COMMAND, net_minor=-1)
    with pytest.raises(CannotRender, match="total_costs"):
        render_payments.confirmation(unknown, "2.3.0")
