"""The simulated fiscal service's own rules, and how its answers come."""

from collections import deque

from schemas import codec
from schemas.fiscal import RequestReceipt, SignReceipt, VatPart
from streams.simulation.chance import Chance
from streams.simulation.office import Office
from streams.simulation.sky import Sky

AT = 1_790_000_000_000


def sign(number, *, moment_at, paid=5_00):
    asked = RequestReceipt(
        tenant="t",
        chain="till-1",
        session_id="s",
        command_id=f"s{number}/receipt/sale",
        regime="SIGN_CHAINED",
        country="CH",
        document="sale",
        supply_minor=paid,
        paid_minor=paid,
        currency="CHF",
        parts=[VatPart(rate="", net_minor=paid, vat_minor=0, gross_minor=paid)],
        energy_wh=1_000,
        evse_uid="e",
        terminal_id="term",
        started_at=0,
        ended_at=0,
        payment_reference="",
        rule="request_receipt",
        policy_version="1",
        issued_at=AT,
    )
    return SignReceipt(
        tenant="t",
        chain="till-1",
        session_id="s",
        command_id=asked.command_id,
        ordinal=number,
        moment_at=moment_at,
        operation_key=f"key-{number}",
        request=codec.encode(asked),
    )


def taken(*commands, faults=0, outage_ms=0):
    """The office after these, and what it answered."""
    told = deque()
    sky = Sky(Chance(1, "sky"), lambda _topic, _key, _value, fact: told.append(fact))
    office = Office(sky, Chance(1, "office"))
    office.faults, office.outage = faults, (0, sky.now_at + outage_ms)
    for one in commands:
        office.take(one)
        while sky.next_at is not None:
            sky.step()
    return office, list(told)


def test_what_is_in_order_is_signed_and_answered():
    office, told = taken(sign(1, moment_at=AT), sign(2, moment_at=AT + 1))
    assert office.wrong == []
    assert [one.outcome for one in told] == ["signed", "signed"]
    assert len({one.receipt for one in told}) == 2


def test_the_order_of_moments_and_numbers_is_the_law():
    office, _ = taken(sign(1, moment_at=AT), sign(3, moment_at=AT))
    assert len(office.wrong) == 2


def test_a_key_with_another_body_is_told():
    office, _ = taken(sign(1, moment_at=AT), sign(1, moment_at=AT, paid=6_00))
    assert len(office.wrong) == 1


def test_whatever_fails_on_the_way_each_is_signed_once_and_answered_in_the_end():
    commands = [sign(number, moment_at=AT + number) for number in range(1, 30)]
    office, told = taken(*commands, faults=600, outage_ms=3_600_000)
    assert office.wrong == []
    assert [one.ordinal for one in office.ledger] == list(range(1, 30))
    assert {one.ordinal for one in told} == set(range(1, 30))
    assert any(one.late for one in told)
