"""Bugs of what proves a number: chargers, partners, people."""

from msgspec.structs import replace
from planting import both, instead, plant

from schemas.facts import ChargingStarted
from streams.agents import link
from streams.core import charging, gate, partner_view, plausible, proof, proof_charger
from streams.core.pricing import Quantities
from streams.core.session import End


@plant("last-seen as a rung")
def last_seen():
    original = plausible.believed

    def ended(one):
        stopped = one.changes and not one.changes[-1].charging
        if one.end is not None or one.begun is None or not stopped:
            return one
        return replace(one, end=End(True, 0, one.seen_at, max(one.top_wh, 0), "seen", True))

    def planted(chargings, powers):
        return original([ended(one) for one in chargings], powers)

    return instead(original, planted)


@plant("1.6 Stop with -1")
def stop_without_number():
    """The stop of transaction -1 is taken for the end of the one that began last there."""
    place, take_end = link._place, gate._take_end
    begun: dict[str, str] = {}

    def placed(fact):
        if isinstance(fact, ChargingStarted):
            begun[fact.charger_id] = fact.transaction_id
        if fact.transaction_id == "-1":
            fact = replace(fact, transaction_id=begun.get(fact.charger_id, "-1"))
        return place(fact)

    def planted(one, ended, kept):
        whole = ended.seq < 0
        return [
            each._replace(sequence_complete=whole or each.sequence_complete)
            for each in take_end(one, ended, kept)
        ]

    return both(instead(place, placed), instead(take_end, planted))


@plant("stale CDR as proof")
def stale_cdr():
    """Whatever CDR there is counts, were it refused, changed or taken back."""

    def planted(session):
        return next((one for one in session.cdrs.values() if not one.credit), None)

    return instead(partner_view.countable_cdr, planted)


@plant("an end with gaps as proof")
def gaps():
    return instead(gate._complete, lambda one: one.last_seq >= 0)


@plant("what makes the end whole goes after it")
def whole_first():
    original = gate.take_transaction

    def planted(*given):
        return sorted(original(*given), key=lambda one: not one.sequence_complete)

    return instead(original, planted)


@plant("of two chargings only the larger counts")
def larger_only():
    original = charging.summed
    nothing = Quantities(0, 0, 0)
    return instead(
        original, lambda parts: max(parts, key=lambda one: one.energy_wh, default=nothing)
    )


@plant("any key signs")
def any_key():
    return instead(proof_charger.accepted, lambda one, _: one.rank == 0)


@plant("an OCPI session that never ended agrees")
def never_ended():
    original = partner_view.agrees
    return instead(original, lambda session, *_: partner_view.ocpi_session(session) is not None)


@plant("one person's figures for another's")
def other_figures():
    original = proof.decided

    def planted(asked, cdr):
        return [
            one._replace(decision=replace(one.decision, amount_minor=one.decision.amount_minor + 1))
            for one in original(asked, cdr)
        ]

    return instead(original, planted)
