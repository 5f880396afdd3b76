"""One request from arrival to answer, in one transaction. No HTTP and no waiting: see server.py."""

from collections.abc import Callable

import msgspec

from connectors.acquirers.simulator import fate, issuer, rules
from connectors.acquirers.simulator.books import Books, Entry, derive_id
from connectors.acquirers.simulator.clockwork import Clockwork
from connectors.acquirers.simulator.config import Account, Config, Fault
from connectors.acquirers.simulator.fate import Arrival, Fate
from connectors.acquirers.simulator.ledger import Hold
from connectors.acquirers.simulator.messages import (
    Answer,
    AuthoriseRequest,
    CaptureRequest,
    Clock,
    Inquiry,
    LowerRequest,
    Operation,
    Problem,
    RaiseRequest,
    RefundRequest,
    Request,
    ReverseRequest,
)
from connectors.acquirers.simulator.rules import Refused
from connectors.acquirers.simulator.store import Store, StoredKey

_encode = msgspec.json.encode
_INTERNAL_ERROR = _encode(Problem(code="internal_error", message="the outcome is not known"))
_CONFLICT = _encode(
    Problem(code="idempotency_conflict", message="this key was used for another request")
)
_OPERATIONS: dict[type[Request], Operation] = {
    AuthoriseRequest: "authorise",
    RaiseRequest: "raise",
    LowerRequest: "lower",
    CaptureRequest: "capture",
    ReverseRequest: "reverse",
    RefundRequest: "refund",
}


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A request that is well-formed. `payment_reference` is empty for an authorise."""

    account: str
    request: Request
    key: str
    body_hash: bytes
    payment_reference: str = ""
    virtual_at: int | None = None


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What the server is to say, and when: after `delay_ms`, or never when not `is_answered`."""

    status: int
    body: bytes
    delay_ms: int
    is_answered: bool = True
    is_replayed: bool = False
    is_transient: bool = False


