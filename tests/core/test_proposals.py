import msgspec
import pytest
from partnerworld import advice, cdr, seen, total
from sessionworld import T0, World, answered, ended, request, started

from schemas import codec
from schemas.facts import ChargerSeen, OrphanAged
from streams.core.proposals import proposals

END = T0 + 900_000


def ledger(energy_wh=10_000, **changed):
    """A session of 10 kWh, 7.90 CHF, from T0 on."""
    world = World()
    world.apply(request())
    world.apply(answered("hold/1", "done", 2000))
    world.apply(started(0, T0))
    world.apply(ended(energy_wh, END))
    return msgspec.structs.replace(world.ledger, **changed)


def orphan(alias="own", charging_id="own"):
    return OrphanAged(
        tenant="t", alias=alias, charging_id=charging_id, source_topic="ocpi.cdrs.v1",
        source_partition=0, source_offset=7, occurred_at=T0, aged_at=END, detail="",
    )  # fmt: skip


def found(fact, *ledgers):
    return proposals(orphan(), fact, list(ledgers))


def unknown(make=cdr, **changed):
    return make(**{"authorization_reference": "", "at": END, **changed})


def test_the_same_outlet_time_energy_and_money_are_proposed_with_how_far_they_are_apart():
    (one,) = found(unknown(started_at=T0 + 14_000, energy_wh=10_050, gross="7.94"), ledger())
    assert one.evidence == "same outlet; 14 s apart; 50 Wh apart; 4 minor units apart"
    assert (one.energy_apart_wh, one.money_apart_minor, one.begins_apart_ms) == (50, 4, 14_000)
    assert one.session_id == ledger().session_id


@pytest.mark.parametrize(
    "fact",
    [
        unknown(evse_uid="another"),
        unknown(started_at=T0 + 31 * 60_000),
        unknown(energy_wh=11_000),
        unknown(costs=total("9.00")),
        unknown(currency="EUR"),
        unknown(payment_kind="contract"),
        unknown(seen, payment_kind="contract"),
        msgspec.structs.replace(advice(at=END), authorization_reference="another"),
        advice(at=T0),
        ChargerSeen(tenant="t", network="n", charger_id="c", kind="boot", status="", seen_at=T0),
    ],
)
def test_whatever_contradicts_is_not_proposed(fact):
    assert found(fact, ledger()) == []


@pytest.mark.parametrize(
    "changed",
    [
        {"tenant": "another"},
        {"cdr_id": "C-0", "cdr_status": "told"},
        {"evse_uid": "another", "charger_id": "x"},
    ],
)
def test_a_session_that_cannot_be_it_is_not_proposed(changed):
    assert found(unknown(), ledger(**changed)) == []


def test_what_is_not_told_speaks_neither_way():
    (one,) = found(unknown(gross=""), ledger(ended_at=0))
    assert (one.energy_apart_wh, one.money_apart_minor) == (-1, -1)


def test_a_reference_that_means_several_sessions_is_enough_to_propose_each():
    first, second = ledger(), ledger(session_id="another", evse_uid="x", charger_id="y")
    fact = cdr(at=END, started_at=T0)
    assert {one.session_id for one in found(fact, first, second)} == {
        first.session_id,
        "another",
    }
    (one,) = found(advice(at=END), first)
    assert one.evidence.startswith("same reference")


def test_the_nearest_comes_first_and_ids_are_of_fact_and_session():
    near, far = ledger(), ledger(session_id="another", started_at=T0 - 600_000)
    ones = found(unknown(), far, near)
    assert [one.session_id for one in ones] == [near.session_id, "another"]
    assert ones == found(unknown(), near, far)
    assert len({one.proposal_id for one in ones}) == 2


def test_an_objects_own_name_is_bound_for_good_and_a_chargers_number_for_a_moment():
    begin = codec.decode(started(0, T0).fact)
    free = ledger(transaction_id="")
    (one,) = proposals(orphan("t/n/c/remote_start/x", "t/n/c/tx1"), begin, [free])
    assert (one.bound_from, one.bound_to) == (T0, T0 + 1)
    (other,) = found(unknown(), ledger())
    assert other.bound_from == 0
    assert other.bound_to > END
