"""Bugs of holds, captures, refunds and the commands that carry them."""

from contextlib import contextmanager

from msgspec.structs import replace
from planting import instead, plant, set_to

from schemas import ids
from schemas.commands import RefundCapture
from streams.core import (
    case,
    holds,
    orders,
    partner_view,
    pricing,
    rules_clocks,
    rules_opening,
    rules_refunds,
    rules_settle,
)
from streams.simulation import bridge


@plant("amount in the capture id")
def amount_in_id():
    original = orders.capture_hold

    def planted(of, hold, number):
        made = original(of, hold, number)
        return replace(made, command_id=f"{of.session.session_id}/capture/{made.amount_minor}")

    return instead(original, planted)


@plant("capture during an unknown raise")
def during_a_raise():
    return set_to(rules_settle, "SETTLING", rules_settle.SETTLING - {"raise"})


@plant("release after an auto-release")
def after_auto_release():
    original = holds._flow

    def planted(session, hold_id, told, acquirer, expires_at):
        return original(session, hold_id, told, None, expires_at)

    return instead(original, planted)


@plant("late approval kept")
def late_approval():
    original = rules_settle._why_unused

    def planted(of):
        return "" if of.given_up else original(of)

    return instead(original, planted)


@plant("wrong performer")
def performer():
    original = orders._money

    def planted(*given):
        return {**original(*given), "performer": "executor"}

    return instead(original, planted)


@plant("refund of an uncaptured hold")
def refund_of_a_hold():
    original = rules_settle.release_unused

    def planted(of):
        for one in original(of):
            yield refund(of, one, "unused")

    return instead(original, planted)


@plant("refund numbered by arrival")
def refund_by_arrival():
    """Whatever comes after a credit CDR gives back what was captured, under the next number."""
    original = rules_settle.release_after_capture

    def planted(of):
        yield from original(of)
        made = [one for one in of.session.issued.values() if one.kind == "refund"]
        if partner_view.credits(of.session) and len(made) < 3:
            taken = orders.release_hold(of, of.hold, 1, "planted")
            whole = replace(taken, amount_minor=of.hold.captured_minor)
            yield refund(of, whole, str(len(made) + 1))

    return instead(original, planted)


@plant("credit CDR as a second capture")
def credit_captured():
    original = rules_settle.capture_proven

    def planted(of):
        yield from original(of)
        done = of.hold is not None and of.hold.captured_minor
        if done and partner_view.credits(of.session) and of.total.final is not None:
            yield replace(orders.capture_hold(of, of.hold, 2), amount_minor=of.cost_minor)

    return instead(original, planted)


@plant("DELTA read as TOTAL, on the wire")
def delta_on_the_wire():
    return instead(bridge._amount, lambda operation: operation.amount_minor)


@plant("DELTA read as TOTAL, in the command")
def delta_in_the_command():
    original = orders.raise_hold

    def planted(*given):
        made = original(*given)
        return replace(made, delta_minor=made.amount_minor)

    return instead(original, planted)


@plant("lapsed hold captured")
def lapsed_captured():
    original = holds._has_lapsed
    settle = rules_settle._ready_to_settle

    def ready(of):
        later = of.hold and of.cost_minor and of.hold.outcome == "done" and of.hold.open_minor
        return of.hold if later and not of.hold.in_flight else settle(of)

    @contextmanager
    def all_three():
        with (
            instead(original, lambda *_: False),
            instead(settle, ready),
            instead(rules_clocks.release_expired, lambda _: iter(())),
        ):
            yield

    return all_three()


@plant("hold 2 beside live hold 1")
def second_hold():
    original = rules_opening.place_first_hold

    def planted(of):
        yield from original(of)
        if len(of.holds) == 1 and of.hold.outcome == "unknown" and of.start is None:
            yield orders.place_hold(of, of.hold.requested_minor, 2)

    return instead(original, planted)


@plant("tariff re-read after the pin")
def tariff_again():
    original = case._tariff

    def planted(session):
        later = session.now_at > session.request.requested_at + 600_000
        if session.pinned is None or not later:
            return original(session)
        return pricing.parse(session.pinned.tariff_body.replace('"price":', '"price": 1'))

    return instead(original, planted)


@plant("no cap on raises")
def no_cap():
    return set_to(case.Case, "attempts_left", property(lambda _: 99))


@plant("rounded down")
def rounded_down():
    original = orders.capture_hold

    def planted(of, hold, number):
        made = original(of, hold, number)
        return replace(made, amount_minor=max(made.amount_minor - 1, 1))

    return instead(original, planted)


@plant("the rest of a hold is kept after a capture")
def rest_kept():
    return instead(rules_settle.release_after_capture, lambda _: iter(()))


def refund(of, command, cause):
    made = orders._money(
        of, ids.refund_id(of.session.session_id, cause), command.hold_id, command.amount_minor
    )
    return RefundCapture(
        **made,
        psp_reference=command.psp_reference,
        capture_id=ids.capture_id(of.session.session_id, 1),
        cause=cause,
        reason="planted",
    )


@plant("a decided refund is a part too many")
def more_than_decided():
    original = rules_refunds.decided

    def planted(of):
        return [(which, amount + 1, why) for which, amount, why in original(of)]

    return instead(original, planted)
