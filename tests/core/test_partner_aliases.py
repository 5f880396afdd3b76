from partnerworld import advice, cdr, linked, seen
from sessionworld import HOLD, SESSION, T0, World, answered, request

from schemas import ids
from schemas.decisions import LinkConfirmed
from streams.core.partner_aliases import FAR_AT, KEPT_MS, SKEW_MS

OWNER = ("CH", "ABC")


def bound(world):
    return {one.alias: (one.bound_from, one.bound_to) for one in world.aliases}


def test_the_reference_is_bound_with_the_request_for_as_long_as_facts_may_come():
    world = World()
    world.apply(request())
    alias = ids.reference_alias("t", "REF")
    assert bound(world)[alias] == (T0 - SKEW_MS, T0 + KEPT_MS)


def test_objects_are_bound_with_the_first_fact_that_names_them_and_once():
    world = World()
    world.apply(request())
    before = len(world.aliases)
    for _ in range(2):
        for fact in (seen(), cdr(), advice()):
            world.apply(linked(fact))
    names = [one.alias for one in world.aliases][before:]
    assert names == [
        ids.ocpi_alias("t", OWNER, "session", "S-1"),
        ids.ocpi_alias("t", OWNER, "cdr", "C-1"),
        ids.advice_alias("t", "p", "A-1"),
    ]
    assert all(bound(world)[name] == (0, FAR_AT) for name in names)


def test_a_foreign_reference_in_a_fact_is_never_bound():
    world = World()
    world.apply(request())
    world.apply(linked(cdr(authorization_reference="FOREIGN")))
    assert ids.reference_alias("t", "FOREIGN") not in bound(world)


def test_what_a_person_confirmed_is_bound_as_they_said():
    world = World()
    world.apply(request())
    world.apply(answered("hold/1", "done", 2000))
    confirmed = LinkConfirmed(
        tenant="t", session_id=SESSION, proposal_id="x", alias="t/a", bound_from=5, bound_to=6,
        source_topic="x", source_partition=0, source_offset=0, who="a", why="b", evidence="c",
        decided_at=T0,
    )  # fmt: skip
    before = len(world.commands)
    for _ in range(2):
        world.apply(confirmed)
    assert bound(world)["t/a"] == (5, 6)
    assert len([one for one in world.aliases if one.alias == "t/a"]) == 1
    assert len(world.commands) == before, "a link moves no money"
    assert HOLD in world.session.issued
