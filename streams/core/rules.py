"""Every rule about holds and money of one session, in the order in which they are asked.

`decide` runs once per fact. A rule looks at the case and proposes a command, or nothing; what was
issued before is a fact, so that it proposes only what is not issued. A rule below sees what those
above have just issued. To change a rule: its row here says why it is, its function does it, and a
scenario in `tests/scenarios` tells its story.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from schemas.commands import Command, MoneyCommand
from schemas.facts import AliasBound
from streams.core import (
    advices,
    rules_clocks,
    rules_cover,
    rules_declined,
    rules_fiscal,
    rules_opening,
    rules_refunds,
    rules_routing,
    rules_settle,
)
from streams.core.case import Case, case_of
from streams.core.deadlines import next_deadline
from streams.core.differences import Difference, differences
from streams.core.learn import issued_of, learn
from streams.core.opening import OURS
from streams.core.orders import sealed
from streams.core.proposal import AskAgain, Proposed
from streams.core.session import Issued, PaymentSession, WatchShown
from streams.core.standing import Standing, standing_of
from streams.core.strategy_policy import Policy
from streams.core.times import (
    ADVISED,
    ALWAYS,
    BEFORE_START,
    CAPTURED,
    CHARGING,
    HELD,
    LIMITS,
    NO_CHARGING,
    PROVEN,
    QUIET,
    RAISE_REFUSED,
    RECEIPTED,
    REFUSED,
    SEVERAL,
    STOPPED,
    UNCOVERED,
    UNSETTLED,
    UNUSED,
    times_of,
)
from streams.core.watching import new_aliases, new_watches


class Rule(NamedTuple):
    """One row: its name stands on every command that it makes.

    `when`: at other times it has nothing to propose, and is not asked.
    """

    name: str
    why: str
    propose: Callable[[Case], Iterator[Proposed]]
    when: str = ALWAYS


RULES: tuple[Rule, ...] = (
    Rule(
        "refuse_by_name",
        "Without a price, a policy cell, one currency and a known role no card is asked"
        " (design.md 1.7; seed 001)",
        rules_opening.refuse_by_name,
        REFUSED,
    ),
    Rule(
        "offer_amount",
        "An amount is shown and agreed to before it is held, by what is known of the card by then"
        " (design.md 4; payments.md 1.1)",
        rules_opening.offer_amount,
        BEFORE_START,
    ),
    Rule(
        "place_first_hold",
        "The chosen cell's first amount is held before any energy flows (seed 001)",
        rules_opening.place_first_hold,
        BEFORE_START,
    ),
    Rule(
        "fail_over",
        "An acquirer that could not be reached is followed by the next of the route, before any"
        " approval and only after a definite no (design.md 1.2; payments.md 2.3)",
        rules_routing.fail_over,
        BEFORE_START,
    ),
    Rule(
        "decline_at_tap",
        "After a definite no less is offered, or a PIN asked for, where that may help and the"
        " scheme allows it; else it is shown at once, with its reason (seed 001; payments.md 1.6,"
        " 3)",
        rules_opening.decline_at_tap,
        BEFORE_START,
    ),
    Rule(
        "give_up_waiting",
        "Nobody waits at a reader for ever; what is approved later goes back (design.md 1.4)",
        rules_opening.give_up_waiting,
        BEFORE_START,
    ),
    Rule(
        "start_charging",
        "Energy flows only on an approved hold, and is asked for once (seed 001)",
        rules_opening.start_charging,
        BEFORE_START,
    ),
    Rule(
        "stop_never_started",
        "An unknown start keeps the hold for a grace period; before a release a stop is sent"
        " (seed 002)",
        rules_opening.stop_never_started,
        NO_CHARGING,
    ),
    Rule(
        "raise_hold",
        "A raise must be approved before the energy that it covers flows, one at a time"
        " (payments.md 7.4, 7.6)",
        rules_cover.raise_hold,
        CHARGING,
    ),
    Rule(
        "stop_inside_hold",
        "When the hold cannot grow, charging ends with what it covers; a target is not overshot"
        " (payments.md 7.5)",
        rules_cover.stop_inside_hold,
        CHARGING,
    ),
    Rule(
        "stop_uncovered",
        "Energy without cover is stopped at once; what flowed becomes arrears (seed 002)",
        rules_cover.stop_uncovered,
        UNCOVERED,
    ),
    Rule(
        "stop_refused",
        "A card that was stolen or looks like fraud ends the charging at once; a raise that may be"
        " tried again waits its time (payments.md 3)",
        rules_declined.stop_refused,
        RAISE_REFUSED,
    ),
    Rule(
        "limit_charging",
        "Where the end is settled a charger that can is told it, so that no stop comes too early or"
        " too late (payments.md 7.5; OCPP 2.1 transactionLimit)",
        rules_declined.limit_charging,
        LIMITS,
    ),
    Rule(
        "stop_again",
        "A stop that did not stop the energy is sent again, a few times (seed 002)",
        rules_declined.stop_again,
        STOPPED,
    ),
    Rule(
        "raise_to_cost",
        "A proven cost above the hold is asked for before the capture; above the hold nothing is"
        " taken (payments.md 7.3)",
        rules_cover.raise_to_cost,
        PROVEN,
    ),
    Rule(
        "extend_hold",
        "Where scheme and acquirer let a raise of nothing begin a hold's time anew, an unproven one"
        " is extended before it runs out (payments.md 1.2, 7.1)",
        rules_clocks.extend_hold,
        HELD,
    ),
    Rule(
        "lower_before_capture",
        "Where a capture must equal the hold, the hold is lowered to the cost first"
        " (payments.md 7.3)",
        rules_settle.lower_before_capture,
        PROVEN,
    ),
    Rule(
        "request_receipt",
        "What the card paid is receipted once, in the order of its fiscal chain; the country's rule"
        " says whether before or after the capture (payments.md 4, 7.11)",
        rules_fiscal.request_receipt,
        RECEIPTED,
    ),
    Rule(
        "capture_proven",
        "Only a proven number is captured, once, never above the hold, never beside an unknown"
        " (design.md 1.3, 6)",
        rules_settle.capture_proven,
        PROVEN,
    ),
    Rule(
        "capture_floor",
        "Where the operator chose it, what the chargers' own ends prove is captured before the hold"
        " runs out, finally (design.md 6)",
        rules_clocks.capture_floor,
        QUIET,
    ),
    Rule(
        "release_after_capture",
        "What a capture leaves is reversed, never left to lapse and never refunded (design.md 1.5)",
        rules_settle.release_after_capture,
        CAPTURED,
    ),
    Rule(
        "refund_decided",
        "What a person decided goes back by its own cause, never above what was captured and not"
        " refunded, one at a time (design.md 1.5, 4; payments.md 7.8)",
        rules_refunds.refund_decided,
        CAPTURED,
    ),
    Rule(
        "refund_overpaid",
        "Where late facts say that it cost less than was captured, the rest is refunded by that"
        " cause, up to a limit; where more, it is told and never captured (design.md 1.5)",
        rules_refunds.refund_overpaid,
        CAPTURED,
    ),
    Rule(
        "release_surplus",
        "A hold that another took the place of goes back as soon as it is known to live: the money"
        " of one driver is held once (design.md 1.2, 1.5)",
        rules_settle.release_surplus,
        SEVERAL,
    ),
    Rule(
        "release_unused",
        "A hold that nothing is due on goes back whole: nothing delivered, never started, given up"
        " (design.md 1.5)",
        rules_settle.release_unused,
        UNUSED,
    ),
    Rule(
        "release_expired",
        "Past the least of its clocks a hold is never captured: it goes back within a day, and what"
        " is due becomes arrears (design.md 6; payments.md 1.4, 7.1)",
        rules_clocks.release_expired,
        HELD,
    ),
    Rule(
        "reauthorise",
        "What is proven after its hold has gone is asked for anew only with the acquirer's token"
        " and recorded consent, once (design.md 6)",
        rules_clocks.reauthorise,
        PROVEN,
    ),
    Rule(
        "void_receipt",
        "A receipt that came before a capture that never was is taken back by one that names it"
        " (payments.md 4.2)",
        rules_fiscal.void_receipt,
        RECEIPTED,
    ),
    Rule(
        "receipt_refund",
        "What went back has a fiscal document of its own, which names the first (payments.md 4.2)",
        rules_fiscal.receipt_refund,
        RECEIPTED,
    ),
    Rule(
        "show_receipt",
        "The signature goes down to the terminal, once it is there (seed 002)",
        rules_fiscal.show_receipt,
        RECEIPTED,
    ),
    Rule(
        "resolve_unknown",
        "Unknown is neither yes nor no: look up, resend under the same key inside its window only"
        " (design.md 1.4; payments.md 2.3)",
        rules_settle.resolve_unknown,
        UNSETTLED,
    ),
    Rule(
        "send_advice",
        "Who captures for a terminal provider tells the operator what became of it, once per"
        " outcome of a closed session (design.md 4; payments.md 5)",
        advices.send_advice,
        ADVISED,
    ),
)


class Decision(NamedTuple):
    """What the known facts call for. `session` has its own commands learned already.

    `watches` and `differences` are only those that say something new; `deadline_at` is the next
    instant at which to ask again, None: facts alone will tell.
    """

    session: PaymentSession
    case: Case
    standing: Standing
    commands: list[Command]
    watches: dict[str, WatchShown]
    aliases: list[AliasBound]
    differences: dict[str, Difference]
    deadline_at: int | None


def decide(session: PaymentSession, policy: Policy) -> Decision:
    """Ask every rule in order. Pure: the same session and policy give the same decision."""
    case = case_of(session, policy)
    commands: list[Command] = []
    deadlines: list[int] = []
    if may_decide(session):
        due, place = _rules_at(times_of(case)), 0
        while place < len(due):
            number, rule = due[place]
            place += 1
            asked = list(rule.propose(case))
            wanted = _commands(case, asked, deadlines) if asked else None
            if wanted:
                session = _issue(session, rule.name, wanted, commands)
                case = case_of(session, policy)
                due, place = [one for one in _rules_at(times_of(case)) if one[0] > number], 0
    standing = standing_of(case)
    watches = new_watches(case, over=standing.phase == "closed")
    return Decision(
        session=session,
        case=case,
        standing=standing,
        commands=commands,
        watches=watches,
        aliases=new_aliases(case),
        differences=differences(case),
        deadline_at=next_deadline(case, deadlines, watches),
    )


_Due = list[tuple[int, Rule]]
_due: dict[tuple[str, ...], tuple[tuple[Rule, ...], _Due]] = {}


def _rules_at(times: tuple[str, ...]) -> _Due:
    """The rules whose time it is, each with its number; found once for all cases of these times."""
    known = _due.get(times)
    if known is None or known[0] is not RULES:
        found = [(number, rule) for number, rule in enumerate(RULES) if rule.when in times]
        known = _due[times] = RULES, found
    return known[1]


def may_decide(session: PaymentSession) -> bool:
    """A quarantined session keeps its facts and gives no commands; an observed one never does."""
    if session.pinned is None or session.request.role == "observer":
        return False
    return not session.quarantined or set(session.quarantined) <= set(session.lifted)


def _commands(case: Case, asked: list[Proposed], deadlines: list[int]) -> list[Command]:
    """The commands among what a rule asked for; instants to ask again at join the deadlines."""
    wanted: list[Command] = []
    for one in asked:
        if isinstance(one, AskAgain):
            deadlines.append(one.at)
        elif _is_ours(case, one):
            wanted.append(one)
    return wanted


def _is_ours(case: Case, command: Command) -> bool:
    """Whoever placed a hold: where our role is not known, no money is commanded (design.md 1.7)."""
    return case.request.role in OURS or not isinstance(command, MoneyCommand)


def _issue(
    session: PaymentSession, rule: str, wanted: list[Command], commands: list[Command]
) -> PaymentSession:
    for proposed in wanted:
        command = sealed(proposed, rule)
        known = session.issued.get(command.command_id)
        if known is not None and known.body_hash == issued_of(command).body_hash:
            continue
        session = learn(session, Issued(command=command))
        if known is None:  # else the same id with another body: a conflict, never emitted
            commands.append(command)
    return session


def table() -> str:
    """The rules as a Markdown table: the README shows it, and a test compares."""
    rows = [f"| {number} | `{rule.name}` | {rule.why} |" for number, rule in enumerate(RULES, 1)]
    return "\n".join(["| | rule | why |", "|---|---|---|", *rows])
