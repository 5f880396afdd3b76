"""A world of one session for tests: facts by short names, applied through the real pipe."""

import json
from pathlib import Path

import msgspec

from schemas import codec, ids
from schemas.decisions import RefundDecided, ReleaseDecided, TakeoverDecided
from schemas.facts import (
    AcquirerAnswered,
    AcquirerNotified,
    CardRead,
    ChargerSilence,
    ChargingEnded,
    ChargingStarted,
    ChargingUpdated,
    HoldReported,
    LinkedFact,
    MeterReading,
    NoticeUnbound,
    SessionRequested,
    VisitSeen,
)
from schemas.fiscal import ReceiptSettled, RequestReceipt
from streams.core import pipe
from streams.core.pricing import Rates, parse
from streams.core.pricing.simple import Prices
from streams.core.session import TimeReached
from streams.core.strategy_policy import parse_policy

T0 = 1_790_000_000_000
BEGAN_AT = T0 - 3_600_000  # so that any reading at T0 can be true
SESSION = ids.session_id("t", "p", "REF")
HOLD = ids.hold_id(SESSION, 1)
# The tests' own: operators change the shipped one, and no test may read its figures.
POLICY_FILE = Path(__file__).parents[1] / "policies" / "matrix.toml"
POLICY = parse_policy(POLICY_FILE.read_text())


def tariff(energy="0.79", time=None, parking=None, flat=None, currency="CHF"):
    prices = {"ENERGY": energy, "TIME": time, "PARKING_TIME": parking, "FLAT": flat}
    components = [
        {"type": kind, "price": float(price), "step_size": 1}
        for kind, price in prices.items()
        if price is not None
    ]
    return json.dumps({"currency": currency, "elements": [{"price_components": components}]})


def rated(currency, prices):
    """A tariff that its quantities decide, by gross prices of any exactness."""
    gross = {kind.lower().removesuffix("_time"): price for kind, price in prices.items()}
    simple = Rates.of(currency, Prices(**gross))
    return parse(tariff(currency=currency))._replace(simple=simple)


class Pins:
    """The reference data of the world: one tariff (or none), one policy."""

    def __init__(self, body, policy=POLICY):
        self.body = body
        self.newest = policy
        self.known_health = {}

    def opening(self, request):
        return self.body, self.newest

    def health(self, tenant):
        return self.known_health

    def policy(self, tenant, policy_id, version):
        assert (policy_id, version) == (self.newest.id, self.newest.version)
        return self.newest


REQUEST = SessionRequested(
    tenant="t",
    session_id=SESSION,
    provider="p",
    authorization_reference="REF",
    terminal_id="term",
    network="n",
    charger_id="c",
    evse_uid="e",
    channel="terminal",
    role="operator_side",
    capture_by="executor",
    power_type="DC",
    power_max_w=150_000,
    scheme="visa",
    funding="credit",
    entry_mode="contactless",
    cvm="none",
    bin_country="CH",
    merchant_country="CH",
    card_token="tok",
    currency="CHF",
    acquirer_id="sim-total",
    tariff_id="T",
    tariff_hash="H",
    requested_at=T0,
)


def request(**changed):
    return msgspec.structs.replace(REQUEST, **changed)


def hold_reported(amount_minor, at=T0, by="terminal", psp="PSP", expires_at=0, **changed):
    """A hold that was placed without us, with what it says of the usual request."""
    said = {**msgspec.structs.asdict(REQUEST), **changed}
    said.pop("hold_by")
    return HoldReported(
        **said,
        reported_by=by,
        psp_reference=psp,
        approved_minor=amount_minor,
        placed_at=at,
        expires_at=expires_at,
    )


def card_read(tap=1, offer=0, consented=0, at=T0, **changed):
    """The usual card, tapped after an offer (0: none was made) with this much agreed to."""
    fields = {
        "tenant": "t",
        "session_id": SESSION,
        "terminal_id": "term",
        "tap": tap,
        "scheme": "visa",
        "funding": "credit",
        "entry_mode": "contactless",
        "cvm": "cdcvm",
        "bin_country": "CH",
        "card_token": "tok",
        "offer_id": ids.offer_id(SESSION, offer) if offer else "",
        "consented_minor": consented,
        "consented_at": at if consented else 0,
        "read_at": at,
    }
    return CardRead(**{**fields, **changed})


