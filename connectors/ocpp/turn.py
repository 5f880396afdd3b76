"""One message's turn: the charger's memory on a copy, and what the message becomes.

Both versions' translations tell their facts here, so that the same happenings become the same
facts.
"""

from copy import copy
from typing import Literal, NamedTuple

from msgspec.structs import replace

from connectors.feeding import Note, Refused
from connectors.ocpp import evidence, register
from connectors.ocpp.memory import (
    MOST_METER_KEYS,
    MOST_REMOTE_STARTS,
    MOST_SERVED,
    MOST_TRANSACTIONS,
    NOT_TOLD,
    ChargerState,
    EarlyResult,
    RemoteStart,
    Served,
    Transaction,
)
from connectors.ocpp.place import Place, Translated
from connectors.ocpp.plausibility import Implausible, Plausibility, judged_at
from connectors.ocpp.sampled import Sample
from connectors.ocpp.signed.messages import Proof
from connectors.ocpp.signed.registry import NO_KEYS, Registry
from connectors.stripping import clean_text, has_card
from schemas.facts import (
    ChargerSeen,
    ChargingEnded,
    ChargingStarted,
    ChargingUpdated,
    Fact,
    MeterReading,
)
from schemas.flags import Flag

_NOT_AT_OUTLET = Flag.NOT_AT_OUTLET.value
_NO_EVSE = "0"
_MOST_TOLD = 200
_MOST_OF_A_KIND = 100  # refusals and notes of one message: people read the first few
_MOST_WORD = 255
ChargingState = Literal[
    "charging", "suspended_ev", "suspended_evse", "ev_connected", "idle", "not_told"
]


class Moment(NamedTuple):
    """When something happened, by which number, told from memory or not, and what was odd."""

    at: int
    seq: int
    offline: bool
    flags: int


