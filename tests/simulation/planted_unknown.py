"""Bugs of answers that are not there, of time, and of crashes."""

from msgspec.structs import replace
from planting import instead, plant, set_to, swapped

from streams.core import inquiries, learn, orders, pipe, verdicts
from streams.simulation.turns import Turns


@plant("time-out read as failure")
def timeout_as_failure():
    original = learn._answered  # the handlers hold it by value

    def planted(session, fact):
        failed = replace(fact, outcome="failed") if fact.outcome == "unknown" else fact
        return original(session, failed)

    return swapped(learn._HANDLERS, original, planted)


@plant("resend past the window")
def past_the_window():
    return instead(inquiries.may_resend, lambda *_: True)


@plant("reference reused")
def reused():
    original = learn._requested

    def planted(session, fact):
        return session if session is not None else original(None, fact)

    return instead(original, planted)


@plant("deadline by the worker's clock")
def workers_clock():
    original = pipe.apply

    def planted(session, fact, clock_at, pins):
        return original(session, fact, clock_at + 120_000 if clock_at else 0, pins)

    return instead(original, planted)


@plant("not found read as declined")
def not_found():
    original = learn._answered

    def planted(session, fact):
        failed = replace(fact, outcome="failed") if fact.outcome == "not_found" else fact
        return original(session, failed)

    return swapped(learn._HANDLERS, original, planted)


@plant("a capture that was taken back stays done")
def taken_back():
    return instead(verdicts.capture_failed, lambda *_: False)


@plant("a resend under another key")
def another_key():
    original = orders.resend

    def planted(of, command, number):
        made = original(of, command, number)
        return replace(made, original=made.original.replace(b"hold", b"Hold", 1))

    return instead(original, planted)


@plant("outputs of a crash after the commit are lost")
def lost_outputs():
    original = Turns._publish

    def planted(self, records, view, outputs):
        lost = self.crashes and self._chance.happens(self.crashes)
        original(self, records, view, [] if lost else outputs)

    return set_to(Turns, "_publish", planted)


@plant("a turn without a commit is said all the same")
def said_twice():
    original = Turns._crash

    def planted(self, place, records):
        view = place.view(records)
        self._publish([], view, self._steps(place, records, view))
        original(self, place, records)

    return set_to(Turns, "_crash", planted)
