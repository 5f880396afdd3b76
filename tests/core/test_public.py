"""The ledger: what consumers read, and when it says something new."""

from msgspec.structs import replace
from sessionworld import POLICY, T0, World, answered, ended, reading, request, started, updated

from schemas import codec
from streams.core.public import ledger_of

MINUTE = 60_000


def closed_world():
    world = World()
    facts = [
        request(),
        answered("hold/1", "done", 2_000, T0 + 2_000, expires_at=T0 + 10**9),
        started(1_000, T0 + MINUTE),
        reading(9_000, T0 + 2 * MINUTE),
        updated("suspended_ev", 11_000, T0 + 3 * MINUTE, seq=2),
        ended(11_000, T0 + 9 * MINUTE),
        answered("capture/1", "done", 790, T0 + 10 * MINUTE),
    ]
    ledgers = [world.apply(fact, T0 + at * MINUTE).ledger for at, fact in enumerate(facts)]
    return world, ledgers


def test_the_ledger_can_be_had_again_from_the_state():
    world, ledgers = closed_world()
    again = ledger_of(world.session, POLICY)
    assert again == ledgers[-1]
    assert codec.decode(codec.encode(again)) == again


def test_versions_rise_by_one_and_unchanged_is_not_told():
    world, ledgers = closed_world()
    assert [one.version for one in ledgers] == list(range(1, 8))
    later = world.apply(started(1_000, T0 + MINUTE), T0 + 99 * MINUTE)
    assert later.ledger is None


def test_a_closed_session_says_everything():
    ledger = closed_world()[1][-1]
    (hold,) = ledger.holds
    assert (ledger.phase, ledger.closed_reason, ledger.proof) == (
        "closed",
        "captured",
        "COMPLETE_TRANSACTION",
    )
    assert (hold.status, hold.requested_minor, hold.expires_at) == ("captured", 2_000, T0 + 10**9)
    assert (ledger.started_at, ledger.charging_ended_at, ledger.ended_at, ledger.closed_at) == (
        T0 + MINUTE,
        T0 + 3 * MINUTE,
        T0 + 9 * MINUTE,
        T0 + 10 * MINUTE,
    )
    assert [(one.kind, one.rule, one.outcome) for one in ledger.commands] == [
        ("hold", "place_first_hold", "done"),
        ("start", "start_charging", ""),
        ("capture", "capture_proven", "done"),
    ]
    assert ledger.policy_cell == "dc-credit"
    assert "dc-credit" in ledger.explanation


def test_the_choice_stays_as_pinned_whatever_the_policy_says_later():
    world, _ = closed_world()
    newer = replace(POLICY, cell=POLICY.cell[:1])
    assert ledger_of(world.session, newer).policy_cell == "dc-credit"


def test_what_is_owed_is_told_with_its_currency():
    world = World()
    hold, capture = (answered(path, "done", 500) for path in ("hold/1", "capture/1"))
    for fact in (request(), hold, started(0), ended(10_000), capture):
        world.apply(fact)
    assert "2.90 CHF could not be captured and is owed." in world.ledger.explanation
    assert "The issuer gave 5.00 CHF in part" in world.ledger.explanation
