"""One command settled: every way of being cut short, and one effect in the operator's system."""

import pytest
from commandworld import Issue
from hypothesis import given
from hypothesis import strategies as st

from connectors.acquirers.acquirer import Verdict
from connectors.acquirers.intake import NotTakable, take
from connectors.settlement.settler import Settler, Shell
from connectors.settlement.sql_book import SettlementBook, open_book
from schemas.codec import encode

LEASE_MS = 30_000
NOW_AT = 1_767_225_600_000


class Clock:
    def __init__(self) -> None:
        self.at = NOW_AT
        self.slept_ms = 0

    async def sleep_ms(self, for_ms: int) -> None:
        self.at += for_ms
        self.slept_ms += for_ms

    def now_at(self) -> int:
        return self.at


def operator(number=1):
    return Issue(f"{number:032x}", performer="operator")


def taken(command):
    return take(encode(command), "operator")


class Kit:
    """Consumers of one book and one bank, one after another."""

    def __init__(self, book: SettlementBook, bank) -> None:
        self.book, self.bank, self.clock = book, bank, Clock()
        self._processes = 0

    def consumer(self) -> Settler:
        self._processes += 1
        shell = Shell(self.clock.now_at, self.clock.sleep_ms)
        return Settler(self.book, self.bank, f"p{self._processes}", LEASE_MS, shell)


@pytest.fixture
def kit(book, bank):
    return Kit(book, bank)


async def test_a_command_is_done_once_and_answered_as_often_as_it_is_read(kit, bank):
    capture = operator().capture("psp", 1500)
    consumer = kit.consumer()
    first = await consumer.settle(taken(capture))
    again = await consumer.settle(taken(capture))
    restarted = await kit.consumer().settle(taken(capture))
    assert bank.effects == [capture.command_id]
    for answer in (first, again, restarted):
        assert (answer.outcome, answer.amount_minor, answer.kind) == ("done", 1500, "capture")
        assert (answer.source, answer.psp_reference) == ("consumer", "own-1")
        assert (answer.command_id, answer.hold_id) == (capture.command_id, capture.hold_id)
    assert kit.clock.slept_ms == 0


async def test_a_refund_is_done_once_for_its_cause(kit, bank):
    one, other = (operator().refund("psp", 300, cause) for cause in ("goodwill", "credit-cdr-1"))
    for command in (one, one, other):
        answer = await kit.consumer().settle(taken(command))
        assert (answer.kind, answer.outcome, answer.amount_minor) == ("refund", "done", 300)
        assert answer.command_id == command.command_id
    assert bank.effects == [one.command_id, other.command_id]


async def test_another_body_under_the_same_id_is_refused(kit, bank):
    consumer = kit.consumer()
    await consumer.settle(taken(operator().capture("psp", 1500)))
    with pytest.raises(NotTakable, match="another body"):
        await consumer.settle(taken(operator().capture("psp", 1600)))
    assert len(bank.effects) == 1


@pytest.mark.parametrize("dies", ["before", "after", "look_up"])
async def test_a_kill_anywhere_leaves_one_effect(kit, bank, dies, request):
    killed = request.getfixturevalue("killed")
    capture = operator().capture("psp", 1500)
    if dies == "look_up":  # killed twice: while it was done, and while it was asked after
        bank.dies = "after"
        with pytest.raises(killed):
            await kit.consumer().settle(taken(capture))
    bank.dies = dies
    with pytest.raises(killed):
        await kit.consumer().settle(taken(capture))
    answer = await kit.consumer().settle(taken(capture))
    assert bank.effects == [capture.command_id]
    assert (answer.outcome, answer.amount_minor) == ("done", 1500)
    assert kit.clock.slept_ms >= LEASE_MS - 1


async def test_an_unknown_outcome_is_asked_after_and_never_done_again(kit, bank):
    capture = operator().capture("psp", 1500)
    bank.scripted = [Verdict(outcome="unknown", reason="timeout")]
    consumer = kit.consumer()
    first = await consumer.settle(taken(capture))
    assert (first.outcome, first.reason) == ("unknown", "timeout")
    bank.verdicts[capture.idempotency_key] = Verdict(outcome="done", amount_minor=1500)
    inquiry = operator().inquire(capture.command_id, "capture")
    told = await consumer.settle(taken(inquiry))
    assert (told.outcome, told.resolves, told.source) == ("done", capture.command_id, "consumer")
    assert (await consumer.settle(taken(capture))).outcome == "done"
    assert bank.effects == []


async def test_an_inquiry_about_what_nobody_began_is_not_found(kit):
    inquiry = operator().inquire(operator().capture("psp", 1500).command_id, "capture")
    assert (await kit.consumer().settle(taken(inquiry))).outcome == "not_found"


async def test_a_book_that_was_lost_takes_nobodys_money_twice(kit, tmp_path):
    """The offsets are Kafka's: what was done by the old book comes only as inquiry or resend."""
    bank = kit.bank
    capture = operator().capture("psp", 1500)
    await kit.consumer().settle(taken(capture))
    kit.book = open_book(str(tmp_path / "empty.sqlite"))
    inquired = await kit.consumer().settle(taken(operator().inquire(capture.command_id, "capture")))
    resent = await kit.consumer().settle(taken(operator().resend(capture, "capture")))
    kit.book.close()
    assert [inquired.outcome, resent.outcome] == ["done", "done"]
    assert bank.effects == [capture.command_id]


