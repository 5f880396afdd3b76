"""What ChargingEnded says of its signed values: found when it ends, or when they come."""

import base64
import json
from typing import get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stories import KEY, container, ocmf
from talk import OURS, Talk2, Talk16, figure, sample, stamp, values

from connectors.ocpp.feed import Place, Plausibility, translate
from connectors.ocpp.memory import MOST_SIGNED, ChargerState
from connectors.ocpp.signed.container import records_of
from connectors.ocpp.signed.messages import Outcome
from connectors.ocpp.signed.pairing import judged
from connectors.ocpp.signed.registry import Registry
from schemas import codec
from schemas.flags import Flag

LISTED = Registry({"M-1": (KEY.hex(),)})
BEGIN, END = ocmf("B", 1, 0.0, "T1"), ocmf("E", 55, 11.5, "T2")
NO_KEY = {"publicKey": ""}


def found(talk):
    ended = talk.ended[-1]
    return ended.signed_outcome, ended.signed_reason, ended.signed_key_from, ended.signed_wh


VALID = ("valid", "", "registry", 11_500)


class Known16(Talk16):
    """A charger whose meter the operator has listed."""

    keys = LISTED

    def raw(self, payload, at=None, **place):
        return heard(self, payload, at, self.keys)


class Known2(Talk2):
    keys = LISTED

    def raw(self, payload, at=None, **place):
        return heard(self, payload, at, self.keys)


def heard(talk, payload, _at, keys):
    where = Place(tenant="t", network="n", charger_id="c", received_at=0, version=talk.version)
    done = translate(talk.state, payload, where, talk.rules, keys)
    talk.state = done.state
    talk.facts += done.facts
    talk.refused += done.refused
    talk.notes += done.notes
    return done


def signed16(text, context=None):
    more = {"context": context} if context else {}
    return sample(text, format="SignedData", **more)


def signed2(kind, minute, kwh, page, **more):
    value = container(kind, minute, kwh, page) | more
    context = {"B": "Transaction.Begin", "E": "Transaction.End"}.get(kind, "Sample.Periodic")
    return figure(1000 + int(kwh * 1000), signedMeterValue=value, context=context)


# --- 1.6 ------------------------------------------------------------------------------------------


def test_16_begin_and_end_with_the_stop():
    talk = Known16()
    talk.begin()
    data = [
        values("08:01:00", signed16(BEGIN, "Transaction.Begin")),
        values("08:55:00", signed16(END, "Transaction.End")),
    ]
    talk.stop(data=data)
    assert found(talk) == VALID
    (ended,) = talk.ended
    assert ended.signed_meter == "M-1"
    assert ended.signed_to_at - ended.signed_from_at == 54 * 60_000
    assert talk.refused == []


def test_16_begin_with_meter_values_repeated_end_with_the_stop():
    talk = Known16()
    talk.start()
    talk.meter("08:01:00", signed16(BEGIN, "Transaction.Begin"), number=None)
    talk.conf()
    talk.meter("08:01:00", signed16(BEGIN, "Transaction.Begin"))
    wrapped = json.dumps(container("B", 1, 0.0, "T1"))
    data = [
        values("08:55:00", signed16(END, "Transaction.End"), signed16(wrapped)),
    ]
    talk.stop(data=data)
    assert found(talk) == VALID


@pytest.mark.parametrize("form", ["hex", "base64", "xml", "xml-in-object", "old-name"])
def test_16_however_it_is_written(form):
    xml = "<values>" + "".join(
        f'<value><signedData format="OCMF" encoding="plain"><![CDATA[{one}]]></signedData></value>'
        for one in (BEGIN, END)
    )
    xml += "</values>"
    coded = base64.b64encode(xml.encode()).decode()
    texts = {
        "hex": [one.encode().hex() for one in (BEGIN, END)],
        "base64": [base64.b64encode(one.encode()).decode() for one in (BEGIN, END)],
        "xml": [xml],
        "xml-in-object": [json.dumps({"signedMeterData": coded, "encodingMethod": "OCMF"})],
        "old-name": [json.dumps({"signedMeterValue": one}) for one in (BEGIN, END)],
    }
    talk = Known16()
    talk.begin()
    talk.stop(data=[values("08:55:00", *map(signed16, texts[form]))])
    assert found(talk) == VALID
    verdicts = judged(records_of(talk.ended[0].signed_data.encode()), KEY.hex())
    assert {one.outcome for one in verdicts} == {"valid"}


