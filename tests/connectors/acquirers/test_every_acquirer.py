"""One suite for all acquirers: golden pairs of request and answer, and what holds for each of them.

A new acquirer joins by a line in `ADAPTERS` and a folder `golden/<its name>/`. A golden file holds
one exchange: the command, the request that it must make, what came back, and what that means.
"""

import json
import re
from pathlib import Path
from urllib.parse import parse_qsl

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mutations import JSON, changed, places

from connectors.acquirers import reasons
from connectors.acquirers.acquirer import CannotAsk, HttpResponse, NoResponse
from connectors.acquirers.adyen.adapter import AdyenAdapter
from connectors.acquirers.checkout.adapter import CheckoutAdapter
from connectors.acquirers.settings import AccountSettings
from connectors.acquirers.simulator_adapter import SimulatorAdapter
from connectors.acquirers.stripe.adapter import StripeAdapter
from schemas.catalogue import RECORDS
from schemas.facts import AcquirerAnswered

GOLDEN = Path(__file__).parent / "golden"
FILES = sorted(GOLDEN.glob("*/*.json"))


def simulator(golden):
    account = AccountSettings(**golden["settings"])
    return SimulatorAdapter(account, virtual=golden["virtual"])


def of(adapter):
    return lambda golden: adapter(AccountSettings(**golden["settings"]))


ADAPTERS = {
    "simulator": simulator,
    "adyen": of(AdyenAdapter),
    "stripe": of(StripeAdapter),
    "checkout": of(CheckoutAdapter),
}
# What an acquirer's API does not have at all; test_what_an_acquirer_cannot_do holds it to that.
CANNOT = {
    "simulator": set(),
    "adyen": {"InquireCommand"},
    "stripe": {"LowerHold"},
    "checkout": {"LowerHold"},
}
KINDS = {
    "PlaceHold",
    "RaiseHold",
    "LowerHold",
    "CaptureHold",
    "ReleaseHold",
    "InquireCommand",
    "RefundCapture",
}
NO_ANSWERS = (
    b"",
    b"null",
    b"[]",
    b"{}",
    b'"done"',
    b"<html><body>Bad Gateway</body></html>",
    b'{"outcome": "done"}',
    b"\xff\xfe\x00",
    b"[" * 100_000,
    b'{"amount_minor": NaN}',
)


class Pair:
    def __init__(self, path: Path) -> None:
        self.acquirer_name = path.parent.name
        golden = json.loads(path.read_text())
        self.golden_record = golden["command"]["record"]
        fields = dict(golden["command"])
        record = fields.pop("record")
        self.command = msgspec.convert(fields, RECORDS[record])
        self.adapter = ADAPTERS[self.acquirer_name](golden)
        self.request = golden["request"]
        self.answer = msgspec.convert(golden["answer"], AcquirerAnswered)
        self.told = golden["response"]

    @property
    def result(self):
        if "no_response" in self.told:
            return NoResponse(why=self.told["no_response"], at=self.told["at"])
        return self.response(json.dumps(self.told["body"]).encode())

    def response(self, body: bytes, status: int | None = None) -> HttpResponse:
        return HttpResponse(
            status=self.told.get("status", 201) if status is None else status,
            headers=self.told.get("headers", {}),
            body=body,
            at=self.told["at"],
        )

    def outcome(self, result) -> AcquirerAnswered:
        return self.adapter.outcome(self.command, result)


@pytest.fixture(params=FILES, ids=[f"{path.parent.name}-{path.stem}" for path in FILES])
def pair(request):
    return Pair(request.param)


AMOUNT = r'("(?:amount\w*|value|total_authorized|authorisedAmountValue)": "?)\d+'


def first_of_each():
    """One pair for each acquirer and kind of command, preferably with a yes in it."""
    chosen = {}
    for path in FILES:
        one = Pair(path)
        place = (path.parent.name, type(one.command).__name__)
        if place not in chosen or one.answer.outcome == "done":
            chosen[place] = path
    return sorted(chosen.values())


@pytest.fixture(params=first_of_each(), ids=lambda path: f"{path.parent.name}-{path.stem}")
def kind(request):
    return Pair(request.param)


@pytest.mark.parametrize("acquirer", sorted(ADAPTERS))
def test_the_golden_files_cover_every_command_and_every_outcome(acquirer):
    pairs = [Pair(path) for path in FILES if path.parent.name == acquirer]
    assert {type(pair.command).__name__ for pair in pairs} == KINDS - CANNOT[acquirer]
    outcomes = {"done", "declined", "failed", "unknown"}
    if "InquireCommand" not in CANNOT[acquirer]:
        outcomes |= {"not_found"}
    assert {pair.answer.outcome for pair in pairs} == outcomes


@pytest.mark.parametrize(
    ("acquirer", "record", "word"),
    [
        ("adyen", "InquireCommand", "no_inquiry"),
        ("stripe", "LowerHold", "lowers_not_supported"),
        ("checkout", "LowerHold", "lowers_not_supported"),
    ],
)
def test_what_an_acquirer_cannot_do_is_named_and_not_sent(acquirer, record, word):
    others = next(Pair(path) for path in FILES if Pair(path).golden_record == record)
    adapter = next(Pair(path) for path in FILES if path.parent.name == acquirer).adapter
    with pytest.raises(CannotAsk, match=word):
        adapter.request(others.command)