class Acquirer:
    """All accounts over one ledger. Methods are synchronous and each is one transaction."""

    def __init__(self, config: Config, store: Store, wall: Callable[[], int]) -> None:
        self.config = config
        self.store = store
        self._books = Books(store)
        self.clockwork = Clockwork(config, self._books, wall)

    def perform(self, call: Call) -> Reply:
        """Do what is asked, or not, as key, fate, rules and issuer have it."""
        try:
            with self.store.transaction():
                return self._perform(call)
        except BaseException:
            self.clockwork.restore()
            raise

    def inquire(self, name: str, merchant_reference: str, virtual_at: int | None) -> Reply:
        """What became of a merchant reference."""
        with self.store.transaction():
            self.clockwork.advance(name, virtual_at)
            answers = self.store.answers(name, merchant_reference)
            body = _encode(_inquiry(merchant_reference, answers))
            return self._read(name, merchant_reference, 200, body)

    def show_hold(self, name: str, payment_reference: str, virtual_at: int | None) -> Reply:
        """A hold as it stands."""
        with self.store.transaction():
            self.clockwork.advance(name, virtual_at)
            hold = self.store.hold(name, payment_reference)
            if hold is None:
                problem = Problem(code="unknown_reference", message="there is no such hold")
                return self._read(name, payment_reference, 404, _encode(problem))
            return self._read(name, payment_reference, 200, _encode(hold.view()))

    def move_clock(self, name: str, at: int | None) -> Clock:
        """Move time on (None: to the wall clock, or nowhere if virtual) and say what lapsed."""
        with self.store.transaction():
            names = [name] if name else list(self.config.accounts)
            lapsed = sum(self.clockwork.advance(one, at) for one in names)
            return Clock(at=min(self.clockwork.now(one) for one in names), lapsed=lapsed)

    # --- one operation --------------------------------------------------------------------------

    def _perform(self, call: Call) -> Reply:
        account = self.config.accounts[call.account]
        self.clockwork.advance(call.account, call.virtual_at)
        arrival = Arrival(
            operation=_OPERATIONS[type(call.request)],
            merchant_reference=call.request.merchant_reference,
            metadata=call.request.metadata,
        )
        arrival, struck = self._arrive(call.account, account, arrival)
        delay_ms = fate.latency_ms(account.latency, account.seed, arrival)
        if struck.answer == "late_answer":
            delay_ms = account.late_answer_ms
        if struck.answer == "timeout_before":
            return Reply(status=504, body=b"", delay_ms=delay_ms, is_answered=False)
        if struck.answer == "error500_before" and not account.error500_before_is_stored:
            return Reply(status=500, body=_INTERNAL_ERROR, delay_ms=delay_ms, is_transient=True)
        reply = self._replay(call, account, delay_ms) or self._act(call, account, struck, delay_ms)
        if struck.answer == "timeout_after":
            return msgspec.structs.replace(reply, is_answered=False)
        return reply

    def _arrive(self, name: str, account: Account, arrival: Arrival) -> tuple[Arrival, Fate]:
        """Count the request and learn its fate: scripts first, then seeded chance."""
        seen = self.store.count_arrivals(name, arrival.operation, arrival.merchant_reference)
        arrival = msgspec.structs.replace(arrival, attempt=seen + 1)
        faults: list[Fault] = [
            script.fault
            for number, script in enumerate(account.fault_scripts)
            if fate.matches(script, arrival)
            and fate.strikes(script, self.store.next_match(name, number))
        ]
        faults += fate.seeded_faults(account, arrival)
        struck = fate.fate_of(faults)
        now = self.clockwork.now(name)
        self.store.add_arrival(name, arrival, now, " ".join(sorted(set(faults))))
        return arrival, struck

    def _replay(self, call: Call, account: Account, delay_ms: int) -> Reply | None:
        """The stored answer of a key that is still remembered; None when this is a new request."""
        stored = self.store.key(call.account, call.key)
        now = self.clockwork.now(call.account)
        if stored is None or now - stored.stored_at >= account.key_retention_ms:
            return None
        if stored.body_hash != call.body_hash:
            return Reply(status=409, body=_CONFLICT, delay_ms=delay_ms)
        return Reply(status=stored.status, body=stored.body, delay_ms=delay_ms, is_replayed=True)

    def _act(self, call: Call, account: Account, struck: Fate, delay_ms: int) -> Reply:
        status, body = 500, _INTERNAL_ERROR
        if struck.answer != "error500_before":
            answer = self._books.write(call.account, account, self._decide(call, account, struck))
            if struck.answer != "error500_after":
                status, body = _status_of(answer), _encode(answer)
        stored = StoredKey(
            body_hash=call.body_hash,
            status=status,
            body=body,
            stored_at=self.clockwork.now(call.account),
        )
        self.store.put_key(call.account, call.key, stored)
        return Reply(status=status, body=body, delay_ms=delay_ms)

    def _decide(self, call: Call, account: Account, struck: Fate) -> Entry:
        request = call.request
        before = self.store.hold(call.account, call.payment_reference)
        blank = Entry(
            operation=_OPERATIONS[type(request)],
            outcome="done",
            merchant_reference=request.merchant_reference,
            currency=getattr(request, "currency", before.currency if before else ""),
            occurred_at=self._instant(call),
            requested=getattr(request, "amount_minor", before.open if before else 0),
            payment_reference=call.payment_reference,
            before=before,
            metadata=request.metadata,
            fate=struck,
        )
        try:
            if isinstance(request, AuthoriseRequest):
                return self._authorise(call.account, account, request, blank)
            if before is None:
                raise Refused("unknown_reference")  # noqa: TRY301 - one way to say no
            return _modify(account, before, request, blank)
        except Refused as refused:
            return msgspec.structs.replace(blank, outcome="refused", code=refused.code)

    def _instant(self, call: Call) -> int:
        """The request's own instant, so that what follows from it repeats in a replay."""
        now = self.clockwork.now(call.account)
        return now if call.virtual_at is None else call.virtual_at

    def _authorise(
        self, name: str, account: Account, request: AuthoriseRequest, blank: Entry
    ) -> Entry:
        rules.check_amount(request)
        verdict = issuer.judge_first_hold(account, request)
        if verdict.code:
            return _declined(blank, verdict)
        number = self.store.count_lines(name, request.merchant_reference)
        reference = derive_id("pay", name, request.merchant_reference, number)
        hold = rules.place(account, request, reference, verdict.approved, blank.occurred_at)
        return msgspec.structs.replace(blank, after=hold, partial=verdict.partial)

    def _read(self, name: str, reference: str, status: int, body: bytes) -> Reply:
        """An inquiry may meet faults too; it never acts, so before and after are the same."""
        account = self.config.accounts[name]
        arrival = Arrival(operation="inquire", merchant_reference=reference)
        arrival, struck = self._arrive(name, account, arrival)
        delay_ms = fate.latency_ms(account.latency, account.seed, arrival)
        match struck.answer:
            case "timeout_before" | "timeout_after":
                return Reply(status=504, body=b"", delay_ms=delay_ms, is_answered=False)
            case "error500_before" | "error500_after":
                return Reply(status=500, body=_INTERNAL_ERROR, delay_ms=delay_ms, is_transient=True)
            case "late_answer":
                return Reply(status=status, body=body, delay_ms=account.late_answer_ms)
            case _:
                return Reply(status=status, body=body, delay_ms=delay_ms)