def test_16_signed_values_that_come_after_the_stop():
    talk = Known16()
    talk.begin()
    talk.stop(data=[values("08:55:00", signed16(END, "Transaction.End"))])
    assert found(talk)[:2] == ("valid-but-not-billable", "no begin reading")
    talk.meter("08:01:00", signed16(BEGIN, "Transaction.Begin"))
    assert found(talk) == VALID
    first, again = talk.ended
    assert (again.energy_wh, again.ended_at, again.reason, again.flags, again.seq) == (
        first.energy_wh, first.ended_at, first.reason, first.flags, first.seq,
    )  # fmt: skip
    talk.meter("08:02:00", signed16(ocmf("C", 2, 1, "T7")))
    assert len(talk.ended) == 2  # once is enough


def test_nothing_signed_says_nothing():
    talk = Known16()
    talk.begin()
    talk.stop()
    assert found(talk) == ("", "", "", 0)


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        (END.replace("11.5", "91.5"), "tampered"),
        ("OCMF|{", "malformed"),
        ("QUxGRU4=", "unknown-format"),
        ("", "unknown-format"),
        ("<!DOCTYPE a []><values/>", "unknown-format"),
        ("[" * 100_000, ""),
        ("\u0000", "unknown-format"),
    ],
)
def test_what_is_wrong_with_them_travels_with_the_end_and_never_stops_it(text, outcome):
    talk = Known16()
    talk.begin()
    data = [values("08:55:00", signed16(BEGIN), signed16(text))]
    talk.stop(data=data)
    (ended,) = talk.ended
    assert ended.energy_wh == 9000
    assert ended.signed_outcome == (outcome or "valid-but-not-billable")
    assert (f"signed-{ended.signed_outcome}" in talk.kinds) == bool(ended.signed_outcome)
    assert talk.refused == []


TEXT = st.sampled_from([BEGIN, END, BEGIN[:-9], END.replace("kWh", "Wh")]) | st.text(max_size=80)
OBJECT = st.fixed_dictionaries(
    {"signedMeterData": TEXT, "encodingMethod": TEXT, "signingMethod": TEXT},
    optional={"publicKey": TEXT | st.just(KEY.hex())},
)
VALUE = TEXT | OBJECT.map(json.dumps) | st.recursive(TEXT, st.lists, max_leaves=5).map(json.dumps)


@settings(max_examples=300)
@given(st.lists(VALUE, min_size=1, max_size=4))
def test_whatever_is_signed_the_end_is_told_with_an_outcome(texts):
    talk = Known16()
    talk.begin()
    talk.stop(data=[values("08:55:00", *map(signed16, texts))])
    (ended,) = talk.ended
    assert codec.decode(codec.encode(ended)) == ended
    assert ended.signed_outcome in get_args(Outcome) or ended.flags & Flag.SIGNED_DROPPED
    proves = {BEGIN, END} <= {*map(unwrapped, texts)}
    assert proves or ended.signed_outcome != "valid"


def unwrapped(text):
    try:
        said = json.loads(text)
    except ValueError:
        return text
    inner = said.get("signedMeterData") if isinstance(said, dict) else said
    return inner if isinstance(inner, str) else ""


def test_a_thousand_values_cost_no_time():
    talk = Known16()
    talk.begin()
    texts = [ocmf("C", minute, 1, f"T{minute + 2}") for minute in range(50)]
    told = [BEGIN, *texts, END, *map(str, range(900))]
    data = [values("08:55:00", *map(signed16, told))]
    talk.stop(data=data)
    (ended,) = talk.ended
    assert ended.signed_outcome not in ("", "valid")
    assert ended.flags & Flag.SIGNED_DROPPED
    assert len(json.loads(ended.signed_data)) == MOST_SIGNED


# --- more updates than there is room for ----------------------------------------------------------


