"""Any valid records, in any order, with values at the edges of what the contract can carry.

Whatever comes: each step ends, all that it says can be written, and time alone comes to rest.
"""

import json

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from pipeline import POLICY as POLICY_FILE

from schemas import codec, ids
from schemas.facts import (
    AcquirerAnswered,
    AcquirerNotified,
    CardRead,
    ChargingEnded,
    ChargingStarted,
    ChargingUpdated,
    HoldReported,
    LinkedFact,
    MeterReading,
    SessionRequested,
)
from streams.agents.routes import outputs
from streams.core import pipe
from streams.core.session import Quarantined, QuarantineLifted, TimeReached
from streams.core.strategy import parse_policy

T0 = 1_790_000_000_000
LAST = 4_102_444_800_000
SESSION = ids.session_id("t", "p", "REF")
HOLD = ids.hold_id(SESSION, 1)
# Hourly inquiries: days of silence take a hundred steps and not five hundred.
TEXT = POLICY_FILE.read_text().replace("300_000, 900_000]", "3_600_000]")
EDGES = [0, 1, 2, 4_999, 10**9]
AMOUNTS = [0, 1, 1_999, 2_000, 12_000, 10**12]
INSTANTS = [0, T0 - 1, T0, T0 + 60_000, T0 + 86_400_000, LAST]
LONG = "x" * 255


def policy_of(currency):
    text = TEXT.replace('"CHF"', f'"{currency}"').replace("CHF = {", f"{currency} = {{")
    return parse_policy(text)


class Pins:
    def __init__(self, body, policy):
        self.body, self.newest = body, policy

    def opening(self, request):
        return self.body, self.newest

    def health(self, tenant):
        return {}

    def policy(self, tenant, policy_id, version):
        assert (policy_id, version) == (self.newest.id, self.newest.version)
        return self.newest


def tariff(currency, prices):
    components = [
        {"type": kind, "price": price, "step_size": 1} for kind, price in sorted(prices.items())
    ]
    return json.dumps({"currency": currency, "elements": [{"price_components": components}]})


prices = st.dictionaries(
    st.sampled_from(["ENERGY", "TIME", "PARKING_TIME", "FLAT"]),
    st.sampled_from([0, 0.01, 0.79, 12, 50_000]),
    min_size=1,
)
paths = st.sampled_from(
    [
        f"{base}{probe}"
        for base in ("hold/1", "hold/1/raise/1", "hold/1/raise/2", "hold/1/lower/1", "capture/1",
                     "capture/2", "hold/1/release/1", "hold/2", "capture/9")
        for probe in ("", "/inquire/1", "/resend/1", "/inquire/7")
    ]
)  # fmt: skip


@st.composite
def answers(draw, currency):
    path = draw(paths)
    parts = path.split("/")
    probe = next((one for one in ("inquire", "resend") if one in parts), "")
    target = path.split(f"/{probe}/")[0] if probe else path
    bound = target.startswith("hold/")
    return AcquirerAnswered(
        tenant="t", session_id=SESSION, command_id=f"{SESSION}/{path}",
        resolves=f"{SESSION}/{target}" if probe else "", kind=target.split("/")[-2],
        hold_id=f"{SESSION}/hold/{target.split('/')[1]}" if bound else HOLD,
        acquirer_id="sim-total", currency=draw(st.sampled_from([currency, "JPY"])),
        outcome=draw(st.sampled_from(["done", "done", "declined", "failed", "unknown"]
                                     + ["not_found"] * bool(probe))),
        amount_minor=draw(st.sampled_from(AMOUNTS)), reason=draw(st.sampled_from(["", LONG])),
        psp_reference=draw(st.sampled_from(["", LONG])), source="webhook",
        expires_at=draw(st.sampled_from(INSTANTS)), answered_at=draw(st.sampled_from(INSTANTS)),
    )  # fmt: skip


@st.composite
def charger_facts(draw):
    transaction = draw(st.sampled_from(["a", "b", LONG]))
    on = {"tenant": "t", "network": LONG, "charger_id": "c", "evse_uid": "e"}
    common = {
        **on, "transaction_id": transaction, "seq": draw(st.sampled_from([-1, 0, 1, 2])),
        "energy_wh": draw(st.sampled_from(EDGES)),
    }  # fmt: skip
    at = draw(st.sampled_from(INSTANTS))
    fact = draw(
        st.sampled_from(
            [
                ChargingStarted(**common, remote_start_id="r", payment_kind="card", offline=False,
                                started_at=at),
                ChargingUpdated(**common, power_w=-1, offline=False, updated_at=at,
                                charging_state="idle"),
                ChargingUpdated(**common, power_w=-1, offline=False, updated_at=at,
                                charging_state="charging"),
                MeterReading(**common, power_w=-1, read_at=at),
                ChargingEnded(**common, reason=LONG, offline=False, ended_at=at),
            ]
        )
    )  # fmt: skip
    return LinkedFact(
        tenant="t", session_id=SESSION, charging_id=ids.charging_id("t", LONG, "c", transaction),
        source_topic="s", source_partition=0, source_offset=0, crossing=0,
        sequence_complete=draw(st.booleans()), fact=codec.encode(fact),
    )  # fmt: skip


