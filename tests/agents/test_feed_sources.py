"""What each kind of feed makes of its messages: whose they are, how old, what of a part is bad."""

import hmac
import json
from hashlib import sha256
from pathlib import Path

import pytest
from feedworld import Pure, record
from pydantic import SecretStr

from connectors.acquirers.settings import AccountSettings
from schemas import codec, topics
from schemas.facts import AcquirerAnswered, NoticeUnbound
from streams.engine.state import WorkingCopy

GOLDEN = Path(__file__).parents[1] / "connectors" / "acquirers" / "golden"
SECRET = "whsec_test"
WEBHOOK = json.loads((GOLDEN / "stripe" / "webhooks" / "captured.json").read_text())["webhook"]
BODY = json.dumps(WEBHOOK).encode()
SENT_S = 1_767_225_700
ACCOUNT = AccountSettings(
    adapter="stripe",
    base_url="https://api.stripe.com",
    account="acct_1",
    convention="TOTAL",
    webhook_secrets=(SECRET,),
)
HOOKS = {
    "source": "acquirer",
    "name": "hooks",
    "where": {"acquirer": {"header": "acct"}, "time": {"header": "at"}},
}
TOKEN = {
    "country_code": "NL", "party_id": "TNM", "uid": "012345678", "type": "RFID",
    "contract_id": "NL8ACC12E46L89", "issuer": "TheNewMotion", "valid": True,
    "whitelist": "ALLOWED", "last_updated": "2018-12-10T17:25:10Z",
}  # fmt: skip


def signature(body=BODY, at_s=SENT_S):
    mark = hmac.new(SECRET.encode(), f"{at_s}.".encode() + body, sha256).hexdigest()
    return f"t={at_s},v1={mark}"


def hooks(**changes):
    return Pure({**HOOKS, **changes}, accounts={"acme": ACCOUNT})


def sent(**changes):
    return {"acct": "acme", "at": str(SENT_S), "Stripe-Signature": signature(), **changes}


def reason(taken):
    return [one[3]["reason"].decode() for one in taken if one[0] == topics.PARKED]


def test_a_webhook_becomes_an_answer_whatever_its_age_is_today():
    ((topic, key, value, _),) = hooks().take(record(BODY, headers=sent()))
    fact = codec.decode(value)
    assert isinstance(fact, AcquirerAnswered)
    assert (topic, key) == (topics.RESPONSES, fact.session_id.encode())


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"Stripe-Signature": "t=1,v1=00"}, "forged"),
        ({"at": str(SENT_S + 301)}, "forged"),
        ({"acct": "nobody"}, "unknown-acquirer"),
        ({"acct": ""}, "not-located"),
    ],
)
def test_what_cannot_be_believed_is_set_aside(changes, why):
    assert reason(hooks().take(record(BODY, headers=sent(**changes)))) == [why]


def test_headers_may_stand_in_the_value_and_the_body_in_a_text():
    where = {
        "acquirer": "acme",
        "time": {"path": "at"},
        "headers": {"path": "http"},
        "payload": {"path": "body"},
    }
    wrapped = {"at": SENT_S, "http": {"Stripe-Signature": [signature()]}, "body": BODY.decode()}
    pure = hooks(where=where)
    (said,) = pure.take(record(json.dumps(wrapped).encode()))
    assert isinstance(codec.decode(said[2]), AcquirerAnswered)
    wrapped["http"] = "none"
    assert reason(pure.take(record(json.dumps(wrapped).encode()))) == ["not-located"]


def page(*objects):
    return json.dumps({"data": objects, "status_code": 1000, "timestamp": "2026-01-01T00:00:00Z"})


def test_the_good_part_of_a_page_is_taken_and_the_bad_one_named():
    pure = Pure({"source": "ocpi", "name": "peer", "where": {"partner": "TNM"}})
    other = {**TOKEN, "uid": "2", "type": "CARRIER PIGEON", "valid": "perhaps"}
    taken = pure.take(record(page(TOKEN, other).encode()))
    assert [one[0] for one in taken] == [topics.TOKENS, topics.PARKED]
    assert b"valid" in taken[1][3]["detail"]
    again = pure.take(record(page(TOKEN).encode()))
    assert reason(again) == []


def test_an_answer_code_is_a_number():
    where = {"partner": "TNM", "answer_code": {"header": "code"}}
    pure = Pure({"source": "ocpi", "name": "peer", "where": where})
    assert reason(pure.take(record(page(TOKEN).encode(), headers={"code": "1000"}))) == []
    value = json.dumps(TOKEN).encode()
    assert reason(pure.take(record(value, headers={"code": "fine"}))) == ["not-located"]


