"""What stands in the way of a proof, for people: signatures, registers, CDRs, decisions."""

from streams.core.case import Case
from streams.core.proof import DISAGREE, SECOND_PERSON, denied
from streams.core.proof_charger import signed_oddity
from streams.core.proof_partner import is_last_online

Told = tuple[str, str, int]
"""Kind, words, and the money at stake in minor units."""


def proof_differences(case: Case) -> dict[str, Told]:
    """All that is open now, by an id that stays the same while it is."""
    proof, session_id = case.proof, case.session.session_id
    if not (proof.rung or proof.why or case.session.premature):
        return {}  # nearly always: energy flows, and nobody has said more
    found = _of_chargers(case)
    if case.session.premature and not proof.rung and not case.given_up:
        kind, words = "decided-early", "before anything was begun: decide again, if that is meant"
        found[f"{session_id}/{kind}"] = (kind, words, 0)
    if proof.cdr is not None and not proof.rung:
        found.update(_of_cdr(case))
    if proof.late_at and case.now_at >= proof.late_at:
        words = f"not proven since its end: {proof.why}"
        found[f"{session_id}/awaited-proof"] = ("proof-late", words[:1000], case.price_minor)
    if proof.waits == SECOND_PERSON:
        kind = "second-person-wanted"
        found[f"{session_id}/{kind}"] = (kind, proof.why, 0)
    return found


def _of_chargers(case: Case) -> dict[str, Told]:
    found: dict[str, Told] = {}
    for one in case.session.chargings.values():
        if one.signed and (odd := signed_oddity(one, case.policy)):
            found[f"{one.charging_id}/{odd[0]}"] = (*odd, 0)
        if one.fell and not case.proof.rung:
            words = "its register fell on the way: begin and end do not say what flowed"
            found[f"{one.charging_id}/register-fell"] = ("register-fell", words, 0)
    return found


def _of_cdr(case: Case) -> dict[str, Told]:
    """Of a CDR that would prove, were it not for what the charger has shown."""
    cdr, chargings = case.proof.cdr, case.chargings
    assert cdr is not None, "asked where there is one"
    name = case.session.session_id
    if denied(chargings, cdr, case.policy.reconciliation):
        words = f"the CDR says {cdr.energy_wh} Wh, and the charger has shown otherwise"
        return {f"{name}/cdr-denied": ("cdr-denied", words, 0)}
    if case.proof.waits != DISAGREE and is_last_online(case.session, chargings, cdr, case.policy):
        words = f"{cdr.energy_wh} Wh is just the last value before the charger went silent"
        return {f"{name}/cdr-last-online": ("cdr-last-online", words, 0)}
    return {}