UPDATES = 90


def update(number, **more):
    """One of `UPDATES` between begin and end; pages T2 and on."""
    minute, second = divmod(number * 30, 60)
    fields = {"kwh": number * 0.1, "page": f"T{number + 2}", "kind": "C"} | more
    text = ocmf(fields.pop("kind"), 2 + minute, fields.pop("kwh"), fields.pop("page"), **fields)
    return f"08:{2 + minute:02}:{second:02}", text


def long_charging(*updates, end=f"T{UPDATES + 2}", keys=LISTED, kwh=11.5, stop=()):
    talk = Known16()
    talk.begin()
    talk.meter("08:01:00", signed16(BEGIN, "Transaction.Begin"))
    for number, (clock, text) in enumerate(updates):
        talk.keys = keys(number) if callable(keys) else keys
        talk.meter(clock, signed16(text, "Sample.Periodic"))
    last = values("08:55:00", signed16(ocmf("E", 55, kwh, end), "Transaction.End"))
    talk.stop(data=[*stop, last])
    return talk


EVERY = [update(number) for number in range(UPDATES)]


def test_a_pair_survives_any_number_of_updates():
    talk = long_charging(*EVERY)
    kept = json.loads(talk.ended[0].signed_data)
    said = f"{UPDATES + 2 - len(kept)} updates between T1 and T92 verified, not kept"
    assert found(talk) == ("valid", said, "registry", 11_500)
    assert (kept[0], len(kept) < 40) == (BEGIN, True)
    assert '"T92"' in kept[-1]
    assert not talk.ended[0].flags & Flag.SIGNED_DROPPED
    state = msgspec.msgpack.encode(talk.state)
    assert msgspec.msgpack.decode(state, type=ChargerState) == talk.state


def test_an_update_told_twice_or_with_the_stop_again_changes_nothing():
    again = [values(clock, signed16(text)) for clock, text in EVERY[-3:]]
    twice = [one for one in EVERY for _ in "12"]
    assert found(long_charging(*twice, stop=again))[0] == "valid"


def changed_at(number, **more):
    return [*EVERY[:number], update(number, **more), *EVERY[number + 1 :]]


NOT_FOLLOWING = "do not follow each other"
FORGED = ("08:42:00", EVERY[80][1].replace('"T82"', '"T82 "'))


@pytest.mark.parametrize(
    "updates",
    [
        [*EVERY[:80], *EVERY[81:]],
        [*EVERY[:80], FORGED, *EVERY[81:]],
        changed_at(80, MS="M-2"),
        changed_at(80, kind="B"),
        changed_at(80, kind="E"),
        changed_at(80, kind="X"),
        changed_at(80, kwh=1.0),
        changed_at(80, IT="ISO14443", ID="0102030405"),
        changed_at(80, page="F82"),
        EVERY[:-1],
    ],
    ids=["left-out", "forged", "meter", "begin", "end", "spoilt", "fell", "driver", "page", "last"],
)
def test_what_passed_must_be_signed_alike_and_without_a_gap(updates):
    outcome, reason, *_ = found(long_charging(*updates))
    assert outcome == "valid-but-not-billable"
    assert NOT_FOLLOWING in reason


def test_an_end_below_what_passed_proves_nothing():
    outcome, reason, *_ = found(long_charging(*EVERY, kwh=5.0))
    assert (outcome, NOT_FOLLOWING in reason) == ("valid-but-not-billable", True)


def test_updates_that_nobodys_key_fits_do_not_count():
    talk = long_charging(*EVERY, keys=lambda number: Registry() if number == 80 else LISTED)
    assert found(talk)[0] == "valid-but-not-billable"


# --- 2.x ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["2.0.1", "2.1"])
def test_2x_begin_in_started_end_in_ended(version):
    talk = Known2(version)
    talk.event("Started", "08:00:00", 0, signed2("B", 1, 0.0, "T1"), evse={"id": 1})
    talk.event("Updated", "08:20:00", 1, signed2("C", 20, 4.0, "T2"))
    talk.event("Ended", "08:59:00", 2, signed2("E", 55, 11.5, "T3"))
    assert found(talk) == VALID


