"""A session of 10 kWh in three quarters of an hour, and what charger, partner and people say."""

from msgspec.structs import replace
from partnerworld import cdr, linked, seen
from sessionworld import POLICY, T0, World, answered, request, started, tick

from streams.core.case import case_of

MINUTE = 60_000
HOUR = 60 * MINUTE
END = T0 + 45 * MINUTE


def session_of(*facts, after_ms=0, begun=True, **rules):
    """The case as it stands `after_ms` after the end; `rules`: of `[proof]`."""
    policy = replace(POLICY, proof=replace(POLICY.proof, **rules))
    world = World(policy=policy)
    world.apply(request(), T0)
    world.apply(answered("hold/1", "done", 2_000, T0), T0)
    if begun:
        world.apply(started(0, T0), T0)
    for fact in facts:
        world.apply(fact, END)
    if after_ms:
        world.apply(tick(END + after_ms), END + after_ms)
    return case_of(world.session, policy)


def bill(energy_wh=10_000, gross="7.90", **more):
    return linked(cdr(energy_wh, gross, END, **more))


def over(energy_wh=10_000, **more):
    return linked(seen(energy_wh, END, status="COMPLETED", **more))
