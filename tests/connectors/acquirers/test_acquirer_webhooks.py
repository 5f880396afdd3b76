"""Webhooks of Adyen, Stripe and Checkout.com: golden pairs, signatures, and whatever else comes."""

import base64
import hmac
import json
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mutations import JSON, changed, places

from connectors.acquirers.accounts import readers_at
from connectors.acquirers.acquirer import BadNotice, Forged
from connectors.acquirers.adyen import messages as adyen_wire
from connectors.acquirers.adyen.webhooks import AdyenNotices, signed_text
from connectors.acquirers.checkout.webhooks import CheckoutNotices
from connectors.acquirers.reading import code_of
from connectors.acquirers.settings import AccountSettings
from connectors.acquirers.simulator_webhooks import SimulatorNotices
from connectors.acquirers.stripe.webhooks import StripeNotices
from schemas.codec import encode
from schemas.facts import NoticeUnbound
from schemas.ids import psp_alias, reference_alias

GOLDEN = Path(__file__).parent / "golden"
FILES = sorted(GOLDEN.glob("*/webhooks/*.json"))
ALL = ["adyen", "checkout", "simulator", "stripe"]
CARD = (
    "cardSummary",
    "1142",
    "J Driver",
    "411111",
    "464859",
    "6635",
    "2030",
    "last4",
    "exp_",
    "03/2030",
)

TENANT = "demo"
ACCOUNTS = {
    "adyen": "HoldfastECOM",
    "checkout": "pc_holdfast",
    "simulator": "main",
    "stripe": "acct_1Holdfast",
}
NOW_AT = 1_767_225_700_000
NEW, OLD = "44" * 32, "0d" * 32  # hexadecimal, which Adyen's must be and the others' may be


DATED = {"checkout": CheckoutNotices, "simulator": SimulatorNotices, "stripe": StripeNotices}


def account(adapter, *secrets, tenant=TENANT):
    return AccountSettings(
        adapter=adapter,
        base_url="https://acquirer.test",
        account=ACCOUNTS[adapter],
        convention="DELTA" if adapter == "checkout" else "TOTAL",
        webhook_secrets=secrets or (NEW, OLD),
        tenant=tenant,
    )


def reader(adapter, *secrets, now_at=NOW_AT, tenant=TENANT, verify=True):
    settings = account(adapter, *secrets, tenant=tenant)
    if adapter == "adyen":
        return AdyenNotices("acme", settings, verify=verify)
    return DATED[adapter]("acme", settings, clock=lambda: now_at, verify=verify)