def test_2x_both_in_ended_alone():
    talk = Known2()
    talk.begin()
    both = [signed2("B", 1, 0.0, "T1"), signed2("E", 55, 11.5, "T2")]
    talk.event("Ended", "08:59:00", 1, *both)
    assert found(talk) == VALID


def test_2x_an_end_that_comes_before_its_start():
    talk = Known2()
    talk.event("Ended", "08:59:00", 1, signed2("E", 55, 11.5, "T2"), evse={"id": 1})
    assert talk.ended[-1].signed_outcome == "valid-but-not-billable"
    talk.event("Started", "08:00:00", 0, signed2("B", 1, 0.0, "T1"), offline=True)
    assert found(talk) == VALID
    assert (talk.ended[-1].seq, talk.ended[-1].energy_wh) == (1, 12_500)
    before = len(talk.ended)
    talk.event("Started", "08:00:00", 0, signed2("B", 1, 0.0, "T1"), offline=True)
    assert len(talk.ended) == before


def test_2x_a_repeated_end_with_another_body_has_the_begins_proof_still():
    talk = Known2()
    talk.event("Started", "08:00:00", 0, signed2("B", 1, 0.0, "T1"), evse={"id": 1})
    for reason in ("Local", "EVDisconnected"):
        info = {"stoppedReason": reason}
        talk.event("Ended", "08:59:00", 1, signed2("E", 55, 11.5, "T2"), info=info)
    assert [one.signed_outcome for one in talk.ended] == ["valid", "valid"]


def test_a_key_that_came_once_counts_for_the_transaction():
    talk = Talk2()
    talk.event("Started", "08:00:00", 0, signed2("B", 1, 0.0, "T1"), evse={"id": 1})
    talk.event("Ended", "08:59:00", 1, signed2("E", 55, 11.5, "T2", **NO_KEY))
    assert found(talk) == ("valid", "", "enclosed", 11_500)


def keyless(talk):
    talk.event("Started", "08:00:00", 0, signed2("B", 1, 0.0, "T1", **NO_KEY), evse={"id": 1})
    talk.event("Ended", "08:59:00", 1, signed2("E", 55, 11.5, "T2", **NO_KEY))
    return found(talk)


def report(component, variable, value, evse=None):
    place = {"evse": {"id": evse}} if evse else {}
    return {
        "component": {"name": component, **place},
        "variable": {"name": variable},
        "variableAttribute": [{"type": "Actual", "value": value}],
    }


def notified(talk, *rows):
    said = {"requestId": 1, "generatedAt": stamp("07:00:00"), "seqNo": 0, "reportData": list(rows)}
    talk.call("NotifyReport", said)


def test_without_a_key():
    assert keyless(Talk2())[:3] == ("no-key", "no public key for it", "")


@pytest.mark.parametrize("evse", [1, None])
def test_a_key_that_the_station_reported(evse):
    talk = Talk2()
    notified(talk, report("FiscalMetering", "PublicKey", KEY.hex(), evse))
    assert keyless(talk) == ("valid", "", "enclosed", 11_500)


def test_a_key_of_another_evse_is_not_this_ones():
    talk = Talk2()
    notified(talk, report("FiscalMetering", "PublicKey", KEY.hex(), 2))
    assert keyless(talk)[0] == "no-key"


def test_a_key_that_the_station_told_when_asked():
    talk = Talk2()
    row = {
        "attributeStatus": "Accepted", "attributeValue": KEY.hex(),
        "component": {"name": "FiscalMetering", "evse": {"id": 1}},
        "variable": {"name": "PublicKey"},
    }  # fmt: skip
    talk.result({"getVariableResult": [row]}, uid="9")
    assert "meter-key-told" in talk.kinds
    assert keyless(talk)[0] == "valid"


def test_a_key_of_the_configuration_of_16():
    talk = Talk16()
    rows = [{"key": "MeterPublicKey1", "readonly": True, "value": KEY.hex()}, {"key": "Other"}]
    talk.result({"configurationKey": rows}, uid="9")
    talk.begin()
    talk.stop(data=[values("08:55:00", signed16(BEGIN), signed16(END))])
    assert found(talk) == ("valid", "", "enclosed", 11_500)


