"""Routing: the first row that matches, in the order that it prefers, by what health says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from sessionworld import POLICY, T0, World, answered, card_read, reading, request, started, tick

from schemas.commands import RaiseHold, StopCharging
from schemas.facts import AcquirerHealth
from streams.core.acquirers import Cost, NoIncrements
from streams.core.opening import pin
from streams.core.routing import Breaker, Route, admits, breaker, contradictions, route

RULES = Breaker()
WINDOW = 900_000
ROUTES = (
    Route(name="swiss", country=("CH",), currency=("CHF",), acquirers=("sim-total", "sim-reverse")),
    Route(name="rest", acquirers=("sim-delta",)),
)

healths = st.builds(
    AcquirerHealth,
    tenant=st.just("t"),
    acquirer_id=st.just("sim-total"),
    version=st.integers(1, 9),
    window_ms=st.just(WINDOW),
    answers=st.integers(0, 50),
    approved=st.integers(0, 50),
    declined=st.integers(0, 50),
    technical=st.integers(0, 50),
    p50_ms=st.just(1),
    p95_ms=st.just(1),
    good_since=st.integers(0, 20),
    last_technical_at=st.integers(T0 - 2 * WINDOW, T0),
    last_at=st.just(T0),
)


def health(acquirer_id="sim-total", **changed):
    record = AcquirerHealth(
        tenant="t", acquirer_id=acquirer_id, version=1, window_ms=WINDOW, answers=40, approved=30,
        declined=10, technical=0, p50_ms=800, p95_ms=2_000, good_since=20, last_technical_at=0,
        last_at=T0,
    )  # fmt: skip
    return replace(record, **changed)


def failing(acquirer_id="sim-total", **changed):
    told = {"technical": 30, "good_since": 0, "last_technical_at": T0 - 1_000}
    return health(acquirer_id, **{**told, **changed})


def routed(known=None, routes=ROUTES, registry=POLICY.acquirers, rules=RULES, **asked):
    wanted = request(**{"acquirer_id": "any", **asked})
    return route(wanted, routes, registry, known or {}, rules)


# --- the breaker ---


@given(healths, st.integers(T0, T0 + 2 * WINDOW), st.integers(T0, T0 + 2 * WINDOW))
def test_the_breaker_is_a_function_of_the_record_and_closes_as_time_goes_by(record, one, other):
    early, late = min(one, other), max(one, other)
    order = {"open": 0, "half_open": 1, "closed": 2}
    assert breaker(record, early, RULES) == breaker(record, early, RULES)
    assert order[breaker(record, early, RULES)] <= order[breaker(record, late, RULES)]


@given(healths)
def test_another_version_of_the_same_figures_is_the_same_state(record):
    assert breaker(record, T0, RULES) == breaker(replace(record, version=99), T0, RULES)


@pytest.mark.parametrize(
    ("record", "now_at", "state"),
    [
        (None, T0, "closed"),
        (health(), T0, "closed"),
        (failing(), T0, "open"),
        (failing(answers=9, technical=9), T0, "closed"),  # too few to judge by
        (failing(technical=19), T0, "closed"),
        (failing(technical=20), T0, "open"),
        (failing(good_since=1), T0, "half_open"),
        (failing(good_since=5), T0, "closed"),
        (failing(), T0 + 59_000, "half_open"),
        (failing(), T0 + 58_999, "open"),
        (failing(), T0 + WINDOW, "closed"),  # what is so old says nothing any more
    ],
)
def test_states_of_the_breaker(record, now_at, state):
    assert breaker(record, now_at, RULES) == state


@given(st.integers(0, 10**9))
def test_who_is_let_through_when_open_is_let_through_when_half_open(number):
    session = f"session-{number}"
    if admits("open", "a", session, RULES):
        assert admits("half_open", "a", session, RULES)
    assert admits("closed", "a", session, RULES)


def test_the_residual_share_is_what_the_policy_says():
    through = sum(admits("open", "a", f"s{number}", RULES) for number in range(10_000))
    assert 200 < through < 400  # 3 percent of them
    assert not admits("open", "a", "s", replace(RULES, residual_percent=0))
    assert admits("open", "a", "s", replace(RULES, residual_percent=100))


# --- the route ---


def test_a_request_that_names_its_acquirer_is_its_own_route():
    assert routed(acquirer_id="sim-lapse").acquirers == ("sim-lapse",)
    assert routed({"sim-lapse": failing("sim-lapse")}, acquirer_id="sim-lapse").acquirers


@pytest.mark.parametrize("word", ["any", ""])
def test_the_first_row_that_matches_decides(word):
    assert routed(acquirer_id=word).acquirers == ("sim-total", "sim-reverse")
    assert routed(acquirer_id=word, merchant_country="DE").acquirers == ("sim-delta",)


def test_every_matcher_has_to_match():
    row = Route(
        name="r", country=("CH",), currency=("CHF",), scheme=("visa",), funding=("credit",),
        terminal=("term",), acquirers=("sim-total",),
    )  # fmt: skip
    assert routed(routes=(row,)).acquirers
    for other in (
        {"merchant_country": "DE"}, {"currency": "EUR"}, {"scheme": "amex"},
        {"funding": "debit"}, {"terminal_id": "another"},
    ):  # fmt: skip
        found = routed(routes=(row,), **other)
        assert not found.acquirers
        assert "no [[route]]" in found.words


def test_the_cheapest_or_the_one_that_approves_most_comes_first():
    names = ("sim-total", "sim-reverse")
    registry = dict(POLICY.acquirers)
    registry["sim-total"] = replace(registry["sim-total"], cost=Cost(basis_points=140))
    registry["sim-reverse"] = replace(registry["sim-reverse"], cost=Cost(fixed_minor=20))
    by_cost = Route(name="r", acquirers=names, prefer="cost", typical_minor=2_000)
    assert routed(routes=(by_cost,), registry=registry).acquirers == names[::-1]
    cheap = replace(by_cost, typical_minor=1_000)
    assert routed(routes=(cheap,), registry=registry).acquirers == names
    by_approval = Route(name="r", acquirers=names, prefer="approval")
    worse = {"sim-total": health(approved=20, declined=20), "sim-reverse": health("sim-reverse")}
    assert routed(worse, routes=(by_approval,)).acquirers == names[::-1]
    hardly_known = {"sim-total": health(approved=0, declined=3)}
    assert routed(hardly_known, routes=(by_approval,)).acquirers == names


def test_who_fails_is_asked_last_and_the_words_say_so():
    found = routed({"sim-total": failing()}, rules=replace(RULES, residual_percent=0))
    assert found.acquirers == ("sim-reverse", "sim-total")
    assert "sim-total is failing (breaker open): passed over" in found.words


def test_where_all_fail_the_first_is_asked_all_the_same():
    known = {name: failing(name) for name in POLICY.acquirers}
    found = routed(known, rules=replace(RULES, residual_percent=0))
    assert found.acquirers == ("sim-total", "sim-reverse")
    assert "asked all the same" in found.words


def test_who_does_not_take_the_currency_is_not_asked():
    registry = dict(POLICY.acquirers)
    registry["sim-total"] = replace(registry["sim-total"], currencies=("EUR",))
    assert routed(registry=registry).acquirers == ("sim-reverse",)
    registry["sim-reverse"] = replace(registry["sim-reverse"], exponents={"CHF": 0})
    assert "none of sim-total, sim-reverse takes it" in routed(registry=registry).words


def test_who_raises_holds_is_not_followed_by_who_does_not():
    row = Route(name="r", acquirers=("sim-total", "sim-lapse", "sim-reverse"))
    assert routed(routes=(row,)).acquirers == ("sim-total", "sim-reverse")


def test_what_cannot_be_meant_is_named():
    rows = (
        Route(name="r", acquirers=("nobody",), scheme=("VISA",)),
        Route(name="r", acquirers=("sim-total", "sim-total"), country=()),
    )
    problems = contradictions(rows, frozenset(POLICY.acquirers))
    assert [problem.split(":")[0] for problem in problems] == [
        "route[0].acquirers",
        "route[0].scheme",
        "route[1].name",
        "route[1].acquirers",
        "route[1].country",
    ]


# --- what a session keeps of it ---


def test_a_session_keeps_its_route_and_its_acquirers_latency():
    world = World()
    world.pins.known_health = {
        "sim-total": failing(p95_ms=9_000), "sim-reverse": health("sim-reverse"),
    }  # fmt: skip
    (placed,) = world.apply(request(acquirer_id="any"), T0).commands
    assert placed.acquirer_id == "sim-reverse"
    assert world.session.pinned.acquirer_p95_ms == 2_000
    assert "passed over" in world.ledger.explanation
    world.pins.known_health = {}  # what changes later changes nothing
    world.apply(answered("hold/1", "done", 2_000, T0, acquirer_id="sim-reverse"), T0)
    assert world.ledger.holds[0].acquirer_id == "sim-reverse"


def test_no_route_is_refused_by_name_before_the_card_is_asked():
    policy = replace(POLICY, route=())
    pinned = pin(request(acquirer_id="any"), World().pins.body, policy, {})
    assert pinned.refusal.reason == "no-route"


def test_who_cannot_raise_this_card_is_followed_up_to_the_hold_and_asked_for_no_more():
    """The route was pinned before any card was read: on this one its second raises nothing."""
    acquirers = dict(POLICY.acquirers)
    acquirers["sim-reverse"] = replace(
        acquirers["sim-reverse"],
        no_increments=NoIncrements(funding=("debit",)),
        increment_extends=("mastercard",),
    )
    world = World(policy=replace(POLICY, acquirers=acquirers))
    card = {"scheme": "mastercard", "funding": "debit"}
    world.apply(request(acquirer_id="any", stage="tap_first", scheme="", funding="unknown"), T0)
    world.apply(card_read(**card), T0)
    offer = world.commands[-1]
    world.apply(card_read(offer=1, consented=offer.ceiling_minor, **card), T0)
    assert (world.commands[-1].acquirer_id, offer.step_minor > 0) == ("sim-total", True)
    world.apply(answered("hold/1", "failed", at=T0, reason="not_sent"), T0)
    other = {"acquirer_id": "sim-reverse"}
    world.apply(answered("hold/2", "done", offer.amount_minor, T0, **other), T0)
    world.apply(started(0), T0)
    world.apply(reading(30_000), T0)
    assert isinstance(world.commands[-1], StopCharging)
    world.apply(tick(world.session.deadline), world.session.deadline)
    world.apply(tick(T0 + 30 * 24 * 3_600_000), T0 + 30 * 24 * 3_600_000)
    assert not any(isinstance(one, RaiseHold) for one in world.commands)


def test_a_named_acquirer_that_does_not_take_the_currency_is_a_refusal_by_name():
    acquirers = dict(POLICY.acquirers)
    acquirers["sim-total"] = replace(acquirers["sim-total"], exponents={"CHF": 0})
    policy = replace(POLICY, acquirers=acquirers)
    pinned = pin(request(acquirer_id="sim-total"), World().pins.body, policy, {})
    assert pinned.refusal.reason == "currency-not-taken"
    assert pinned.refusal.detail == "sim-total takes no CHF"