def path_of(command_id):
    """'hold/1/raise/2' of a command id, for people."""
    return command_id.removeprefix(f"{SESSION}/")


def answered(path, outcome, amount_minor=0, at=T0, **more):
    parts = path.split("/")
    probe = next((one for one in ("inquire", "resend") if one in parts), None)
    target = path.split(f"/{probe}/")[0] if probe else path
    kind = target.split("/")[-2]
    fields = {
        "tenant": "t",
        "session_id": SESSION,
        "command_id": f"{SESSION}/{path}",
        "resolves": f"{SESSION}/{target}" if probe else "",
        "kind": kind,
        "hold_id": f"{SESSION}/{'/'.join(parts[:2])}" if parts[0] == "hold" else HOLD,
        "acquirer_id": "sim-total",
        "outcome": outcome,
        "amount_minor": amount_minor,
        "currency": "CHF",
        "psp_reference": "PSP" if kind == "hold" and outcome == "done" else "",
        "source": "inquiry" if probe == "inquire" else "executor",
        "answered_at": at,
    }
    return AcquirerAnswered(**{**fields, **more})


def notified(event, amount_minor=0, path="", at=T0):
    return AcquirerNotified(
        tenant="t",
        session_id=SESSION,
        hold_id=HOLD,
        acquirer_id="sim-total",
        event=event,
        command_id=f"{SESSION}/{path}" if path else "",
        amount_minor=amount_minor,
        currency="CHF",
        occurred_at=at,
    )


def webhook(event, amount_minor=0, path="", at=T0, psp="PSP", **changed):
    """What an acquirer says without our metadata, as link hands it on. `path`: of the command
    whose reference it has; none: somebody else's."""
    key = ids.idempotency_key("t", f"{SESSION}/{path}") if path else "somebody-else"
    fields = {
        "tenant": "t",
        "alias": ids.psp_alias("t", psp),
        "acquirer_id": "sim-total",
        "event": event,
        "outcome": "done",
        "merchant_reference": key,
        "psp_reference": psp,
        "amount_minor": amount_minor,
        "currency": "CHF",
        "occurred_at": at,
    }
    fact = NoticeUnbound(**{**fields, **changed})
    return LinkedFact(
        tenant="t",
        session_id=SESSION,
        charging_id=fact.alias,
        source_topic="alias.lookups.v1",
        source_partition=0,
        source_offset=0,
        crossing=0,
        sequence_complete=False,
        fact=codec.encode(fact),
    )


def linked(fact, *, complete=False, offset=0, gap_ms=0):
    return LinkedFact(
        tenant="t",
        session_id=SESSION,
        charging_id=ids.charging_id("t", "n", "c", fact.transaction_id),
        source_topic="charger.transactions.v1",
        source_partition=0,
        source_offset=offset,
        crossing=0,
        sequence_complete=complete,
        fact=codec.encode(fact),
        gap_ms=gap_ms,
    )


def refund_decided(decision_id, amount_minor, at=T0, **changed):
    """A person gives captured money back."""
    usual = {"currency": "CHF", "reason": "goodwill", "who": "ann", "why": "w", "evidence": "e"}
    return RefundDecided(
        tenant="t",
        session_id=SESSION,
        decision_id=decision_id,
        amount_minor=amount_minor,
        decided_at=at,
        **{**usual, **changed},
    )


EVSE = {"tenant": "t", "network": "n", "charger_id": "c", "evse_uid": "e"}


def visited(version=1, at=T0, **told):
    """What the visits stage says of the usual card."""
    return VisitSeen(
        tenant="t", session_id=SESSION, card_token="tok", version=version, seen_at=at, **told
    )


def started(wh, at=BEGAN_AT, tx="tx1", seq=0, *, takes_limit=False):
    fact = ChargingStarted(
        **EVSE,
        transaction_id=tx,
        remote_start_id=ids.remote_start_id(SESSION),
        payment_kind="card",
        seq=seq,
        energy_wh=wh,
        offline=False,
        started_at=at,
        takes_limit=takes_limit,
    )
    return linked(fact)


def reading(wh, at=T0, tx="tx1", seq=1, power_w=-1, gap_ms=0):
    fact = MeterReading(
        **EVSE, transaction_id=tx, seq=seq, energy_wh=wh, power_w=power_w, read_at=at
    )
    return linked(fact, gap_ms=gap_ms)


