"""Rungs 3 and 4 of the ladder: a partner's CDR, where the charger's own data does not complete.

design.md, section 6. A CDR counts where it fits (party, EVSE, time), was refused by nobody and
never changed, no risk window is open, and it says more than the last value that came online. Its
energy must not contradict what the charger has shown: that is for `proof.py` to settle.
"""

from typing import NamedTuple

from msgspec.structs import replace

from streams.core import partner_view, plausible
from streams.core.proof_charger import ROUNDED_WH, Asks, is_zombie
from streams.core.proof_policy import CDR_AFTER_QUIET, SESSION_AND_CDR
from streams.core.risk import risk_open
from streams.core.session import (
    Begun,
    Change,
    Charging,
    End,
    PartnerCdr,
    PaymentSession,
    dark_at,
    was_begun,
)
from streams.core.strategy_policy import Policy


class Told(NamedTuple):
    """`rung` empty: the CDR does not count, and `why` says so; '' too where there is none.

    `charging`: the session's one charging as the CDR has it. `again_at`: when it may count, 0:
    time alone does not make it.
    """

    rung: str = ""
    charging: Charging | None = None
    why: str = ""
    again_at: int = 0


NOTHING_TOLD = Told()


class Asked(NamedTuple):
    """What is asked about: the session, its chargings as believed, and the EVSE's power in W."""

    session: PaymentSession
    chargings: list[Charging]
    policy: Policy
    power_w: int
    now_at: int


def by_partner(asked: Asked, cdr: PartnerCdr | None, asks: Asks, *, taken: bool) -> Told:
    """The higher of the two rungs that holds for this countable CDR.

    `taken`: it was captured by already, so that silence from then on changes nothing.
    """
    if cdr is None or cdr.energy_wh <= 0:
        return NOTHING_TOLD  # a CDR of nothing proves neither that nothing flowed nor that it did
    why = _why_not(asked, cdr) or _untimed(asked, cdr, asks)
    if not why and not taken and risk_open(asked.session):
        why = "a risk window is open"
    if why:
        return Told(why=why)
    rules, session = asked.policy.proof, asked.session
    quiet_from = max([cdr.ended_at, *(max(one.seen_at, one.heard_at) for one in asked.chargings)])
    agrees = partner_view.agrees(session, cdr, asked.policy.reconciliation)
    rung = SESSION_AND_CDR if agrees else CDR_AFTER_QUIET
    waits_ms = rules.session_and_cdr_after_ms if agrees else rules.cdr_quiet_ms
    if not rules.accepts(rung):
        return Told(why=f"the policy accepts no {rung}")
    if asked.now_at < quiet_from + waits_ms:
        return Told(why=f"{rung} waits for the charger", again_at=quiet_from + waits_ms)
    return Told(rung, as_told(session, asked.chargings, cdr))


def _why_not(asked: Asked, cdr: PartnerCdr) -> str:
    return _not_of_this(asked) or _not_true(asked, cdr)


def _not_of_this(asked: Asked) -> str:
    """Whether it is about the one charging of this session."""
    session, chargings = asked.session, asked.chargings
    if len(chargings) > 1:
        return "several chargings, and one CDR"
    if not chargings and not was_begun(session):
        return "nobody was asked to start"
    return "the charging's begin is not known" if chargings and not chargings[0].begun else ""


def _not_true(asked: Asked, cdr: PartnerCdr) -> str:
    """Whether its figures can be, and say more than the last that was seen."""
    if not (cdr.started_at and cdr.ended_at > cdr.started_at):
        return "the CDR tells no time"
    if cdr.energy_wh > plausible.most_wh(asked.power_w, cdr.ended_at - cdr.started_at):
        return f"the CDR has more than {asked.power_w} W can deliver in that time"
    if is_last_online(asked.session, asked.chargings, cdr, asked.policy):
        return "the CDR has just the last reading before the charger went silent"
    told, limits = partner_view.ocpi_session(asked.session), asked.policy.reconciliation
    if told is None or told.energy_wh <= cdr.energy_wh:
        return ""
    agrees = limits.energy_agrees(told.energy_wh, cdr.energy_wh)
    words = f"the OCPI session has {told.energy_wh} Wh, its CDR {cdr.energy_wh} Wh"
    return "" if agrees else words


def is_last_online(
    session: PaymentSession, chargings: list[Charging], cdr: PartnerCdr, policy: Policy
) -> bool:
    """A CSMS that closes a dead transaction bills what it saw last: that proves nothing."""
    for one in chargings:
        dark = dark_at(session, one.charging_id)
        if one.begun is None or (one.end is not None and not is_zombie(one, policy.proof, dark)):
            continue
        shown_wh = max(one.top_wh, one.begun.energy_wh) - one.begun.energy_wh
        if abs(cdr.energy_wh - shown_wh) <= ROUNDED_WH:
            return True
        # Less than was seen cannot be true by more than rounding: it is that value, too.
        limits = policy.reconciliation
        if cdr.energy_wh < shown_wh and limits.energy_agrees(cdr.energy_wh, shown_wh):
            return True
    return False


def _untimed(asked: Asked, cdr: PartnerCdr, asks: Asks) -> str:
    """Where the tariff asks for parking, and our price counts, the CDR has to tell of it."""
    if not asks.split or asked.policy.proof.price_authority == "cdr" or cdr.parking_ms >= 0:
        return ""
    return "time is priced, and the CDR tells no parking"


def as_told(session: PaymentSession, chargings: list[Charging], cdr: PartnerCdr) -> Charging:
    """The one charging with the CDR's energy, and its end where the charger's own is not known."""
    begun = Begun(cdr.started_at, 0)
    known = chargings[0] if chargings else unseen(session, cdr)
    if known.begun is not None and not known.doubtful_time:
        begun = known.begun
    elif known.begun is not None:
        begun = replace(begun, energy_wh=known.begun.energy_wh)
    own = known.end if known.end is not None and not known.doubtful_time else None
    ended_at = max(cdr.ended_at if own is None else own.ended_at, begun.started_at)
    last_wh = begun.energy_wh + cdr.energy_wh
    changes = known.changes
    if cdr.parking_ms >= 0:
        charged_at = max(ended_at - cdr.parking_ms, begun.started_at)
        changes = (Change(charged_at, 0, charging=False),)
    return replace(
        known,
        begun=begun,
        changes=changes,
        end=End(
            complete=True, seq=-1, ended_at=ended_at, energy_wh=last_wh, reason="CDR", doubtful=True
        ),
        top_wh=min(known.top_wh, last_wh),
        seen_at=max(known.seen_at, ended_at),
    )


def unseen(session: PaymentSession, cdr: PartnerCdr | None) -> Charging:
    """Of a charging whose charger never said a word. It is nobody's to watch."""
    asked = session.request
    name = "" if cdr is None else cdr.ocpi_session_id or cdr.cdr_id
    return Charging("", asked.network, asked.charger_id, asked.evse_uid, name)
