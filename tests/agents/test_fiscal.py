"""The fiscal stage: requests in, one signing at a time out, receipts back to their sessions."""

import sys
from pathlib import Path

import pytest
from msgspec.structs import replace
from pipeline import Pipeline
from test_link_and_sessions import Day

from schemas import codec, ids, topics
from schemas.commands import CaptureHold
from schemas.fiscal import ReceiptAnswered

sys.path.insert(0, str(Path(__file__).parents[1] / "core"))

from receiptworld import receipt


def asked(pipeline, one, key=None):
    pipeline.send(topics.FISCAL_REQUESTS, key or ids.chain_key(one.tenant, one.chain), one)
    pipeline.run()


def answered(pipeline, sign):
    answer = ReceiptAnswered(
        tenant="t", chain=sign.chain, session_id=sign.session_id, command_id=sign.command_id,
        ordinal=sign.ordinal, outcome="signed", receipt=f"ft{sign.ordinal}", signatures=[],
        answered_at=sign.moment_at + 1,
    )  # fmt: skip
    pipeline.send(topics.FISCAL_ANSWERS, ids.chain_key(sign.tenant, sign.chain), answer)
    pipeline.run()


def signs(pipeline):
    return pipeline.said[topics.FISCAL_COMMANDS]


def settled(pipeline):
    return pipeline.said[topics.FISCAL_RESPONSES]


@pytest.mark.parametrize("crashes", [False, True])
def test_a_chain_is_signed_one_by_one_whatever_restarts(crashes):
    pipeline = Pipeline()
    for number in (1, 2, 3):
        asked(pipeline, receipt(number))
    for _ in range(3):
        if crashes:
            pipeline.crash()
        answered(pipeline, signs(pipeline)[-1])
        if crashes:
            pipeline.crash()
        answered(pipeline, signs(pipeline)[len(settled(pipeline)) - 1])  # told again: nothing
    assert [one.ordinal for one in signs(pipeline)] == [1, 2, 3]
    assert [(one.ordinal, one.receipt) for one in settled(pipeline)] == [
        (1, "ft1"), (2, "ft2"), (3, "ft3"),
    ]  # fmt: skip
    assert pipeline.parked == []


def test_chains_do_not_wait_for_each_other():
    pipeline = Pipeline()
    asked(pipeline, receipt(1))
    asked(pipeline, receipt(2, chain="ESB1", regime="SIGN_SYNC"))
    assert {(one.chain, one.ordinal) for one in signs(pipeline)} == {("ATU1", 1), ("ESB1", 1)}


def test_a_receipt_long_settled_and_gone_from_memory_is_known():
    pipeline = Pipeline()
    asked(pipeline, receipt(1))
    answered(pipeline, signs(pipeline)[0])
    pipeline.crash()
    asked(pipeline, receipt(1))
    assert len(signs(pipeline)) == 1
    asked(pipeline, receipt(1, paid_minor=1))
    assert [(bad.reason, bad.detail) for _, bad in pipeline.parked] == [
        ("conflict", f"command_id: {receipt(1).command_id} was asked for with another body")
    ]


def test_what_does_not_belong_is_parked_and_the_next_goes_on():
    pipeline = Pipeline()
    asked(pipeline, receipt(1), key=ids.chain_key("t", "other"))
    sign = replace(_signed(), ordinal=9)
    answered(pipeline, sign)
    asked(pipeline, receipt(1))
    assert [bad.reason for _, bad in pipeline.parked] == ["wrong-key", "not-outstanding"]
    assert len(signs(pipeline)) == 1


def _signed():
    pipeline = Pipeline()
    asked(pipeline, receipt(1))
    return signs(pipeline)[0]


AUSTRIA = """
[fiscal.AT]
regime = "SIGN_CHAINED"
chain = "ATU1"
"""


def test_a_session_is_receipted_through_all_stages():
    """Request to signature: sessions, fiscal, and back, each record once."""
    day = Day(more_policy=AUSTRIA, merchant_country="AT")
    day.charge()
    (sign,) = signs(day.pipeline)
    (capture,) = day.commands(CaptureHold)
    asked = codec.decode(sign.request)
    assert (asked.paid_minor, asked.supply_minor) == (capture.amount_minor,) * 2
    assert [(one.rate, one.gross_minor) for one in asked.parts] == [("8.1", capture.amount_minor)]
    assert day.ledger().phase == "receipting"
    day.pipeline.crash()
    answered(day.pipeline, sign)
    answered(day.pipeline, sign)
    (shown,) = day.pipeline.said[topics.TERMINAL_COMMANDS]
    assert (shown.receipt, shown.ordinal, shown.paid_minor) == ("ft1", 1, capture.amount_minor)
    ledger = day.ledger()
    assert (ledger.phase, ledger.receipt_status, ledger.receipt_id) == ("closed", "signed", "ft1")
    assert day.pipeline.parked == []
