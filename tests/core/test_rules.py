"""The table of rules: named, reasoned, in order, and the same in the README."""

import re
from pathlib import Path

from msgspec.structs import replace
from sessionworld import POLICY, T0, World, answered, request

from streams.core.rules import RULES, decide, may_decide, table
from streams.core.session import Issued

ROOT = Path(__file__).parents[2]


def test_the_readme_shows_the_table():
    text = (ROOT / "streams" / "core" / "README.md").read_text()
    shown = re.search(r"<!-- rules -->\n(.*?)\n<!-- /rules -->", text, re.DOTALL)
    assert shown is not None
    assert shown[1] == table()


def test_every_rule_cites_a_document():
    assert all(re.search(r"\((design\.md|payments\.md|seed) ", rule.why) for rule in RULES)


def test_a_rule_is_named_as_its_function():
    assert [rule.name for rule in RULES] == [rule.propose.__name__ for rule in RULES]


def test_every_rule_appears_in_a_scenario():
    words = {
        "refuse_by_name": "ShowDeclined unknown-role",
        "offer_amount": "OfferAmount",
        "place_first_hold": "PlaceHold",
        "fail_over": "PlaceHold 20.00 at sim-reverse",
        "decline_at_tap": "ShowDeclined insufficient_funds",
        "give_up_waiting": "ShowDeclined no-answer",
        "start_charging": "StartCharging",
        "stop_never_started": "StopCharging never-started",
        "raise_hold": "RaiseHold 40.00",
        "stop_inside_hold": "StopCharging cover-reached",
        "stop_uncovered": "no-cover",
        "stop_refused": "StopCharging lost_or_stolen",
        "limit_charging": "LimitCharging",
        "stop_again": "StopCharging still-charging",
        "raise_to_cost": "RaiseHold 31.60",
        "extend_hold": "RaiseHold 20.00",
        "lower_before_capture": "LowerHold",
        "request_receipt": "RequestReceipt 7.90",
        "capture_proven": "CaptureHold",
        "capture_floor": "CaptureHold 7.90 floor",
        "release_after_capture": "ReleaseHold 12.10 remainder",
        "refund_decided": "RefundCapture 2.00 goodwill",
        "refund_overpaid": "RefundCapture 3.60 charger_data",
        "release_surplus": "ReleaseHold 20.00 surplus",
        "release_unused": "ReleaseHold 20.00 nothing-due",
        "release_expired": "ReleaseHold 20.00 expired",
        "reauthorise": "PlaceHold 7.90 anew",
        "void_receipt": "corrects ft7#",
        "receipt_refund": "RequestReceipt 2.69 of 2.69 0.45@20 corrects ft7#",
        "show_receipt": "ReceiptReady 7.90",
        "resolve_unknown": "Inquire",
        "send_advice": "SendAdvice 10.00",
    }
    stories = "".join(path.read_text() for path in (ROOT / "tests" / "scenarios").glob("*.txt"))
    assert list(words) == [rule.name for rule in RULES]
    assert [word for word in words.values() if word not in stories] == []


def test_the_same_id_with_another_body_is_refused_counted_and_shown():
    """A rule of another version issued it: ours is a conflict, never emitted."""
    world = World()
    world.apply(request(), T0)
    (placed,) = world.commands
    other = World()
    other.apply(request(card_token="other"), T0)
    step = world.apply(Issued(command=other.commands[0]), T0)
    assert step.commands == []
    assert step.session.conflicts == (placed.command_id,)
    assert [(one.kind, one.status) for one in step.discrepancies] == [("conflict", "opened")]
    assert step.ledger is not None
    assert step.ledger.conflicts == 1


def test_a_rule_that_proposes_an_issued_id_with_another_body_emits_nothing():
    """As another version might have used the id of an inquiry for something else."""
    world = World()
    world.apply(request(), T0)
    asked = world.apply(answered("hold/1", "unknown"), T0 + 5_000).commands[0]
    before = World()
    before.apply(request(), T0)
    strange = replace(asked, of_command_id="another", body_hash="another")
    before.apply(Issued(command=strange), T0)
    step = before.apply(answered("hold/1", "unknown"), T0 + 5_000)
    assert step.commands == []
    assert step.session.conflicts == (asked.command_id,)


def test_an_observed_session_is_only_watched():
    world = World()
    world.apply(request(role="observer"), T0)
    assert not may_decide(world.session)
    assert world.apply(answered("hold/1", "done", 2_000), T0).commands == []


def test_decide_is_the_same_twice():
    world = World()
    world.apply(request(), T0)
    world.apply(answered("hold/1", "done", 2_000), T0)
    one, other = decide(world.session, POLICY), decide(world.session, POLICY)
    assert (one.commands, one.deadline_at) == (other.commands, other.deadline_at)
