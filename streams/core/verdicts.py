"""What became of the commands of a session: the words everything else is decided by."""

from schemas import ids
from streams.core.learn import DEFINITE, of_one_sending
from streams.core.session import MONEY, Answer, IssuedCommand, PaymentSession

NO = frozenset({"declined", "failed"})
SHOW_DECLINED = "show_declined"
"""The kind of what gives a session up."""


def verdict(session: PaymentSession, command_id: str) -> str:
    """'done', 'declined', 'failed', 'not_found', 'unknown', or '' while nothing was heard.

    A capture that an acquirer takes back is a definite no: only then may the next attempt exist. So
    is a refund that came back.
    """
    answer = session.answers.get(command_id)
    if answer is None:
        return ""
    outcome = answer.outcome
    if outcome == "done":
        return _still_done(session, command_id, answer) if session.notices else outcome
    if outcome == "failed" and of_one_sending(answer):
        return _of_all_sendings(session, command_id)
    return outcome


def _still_done(session: PaymentSession, command_id: str, answer: Answer) -> str:
    failed = False
    if answer.kind == "capture":
        failed = capture_failed(session, command_id, answer.hold_id)
    elif answer.kind == "refund":
        failed = refund_failed(session, command_id)
    return "failed" if failed else "done"


def _of_all_sendings(session: PaymentSession, command_id: str) -> str:
    """Of a command of which one sending came to nothing: its resends may not have."""
    about = [one for one in session.issued.values() if one.of == command_id]
    if all(is_definite(session, one.command_id) for one in about if one.kind == "resend"):
        return "failed"
    looks = [verdict(session, one.command_id) for one in about if one.kind == "inquire"]
    return "not_found" if "not_found" in looks else "unknown"


def capture_failed(session: PaymentSession, command_id: str, hold_id: str) -> bool:
    """Whether the acquirer said so later. A notice without a command id means the first capture.

    Meaning all of them, it would call the second attempt failed too, and a third would take twice.
    """
    first = ids.capture_id(session.session_id, 1)
    return any(
        notice.event == "capture_failed"
        and notice.hold_id == hold_id
        and (notice.command_id or first) == command_id
        for notice in session.notices
    )


def refund_failed(session: PaymentSession, command_id: str) -> bool:
    """Whether its money came back later. A notice without a command id means the first refund."""
    told = [one.command_id for one in session.notices if one.event == "refund_failed"]
    if command_id in told:
        return True
    if "" not in told:
        return False
    made = [one for one in session.issued.values() if one.kind == "refund"]
    first = min(made, key=lambda one: (one.issued_at, one.command_id), default=None)
    return first is not None and first.command_id == command_id


def is_definite(session: PaymentSession, command_id: str) -> bool:
    return verdict(session, command_id) in DEFINITE


def of_kind(session: PaymentSession, kind: str, hold_id: str = "") -> list[IssuedCommand]:
    """Issued commands of one kind, in the order of their numbers; of one hold, if it is named."""
    found = [
        command
        for command in session.issued.values()
        if command.kind == kind and (not hold_id or command.hold_id == hold_id)
    ]
    return sorted(found, key=number_of) if len(found) > 1 else found


def number_of(command: IssuedCommand) -> int:
    """The k of `.../raise/k`: numbers count, '10' comes after '9'."""
    return int(command.command_id.rpartition("/")[2])


def unsettled(session: PaymentSession) -> list[IssuedCommand]:
    """Money commands without a verdict, oldest first. One that was given up is settled."""
    found = [
        command
        for command in session.issued.values()
        if command.kind in MONEY
        and not is_definite(session, command.command_id)
        and not is_abandoned(session, command)
    ]
    return sorted(found, key=lambda one: (one.issued_at, one.command_id)) if found else found


def is_abandoned(session: PaymentSession, command: IssuedCommand) -> bool:
    """A hold that never reached the acquirer and that nobody waits for any more."""
    return command.kind == "hold" and given_up(session) and is_absent(session, command)


def is_absent(session: PaymentSession, command: IssuedCommand) -> bool:
    """Whether its acquirer does not know it, by a look-up after its last sending.

    One before a resend says nothing of that. It is no definite no: it may yet arrive.
    """
    if verdict(session, command.command_id) != "not_found":
        return False
    about = [one for one in session.issued.values() if one.of == command.command_id]
    sent_at = max(one.issued_at for one in (command, *about) if one.kind != "inquire")
    return any(
        one.issued_at > sent_at and verdict(session, one.command_id) == "not_found"
        for one in about
        if one.kind == "inquire"
    )


def given_up(session: PaymentSession) -> bool:
    """The driver was told that there will be no charging: whatever is approved later goes back."""
    return SHOW_DECLINED in [command.kind for command in session.issued.values()]
