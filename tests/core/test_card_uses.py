"""What a session tells of its card: each thing once, when it is known, and never a number."""

from sessionworld import (
    SESSION,
    T0,
    World,
    answered,
    card_read,
    ended,
    reading,
    request,
    started,
    tick,
)

from schemas.commands import OfferAmount

RAISE = "hold/1/raise/1"


class Told(World):
    """A world that keeps what it told of the card."""

    def __init__(self, *given):
        super().__init__(*given)
        self.uses = []

    def apply(self, fact, clock_at=0):
        step = super().apply(fact, clock_at)
        self.uses += step.uses
        return step

    @property
    def events(self):
        return [use.event for use in self.uses]


def opened(**changed):
    world = Told()
    world.apply(request(**changed), T0)
    return world


def charging(**changed):
    world = opened(**changed)
    world.apply(answered("hold/1", "done", 20_00, at=T0 + 2_000), T0 + 2_000)
    world.apply(started(0, at=T0 + 5_000), T0 + 5_000)
    return world


def test_a_card_is_told_with_all_that_its_visit_goes_by():
    (use,) = opened(site_id="park", scheme="visa").uses
    assert (use.tenant, use.site_id, use.card_token) == ("t", "park", "tok")
    assert (use.network, use.charger_id, use.evse_uid) == ("n", "c", "e")
    assert (use.event, use.scheme, use.command_id, use.amount_minor) == ("tapped", "visa", "", 0)
    assert (use.requested_at, use.used_at, use.retry, use.wait_ms) == (T0, T0, "", 0)
    assert use.session_id == request().session_id


def test_where_no_site_is_told_it_is_the_network():
    assert opened(site_id="").uses[0].site_id == "n"


def test_a_card_without_a_token_is_told_of_nobody():
    world = charging(card_token="")
    assert world.uses == []


def test_each_thing_is_told_once_when_it_is_known():
    world = charging()
    assert world.events == ["tapped", "approved", "charging"]
    approved = world.uses[1]
    assert (approved.command_id, approved.amount_minor) == (world.commands[0].command_id, 20_00)
    assert (approved.used_at, approved.retry) == (T0 + 2_000, "")
    world.apply(reading(2_000, at=T0 + 60_000), T0 + 60_000)
    world.apply(started(0, at=T0 + 5_000), T0 + 61_000)
    world.apply(tick(T0 + 62_000), T0 + 62_000)
    assert world.events == ["tapped", "approved", "charging"]
    world.apply(ended(3_000, at=T0 + 90_000), T0 + 90_000)
    assert "over" not in world.events
    world.apply(answered("capture/1", "done", 2_37, at=T0 + 92_000), T0 + 92_000)
    assert world.events == ["tapped", "approved", "charging", "over"]
    assert world.uses[-1].used_at == T0 + 92_000
    # After its end nothing more is told: the visit has closed its book on it.
    world.apply(card_read(1, at=T0 + 98_000), T0 + 98_000)
    world.apply(started(0, at=T0 + 99_000, tx="another"), T0 + 99_000)
    assert world.events == ["tapped", "approved", "charging", "over"]


def test_what_was_told_is_known_by_the_names_that_older_state_has():
    world = charging()
    hold = f"{SESSION}/hold/1"
    assert world.session.published.uses == ("tapped/0", hold, "charging")


def test_a_refused_raise_is_told_with_its_time_and_what_may_follow():
    world = charging()
    world.apply(reading(21_600, at=T0 + 540_000, power_w=150_000, gap_ms=60_000), T0 + 540_000)
    assert world.commands[-1].command_id.endswith(RAISE)
    at = T0 + 543_000
    no = answered(
        RAISE, "declined", at=at, reason="insufficient_funds", raw_code="51", advice_code="25"
    )
    world.apply(no, at + 40_000)
    use = world.uses[-1]
    assert (use.event, use.command_id) == ("declined", world.session.session_id + "/" + RAISE)
    assert (use.amount_minor, use.used_at) == (40_00, at)
    assert (use.retry, use.wait_ms) == ("smaller", 86_400_000)


def test_an_approved_raise_says_nothing_new():
    world = charging()
    world.apply(reading(21_600, at=T0 + 540_000, power_w=150_000, gap_ms=60_000), T0 + 540_000)
    world.apply(answered(RAISE, "done", 40_00, at=T0 + 543_000), T0 + 543_000)
    assert world.events == ["tapped", "approved", "charging"]


def test_another_tap_is_told_anew_and_by_its_own_card():
    world = opened()
    step = world.apply(
        answered("hold/1", "declined", reason="insufficient_funds", raw_code="51"), T0
    )
    assert any(isinstance(one, OfferAmount) for one in step.commands)
    assert world.events == ["tapped", "declined"]
    world.apply(
        card_read(1, 1, 90_00, at=T0 + 9_000, card_token="other", scheme="mastercard"), T0 + 9_000
    )
    (tapped,) = world.uses[2:]
    told = (tapped.event, tapped.card_token, tapped.scheme)
    assert told == ("tapped", "other", "mastercard")


def test_what_only_failed_on_the_way_is_no_word_of_the_card():
    world = opened()
    world.apply(answered("hold/1", "failed", reason="technical"), T0 + 1_000)
    assert set(world.events) == {"tapped", "over"}


def test_a_no_is_told_by_the_rules_of_its_day():
    """ISO 8583's 62 is in Visa's first category until 2021, and may be tried again since."""
    world = opened()
    world.apply(answered("hold/1", "declined", reason="not_permitted", raw_code="62"), T0)
    assert [use.retry for use in world.uses if use.event == "declined"] == ["later"]