def without_metadata(name="hold_approved"):
    golden = json.loads((GOLDEN / "stripe" / "webhooks" / f"{name}.json").read_text())["webhook"]
    golden["data"]["object"]["metadata"] = {}
    return json.dumps(golden).encode()


def of_tenant(tenant, **changes):
    account = ACCOUNT.model_copy(update={"tenant": tenant})
    return Pure({**HOOKS, **changes}, accounts={"acme": account})


def test_a_webhook_without_our_metadata_goes_to_who_knows_its_alias():
    body = without_metadata()
    headers = sent(**{"Stripe-Signature": signature(body)})
    ((topic, key, value, _),) = of_tenant("north").take(record(body, headers=headers))
    fact = codec.decode(value)
    assert isinstance(fact, NoticeUnbound)
    assert (topic, key) == (topics.LOOKUPS, fact.alias.encode())
    assert fact.tenant == "north"


def test_a_mapping_that_says_whose_they_are_is_not_contradicted():
    body = without_metadata()
    headers = sent(**{"Stripe-Signature": signature(body)})
    where = {**HOOKS["where"], "tenant": "south"}
    assert reason(of_tenant("north", where=where).take(record(body, headers=headers))) == [
        "not-located"
    ]


def test_signatures_go_unchecked_only_where_the_mapping_says_so():
    unsigned = record(BODY, headers={"acct": "acme", "at": str(SENT_S)})
    assert reason(hooks().take(unsigned)) == ["forged"]
    pure = hooks(verify=False)
    (said,) = pure.take(unsigned)
    assert isinstance(codec.decode(said[2]), AcquirerAnswered)
    taken = pure.logics[0].taken(unsigned, WorkingCopy(pure.stores[0]))
    assert [one.kind for one in taken.notes] == ["signature-not-checked"]


def test_with_verify_false_an_account_needs_no_secret():
    account = ACCOUNT.model_copy(update={"webhook_secrets": ()})
    unsigned = record(BODY, headers={"acct": "acme", "at": str(SENT_S)})
    checked = Pure(HOOKS, accounts={"acme": account})
    assert reason(checked.take(unsigned)) == ["unknown-acquirer"]
    (said,) = Pure({**HOOKS, "verify": False}, accounts={"acme": account}).take(unsigned)
    assert said[0] == topics.RESPONSES


@pytest.mark.parametrize("key", [b"new", SECRET.encode()])
def test_two_keys_count_during_a_rotation(key):
    account = ACCOUNT.model_copy(update={"webhook_secrets": (SecretStr("new"), SecretStr(SECRET))})
    mark = hmac.new(key, f"{SENT_S}.".encode() + BODY, sha256).hexdigest()
    headers = sent(**{"Stripe-Signature": f"t={SENT_S},v1={mark}"})
    (said,) = Pure(HOOKS, accounts={"acme": account}).take(record(BODY, headers=headers))
    assert said[0] == topics.RESPONSES


def test_repeats_say_the_same_again_and_a_batch_of_many_becomes_as_many():
    golden = json.loads((GOLDEN / "adyen" / "webhooks" / "batch_of_three.json").read_text())
    webhook = golden["webhook"]
    webhook["notificationItems"] *= 30
    account = AccountSettings(
        adapter="adyen", base_url="https://a.test", account="HoldfastECOM", convention="TOTAL"
    )
    pure = Pure({**HOOKS, "verify": False}, accounts={"acme": account})
    one = record(json.dumps(webhook).encode(), headers={"acct": "acme", "at": str(SENT_S)})
    first, second = pure.take(one), pure.take(one)
    assert first == second
    assert len(first) == 2 * 30  # one of the three is about nothing that we track
    assert len({said[2] for said in first}) == 2


def test_a_webhooks_version_event_and_fields_are_counted_where_its_signature_is_right():
    pure = hooks()
    pure.take(record(BODY, headers=sent()))
    pure.take(record(BODY, headers=sent(**{"Stripe-Signature": "t=1,v1=00"})))
    told = {(one.what, one.detail): one.count for seen in pure.told for one in seen.marks}
    assert told["version", WEBHOOK["api_version"]] == 1
    assert told["word", f"type={WEBHOOK['type']}"] == 1
    assert told["field", "data.object.amount_received"] == 1
    assert told["refusal", "forged"] == 1
    assert {(one.source, one.partner) for one in pure.told} == {("acquirer", "acme")}


@pytest.mark.parametrize(("strict", "becomes"), [(False, topics.RESPONSES), (True, topics.PARKED)])
def test_an_acquirers_version_is_pinned(strict, becomes):
    pure = hooks(pins=[{"partner": "acme", "version": "2020-01-01", "strict": strict}])
    (taken,) = pure.take(record(BODY, headers=sent()))
    assert taken[0] == becomes
    assert "version-changed" in str(pure.told)
