"""Signatures and payloads as the acquirers' own libraries have them in their tests, told anew.

Adyen/adyen-python-api-library (test/UtilTest.py: references with colons, slashes, backslashes),
Adyen/adyen-java-api-library (holds `success` as a boolean), stripe/stripe-python
(tests/test_webhook.py), Checkout.com's events (metadata whose values are numbers).
"""

import base64
import hmac
import json
from hashlib import sha256

import pytest
from test_acquirer_webhooks import NEW, NOW_AT, OLD, a_yes, plain, reader, signed

from connectors.acquirers.acquirer import BadNotice, Forged
from connectors.acquirers.adyen.webhooks import AdyenNotices
from connectors.acquirers.settings import AccountSettings

THEIRS = "74F490DD33F7327BAECC88B2947C011FC02D014A473AAA33A8EC93E4DC069174"
BODY = b'{"id":"evt_1","object":"event","data":{"object":{"id":"rdr_1"}}}'


def item(psp, reference, signature, **more):
    told = {
        "additionalData": {"hmacSignature": signature},
        "amount": {"currency": "EUR", "value": 1000},
        "eventCode": "AUTHORISATION",
        "eventDate": "2023-01-10T13:40:54+01:00",
        "merchantAccountCode": "AntoniStroinski",
        "merchantReference": reference,
        "pspReference": psp,
        "success": "true",
    }
    batch = {"live": "false", "notificationItems": [{"NotificationRequestItem": told | more}]}
    return json.dumps(batch).encode()


def theirs():
    return AdyenNotices(
        "acme",
        AccountSettings(
            adapter="adyen",
            base_url="https://acquirer.test",
            account="AntoniStroinski",
            convention="TOTAL",
            webhook_secrets=(OLD, THEIRS),
            tenant="demo",
        ),
    )


SLASHES = [
    ("T7FD4VM4D3RZNN82", "\\\\slashes are fun", "nIgT81gaB5oJpn2jPXupDq68iRo2wUlBsuYjtYfwKqo="),
    ("M8NB66SBZSGLNK82", ":slashes are fun", "2EQYm7YJpKO4EtHSPu55SQTyWf8dkW5u2nD1tJFpViA="),
    ("X3GWNS6KJ8NKGK82", "//slashes are fun", "9Z0xdpG9Xi3zcmXv14t/BvMBut77O/Xq9D4CQXSDUi4="),
]


@pytest.mark.parametrize(("psp", "reference", "signature"), SLASHES)
def test_adyens_references_are_signed_as_they_are(psp, reference, signature):
    (told,) = theirs().read({}, item(psp, reference, signature))
    assert (told.event, told.amount_minor, told.psp_reference) == ("hold", 1000, psp)
    with pytest.raises(Forged):
        theirs().read({}, item(psp, reference + " ", signature))


@pytest.mark.parametrize(
    "more",
    [
        {"success": True},
        {"originalReference": None, "reason": None},
        {"success": True, "originalReference": None, "paymentMethod": None, "operations": None},
    ],
)
def test_what_their_java_library_writes_again_is_what_adyen_signed(more):
    psp, reference, signature = SLASHES[1]
    sent = theirs().read({}, item(psp, reference, signature))
    assert theirs().read({}, item(psp, reference, signature, **more)) == sent


@pytest.mark.parametrize("more", [{"success": False}, {"success": None}, {"success": 1}])
def test_another_success_is_not_what_was_signed(more):
    with pytest.raises(Forged):
        theirs().read({}, item(*SLASHES[1], **more))


def test_without_a_signature_null_is_nothing_too():
    body = item(*SLASHES[1], additionalData=None)
    with pytest.raises(Forged):
        theirs().read({}, body)
    unread = reader("adyen", verify=False)
    with pytest.raises(BadNotice, match="another account's"):
        unread.read({}, body)


def test_what_is_wrong_with_an_item_is_told_by_the_stricter_reading():
    with pytest.raises(BadNotice) as caught:
        reader("adyen", verify=False).read({}, item(*SLASHES[1], amount=None))
    assert caught.value.field == "notificationItems[0].NotificationRequestItem.amount"


def stripe_header(at_s=NOW_AT // 1000, body=BODY, key=NEW, scheme="v1"):
    mark = hmac.new(key.encode(), f"{at_s}.".encode() + body, sha256).hexdigest()
    return f"t={at_s},{scheme}={mark}"


@pytest.mark.parametrize(
    "header",
    [
        "bad_header",
        "i'm not even a real signature header",
        "",
        stripe_header(scheme="v0"),
        f"t={NOW_AT // 1000},v1=bad_signature",
        stripe_header(at_s=12345),
        stripe_header(key="whsec_other"),
        stripe_header().removeprefix("t="),
    ],
)
def test_stripes_headers_that_prove_nothing(header):
    with pytest.raises(Forged):
        reader("stripe").read({"stripe-signature": header}, BODY)


@pytest.mark.parametrize("more", ["", ",v1=bad_signature", f",v1={'0' * 64}", ",v0=x", " , v2=y"])
def test_one_of_stripes_signatures_is_enough(more):
    golden = a_yes("stripe")
    body = json.dumps(golden["webhook"]).encode()
    header = stripe_header(body=body) + more
    assert plain(reader("stripe").read({"stripe-signature": header}, body)) == golden["facts"]


def test_a_signed_event_of_stripe_without_a_type_is_refused_by_name():
    with pytest.raises(BadNotice, match="type"):
        reader("stripe").read({"stripe-signature": stripe_header()}, BODY)


def test_checkouts_metadata_may_hold_numbers():
    golden = a_yes("checkout")
    webhook = golden["webhook"]
    webhook["data"]["metadata"] |= {"coupon_code": "NY2018", "partner_id": 123_989, "gift": None}
    assert plain(reader("checkout").read(*signed("checkout", webhook))) == golden["facts"]


def test_adyens_published_signature_of_a_platform_webhook():
    """The newer kinds: over the raw body, in a header."""
    body = b'{"type":"merchant.created","environment":"test"}'
    mark = base64.b64encode(hmac.new(bytes.fromhex(THEIRS), body, sha256).digest()).decode()
    assert theirs().read({"hmacsignature": mark}, body) == ()
    for other in ("MismatchingHmacKey=", mark.swapcase(), ""):
        with pytest.raises(Forged):
            theirs().read({"hmacsignature": other}, body)
