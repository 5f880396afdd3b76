"""Two aliases a hold: by our reference, and by the acquirer's own name of the payment."""

from sessionworld import HOLD, T0, World, answered, request

from schemas import ids
from streams.core.payment_aliases import SKEW_MS

BY_REFERENCE = ids.reference_alias("t", ids.idempotency_key("t", HOLD))
BY_NAME = ids.psp_alias("t", "PSP")


def aliases(world):
    return [one.alias for one in world.aliases]


def test_a_hold_is_found_by_its_reference_as_soon_as_it_is_asked_for():
    world = World()
    world.apply(request())
    (bound,) = [one for one in world.aliases if one.alias == BY_REFERENCE]
    assert bound.bound_from == T0 - SKEW_MS  # an acquirer's clock may be behind


def test_it_is_found_by_its_name_as_soon_as_that_is_known_and_told_once():
    world = World()
    world.apply(request())
    for _ in range(3):
        world.apply(answered("hold/1", "done", 4500))
    assert [one for one in aliases(world) if one in (BY_REFERENCE, BY_NAME)] == [
        BY_REFERENCE,
        BY_NAME,
    ]


def test_a_hold_that_was_refused_has_no_name():
    world = World()
    world.apply(request())
    world.apply(answered("hold/1", "declined"))
    assert BY_NAME not in aliases(world)