@pytest.mark.parametrize(
    "payload",
    [
        {"reportData": [{"component": {"name": "FiscalMetering"}, "variable": 3}]},
        {"reportData": {"PublicKey": 1}},
        {"getVariableResult": [report("FiscalMetering", "PublicKey", "x" * 5000)]},
        [["PublicKey"]],
        {"configurationKey": [{"key": "MeterPublicKeyX", "value": "00"}]},
    ],
)
def test_what_a_station_tells_of_itself_is_never_refused(payload):
    talk = Talk2()
    talk.result(payload, uid="9")
    talk.call("NotifyReport", payload)
    assert talk.refused == []
    assert not talk.state.meter_keys


def test_the_keys_of_a_station_are_few():
    talk = Talk2()
    rows = [report("FiscalMetering", "PublicKey", f"{evse:04}", evse) for evse in range(1, 99)]
    notified(talk, *rows)
    assert len(talk.state.meter_keys) == 8


@pytest.mark.parametrize(("limits", "takes"), [("maxEnergy,maxTime", True), ("maxTime", False)])
def test_a_station_that_says_that_it_takes_limits(limits, takes):
    talk = Talk2("2.1")
    notified(talk, report("TxCtrlr", "SupportedLimits", limits))
    talk.begin()
    assert talk.started[0].takes_limit is takes


def test_who_began_it_is_compared():
    def named(identity):
        talk = Known2()
        talk.begin()
        fields = {"IT": "CENTRAL", "ID": identity}
        texts = [ocmf("B", 1, 0.0, "T1", **fields), ocmf("E", 55, 11.5, "T2", **fields)]
        told = [
            figure(1000, signedMeterValue=container("B", 1, 0, "T1") | {
                "signedMeterData": base64.b64encode(one.encode()).decode()})
            for one in texts
        ]  # fmt: skip
        talk.event("Ended", "08:59:00", 1, *told)
        return talk.ended[0]

    assert named(OURS.upper()).signed_outcome == "valid"
    other = named("SOMEBODY-ELSE")
    assert other.signed_outcome == "valid-but-not-billable"
    assert other.signed_reason == "it names another charging than this one (IT CENTRAL, ID)"


def test_a_pair_of_yesterday_is_not_todays():
    talk = Known16(rules=Plausibility(signed_beside_ms=0))
    talk.begin("08:02:00")
    talk.stop(data=[values("08:55:00", signed16(BEGIN), signed16(END))])
    assert found(talk)[1] == "not of this charging: it begins 60 s before it"


def test_a_pair_proves_one_transaction():
    talk = Known2()
    pair = [signed2("B", 1, 0.0, "T1"), signed2("E", 55, 11.5, "T2")]
    for name in ("tx-1", "tx-2"):
        info = {"transactionId": name}
        talk.begin(info=info, evse={"id": int(name[-1])})
        talk.event("Ended", "08:59:00", 1, *pair, info=info)
    info = {"transactionId": "tx-3"}
    within = [signed2("B", 20, 0.0, "T8"), signed2("E", 30, 1.5, "T9")]
    talk.begin(info=info, evse={"id": 3})
    talk.event("Ended", "08:59:00", 1, *within, info=info)
    assert [one.signed_reason for one in talk.ended] == [
        "",
        *["its pair proved transaction tx-1"] * 2,
    ]
    after = [signed2("B", 55, 11.5, "T3"), signed2("E", 58, 12.5, "T4")]
    info = {"transactionId": "tx-4"}
    talk.begin(info=info)
    talk.event("Ended", "08:59:00", 1, *after, info=info)
    assert found(talk) == ("valid", "", "registry", 1000)


def test_ended_transactions_keep_no_signed_text_once_another_begins():
    talk = Known16()
    talk.begin()
    talk.stop(data=[values("08:55:00", signed16(BEGIN), signed16(END))])
    assert talk.state.transactions[0].signed
    talk.begin("09:10:00", 9000, number=8)
    assert not talk.state.transactions[0].signed