async def test_an_inquiry_while_another_process_is_at_work_is_unknown(kit, bank, killed):
    capture = operator().capture("psp", 1500)
    bank.dies = "before"
    with pytest.raises(killed):
        await kit.consumer().settle(taken(capture))
    told = await kit.consumer().settle(taken(operator().inquire(capture.command_id, "capture")))
    assert (told.outcome, told.reason) == ("unknown", "in_progress")


async def test_a_resend_does_what_was_not_done_and_answers_for_both(kit, bank):
    capture = operator().capture("psp", 1500)
    resend = operator().resend(capture, "capture")
    answer = await kit.consumer().settle(taken(resend))
    assert (answer.command_id, answer.resolves) == (resend.command_id, capture.command_id)
    assert (answer.outcome, answer.kind, bank.effects) == ("done", "capture", [capture.command_id])
    assert (await kit.consumer().settle(taken(capture))).outcome == "done"
    assert len(bank.effects) == 1


async def test_a_handler_that_raises_is_unknown_and_its_words_are_not_told(kit, bank, capsys):
    bank.scripted = [RuntimeError("card 4111111111111111 refused")]
    answer = await kit.consumer().settle(taken(operator().capture("psp", 1500)))
    assert (answer.outcome, answer.reason) == ("unknown", "handler_failed")
    shown = capsys.readouterr()
    assert "4111" not in shown.out + shown.err + repr(answer)


@pytest.mark.parametrize(
    "odd",
    [
        Verdict(outcome="done", amount_minor=-5),
        Verdict(outcome="done", amount_minor=2**63),
        Verdict(outcome="declined", reason="x" * 5_000),
    ],
)
async def test_an_answer_out_of_bounds_is_unknown_and_asked_after_again(kit, bank, odd):
    """In the book it would be the last word, and nobody could ever read it."""
    capture = operator().capture("psp", 1500)
    bank.scripted = [odd, odd, Verdict(outcome="done", amount_minor=1500)]
    consumer = kit.consumer()
    inquiry = operator().inquire(capture.command_id, "capture")
    answers = [await consumer.settle(taken(one)) for one in (capture, inquiry, inquiry, capture)]
    assert [one.outcome for one in answers] == ["unknown", "unknown", "done", "done"]


async def test_a_card_number_in_its_words_is_told_to_nobody_and_kept_nowhere(kit, bank):
    """A test number of Visa's; the no is a no all the same."""
    capture = operator().capture("psp", 1500)
    bank.scripted = [
        Verdict(outcome="declined", reason="card 4111111111111111", psp_reference="r-1")
    ]
    consumer = kit.consumer()
    first, again = [await consumer.settle(taken(capture)) for _ in range(2)]
    assert (first.outcome, first.reason, first.psp_reference) == ("declined", "", "r-1")
    assert (again.outcome, again.reason) == ("declined", "")


async def test_not_found_is_no_answer_to_an_attempt(kit, bank):
    bank.scripted = [Verdict(outcome="not_found")]
    answer = await kit.consumer().settle(taken(operator().capture("psp", 1500)))
    assert (answer.outcome, answer.reason) == ("unknown", "odd_answer")


def second(command):
    """The next attempt at the same session's capture."""
    issue = operator()
    return issue._make(
        type(command), f"{command.session_id}/capture/2", command.amount_minor,
        psp_reference="psp", proof=command.proof, evidence="", energy_wh=1,
        priced_minor=command.amount_minor, capturable_minor=command.amount_minor,
    )  # fmt: skip


async def test_a_second_capture_is_refused_while_the_first_stands(kit, bank):
    capture = operator().capture("psp", 1500)
    consumer = kit.consumer()
    await consumer.settle(taken(capture))
    with pytest.raises(NotTakable, match="another capture"):
        await consumer.settle(taken(second(capture)))
    assert bank.effects == [capture.command_id]


async def test_a_capture_that_failed_after_all_makes_room_for_the_next(kit, bank):
    capture = operator().capture("psp", 1500)
    consumer = kit.consumer()
    await consumer.settle(taken(capture))
    bank.verdicts[capture.idempotency_key] = Verdict(outcome="failed", reason="capture_failed")
    answer = await consumer.settle(taken(second(capture)))
    assert answer.outcome == "done"
    assert bank.effects == [capture.command_id, f"{capture.session_id}/capture/2"]


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["command", "resend", "inquiry"]),
        st.sampled_from([None, "before", "after", "look_up"]),
        st.booleans(),
    ),
    min_size=1,
    max_size=12,
)


@given(steps=STEPS)
async def test_whatever_is_read_and_killed_there_is_one_effect(steps, tmp_path_factory, make_bank):
    """Law: any order of command, resends and inquiries, killed anywhere: at most one effect, and
    exactly one once the command was read to its end; every answer agrees with the bank.
    """
    bank = make_bank()
    book = open_book(str(tmp_path_factory.mktemp("law") / "book"))
    kit = Kit(book, bank)
    capture = operator().capture("psp", 1500)
    records = {
        "command": capture,
        "resend": operator().resend(capture, "capture"),
        "inquiry": operator().inquire(capture.command_id, "capture"),
    }
    consumer, answers = kit.consumer(), []
    for kind, dies, restart in steps:
        consumer = kit.consumer() if restart else consumer
        bank.dies = dies
        try:
            answers.append(await consumer.settle(taken(records[kind])))
        except make_bank.killed:
            consumer = kit.consumer()
        bank.dies = None
        assert len(bank.effects) <= 1
    final = await kit.consumer().settle(taken(capture))
    book.close()
    assert (final.outcome, len(bank.effects)) == ("done", 1)
    assert all(one.amount_minor == 1500 for one in answers if one.outcome == "done")
    assert {one.outcome for one in answers} <= {"done", "not_found", "unknown"}
