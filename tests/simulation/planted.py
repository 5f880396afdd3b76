"""Bugs planted one at a time, and how many seeds it takes until the simulation notices each.

    python tests/simulation/planted.py [--most 400] [--only WORDS]

Each is a small change of a function of ours, as somebody might make it; the world runs around it as
ever. The table in streams/simulation/README.md is what this prints.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import Any, NamedTuple

from msgspec.structs import replace

from schemas import ids
from schemas.commands import RefundCapture
from schemas.facts import ChargingStarted
from streams.agents import link
from streams.core import (
    case,
    charging,
    due,
    fiscal_chain,
    gate,
    holds,
    inquiries,
    learn,
    orders,
    partner_view,
    pipe,
    plausible,
    pricing,
    receipts,
    rules,
    rules_clocks,
    rules_fiscal,
    rules_opening,
    rules_settle,
    vat,
    verdicts,
)
from streams.core.pricing import Quantities
from streams.core.session import End
from streams.simulation import bridge
from streams.simulation.run import lived
from streams.simulation.turns import Turns


class Found(NamedTuple):
    """`seeds` until it was noticed, 0: it was not; and the first words of it."""

    name: str
    seeds: int
    words: str


@contextmanager
def instead(original: Any, planted: Any) -> Iterator[None]:
    """`planted` wherever a module of ours has `original` by any name."""
    places = [
        (module, name)
        for module_name, module in list(sys.modules.items())
        if module_name.startswith(("streams.", "schemas."))
        for name, value in list(vars(module).items())
        if value is original
    ]
    assert places, original
    for module, name in places:
        setattr(module, name, planted)
    rows, rules.RULES = (
        rules.RULES,
        tuple(
            row._replace(propose=planted) if row.propose is original else row for row in rules.RULES
        ),
    )
    try:
        yield
    finally:
        rules.RULES = rows
        for module, name in places:
            setattr(module, name, original)


@contextmanager
def set_to(owner: Any, name: str, planted: Any) -> Iterator[None]:
    original = owner.__dict__[name]
    setattr(owner, name, planted)
    try:
        yield
    finally:
        setattr(owner, name, original)


PLANTED: dict[str, Callable[[], Any]] = {}


def plant(name: str) -> Callable[[Callable[[], Any]], Callable[[], Any]]:
    def named(make: Callable[[], Any]) -> Callable[[], Any]:
        PLANTED[name] = make
        return make

    return named


# --- the issue's --------------------------------------------------------------------------------


@plant("amount in the capture id")
def amount_in_id():
    original = orders.capture_hold

    def planted(of, hold, number):
        made = original(of, hold, number)
        return replace(made, command_id=f"{of.session.session_id}/capture/{made.amount_minor}")

    return instead(original, planted)


@plant("last-seen as a rung")
def last_seen():
    original = plausible.believed

    def ended(one):
        stopped = one.changes and not one.changes[-1].charging
        if one.end is not None or one.begun is None or not stopped:
            return one
        return replace(one, end=End(True, 0, one.seen_at, max(one.top_wh, 0), "seen", True))

    def planted(chargings, powers):
        return original([ended(one) for one in chargings], powers)

    return instead(original, planted)


@plant("time-out read as failure")
def timeout_as_failure():
    original = learn._answered  # the handlers hold it by value

    def planted(session, fact):
        failed = replace(fact, outcome="failed") if fact.outcome == "unknown" else fact
        return original(session, failed)

    return swapped(learn._HANDLERS, original, planted)


@contextmanager
def swapped(table: dict[Any, Any], original: Any, planted: Any) -> Iterator[None]:
    keys = [key for key, value in table.items() if value is original]
    table.update(dict.fromkeys(keys, planted))
    try:
        yield
    finally:
        table.update(dict.fromkeys(keys, original))


@plant("resend past the window")
def past_the_window():
    return instead(inquiries.may_resend, lambda *_: True)


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


@plant("reference reused")
def reused():
    original = learn._requested

    def planted(session, fact):
        return session if session is not None else original(None, fact)

    return instead(original, planted)


@plant("wrong performer")
def performer():
    original = orders._money

    def planted(*given):
        return {**original(*given), "performer": "executor"}

    return instead(original, planted)


@plant("1.6 Stop with -1")
def stop_without_number():
    """The stop of transaction -1 is taken for the end of the one that began last there."""
    place, take_end = link._place, gate._take_end
    begun: dict[str, str] = {}

    def placed(fact):
        if isinstance(fact, ChargingStarted):
            begun[fact.charger_id] = fact.transaction_id
        if fact.transaction_id == "-1":
            fact = replace(fact, transaction_id=begun.get(fact.charger_id, "-1"))
        return place(fact)

    def planted(one, ended, kept):
        whole = ended.seq < 0
        return [
            each._replace(sequence_complete=whole or each.sequence_complete)
            for each in take_end(one, ended, kept)
        ]

    return both(instead(place, placed), instead(take_end, planted))


@contextmanager
def both(one: Any, other: Any) -> Iterator[None]:
    with one, other:
        yield


@plant("refund of an uncaptured hold")
def refund_of_a_hold():
    original = rules_settle.release_unused

    def planted(of):
        for one in original(of):
            yield refund(of, one, "unused")

    return instead(original, planted)


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


@plant("stale CDR as proof")
def stale_cdr():
    """Whatever CDR there is counts at once, were it refused or taken back."""
    original = case.case_of

    def planted(session, policy):
        found = original(session, policy)
        told = [one for one in session.cdrs.values() if not one.credit]
        if found.cost_minor is not None or not told or found.tariff is None:
            return found
        used = Quantities(told[0].energy_wh, 0, 0)
        cost = due.so_far(found.tariff, found.metered, used)
        total = charging.Total(used, used)
        return replace(found, cost_minor=cost, total=total)

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


@plant("deadline by the worker's clock")
def workers_clock():
    original = pipe.apply

    def planted(session, fact, clock_at, pins):
        return original(session, fact, clock_at + 120_000 if clock_at else 0, pins)

    return instead(original, planted)


# --- our own ------------------------------------------------------------------------------------


@plant("an end with gaps as proof")
def gaps():
    return instead(gate._complete, lambda one: one.last_seq >= 0)


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


@plant("no cap on raises")
def no_cap():
    return set_to(case.Case, "attempts_left", property(lambda _: 99))


@plant("what makes the end whole goes after it")
def whole_first():
    original = gate.take_transaction

    def planted(*given):
        return sorted(original(*given), key=lambda one: not one.sequence_complete)

    return instead(original, planted)


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


@plant("of two chargings only the larger counts")
def larger_only():
    original = charging.summed
    nothing = Quantities(0, 0, 0)
    return instead(
        original, lambda parts: max(parts, key=lambda one: one.energy_wh, default=nothing)
    )


@plant("VAT split of a capped capture")
def capped_split():
    original = vat.parts_of

    def planted(shares, gross_minor, fallback=""):
        """The capped part is taken off one rate, as if the others were paid in full."""
        whole = sum(shares.values())
        parts = original(shares, max(gross_minor, round(whole * 100)), fallback)
        off = sum(one.gross_minor for one in parts) - gross_minor
        first = parts[0]
        gross = max(first.gross_minor - off, 0)
        net = round(gross / (1 + Fraction(first.rate or 0) / 100))
        capped = replace(first, gross_minor=gross, net_minor=net, vat_minor=gross - net)
        return [capped, *parts[1:]]

    return instead(original, planted)


@plant("a receipt of the price, not of what was paid")
def receipt_of_price():
    original = receipts.request

    def planted(case, paid_minor):
        cost = case.cost_minor or paid_minor
        return replace(original(case, paid_minor), paid_minor=cost, supply_minor=cost)

    return instead(original, planted)


@plant("a receipt's moment is the end of its charging")
def moments():
    original = fiscal_chain.accept

    def planted(chain, known, request, value):
        change = original(chain, known, request, value)
        if change is None:
            return None
        ended = {
            key: replace(one, moment_at=request.ended_at or one.moment_at)
            for key, one in change.receipts.items()
        }
        return change._replace(receipts=ended)

    return instead(original, planted)


@plant("two receipts out at once")
def two_at_once():
    original = fiscal_chain.next_waiting
    return instead(original, lambda chain: chain.waiting[0] if chain.waiting else "")


@plant("no receipt is taken back")
def never_voided():
    return instead(rules_fiscal.void_receipt, lambda _: iter(()))


def seeds_until_found(name: str, most: int) -> Found:
    with PLANTED[name]():
        for seed in range(most):
            found = lived(seed).checker.found
            if found:
                return Found(name, seed + 1, found[0])
    return Found(name, 0, "")


def say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - a command: what it prints is what it is for


def main() -> int:
    options = argparse.ArgumentParser()
    options.add_argument("--most", type=int, default=400)
    options.add_argument("--only", default="")
    given = options.parse_args()
    missed = 0
    say("| planted | seeds until found | by |\n|---|---|---|")
    for name in PLANTED:
        if given.only in name:
            found = seeds_until_found(name, given.most)
            missed += not found.seeds
            by = found.words.split(" ")[0]
            say(f"| {name} | {found.seeds or f'not in {given.most}'} | {by} |")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
