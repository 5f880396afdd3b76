"""Our receipts in the service's words, and its answers: only an explicit yes is one."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from receiptworld import receipt, sign

from connectors.fiscal.settings import FiscalAccount
from connectors.fiscal.translate import Absent, Unknown, look_up_request, outcome, sign_request
from schemas.fiscal import VatPart

ACCOUNT = FiscalAccount(base_url="http://fiscal.example", cashbox_id="box-1", pos_system_id="pos-1")
LATE = 0x0001_0000


def sent(number=1, *, late=False, **changed):
    one = sign(number, **changed)
    return json.loads(sign_request(ACCOUNT, one, receipt(number, **changed), late=late))


def test_a_sale_as_the_service_reads_it():
    body = sent()
    assert body == {
        "ftCashBoxID": "box-1",
        "ftPosSystemId": "pos-1",
        "cbTerminalID": "T",
        "cbReceiptReference": sign().operation_key,
        "cbReceiptMoment": "2026-01-01T00:00:00.001Z",
        "cbChargeItems": [
            {
                "Quantity": 10_000, "Description": "Charging", "Amount": 120_000,
                "VATRate": 200_000, "VATAmount": 20_000, "ftChargeItemCase": 0x4154_2000_0000_0000,
                "Unit": "kWh", "UnitQuantity": 90_000, "Currency": "EUR",
                "DecimalPrecisionMultiplier": 10_000,
            }
        ],
        "cbPayItems": [
            {
                "Quantity": 10_000, "Description": "Card", "Amount": 120_000,
                "ftPayItemCase": 0x4154_2000_0000_0005, "Currency": "EUR",
                "DecimalPrecisionMultiplier": 10_000,
            }
        ],
        "ftReceiptCase": 0x4154_2000_0000_0001,
    }  # fmt: skip


def test_what_was_not_paid_stands_open_and_all_adds_up():
    body = sent(paid_minor=1000)
    assert [(one["Description"], one["Amount"]) for one in body["cbPayItems"]] == [
        ("Card", 100_000), ("Balance", 20_000),
    ]  # fmt: skip


def test_a_refund_is_negative_and_names_what_it_corrects():
    body = sent(document="refund", of_receipt="ft12#")
    assert body["ftReceiptCase"] == 0x4154_2000_0100_0001
    assert body["cbPreviousReceiptReference"] == "ft12#"
    assert body["cbChargeItems"][0]["Amount"] == -120_000
    assert body["cbPayItems"][0]["Amount"] == -120_000


@pytest.mark.parametrize(("currency", "scaled"), [("JPY", 12_000_000), ("KWD", 12_000)])
def test_amounts_by_the_currencys_own_digits(currency, scaled):
    assert sent(currency=currency)["cbPayItems"][0]["Amount"] == scaled


def test_late_signing_and_asking_are_flags_of_the_same_receipt():
    plain = sent()
    assert sent(late=True)["ftReceiptCase"] == plain["ftReceiptCase"] | LATE
    asked = json.loads(look_up_request(ACCOUNT, sign(), receipt()))
    assert asked["ftReceiptCase"] == plain["ftReceiptCase"] | 0x0000_8000_0000_0000
    assert asked["cbReceiptReference"] == plain["cbReceiptReference"]


RATES = st.sampled_from(["20", "10", "8.1", ""])
PARTS = st.lists(
    st.tuples(RATES, st.integers(0, 10**7), st.integers(0, 10**6)), min_size=1, max_size=4
)


@given(parts=PARTS, unpaid=st.integers(0, 10**6), refund=st.booleans())
def test_lines_and_payments_always_add_up(parts, unpaid, refund):
    lines = [
        VatPart(rate=rate, net_minor=net, vat_minor=vat, gross_minor=net + vat)
        for rate, net, vat in parts
    ]
    supply = sum(one.gross_minor for one in lines)
    paid = max(supply - unpaid, 0)
    document = "refund" if refund else "sale"
    body = sent(parts=lines, supply_minor=supply, paid_minor=paid, document=document)
    amount = sum(one["Amount"] for one in body["cbChargeItems"])
    assert amount == sum(one["Amount"] for one in body["cbPayItems"])
    assert amount == supply * 100 * (-1 if refund else 1)


def answer(**changed):
    said = {
        "cbReceiptReference": sign().operation_key, "ftReceiptIdentification": "ft1#",
        "ftReceiptMoment": "2026-01-01T00:00:00.001Z", "ftState": 0x4154_2000_0000_0000,
        "ftSignatures": [
            {"ftSignatureFormat": 3, "ftSignatureType": 1, "Caption": "QR", "Data": "_R1"}
        ],
        **changed,
    }  # fmt: skip
    return json.dumps(said).encode()


def read(status, body, **how):
    return outcome(sign(), status, body, 7, **({"looked_up": False, "late": False} | how))[0]


def test_a_signature_is_kept_as_it_came():
    said = read(200, answer())
    assert (said.outcome, said.receipt, said.ordinal, said.answered_at) == ("signed", "ft1#", 1, 7)
    assert [(one.form, one.caption, one.data) for one in said.signatures] == [("qr", "QR", "_R1")]
    assert (said.late, said.pending) == (False, False)


def test_what_was_signed_late_or_is_not_confirmed_yet_says_so():
    assert read(200, answer(ftState=0x4154_2000_0000_0008)).late
    assert read(200, answer(), late=True).late
    assert read(200, answer(ftState=0x4154_2000_0000_0040)).pending


@pytest.mark.parametrize("status", [400, 422])
def test_an_explicit_refusal_is_a_no_but_not_of_a_look_up(status):
    assert read(status, b"").outcome == "refused"
    assert isinstance(read(status, b"", looked_up=True), Unknown)


def test_a_failed_state_is_a_no():
    assert read(200, answer(ftState=0x4154_2000_EEEE_EEEE)).outcome == "refused"


def test_absent_is_said_of_what_was_looked_up_only():
    assert isinstance(read(404, b"", looked_up=True), Absent)
    assert isinstance(read(404, b""), Unknown)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, answer()), (401, b""), (409, b""), (200, b""), (200, b"<html>"), (200, b"{}"),
        (200, answer(cbReceiptReference="another")), (200, answer(ftSignatures=[])),
        (200, answer(ftState=0x4154_2000_0000_0001)), (200, answer(ftState="ready")),
        (200, answer(ftReceiptIdentification="x" * 300)),
    ],
)  # fmt: skip
def test_everything_else_is_unknown(status, body):
    assert isinstance(read(status, body), Unknown)


@given(body=st.binary(max_size=80))
def test_no_bytes_are_a_signature_by_chance(body):
    assert isinstance(read(200, body), Unknown)
