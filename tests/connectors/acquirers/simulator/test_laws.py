"""Random histories against the whole acquirer; the laws hold after each step."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

HOUR = 3_600_000
AMOUNTS = st.integers(min_value=-1, max_value=300)


class Histories(RuleBasedStateMachine):
    """`open_desk` is set by the test: the factory of conftest.py."""

    open_desk = None
    holds = Bundle("holds")

    @initialize(
        remainder=st.sampled_from(
            ["AUTO_AT_CAPTURE", "LOWER_BEFORE_CAPTURE", "REVERSE_AFTER_CAPTURE", "LAPSE_ONLY"]
        ),
        convention=st.sampled_from(["TOTAL", "DELTA"]),
        captures=st.sampled_from(["by_flag", "always_final", "never_final"]),
        fails_bp=st.sampled_from([0, 3000]),
    )
    def open_account(self, remainder, convention, captures, fails_bp):
        self.remainder = remainder
        self.desk = type(self).open_desk(
            remainder=remainder,
            amount_convention=convention,
            captures=captures,
            hold_lifetime_ms=10 * HOUR,
            fails_after_ms=2 * HOUR,
            raise_attempts_cap=4,
            declines=[{"rate_bp": 2000, "codes": {"51": 2, "05": 1}}],
            fault_rates=[
                {"fault": "capture_fails", "rate_bp": fails_bp},
                {"fault": "refund_fails", "rate_bp": fails_bp},
            ],
        )

    def teardown(self):
        if hasattr(self, "desk"):
            self.desk.close()

    @rule(target=holds, amount=AMOUNTS, scheme=st.sampled_from(["visa", "mastercard"]))
    def authorise(self, amount, scheme):
        answer = self.desk.authorise(amount, scheme=scheme)
        assert (answer.outcome == "refused") == (amount <= 0)
        return answer.payment_reference

    @rule(hold=holds, amount=AMOUNTS)
    def raise_(self, hold, amount):
        self._check("raise", hold, self.desk.raise_(hold, amount))

    @rule(hold=holds, amount=AMOUNTS)
    def lower(self, hold, amount):
        self._check("lower", hold, self.desk.lower(hold, amount))

    @rule(hold=holds, amount=AMOUNTS, final=st.booleans())
    def capture(self, hold, amount, final):
        before = self.desk.hold(hold)
        answer = self.desk.capture(hold, amount, final=final)
        self._check("capture", hold, answer)
        if answer.outcome == "done":
            assert amount <= before.open, "captured above held"
            assert not before.finalised, "captured after the final capture"
            exact = self.remainder == "LOWER_BEFORE_CAPTURE"
            assert amount == before.open or not exact

    @rule(hold=holds)
    def reverse(self, hold):
        self._check("reverse", hold, self.desk.reverse(hold))

    @rule(hold=holds, amount=AMOUNTS)
    def refund(self, hold, amount):
        before = self.desk.hold(hold)
        answer = self.desk.refund(hold, amount)
        self._check("refund", hold, answer)
        if answer.outcome == "done":
            assert before.refunded + amount <= before.captured

    @rule(hours=st.integers(min_value=0, max_value=12))
    def let_time_pass(self, hours):
        self.desk.wait(hours * HOUR)
        for one in self._all_holds():
            assert one.open == 0 or one.expires_at > self.desk.at, "an overdue hold is still open"

    def _check(self, operation, hold, answer):
        assert answer.operation == operation
        assert (answer.code == "") == (answer.outcome == "done")
        assert (answer.moved_minor > 0) == (answer.outcome == "done")
        if not hold:
            assert answer.code == "unknown_reference"

    def _all_holds(self):
        rows = self.desk.store.db.execute("SELECT payment_reference FROM holds").fetchall()
        return [self.desk.hold(row[0]) for row in rows]

    @invariant()
    def every_hold_is_conserved(self):
        if not hasattr(self, "desk"):
            return
        for one in self._all_holds():
            assert one.approved == one.captured + one.released + one.lapsed + one.open
            assert min(one.captured, one.released, one.lapsed, one.open, one.refunded) >= 0
            assert one.refunded <= one.captured <= one.approved

    @invariant()
    def the_ledger_agrees_with_itself(self):
        if not hasattr(self, "desk"):
            return
        summary = self.desk.summary()
        assert (summary.unbalanced_holds, summary.captures_above_hold) == (0, 0)
        holds = self._all_holds()
        if holds:
            euros = summary.sums["EUR"]
            assert euros.approved_minor == sum(one.approved for one in holds)
            assert euros.refunded_minor == sum(one.refunded for one in holds)
            total = euros.captured_minor + euros.released_minor + euros.lapsed_minor
            assert euros.approved_minor == total + euros.open_minor


def test_money_is_conserved_in_every_history(open_desk):
    Histories.open_desk = staticmethod(open_desk)
    run_state_machine_as_test(
        Histories, settings=settings(max_examples=120, stateful_step_count=30, deadline=None)
    )