def _modify(account: Account, hold: Hold, request: Request, blank: Entry) -> Entry:
    """An operation on an existing hold."""
    at = blank.occurred_at
    match request:
        case RaiseRequest():
            return _raise(account, hold, request, blank)
        case LowerRequest():
            after = rules.lower(account, hold, request, at)
        case CaptureRequest():
            after = rules.capture(account, hold, request, at)
        case ReverseRequest():
            after = rules.reverse(account, hold, at)
        case RefundRequest():
            after = rules.refund(hold, request, at)
        case AuthoriseRequest():
            raise AssertionError("an authorise has no hold yet")
    return msgspec.structs.replace(blank, after=after)


def _raise(account: Account, hold: Hold, request: RaiseRequest, blank: Entry) -> Entry:
    delta = rules.check_raise(account, hold, request)
    verdict = issuer.judge_raise(account, hold, delta, request.merchant_reference)
    if verdict.code:
        counted = rules.count_raise(hold, blank.occurred_at)
        return msgspec.structs.replace(_declined(blank, verdict), after=counted)
    after = rules.raise_by(account, hold, delta, blank.occurred_at)
    return msgspec.structs.replace(blank, after=after)


def _declined(blank: Entry, verdict: issuer.Verdict) -> Entry:
    return msgspec.structs.replace(
        blank, outcome="declined", code=verdict.code, reason=verdict.reason
    )


def _status_of(answer: Answer) -> int:
    match answer.outcome:
        case "done":
            return 201
        case "declined":
            return 402
        case "refused":
            return 404 if answer.code == "unknown_reference" else 422


def _inquiry(merchant_reference: str, lines: list[Answer]) -> Inquiry:
    """The lines of a reference also tell of lapses and late failures: those are no operations."""
    answers = [line for line in lines if line.operation in _OPERATIONS.values()]
    if not answers:
        return Inquiry(merchant_reference=merchant_reference, outcome="not_found")
    done = [answer for answer in answers if answer.outcome == "done"]
    failures = [line for line in lines if line.operation in ("capture_failure", "refund_failure")]
    told = done[0] if done else answers[-1]
    return Inquiry(
        merchant_reference=merchant_reference,
        outcome=told.outcome,
        times_done=len(done),
        times_failed_later=len(failures),
        answer=told,
    )