def signed(adapter, body, key=NEW, at_s=NOW_AT // 1000):
    """Headers and bytes of one delivery."""
    if adapter == "adyen":
        return {}, json.dumps(adyen_signed(body, key)).encode()
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    if adapter == "simulator":
        mac = hmac.new(base64.b64decode(key), f"evt_1.{at_s}.".encode() + raw, sha256).digest()
        mark = f"v1,{base64.b64encode(mac).decode()}"
        told_at = {"webhook-id": "evt_1", "webhook-timestamp": str(at_s)}
        return {**told_at, "webhook-signature": mark}, raw
    if adapter == "checkout":
        return {"cko-signature": hmac.new(key.encode(), raw, sha256).hexdigest()}, raw
    mac = hmac.new(key.encode(), f"{at_s}.".encode() + raw, sha256).hexdigest()
    return {"stripe-signature": f"t={at_s},v1={mac}"}, raw


def adyen_signed(batch, key):
    """The batch with each item's signature in it, as far as an item still has what is signed."""
    batch = json.loads(json.dumps(batch))
    for wrapped in batch["notificationItems"]:
        item = wrapped["NotificationRequestItem"]
        amount = item["amount"]
        parts = [item.get("pspReference"), item.get("originalReference", "")]
        parts += [item.get("merchantAccountCode"), item.get("merchantReference", "")]
        parts += [amount["value"], amount["currency"], item.get("eventCode"), item.get("success")]
        text = ":".join("" if one is None else str(one) for one in parts)
        mac = hmac.new(bytes.fromhex(key), text.encode(), sha256).digest()
        item.setdefault("additionalData", {})["hmacSignature"] = base64.b64encode(mac).decode()
    return batch


def told(path):
    return path.parent.parent.name, json.loads(path.read_text())


def plain(facts):
    return [{"record": type(one).__name__, **msgspec.to_builtins(one)} for one in facts]


def by_name(path):
    return f"{path.parent.parent.name}-{path.stem}"


@pytest.fixture(params=FILES, ids=by_name)
def pair(request):
    return told(request.param)


def a_yes(adapter):
    name = "authorisation" if adapter == "adyen" else "hold_approved"
    return told(GOLDEN / adapter / "webhooks" / f"{name}.json")[1]


def test_a_webhook_becomes_the_golden_facts_again_and_again(pair):
    adapter, golden = pair
    headers, body = signed(adapter, golden["webhook"])
    for _ in range(2):
        assert plain(reader(adapter).read(headers, body)) == golden["facts"]


def test_no_card_data_is_in_a_fact(pair):
    adapter, golden = pair
    headers, body = signed(adapter, golden["webhook"])
    for fact in reader(adapter).read(headers, body):
        values = encode(fact).decode("latin-1")
        assert not [one for one in CARD if one in values]


def test_the_key_before_the_rotation_counts_and_another_does_not(pair):
    adapter, golden = pair
    headers, body = signed(adapter, golden["webhook"], key=OLD)
    assert plain(reader(adapter, NEW, OLD).read(headers, body)) == golden["facts"]
    with pytest.raises(Forged):
        reader(adapter, NEW).read(headers, body)


@pytest.mark.parametrize("adapter", ALL)
def test_no_signature_or_a_wrong_one_is_forged(adapter):
    headers, body = signed(adapter, a_yes(adapter)["webhook"], key="77" * 32)
    for wrong in (headers, {}, dict.fromkeys(headers, ""), dict.fromkeys(headers, "é%,t=,v1")):
        with pytest.raises(Forged):
            reader(adapter).read(wrong, body)


@pytest.mark.parametrize("adapter", ["checkout", "simulator", "stripe"])
def test_one_byte_more_is_forged(adapter):
    headers, body = signed(adapter, a_yes(adapter)["webhook"])
    for other in (body + b" ", body.replace(b"5000", b"5001"), body[:-1]):
        with pytest.raises(Forged):
            reader(adapter).read(headers, other)


@pytest.mark.parametrize(
    "field", ["pspReference", "merchantReference", "eventCode", "success", "merchantAccountCode"]
)
def test_a_signed_field_of_adyen_changed_is_forged(field):
    _, body = signed("adyen", a_yes("adyen")["webhook"])
    batch = json.loads(body)
    batch["notificationItems"][0]["NotificationRequestItem"][field] += "x"
    with pytest.raises(Forged):
        reader("adyen").read({}, json.dumps(batch).encode())


def test_metadata_outside_adyens_signature_cannot_point_at_another_session():
    webhook = a_yes("adyen")["webhook"]
    data = webhook["notificationItems"][0]["NotificationRequestItem"]["additionalData"]
    other = "ab" * 16
    data |= {"metadata.session_id": other, "metadata.hold_id": f"{other}/hold/1"}
    (fact,) = reader("adyen").read(*signed("adyen", webhook))
    reference = webhook["notificationItems"][0]["NotificationRequestItem"]["merchantReference"]
    assert isinstance(fact, NoticeUnbound)
    assert fact.alias == reference_alias(TENANT, reference)  # of what is signed, and no other
    assert other not in repr(fact)


WITHOUT = [path for path in FILES if path.stem.startswith(("without", "placed"))]


@pytest.mark.parametrize("path", WITHOUT, ids=by_name)
def test_without_our_metadata_a_webhook_finds_its_session_by_one_alias(path):
    adapter, golden = told(path)
    (fact,) = reader(adapter).read(*signed(adapter, golden["webhook"]))
    by_reference = reference_alias(TENANT, fact.merchant_reference)
    by_name = psp_alias(TENANT, fact.psp_reference)
    known = fact.event == "hold" and fact.merchant_reference
    assert fact.alias == (by_reference if known else by_name)
    assert "session" not in repr(fact)


@pytest.mark.parametrize("path", WITHOUT, ids=by_name)
def test_of_an_account_of_no_tenant_it_is_refused_by_name(path):
    adapter, golden = told(path)
    with pytest.raises(BadNotice) as caught:
        reader(adapter, tenant="").read(*signed(adapter, golden["webhook"]))
    assert "metadata" in caught.value.field


def test_a_reference_like_a_card_number_is_told_to_nobody():
    adapter, golden = told(GOLDEN / "adyen" / "webhooks" / "reference_like_a_card_number.json")
    (fact,) = reader(adapter).read(*signed(adapter, golden["webhook"]))
    assert b"4111111111111111" not in encode(fact)


def test_in_a_batch_one_forged_item_takes_all_down_and_one_bad_item_does_not():
    _, golden = told(GOLDEN / "adyen" / "webhooks" / "batch_of_three.json")
    _, body = signed("adyen", golden["webhook"])
    forged = json.loads(body)
    forged["notificationItems"][2]["NotificationRequestItem"]["amount"]["value"] = 1
    with pytest.raises(Forged):
        reader("adyen").read({}, json.dumps(forged).encode())
    bad = golden["webhook"]
    bad["notificationItems"][0]["NotificationRequestItem"]["eventDate"] = "yesterday"
    with pytest.raises(BadNotice, match=r"notificationItems\.0\.eventDate") as caught:
        reader("adyen").read(*signed("adyen", bad))
    assert plain(caught.value.facts) == golden["facts"][1:]


@pytest.mark.parametrize(
    ("key", "item", "signature"),
    [  # Adyen's own examples (payments.md, section 2.4)
        (
            "74F490DD33F7327BAECC88B2947C011FC02D014A473AAA33A8EC93E4DC069174",
            ("M8NB66SBZSGLNK82", "AntoniStroinski", ":slashes are fun", 1000),
            "2EQYm7YJpKO4EtHSPu55SQTyWf8dkW5u2nD1tJFpViA=",
        ),
        (
            "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056",
            ("7914073381342284", "TestMerchant", "TestPayment-1407325143704", 1130),
            "coqCmt/IZ4E3CzPvMY8zTjQVL5hYJUiBRg8UU+iCWo0=",
        ),
    ],
)
def test_adyens_own_vectors(key, item, signature):
    psp, merchant, reference, value = item
    one = adyen_wire.Item(
        amount=adyen_wire.Amount("EUR", value),
        eventCode="AUTHORISATION",
        eventDate="",
        merchantAccountCode=merchant,
        merchantReference=reference,
        pspReference=psp,
        success="true",
    )
    made = hmac.new(bytes.fromhex(key), signed_text(one).encode(), sha256).digest()
    assert base64.b64encode(made).decode() == signature


def test_stripes_own_vector():
    body = b'{"id":"evt_test_1","object":"event","type":"charge.captured"}'
    v1 = "b444ecc7b01bbdb55c8d4c75391c47486a3cbdfee7660f7e4df16c2faac727ee"
    one = reader("stripe", "whsec_test_secret", now_at=1_700_000_000_000)
    headers = {"stripe-signature": f"t=1700000000,v1={'00' * 32},v1={v1},v0=ff"}
    with pytest.raises(BadNotice, match="created"):  # signed; it only lacks what events have
        one.read(headers, body)


def test_adyens_newer_kinds_are_signed_in_a_header_and_say_nothing_of_money():
    body = b'{"type":"merchant.updated"}'
    mac = hmac.new(bytes.fromhex(NEW), body, sha256).digest()
    header = {"hmacsignature": base64.b64encode(mac).decode(), "protocol": "HmacSHA256"}
    assert reader("adyen").read(header, body) == ()
    with pytest.raises(Forged):
        reader("adyen").read(header, body + b" ")


@pytest.mark.parametrize("adapter", ["simulator", "stripe"])
@pytest.mark.parametrize(
    ("age_s", "is_taken"), [(0, True), (299, True), (-299, True), (301, False)]
)
def test_a_signature_grows_old(adapter, age_s, is_taken):
    golden = a_yes(adapter)
    headers, body = signed(adapter, golden["webhook"], at_s=NOW_AT // 1000 - age_s)
    if is_taken:
        assert plain(reader(adapter).read(headers, body)) == golden["facts"]
    else:
        with pytest.raises(Forged):
            reader(adapter).read(headers, body)


@pytest.mark.parametrize(("days", "is_taken"), [(0, True), (2, True), (8, False), (-1, False)])
def test_checkouts_retries_are_taken_for_a_week(days, is_taken):
    golden = a_yes("checkout")
    headers, body = signed("checkout", golden["webhook"])
    one = reader("checkout", now_at=NOW_AT + days * 86_400_000)
    if is_taken:
        assert plain(one.read(headers, body)) == golden["facts"]
    else:
        with pytest.raises(Forged):
            one.read(headers, body)


def published(tenant):
    """What Adyen's own examples become: facts, and the fields that were refused."""
    file = Path(__file__).parent / "samples" / "adyen_webhook_examples.json"
    facts, refused = [], set()
    for example in json.loads(file.read_text()).values():
        for one in example["notificationItems"]:
            one["NotificationRequestItem"]["merchantAccountCode"] = "HoldfastECOM"
        try:
            facts += reader("adyen", tenant=tenant).read(*signed("adyen", example))
        except BadNotice as bad:
            refused.add(bad.field)
    return facts, refused


def test_adyens_published_examples_are_on_their_way_by_alias():
    facts, refused = published(TENANT)
    assert refused == set()
    assert {type(one) for one in facts} == {NoticeUnbound}
    assert {one.event for one in facts} >= {"hold", "capture", "chargeback_opened", "hold_lapsed"}


def test_of_no_tenant_they_name_no_session_of_ours():
    facts, refused = published("")
    assert facts == []
    assert refused == {"notificationItems.0.additionalData.metadata"}


@pytest.mark.parametrize("adapter", ALL)
def test_secrets_do_not_print(adapter):
    shown = AccountSettings(
        adapter=adapter, base_url="https://a.test", account="a", api_key="sk_live_1",
        convention="DELTA" if adapter == "checkout" else "TOTAL", webhook_secrets=(NEW, OLD),
    )  # fmt: skip
    text = f"{shown!r} {shown} {reader(adapter)!r}"
    assert not [one for one in (NEW, OLD, "sk_live_1") if one in text]


def read(adapter, headers, body, *, verify=True):
    """The facts, and what it refused, if it did."""
    try:
        return reader(adapter, verify=verify).read(headers, body), None
    except (BadNotice, Forged) as refusal:
        return getattr(refusal, "facts", ()), refusal


@settings(max_examples=150, deadline=None)
@given(data=st.data())
@pytest.mark.parametrize("adapter", ALL)
def test_a_mutated_webhook_rightly_signed_is_taken_or_refused_by_name(adapter, data):
    path = data.draw(st.sampled_from([one for one in FILES if told(one)[0] == adapter]))
    webhook = told(path)[1]["webhook"]
    place = data.draw(st.sampled_from(sorted(places(webhook), key=str)))
    mutated = changed(webhook, place, data.draw(JSON))
    try:
        headers, body = signed(adapter, mutated)
    except (AttributeError, KeyError, TypeError, UnicodeEncodeError, IndexError):
        headers, body = {}, json.dumps(mutated).encode()  # no longer signable at all
    facts, refusal = read(adapter, headers, body)
    if isinstance(refusal, BadNotice):
        assert refusal.field
        assert refusal.problem
    if isinstance(refusal, Forged):
        assert adapter == "adyen" or place in {("created_on",), ("timestamp",)}
    for fact in facts:
        assert encode(fact)
        if not isinstance(fact, NoticeUnbound):
            assert fact.session_id == "0f" * 16


@pytest.mark.parametrize("adapter", ALL)
@pytest.mark.parametrize("body", [b"", b"[" * 100_000, b"\xff", b"null", b'{"type": NaN}'])
def test_nonsense_is_refused_signed_or_not(adapter, body):
    headers = {} if adapter == "adyen" else signed(adapter, body)[0]
    with pytest.raises((BadNotice, Forged)):
        reader(adapter).read(headers, body)


def untouched(webhook):
    return json.dumps(webhook).encode()


@settings(max_examples=150, deadline=None)
@given(data=st.data())
@pytest.mark.parametrize("adapter", ALL)
def test_whoever_checked_it_a_mutated_webhook_is_taken_or_refused_by_name(adapter, data):
    """On a topic whose writer checked the signatures: fields, bytes and ends are as they may be."""
    path = data.draw(st.sampled_from([one for one in FILES if told(one)[0] == adapter]))
    webhook = told(path)[1]["webhook"]
    place = data.draw(st.sampled_from(sorted(places(webhook), key=str)))
    raw = untouched(changed(webhook, place, data.draw(JSON)))
    at = data.draw(st.integers(0, len(raw)))
    body = data.draw(st.sampled_from([raw, raw[:at], raw[:at] + b"\xff" + raw[at + 1 :]]))
    facts, refusal = read(adapter, {}, body, verify=False)
    assert not isinstance(refusal, Forged)
    assert refusal is None or (refusal.field and refusal.problem)
    for fact in facts:
        assert encode(fact)


@pytest.mark.parametrize("path", FILES, ids=by_name)
def test_unchecked_it_says_what_it_says_checked(path):
    adapter, golden = told(path)
    one = reader(adapter, verify=False, now_at=NOW_AT + 400 * 86_400_000)
    assert plain(one.read({}, untouched(golden["webhook"]))) == golden["facts"]


@pytest.mark.parametrize("adapter", ALL)
def test_an_account_that_another_business_shares_hears_of_our_sessions_only(adapter):
    shared = account(adapter).model_copy(update={"unnamed": "ignore"})
    one = readers_at({"acme": shared}, lambda: NOW_AT)["acme"]
    placed = told(GOLDEN / adapter / "webhooks" / "placed_by_a_terminal.json")[1]["webhook"]
    assert one.read(*signed(adapter, placed)) == ()
    ours = a_yes(adapter)
    assert plain(one.read(*signed(adapter, ours["webhook"]))) == ours["facts"]


def test_in_a_batch_of_such_an_account_only_ours_are_taken():
    shared = account("adyen").model_copy(update={"unnamed": "ignore"})
    ours = a_yes("adyen")
    placed = told(GOLDEN / "adyen" / "webhooks" / "placed_by_a_terminal.json")[1]["webhook"]
    batch = ours["webhook"]
    batch["notificationItems"] += placed["notificationItems"]
    bad = json.loads(json.dumps(placed["notificationItems"][0]))
    bad["NotificationRequestItem"]["eventDate"] = "yesterday"
    one = readers_at({"acme": shared}, lambda: NOW_AT)["acme"]
    assert plain(one.read(*signed("adyen", batch))) == ours["facts"]
    batch["notificationItems"].append(bad)
    with pytest.raises(BadNotice, match="eventDate") as caught:
        one.read(*signed("adyen", batch))
    assert plain(caught.value.facts) == ours["facts"]


@pytest.mark.parametrize("told", ["4111111111111111", "4111-1111-1111-1111", "4111 1111 1111 1111"])
def test_a_code_that_could_be_a_cards_number_is_not_kept(told):
    assert code_of(told) == ""