def updated(state, wh, at=T0, tx="tx1", seq=1, limit_wh=-1):
    fact = ChargingUpdated(
        **EVSE,
        transaction_id=tx,
        seq=seq,
        charging_state=state,
        energy_wh=wh,
        power_w=-1,
        offline=False,
        updated_at=at,
        limit_wh=limit_wh,
    )
    return linked(fact)


def ended(wh, at=T0, tx="tx1", seq=9, *, complete=True):
    fact = ChargingEnded(
        **EVSE,
        transaction_id=tx,
        seq=seq,
        energy_wh=wh,
        reason="Local",
        offline=False,
        ended_at=at,
    )
    return linked(fact, complete=complete)


def told_so(fact, *, fell=False, **changed):
    """The same linked fact of a charger with other fields."""
    inner = msgspec.structs.replace(codec.decode(fact.fact), **changed)
    return msgspec.structs.replace(fact, fact=codec.encode(inner), register_fell=fell)


def signed(fact, wh, between, key="registry", meter="M-1", outcome="valid"):
    """An end whose feed has found this pair in its signed values, `between` two instants."""
    return told_so(
        fact, signed_outcome=outcome, signed_key_from=key, signed_meter=meter, signed_wh=wh,
        signed_from_at=between[0], signed_to_at=between[1],
    )  # fmt: skip


def released(wh, who="a.keller", at=T0, amount_minor=-1, **changed):
    """A person's decision that the session is to be captured for so much."""
    fields = {
        "tenant": "t", "session_id": SESSION, "energy_wh": wh, "amount_minor": amount_minor,
        "decision_id": ids.release_decision_id(SESSION, wh, amount_minor), "who": who,
        "why": "the charger burnt", "evidence": "ticket 7", "decided_at": at,
    }  # fmt: skip
    return ReleaseDecided(**{**fields, **changed})


def taken_over(who, at=T0):
    """A person's word that our executor is to capture in another's place."""
    return TakeoverDecided(
        tenant="t", session_id=SESSION, decision_id=ids.takeover_decision_id(SESSION), who=who,
        why="they lost it", evidence="mail 7: not captured", decided_at=at,
    )  # fmt: skip


def silence(state, version=1, at=T0, tx="tx1", read_at=0):
    """What link says of the charger of a charging."""
    return ChargerSilence(
        tenant="t",
        session_id=SESSION,
        charging_id=ids.charging_id("t", "n", "c", tx),
        version=version,
        state=state,
        seen_at=read_at,
        read_at=read_at,
        allowed_ms=300_000,
        told_at=at,
    )


def receipted(cause, outcome, at, world, **changed):
    """The chain's stage on a receipt that this session asked for; amounts as they were asked."""
    command_id = ids.receipt_id(SESSION, cause)
    if cause == "refund":  # the newest one's
        command_id = list(world.asked_receipts)[-1]
    asked = world.asked_receipts[command_id]
    return ReceiptSettled(
        **{
            "tenant": "t", "session_id": SESSION, "command_id": command_id, "chain": asked.chain,
            "document": asked.document, "outcome": outcome, "ordinal": 7, "moment_at": at,
            "receipt": "ft7#" if outcome == "signed" else "", "signatures": [],
            "paid_minor": asked.paid_minor, "settled_at": at, "currency": asked.currency,
            "balance_minor": asked.supply_minor - asked.paid_minor, **changed,
        }
    )  # fmt: skip


def tick(at):
    return TimeReached(at=at)


class World:
    """One session and all that ever came out of it."""

    def __init__(self, body=None, policy=POLICY):
        self.pins = Pins(tariff() if body is None else body, policy)
        self.session = None
        self.ledger = None
        self.commands = []
        self.watches = []
        self.aliases = []
        self.discrepancies = []
        self.steps = 0

    def apply(self, fact, clock_at=0):
        step = pipe.apply(self.session, fact, clock_at, self.pins)
        self.session = step.session
        self.ledger = step.ledger or self.ledger
        self.commands += step.commands
        self.watches += step.watches
        self.aliases += step.aliases
        self.discrepancies += step.discrepancies
        self.steps += 1
        return step

    @property
    def asked_receipts(self):
        """Receipts that were asked for, by their command."""
        return {one.command_id: one for one in self.commands if isinstance(one, RequestReceipt)}
