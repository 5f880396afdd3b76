"""What a capture rests on, as it stands on its command: figures for machines, words for people."""

from typing import Any

from streams.core import partner_view
from streams.core.case import Case
from streams.core.proof_policy import COMPLETE_TRANSACTION
from streams.core.session import Charging

_WORDS_MAX = 4096  # schemas.fields.Text


def figures(case: Case) -> dict[str, Any]:
    """The fields of CaptureHold that say which numbers were reconciled, and how."""
    proof = case.proof
    cdr, decision = proof.cdr, proof.decision
    pair = proof.pairs[0] if proof.pairs else None
    total = partner_view.total_minor(cdr) if cdr is not None else None
    return {
        "charger_wh": proof.charger_wh,
        "cdr_id": cdr.cdr_id if cdr is not None else "",
        "cdr_wh": max(cdr.energy_wh, -1) if cdr is not None else -1,
        "cdr_minor": max(total, -1) if total is not None else -1,
        "price_authority": proof.price_authority,
        "settled_by": proof.settled_by,
        "signed_meter": pair.meter if pair is not None else "",
        "signed_from_at": pair.from_at if pair is not None else 0,
        "signed_to_at": pair.to_at if pair is not None else 0,
        "decision_id": decision.decision_id if decision is not None else "",
    }


def words(case: Case) -> str:
    """Each fact that the number rests on: registers and numbers, signatures, CDR, decision."""
    known = sorted(case.session.chargings.values(), key=lambda one: one.charging_id)
    said = [_of_charging(one) for one in known if one.begun is not None and one.end is not None]
    proof = case.proof
    said += [
        f"{one.charging_id}: register counted on, it went on at nought at {wrap_wh} Wh"
        for one, wrap_wh in _unrolled(case, known)
    ]
    said += [
        f"signed by meter {one.meter} ({one.key_from}): {one.wh} Wh from {one.from_at} to"
        f" {one.to_at}"
        for one in proof.pairs
    ]
    if proof.cdr is not None:
        told = partner_view.ocpi_session(case.session)
        state = f", OCPI session {told.status} with {told.energy_wh} Wh" if told else ""
        cdr = proof.cdr
        said.append(f"CDR {cdr.cdr_id}: {cdr.energy_wh} Wh, {cdr.total} {cdr.currency}{state}")
    if proof.decision is not None:
        one = proof.decision
        heard = [each for each in case.session.released if each not in case.session.premature]
        who = sorted({each.who for each in heard if _same(each, one)})
        said.append(f"decided by {' and '.join(who)}: {one.why} ({one.evidence})")
    return "; ".join(said)[:_WORDS_MAX]


def _unrolled(case: Case, known: list[Charging]) -> list[tuple[Charging, int]]:
    """Chargings that are proven beyond the last digit of their register, and that digit's Wh."""
    if case.proof.rung != COMPLETE_TRANSACTION:
        return []
    proven = {one.charging_id: one.end for one in case.proof.chargings}
    found: list[tuple[Charging, int]] = []
    for one in known:
        end = proven.get(one.charging_id)
        if end is not None and one.end is not None and one.begun is not None:
            wrap_wh = end.energy_wh - one.end.energy_wh
            found += [(one, wrap_wh)] if one.end.energy_wh < one.begun.energy_wh else []
    return found


def _same(one: Any, other: Any) -> bool:
    return (one.energy_wh, one.amount_minor) == (other.energy_wh, other.amount_minor)


def _of_charging(one: Charging) -> str:
    begun, end = one.begun, one.end
    assert begun is not None, "asked of what has begun"
    assert end is not None, "asked of what has ended"
    if end.complete or end.whole:
        sequence = f"sequence complete to {end.seq}"
    elif end.seq >= 0:
        sequence = f"sequence with gaps to {end.seq}"
    else:
        sequence = f"no sequence, ended at {end.ended_at}"
    return f"{one.charging_id}: register {begun.energy_wh} to {end.energy_wh} Wh, {sequence}"