class Turn:
    """Collects what one message becomes. Changes are on copies: what was handed in stays."""

    __slots__ = (
        "_copied", "facts", "keys", "notes", "place", "refused", "rules", "state", "version",
    )  # fmt: skip

    def __init__(
        self,
        state: ChargerState | None,
        place: Place,
        rules: Plausibility,
        keys: Registry = NO_KEYS,
    ) -> None:
        self.state = ChargerState() if state is None else state
        self.place = place
        self.rules = rules
        self.keys = keys
        self.facts: list[Fact] = []
        self.refused: list[Refused] = []
        self.notes: list[Note] = []
        self.version = ""
        self._copied: list[Transaction] | None = None

    def translated(self) -> Translated:
        """What became of the message; what people will read of it has no card number in it."""
        refused = [_readable(one) for one in self.refused[:_MOST_OF_A_KIND]]
        if (more := len(self.refused) - len(refused)) > 0:
            refused.append(Refused("more", "payload", f"{more} values more"))
        notes = [Note(one.kind, _text(one.detail)) for one in self.notes[:_MOST_OF_A_KIND]]
        if (more := len(self.notes) - len(notes)) > 0:
            notes.append(Note("more", f"{more} notes more"))
        return Translated(self.state, tuple(self.facts), tuple(refused), tuple(notes), self.version)

    def refuse(self, reason: str, field: str, problem: str) -> None:
        self.refused.append(Refused(reason, field, problem))

    def note(self, kind: str, detail: str = "") -> None:
        self.notes.append(Note(kind, detail))

    # --- memory ---

    def _changing(self) -> list[Transaction]:
        """The transactions that are copies already; from now on the state is one, too."""
        if self._copied is None:
            self._copied = []
            self.state = copy(self.state)
            self.state.transactions = list(self.state.transactions)
        return self._copied

    def changing(self, place: int) -> Transaction:
        """The transaction at `place` of the memory, to be changed in this turn."""
        copied = self._changing()
        one = self.state.transactions[place]
        if not any(one is other for other in copied):
            one = copy(one)
            copied.append(one)
            self.state.transactions[place] = one
        return one

    def opened(self, one: Transaction) -> Transaction:
        """A new transaction, in place of the oldest that ended where there are too many."""
        copied = self._changing()
        transactions = self.state.transactions
        for place, other in enumerate(transactions):
            if other.ended_at and other.signed:
                self.changing(place).signed = []  # what comes for it now comes too late
        if len(transactions) >= MOST_TRANSACTIONS:
            ended = [place for place, other in enumerate(transactions) if other.ended_at]
            del transactions[ended[0] if ended else 0]
            self.note("transaction-forgotten", "more than are remembered of one charger")
        transactions.append(one)
        copied.append(one)
        return one

    def booted(self, *make: str | None) -> None:
        """The charger booted: the registers of what runs may begin anew.

        `make`: its vendor, model and firmware, which the counts of what it sends are by.
        """
        named = clean_text("/".join(one or "" for one in make))[0]
        if named != self.state.make:
            self._changing()
            self.state.make = named
        for place, one in enumerate(self.state.transactions):
            if not one.ended_at:
                self.changing(place).booted = True

    def asked(self, token: str, number: int = NOT_TOLD) -> None:
        """The CSMS asks for a start by this token (and number)."""
        if has_card(token):
            self.note("card-data", "token of a remote start")
            return
        self._changing()
        asked = RemoteStart(token, number, self.place.received_at)
        kept = [one for one in self.state.remote_starts if one.token != token]
        self.state.remote_starts = [*kept, asked][-MOST_REMOTE_STARTS:]

    def meter_key(self, evse: str, key: str) -> None:
        """The station told the public key of a meter of its own: of an EVSE, or '' of its own."""
        known = self.state.meter_keys
        if known.get(evse) != key:
            self._changing()
            kept = {name: told for name, told in known.items() if name != evse}
            self.state.meter_keys = dict([*kept.items(), (evse, key)][-MOST_METER_KEYS:])

    def takes_limit(self, *, takes: bool) -> None:
        """The station told whether it ends transactions at a limit of energy."""
        if self.state.takes_limit != takes:
            self._changing()
            self.state.takes_limit = takes

    def early_results(self, results: list[EarlyResult]) -> None:
        """From now on these results wait for their calls."""
        self._changing()
        self.state.results = results

    # --- facts ---

    def judged(self, at: int) -> int:
        return judged_at(at, self.place.received_at, self.rules)

    def offline(self, at: int) -> bool:
        """Whether what happened at `at` was told from memory (1.6 tells it by no flag)."""
        received_at = self.place.received_at
        return received_at > 0 and received_at - at > self.rules.offline_after_ms

    def seen(self, kind: Literal["heartbeat", "status", "boot", "event"], status: str = "") -> None:
        """A sign of life, at its arrival: what it says may be older."""
        place = self.place
        self.facts.append(
            ChargerSeen(
                tenant=place.tenant,
                network=place.network,
                charger_id=place.charger_id,
                kind=kind,
                status=clean_text(status)[0][:_MOST_WORD],
                seen_at=place.received_at,
            )
        )

    def started(self, one: Transaction) -> None:
        """The charging began. Told once more where more became known of it."""
        place = self.place
        one.told = True
        evse_uid, evse_flags = _evse(one)
        self.facts.append(
            ChargingStarted(
                tenant=place.tenant,
                network=place.network,
                charger_id=place.charger_id,
                evse_uid=evse_uid,
                connector_id=one.connector_id,
                transaction_id=one.name,
                remote_start_id=one.remote_start_id,
                payment_kind=one.payment_kind,
                seq=one.start_seq,
                energy_wh=max(one.begin_wh, 0),
                offline=one.start_offline,
                started_at=one.started_at,
                flags=one.start_flags | evse_flags,
                takes_limit=one.takes_limit or self.state.takes_limit,
                psp_reference=one.psp_reference,
            )
        )

    def is_of_another_meter(self, one: Transaction, sample: Sample) -> bool:
        """A register that is not the outlet's counts only where it goes on from the outlet's."""
        return bool(sample.flags & _NOT_AT_OUTLET) and not register.fits(
            one, sample.wh, sample.at, self.rules
        )

    def sample(self, one: Transaction, sample: Sample, seq: int, path: str) -> None:
        """A reading, where the sample tells an energy that can be."""
        if sample.at < one.started_at:
            self.note("before-begin", f"{path}[{sample.number}]")
            return
        if self.is_of_another_meter(one, sample):
            self.note("no-register-at-outlet", f"{path}[{sample.number}]")
            return
        try:
            flags = sample.flags | self.judged(sample.at)
            if sample.power_w >= 0:
                register.show_power(one, sample.power_w, sample.at)
            if sample.wh >= 0:
                at = sample.at
                wh, more = register.read(one, sample.wh, at, self.rules)
                flags |= more
            elif sample.interval_uwh >= 0 and not one.has_read:
                at, wh = register.add_interval(
                    one, sample.interval_uwh, sample.at, self.rules, by_clock=sample.by_clock
                )
            else:
                return
        except Implausible as error:
            one.misfits += 1
            self.refuse(error.rule, f"{path}[{sample.number}]", str(error))
            return
        one.fits += 1
        place = self.place
        evse_uid, evse_flags = _evse(one)
        self.facts.append(
            MeterReading(
                tenant=place.tenant,
                network=place.network,
                charger_id=place.charger_id,
                evse_uid=evse_uid,
                transaction_id=one.name,
                seq=seq,
                energy_wh=wh,
                power_w=sample.power_w,
                read_at=at,
                flags=flags | one.flags | evse_flags,
            )
        )

    def updated(
        self,
        one: Transaction,
        moment: Moment,
        state: ChargingState,
        sample: Sample | None,
        limit_wh: int = NOT_TOLD,
    ) -> None:
        """A state, a limit, or a number alone. Where `sample` tells an energy it is told, too."""
        wh, flags = self._energy_of(one, sample)
        place = self.place
        evse_uid, evse_flags = _evse(one)
        self.facts.append(
            ChargingUpdated(
                tenant=place.tenant,
                network=place.network,
                charger_id=place.charger_id,
                evse_uid=evse_uid,
                transaction_id=one.name,
                seq=moment.seq,
                charging_state=state,
                energy_wh=wh,
                power_w=NOT_TOLD if sample is None else sample.power_w,
                offline=moment.offline,
                updated_at=moment.at,
                flags=moment.flags | flags | one.flags | evse_flags,
                limit_wh=limit_wh,
            )
        )

    def _energy_of(self, one: Transaction, sample: Sample | None) -> tuple[int, int]:
        """The energy of a sample that was read before; else the begin's, flagged as not told."""
        if sample is not None:
            for fact in reversed(self.facts):
                if isinstance(fact, MeterReading) and fact.read_at == sample.at:
                    return fact.energy_wh, fact.flags
        return max(one.begin_wh, 0), Flag.ENERGY_NOT_TOLD.value

    def ended(self, one: Transaction, moment: Moment, wh: int, reason: str) -> None:
        """The charging ended with its register at `wh`."""
        one.ended_at, one.end_wh = moment.at, wh
        one.end_reason, one.end_offline, one.end_flags = reason, moment.offline, moment.flags
        proof = self._proof(one)
        if proof is not None and proof.outcome != "valid":
            self.note(f"signed-{proof.outcome}", proof.reason)
        self._end(one, moment.seq, proof)

    def proven_late(self, one: Transaction) -> None:
        """Signed values came after the end that they prove: it is told again, with its proof."""
        if one.ended_at and not one.proven:
            proof = self._proof(one)
            if proof is not None and proof.outcome == "valid":
                self._end(one, one.end_seq, proof)

    def _proof(self, one: Transaction) -> Proof | None:
        beside_ms = self.rules.signed_beside_ms
        return evidence.proof_of(one, self.state, self.place, self.keys, beside_ms)

    def _served(self, one: Transaction, proof: Proof) -> None:
        """A pair that proves this transaction proves no other."""
        one.proven = proof.outcome == "valid"
        if one.proven:
            self._changing()
            pair = Served(proof.meter, proof.from_at, proof.to_at, one.name)
            kept = [other for other in self.state.served if other.transaction != one.name]
            self.state.served = [*kept, pair][-MOST_SERVED:]

    def _end(self, one: Transaction, seq: int, proof: Proof | None) -> None:
        place = self.place
        evse_uid, evse_flags = _evse(one)
        flags = one.end_flags | one.flags | register.scale_flags(one, one.end_wh) | evse_flags
        fact = ChargingEnded(
            tenant=place.tenant,
            network=place.network,
            charger_id=place.charger_id,
            evse_uid=evse_uid,
            transaction_id=one.name,
            seq=seq,
            energy_wh=one.end_wh,
            reason=one.end_reason,
            offline=one.end_offline,
            ended_at=one.ended_at,
            signed_data=f"[{','.join(one.signed)}]" if one.signed else "",
            flags=flags,
        )
        if proof is not None:
            self._served(one, proof)
            fact = replace(
                fact,
                signed_outcome=proof.outcome,
                signed_reason=_text(proof.reason),
                signed_key_from=proof.key_from,
                signed_meter=proof.meter[:_MOST_WORD],
                signed_wh=proof.wh,
                signed_from_at=proof.from_at,
                signed_to_at=proof.to_at,
            )
        self.facts.append(fact)


def _readable(one: Refused) -> Refused:
    return Refused(one.reason, _text(one.field), _text(one.problem))


def _text(text: str) -> str:
    return clean_text(text)[0][:_MOST_TOLD] if text else ""


def _evse(one: Transaction) -> tuple[str, int]:
    if one.place:
        return one.place, 0
    return _NO_EVSE, Flag.EVSE_UNKNOWN.value
