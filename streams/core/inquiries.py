"""How to find out what became of a command: inquire, resend under the same key, ask a person.

An unknown outcome is neither yes nor no (design.md 1.4). Look-ups are always safe and
go on by the policy's schedule; the command itself goes out again only after a look-up has said
"not found", and only while the acquirer still remembers the key.
"""

from typing import Literal, NamedTuple

from streams.core import overpaid
from streams.core.case import Case
from streams.core.session import IssuedCommand, PaymentSession
from streams.core.verdicts import verdict


class Look(NamedTuple):
    """The next look at a command: what, its number, and when to look again at the latest."""

    kind: Literal["inquire", "resend", "wait", "person"]
    number: int = 0
    at: int = 0


PERSON = Look("person")
_TAKES_INQUIRIES = frozenset({"executor", "operator"})
"""Performers that read inquiries; of anybody else's silence people are told, no more."""


def unanswered_at(case: Case, command: IssuedCommand) -> int:
    """When it is late that nobody has said anything of it; 0: something was said.

    Its performer answers within its own time-outs: after this nobody may be working on it.
    """
    if command.command_id in case.session.answers:
        return 0
    return command.issued_at + case.policy.answer_within_ms


def _about(session: PaymentSession, command: IssuedCommand, kind: str) -> list[IssuedCommand]:
    return [
        one for one in session.issued.values() if one.kind == kind and one.of == command.command_id
    ]


def next_look(case: Case, command: IssuedCommand) -> Look:
    """What to do about a command that has no verdict, as of the session's time."""
    session = case.session
    if command.performer not in _TAKES_INQUIRIES:
        late_at = unanswered_at(case, command)
        return Look("wait", at=late_at) if late_at > case.now_at else PERSON
    inquiries = _about(session, command, "inquire")
    resends = _about(session, command, "resend")
    acquirer = case.acquirer_of(command.hold_id)
    if acquirer is not None and not acquirer.inquiry:
        return _next_resend(case, command, resends)
    missing = sum(verdict(session, one.command_id) == "not_found" for one in inquiries)
    # What goes out now may stay without an answer: nothing else would bring us back to it.
    again_at = case.now_at + max(_wait_ms(case, len(inquiries)), case.policy.answer_within_ms)
    if missing > len(resends):
        return Look("resend", len(resends) + 1, again_at) if may_resend(case, command) else PERSON
    # Of one instant the resend is the later: it follows from what the inquiry found.
    last = max(
        inquiries + resends, key=lambda one: (one.issued_at, one.kind == "resend"), default=command
    )
    wait_ms = _wait_ms(case, len(inquiries))
    if last.command_id not in session.answers:
        wait_ms = max(wait_ms, case.policy.answer_within_ms)
    due_at = last.issued_at + wait_ms
    if due_at > case.now_at:
        return Look("wait", at=due_at)
    if last.issued_at > command.issued_at + _life_ms(case, command):
        return PERSON
    return Look("inquire", len(inquiries) + 1, again_at)


def _next_resend(case: Case, command: IssuedCommand, resends: list[IssuedCommand]) -> Look:
    """Where nobody can be asked, the very request under its very key is the only look there is."""
    last = max(resends, key=lambda one: one.issued_at, default=command)
    wait_ms = _wait_ms(case, len(resends))
    if last.command_id not in case.session.answers:
        wait_ms = max(wait_ms, case.policy.answer_within_ms)
    due_at = last.issued_at + wait_ms
    ends_at = command.issued_at + _window_ms(case, command)
    if due_at >= ends_at or not may_resend(case, command):
        return PERSON
    if due_at > case.now_at:
        return Look("wait", at=due_at)
    again_at = case.now_at + max(_wait_ms(case, len(resends) + 1), case.policy.answer_within_ms)
    return Look("resend", len(resends) + 1, again_at)


def may_resend(case: Case, command: IssuedCommand) -> bool:
    """While the acquirer still knows the key; a capture only while its hold has time left.

    A refund only where another could be asked for now, or what has gone back by another way since
    would go back twice.
    """
    if case.now_at >= command.issued_at + _window_ms(case, command):
        return False
    if command.kind == "refund":
        left = overpaid.captured_minor(case) - overpaid.refunded_minor(case)
        return command.amount_minor <= left and not overpaid.barred(case, command.hold_id)
    if command.kind != "capture":
        return True
    if not case.captures_here:
        return False  # it was taken over, and who was to capture has told of it after all
    ends = [one.deadline.ends_at for one in case.holds if one.hold_id == command.hold_id]
    return all(case.now_at < ends_at for ends_at in ends)


def _wait_ms(case: Case, inquiries: int) -> int:
    schedule = case.policy.inquiry_schedule_ms
    return schedule[min(inquiries, len(schedule) - 1)]


def is_for_a_person(case: Case, command: IssuedCommand) -> bool:
    """Whether a person should know by now: the schedule has run once, or the window has passed.

    Of who takes no inquiries: they know that nothing was said (`unanswered_at`).
    """
    if command.performer not in _TAKES_INQUIRIES and unanswered_at(case, command):
        return False
    inquiries = _about(case.session, command, "inquire")
    if len(inquiries) > len(case.policy.inquiry_schedule_ms):
        return True
    return next_look(case, command).kind == "person"


def _window_ms(case: Case, command: IssuedCommand) -> int:
    acquirer = case.acquirer_of(command.hold_id)
    return acquirer.idempotency_window_ms if acquirer else 0


def _life_ms(case: Case, command: IssuedCommand) -> int:
    """After the hold's life nothing is at stake that a machine could still mend."""
    acquirer = case.acquirer_of(command.hold_id)
    return max(acquirer.idempotency_window_ms, acquirer.hold_lifetime_ms) if acquirer else 0
