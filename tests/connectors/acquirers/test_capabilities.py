"""What each acquirer can do, as operators are told (`deploy/acquirers.toml`), and as is sent.

An operation that an API does not have is named by its adapter and never sent; what stands in for a
look-up that there is none of is the very request under its very key.
"""

import json
import tomllib
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
from commandworld import Issue
from test_every_acquirer import ADAPTERS, CANNOT, FILES, Pair

from connectors.acquirers.acquirer import CannotAsk
from connectors.acquirers.adyen import adapter as adyen
from connectors.acquirers.adyen.amounts import AMOUNTS as ADYEN
from connectors.acquirers.checkout import adapter as checkout
from connectors.acquirers.checkout.amounts import AMOUNTS as CHECKOUT
from connectors.acquirers.settings import AccountSettings
from connectors.acquirers.stripe import adapter as stripe
from connectors.acquirers.stripe.amounts import AMOUNTS as STRIPE

KNOWN = tomllib.loads(
    (Path(__file__).parents[3] / "deploy" / "acquirers.toml").read_text(encoding="utf-8")
)["acquirers"]
REAL = ["adyen", "checkout", "stripe"]
AMOUNTS = {"adyen": ADYEN, "checkout": CHECKOUT, "stripe": STRIPE}
GUARDS = {
    "adyen": adyen.KEY_GUARDS_MS,
    "checkout": checkout.KEY_GUARDS_MS,
    "stripe": stripe.KEY_GUARDS_MS,
}
# The longest key that its documents allow (payments.md, 2.2); Checkout.com's says UUID.
KEY_MAX = {"adyen": 64, "stripe": 255, "checkout": 36}
PSP = "PSP-1"


def adapter(name):
    return next(Pair(path) for path in FILES if path.parent.name == name).adapter


def sent(name, command):
    """Path, key and fields of what would be sent."""
    request = adapter(name).request(command)
    text = request.body.decode()
    is_form = request.headers.get("Content-Type", "").endswith("urlencoded")
    fields = dict(parse_qsl(text)) if is_form else json.loads(text or "{}")
    keys = [one for name, one in request.headers.items() if name.endswith("Idempotency-Key")]
    return request.path, keys, fields


@pytest.fixture
def session():
    return Issue("1" * 32)


@pytest.mark.parametrize("name", REAL)
def test_operators_are_told_what_the_adapter_does(name):
    told = KNOWN[name]
    account = AccountSettings(
        adapter=name, base_url="https://a.test", account="a", convention=told["convention"]
    )
    assert account.convention == told["convention"]
    assert told.get("exponents", {}) == dict(AMOUNTS[name].exponents)
    assert told.get("inquiry", True) == ("InquireCommand" not in CANNOT[name])
    assert told.get("key_length", 64) == KEY_MAX[name]
    assert told["idempotency_window_ms"] <= GUARDS[name]
    assert told["partial_capture"] is True


@pytest.mark.parametrize("name", sorted(ADAPTERS))
@pytest.mark.parametrize("kind", ["place", "raise", "lower", "capture", "release", "refund"])
def test_an_operation_is_sent_once_under_its_key_or_named_as_missing(name, kind, session):
    command = {
        "place": lambda: session.place(card_token="shopper/token"),
        "raise": lambda: session.raise_(PSP, 1, 5000, 2000),
        "lower": lambda: session.lower(PSP, 1, 5000, 2000),
        "capture": lambda: session.capture(PSP, 1234),
        "release": lambda: session.release(PSP, 5000),
        "refund": lambda: session.refund(PSP, 500),
    }[kind]()
    if type(command).__name__ in CANNOT[name]:
        with pytest.raises(CannotAsk, match="not_supported"):
            adapter(name).request(command)
        return
    path, keys, fields = sent(name, command)
    assert keys == [command.idempotency_key]
    assert len(keys[0]) <= KEY_MAX.get(name, 64)
    assert kind == "place" or PSP in path + json.dumps(fields)


@pytest.mark.parametrize(
    ("name", "amount", "final"),
    [
        ("adyen", ("amount", {"value": 1234, "currency": "EUR"}), None),  # the rest is cancelled
        ("stripe", ("amount_to_capture", "1234"), ("final_capture", "true")),
        ("checkout", ("amount", 1234), ("capture_type", "Final")),
        ("simulator", ("amount_minor", 1234), ("final", True)),
    ],
)
def test_a_capture_of_part_of_the_hold_is_the_last_one(name, amount, final, session):
    _, _, fields = sent(name, session.capture(PSP, 1234))
    assert fields[amount[0]] == amount[1]
    if final is not None:
        assert fields[final[0]] == final[1]


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("adyen", "/v72/payments/PSP-1/cancels"),
        ("stripe", "/v1/payment_intents/PSP-1/cancel"),
        ("checkout", "/payments/PSP-1/voids"),
        ("simulator", "/v1/main/holds/PSP-1/reversals"),
    ],
)
def test_a_release_is_a_cancel_and_never_a_refund_or_a_cancel_or_refund(name, path, session):
    assert sent(name, session.release(PSP, 5000))[0] == path


@pytest.mark.parametrize("kind", ["hold", "raise", "lower", "capture", "release", "refund"])
@pytest.mark.parametrize("name", sorted(ADAPTERS))
def test_what_can_be_asked_after_is_asked_by_reading_only(name, kind, session):
    command = session.inquire(f"{session.hold}/{kind}/1", kind, psp_reference=PSP)
    if name == "adyen":
        with pytest.raises(CannotAsk, match="no_inquiry"):
            adapter(name).request(command)
    elif kind == "lower" and name != "simulator":
        with pytest.raises(CannotAsk, match="lowers_not_supported"):
            adapter(name).request(command)
    else:
        request = adapter(name).request(command)
        assert (request.method, request.body) == ("GET", b"")