def test_the_request_is_the_golden_one(pair):
    request = pair.adapter.request(pair.command)
    form = request.headers.get("Content-Type") == "application/x-www-form-urlencoded"
    read = (lambda body: dict(parse_qsl(body.decode()))) if form else json.loads
    body = read(request.body) if request.body else None
    assert {
        "method": request.method,
        "path": request.path,
        "headers": request.headers,
        "body": body,
    } == pair.request


def test_the_answer_is_the_golden_one(pair):
    assert pair.outcome(pair.result) == pair.answer


def test_the_same_command_makes_the_same_bytes(kind):
    assert kind.adapter.request(kind.command) == kind.adapter.request(kind.command)


def test_key_and_reference_are_of_a_length_that_acquirers_take(kind):
    request = kind.adapter.request(kind.command)
    assert len(kind.command.idempotency_key) == 36
    carried = f"{request.path} {request.headers} {request.body.decode()}"
    if request.method == "POST":
        assert kind.command.idempotency_key in carried


def test_silence_is_unknown(kind):
    for why in ("timeout", "connection_lost", "not_sent"):
        answer = kind.outcome(NoResponse(why=why, at=1_767_225_700_000))
        assert (answer.outcome, answer.reason, answer.amount_minor) == ("unknown", why, 0)
        assert answer.answered_at == 1_767_225_700_000


@pytest.mark.parametrize(
    "status", [200, 201, 202, 204, 302, 408, 409, 425, 429, 500, 502, 503, 504]
)
def test_an_answer_that_says_nothing_is_unknown_under_any_status(kind, status):
    for body in NO_ANSWERS:
        answer = kind.outcome(kind.response(body, status))
        assert answer.outcome == "unknown", (status, body[:40])
        assert answer.reason in reasons.UNKNOWNS | {"invalid_request"}


def test_a_yes_cut_short_is_unknown(kind):
    whole = json.dumps(kind.told["body"]).encode()
    for length in range(len(whole)):
        assert kind.outcome(kind.response(whole[:length])).outcome == "unknown"


@pytest.mark.parametrize("status", [202, 302, 400, 409, 429, 500, 503])
def test_a_yes_under_a_status_that_is_none_is_unknown(kind, status):
    whole = json.dumps(kind.told["body"]).encode()
    assert kind.outcome(kind.response(whole, status)).outcome == "unknown"


def test_an_amount_that_cannot_be_is_unknown(kind):
    if kind.answer.outcome != "done":
        return  # accepted, and decided later: there is no amount in it
    body = json.dumps(kind.told["body"])
    for wrong in (-1, 10**18):  # above what the contract has room for, in any exponent
        told = re.sub(AMOUNT, lambda found, wrong=wrong: f"{found[1]}{wrong}", body)
        assert told != body
        answer = kind.outcome(kind.response(told.encode()))
        assert (answer.outcome, answer.amount_minor) == ("unknown", 0)


def test_a_yes_to_another_command_is_unknown(kind):
    other = msgspec.structs.replace(
        kind.command,
        **(
            {"of_command_id": "another", "hold_id": f"{kind.command.session_id}/hold/2"}
            if hasattr(kind.command, "of_command_id")
            else {"idempotency_key": "x" * 36}
        ),
    )
    nothing = {"unknown", "not_found"} if hasattr(other, "of_command_id") else {"unknown"}
    if kind.answer.outcome == "done":
        assert kind.adapter.outcome(other, kind.result).outcome in nothing


def test_words_are_the_canonical_ones(pair):
    known = {
        "done": {""},
        "not_found": {""},
        "declined": reasons.DECLINES,
        "failed": reasons.FAILURES,
        "unknown": reasons.UNKNOWNS | {"invalid_request"},
    }
    assert pair.answer.reason in known[pair.answer.outcome]


def test_an_operation_on_no_hold_is_not_sent(kind):
    if getattr(kind.command, "psp_reference", "") == "" or hasattr(kind.command, "of_command_id"):
        return
    with pytest.raises(CannotAsk, match="no_psp_reference"):
        kind.adapter.request(msgspec.structs.replace(kind.command, psp_reference=""))


@settings(max_examples=60, deadline=None)
@given(data=st.data())
@pytest.mark.parametrize("path", first_of_each(), ids=lambda path: path.stem)
def test_a_yes_with_fields_changed_is_never_a_crash(path, data):
    """Only the fields that say yes matter for a yes; no change of any field makes an exception."""
    pair = Pair(path)
    body = pair.told["body"]
    place = data.draw(st.sampled_from(sorted(places(body), key=str)))
    told = json.dumps(changed(body, place, data.draw(JSON)))
    answer = pair.outcome(
        pair.response(told.encode(), data.draw(st.sampled_from([200, 201, 202, 402, 422])))
    )
    assert 0 <= answer.amount_minor <= 10**15
    assert answer.command_id == pair.command.command_id