def reports(request):
    """The hold of such a request, as whoever placed it may tell of it."""
    said = msgspec.structs.asdict(request)
    by = said.pop("hold_by")
    return st.builds(
        HoldReported, **{name: st.just(value) for name, value in said.items()},
        reported_by=st.just(by), psp_reference=st.sampled_from(["psp", LONG]),
        approved_minor=st.sampled_from(AMOUNTS), placed_at=st.sampled_from(INSTANTS),
        expires_at=st.sampled_from(INSTANTS),
    )  # fmt: skip


@st.composite
def worlds(draw):
    currency = draw(st.sampled_from(["CHF", "KWD", "KRW", "IRR"]))
    hold_by = draw(st.sampled_from(["performer"] * 4 + ["terminal", "station", "web"]))
    stages = ["tapped", "tapped", "amount_first", "tap_first"] if hold_by == "performer" else []
    request = SessionRequested(
        tenant="t", session_id=SESSION, provider="p", authorization_reference="REF",
        terminal_id="term", network=LONG, charger_id="c", evse_uid="e", channel="terminal",
        role=draw(st.sampled_from(["operator_side"] * 4 + ["observer", "unknown"])),
        capture_by=draw(st.sampled_from(["executor", "operator", "terminal_provider", "station"])),
        power_type=draw(st.sampled_from(["AC", "DC"])),
        power_max_w=draw(st.sampled_from([-1, 0, 1, 150_000, 10**8])), scheme="visa",
        funding="credit", entry_mode="", cvm="", bin_country="",
        merchant_country=draw(st.sampled_from(["", "DE", "NO"])), card_token="", currency=currency,
        acquirer_id=draw(st.sampled_from(["sim-total", "sim-delta", "sim-reverse", "sim-lapse"])),
        declared_kind=draw(st.sampled_from(["none", "none", "amount", "energy", "fill"])),
        declared_value=draw(st.sampled_from([0, 1, 2_000, 10**12])), tariff_id="T",
        tariff_hash="H", requested_at=draw(st.sampled_from(INSTANTS[:-1])),
        stage=draw(st.sampled_from(stages or ["tapped"])), hold_by=hold_by,
        consented_minor=draw(st.sampled_from([0, 0, 1, 2_000])),
        time_zone=draw(st.sampled_from(["", "Europe/Zurich", "../etc", LONG])),
    )  # fmt: skip
    note = st.builds(
        AcquirerNotified, tenant=st.just("t"), session_id=st.just(SESSION), hold_id=st.just(HOLD),
        acquirer_id=st.just("sim-total"), event=st.sampled_from(["hold_lapsed", "capture_failed"]),
        command_id=st.sampled_from(["", f"{SESSION}/capture/1"]),
        amount_minor=st.sampled_from(AMOUNTS), currency=st.just(currency),
        psp_reference=st.just(""), occurred_at=st.sampled_from(INSTANTS),
    )  # fmt: skip
    card = st.builds(
        CardRead, tenant=st.just("t"), session_id=st.just(SESSION),
        terminal_id=st.sampled_from(["term", "term", LONG]), tap=st.integers(1, 3),
        scheme=st.sampled_from(["visa", "girocard", LONG]), funding=st.just("debit"),
        entry_mode=st.sampled_from(["contactless", "chip", LONG]),
        cvm=st.sampled_from(["none", "", LONG]), bin_country=st.just(""), card_token=st.just(LONG),
        offer_id=st.sampled_from(["", f"{SESSION}/offer/1", f"{SESSION}/offer/2", LONG]),
        consented_minor=st.sampled_from(AMOUNTS), consented_at=st.sampled_from(INSTANTS),
        shown=st.just(LONG), read_at=st.sampled_from(INSTANTS),
    )  # fmt: skip
    set_aside = st.sampled_from([Quarantined(ref="a"), QuarantineLifted(ref="a")])
    facts = st.one_of(answers(currency), answers(currency), charger_facts(), charger_facts(),
                      charger_facts(), note, set_aside, card)  # fmt: skip
    if hold_by != "performer":
        facts = st.one_of(facts, reports(request))
    moments = st.sampled_from([0, 1_000, 60_000, 86_400_000])
    story = draw(st.lists(st.tuples(facts, moments), max_size=25))
    pins = Pins(tariff(currency, draw(prices)), policy_of(currency))
    return request, story, pins


def checked(session, fact, clock_at, pins):
    step = pipe.apply(session, fact, clock_at, pins)
    outputs(step)  # raises NotWritable for what no reader would take
    assert step.deadline_at is None or step.deadline_at > clock_at
    for hold in step.ledger.holds if step.ledger else ():
        assert hold.approved_minor == (
            hold.captured_minor + hold.released_minor + hold.lapsed_minor + hold.open_minor
        )
    emitted = [one.command_id for one in step.commands]
    assert len(emitted) == len(set(emitted))
    before = session.issued if session else {}
    assert not before.keys() & set(emitted)
    if step.session.request.role not in ("operator_side", "terminal_provider_side"):
        assert all(not hasattr(one, "amount_minor") for one in step.commands)
    return step


@settings(max_examples=150, deadline=None)
@given(worlds())
def test_every_step_ends_and_can_be_written(world):
    request, story, pins = world
    now_at = T0
    session = checked(None, request, now_at, pins).session
    for fact, later_ms in story:
        now_at += later_ms
        session = checked(session, fact, now_at, pins).session
    for _ in range(2_000):
        if session.deadline is None:
            break
        now_at = session.deadline
        session = checked(session, TimeReached(at=now_at), now_at, pins).session
    else:
        raise AssertionError("it never comes to rest")
