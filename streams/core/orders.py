"""How each command is written: one function a kind, from the case alone.

`rule`, the body's hash and nothing else are filled in by `sealed`, once, for all.
"""

from typing import Any, Literal, TypeVar

from msgspec.structs import replace

from schemas import codec, ids
from schemas.commands import (
    AskPinOrRetap,
    CaptureHold,
    Command,
    InquireCommand,
    LimitCharging,
    LowerHold,
    OfferAmount,
    PlaceHold,
    RaiseHold,
    RefundCapture,
    ReleaseHold,
    ResendCommand,
    ShowDeclined,
    StartCharging,
    StopCharging,
)
from schemas.facts import CommandKind
from streams.core import evidence, taps
from streams.core.case import Case
from streams.core.holds import NO_TERMS, HoldBook, acquirer_id_of, first_acquirer_id
from streams.core.session import Charging, IssuedCommand
from streams.core.strategy import Choice

UNSEALED = "unsealed"
CHARGER_FLOOR = "CHARGER_FLOOR"
_AnyCommand = TypeVar("_AnyCommand", bound=Command)


def sealed(command: _AnyCommand, rule: str) -> _AnyCommand:
    """The command with the name of the rule that wants it and, where it has one, its hash."""
    named = replace(command, rule=rule)
    if not hasattr(named, "body_hash"):
        return named
    return replace(named, body_hash=codec.body_hash(named))


def _money(case: Case, command_id: str, hold_id: str, amount_minor: int) -> dict[str, Any]:
    request, pinned = case.request, case.session.pinned
    assert pinned is not None  # the opening pins before anything is decided
    assert amount_minor >= 0
    return {
        "tenant": request.tenant,
        "session_id": request.session_id,
        "command_id": command_id,
        "idempotency_key": ids.idempotency_key(request.tenant, command_id),
        "performer": case.performer,
        "acquirer_id": acquirer_id_of(case.session, hold_id),
        "hold_id": hold_id,
        "amount_minor": amount_minor,
        "currency": request.currency,
        "rule": UNSEALED,
        "policy_version": pinned.policy_version,
        "issued_at": case.now_at,
    }


def _about(case: Case, command_id: str, of: IssuedCommand) -> dict[str, Any]:
    """For whoever was asked then: by now it may be another's to move money (takeover.py)."""
    money = _money(case, command_id, of.hold_id, of.amount_minor)
    return {**money, "performer": of.performer or money["performer"]}


def place_hold(case: Case, amount_minor: int, number: int = 1, acquirer_id: str = "") -> PlaceHold:
    """Hold `number`; asked of the route's first acquirer, unless another is named."""
    request = taps.presented(case.session)
    tap = taps.newest(case.session)
    hold_id = ids.hold_id(request.session_id, number)
    money = _money(case, hold_id, hold_id, amount_minor)
    money["acquirer_id"] = acquirer_id or first_acquirer_id(case.session)
    return PlaceHold(
        **money,
        card_token=request.card_token,
        scheme=request.scheme,
        funding=request.funding,
        entry_mode=request.entry_mode,
        bin_country=request.bin_country,
        merchant_country=request.merchant_country,
        terminal_id=request.terminal_id,
        tap_id=ids.tap_id(request.session_id, tap) if tap != taps.REQUESTED else "",
    )


def raise_hold(case: Case, hold: HoldBook, total_minor: int) -> RaiseHold:
    command_id = ids.raise_id(hold.hold_id, hold.raises + 1)
    return RaiseHold(
        **_money(case, command_id, hold.hold_id, total_minor),
        psp_reference=hold.psp_reference,
        previous_minor=hold.open_minor,
        delta_minor=total_minor - hold.open_minor,
    )


def lower_hold(case: Case, hold: HoldBook, number: int, total_minor: int) -> LowerHold:
    command_id = ids.lower_id(hold.hold_id, number)
    return LowerHold(
        **_money(case, command_id, hold.hold_id, total_minor),
        psp_reference=hold.psp_reference,
        previous_minor=hold.open_minor,
        delta_minor=hold.open_minor - total_minor,
    )


def capture_hold(case: Case, hold: HoldBook, number: int) -> CaptureHold:
    """At most what the hold allows, at most what the proven quantities cost."""
    final, cost = case.total.final, case.cost_minor
    assert case.proof.rung  # never against a number that is not proven
    assert final is not None  # of a rung, a number
    assert cost is not None  # what is proven has a price
    amount = min(cost, hold.open_minor)
    command_id = ids.capture_id(case.session.session_id, number)
    return CaptureHold(
        **_money(case, command_id, hold.hold_id, amount),
        **evidence.figures(case),
        psp_reference=hold.psp_reference,
        proof=case.proof.rung,
        evidence=evidence.words(case),
        energy_wh=final.energy_wh,
        priced_minor=cost,
        capturable_minor=hold.open_minor,
    )


def capture_floor(
    case: Case, hold: HoldBook, number: int, energy_wh: int, amount_minor: int
) -> CaptureHold:
    """What the chargers' own ends prove, where the rest was not proven in time: final all the same.

    No rung of the ladder: `proof` says so by its name.
    """
    command_id = ids.capture_id(case.session.session_id, number)
    return CaptureHold(
        **_money(case, command_id, hold.hold_id, amount_minor),
        **evidence.figures(case),
        psp_reference=hold.psp_reference,
        proof=CHARGER_FLOOR,
        evidence=evidence.words(case),
        energy_wh=energy_wh,
        priced_minor=amount_minor,
        capturable_minor=hold.open_minor,
    )


def release_hold(case: Case, hold: HoldBook, number: int, reason: str) -> ReleaseHold:
    command_id = ids.release_id(hold.hold_id, number)
    return ReleaseHold(
        **_money(case, command_id, hold.hold_id, hold.open_minor),
        psp_reference=hold.psp_reference,
        reason=reason,
    )


def refund_capture(
    case: Case, taken: tuple[str, str], amount_minor: int, why: tuple[str, str, str]
) -> RefundCapture:
    """Of what the capture `taken` (its id, its hold) took. `why`: the cause, a word, evidence."""
    (capture_id, hold_id), (cause, reason, evidence) = taken, why
    command_id = ids.refund_id(case.session.session_id, cause)
    return RefundCapture(
        **_money(case, command_id, hold_id, amount_minor),
        psp_reference=case.session.terms.get(hold_id, NO_TERMS).psp_reference,
        capture_id=capture_id,
        cause=cause,
        reason=reason,
        evidence=evidence[:4096],
    )


def inquire(case: Case, of: IssuedCommand, number: int) -> InquireCommand:
    return InquireCommand(
        **_about(case, ids.inquiry_id(of.command_id, number), of),
        of_command_id=of.command_id,
        of_kind=_money_kind(of),
        psp_reference=_reference(case, of),
        attempt=number,
    )


def resend(case: Case, of: IssuedCommand, number: int) -> ResendCommand:
    """The very bytes once more, under the very key."""
    assert of.body  # kept for as long as there is no verdict
    return ResendCommand(
        **_about(case, ids.resend_id(of.command_id, number), of),
        of_command_id=of.command_id,
        of_kind=_money_kind(of),
        original=of.body,
        attempt=number,
    )


def _money_kind(of: IssuedCommand) -> CommandKind:
    kinds: dict[str, CommandKind] = {
        "hold": "hold",
        "raise": "raise",
        "lower": "lower",
        "capture": "capture",
        "release": "release",
        "refund": "refund",
    }
    return kinds[of.kind]


def _reference(case: Case, of: IssuedCommand) -> str:
    return case.session.terms.get(of.hold_id, NO_TERMS).psp_reference


def start_charging(case: Case) -> StartCharging:
    request = case.request
    return StartCharging(
        tenant=request.tenant,
        session_id=request.session_id,
        command_id=ids.start_id(request.session_id),
        network=request.network,
        charger_id=request.charger_id,
        evse_uid=request.evse_uid,
        connector_id=request.connector_id,
        remote_start_id=ids.remote_start_id(request.session_id),
        rule=UNSEALED,
        issued_at=case.now_at,
    )


def stop_charging(
    case: Case, charging: Charging | None, reason: str, number: int = 1
) -> StopCharging:
    """Of one charging; None: of whatever our remote start may yet have begun."""
    request = case.request
    transaction_id = charging.transaction_id if charging else ""
    return StopCharging(
        tenant=request.tenant,
        session_id=request.session_id,
        command_id=ids.stop_id(request.session_id, transaction_id, number),
        network=charging.network if charging else request.network,
        charger_id=charging.charger_id if charging else request.charger_id,
        evse_uid=charging.evse_uid if charging else request.evse_uid,
        transaction_id=transaction_id,
        remote_start_id=ids.remote_start_id(request.session_id),
        reason=reason,
        rule=UNSEALED,
        issued_at=case.now_at,
    )


def limit_charging(
    case: Case, charging: Charging, number: int, max_energy_wh: int, amount_minor: int
) -> LimitCharging:
    """The charger is to end at so much energy of this charging, which comes to `amount_minor`."""
    request = case.request
    return LimitCharging(
        tenant=request.tenant,
        session_id=request.session_id,
        command_id=ids.limit_id(request.session_id, charging.transaction_id, number),
        network=charging.network,
        charger_id=charging.charger_id,
        evse_uid=charging.evse_uid,
        transaction_id=charging.transaction_id,
        max_energy_wh=max_energy_wh,
        amount_minor=amount_minor,
        currency=request.currency,
        reason=case.after_refusals.reason,
        rule=UNSEALED,
        issued_at=case.now_at,
    )


def ask_pin_or_retap(case: Case, offer: OfferAmount, reason: str) -> AskPinOrRetap:
    """What the card wants beside the tap, for the amount of an offer that goes with it."""
    request = case.request
    how: Literal["pin", "insert"] = "insert" if reason == "other_interface" else "pin"
    return AskPinOrRetap(
        tenant=request.tenant,
        session_id=request.session_id,
        command_id=ids.retap_id(request.session_id, taps.newest(case.session) + 1),
        terminal_id=request.terminal_id,
        how=how,
        offer_id=offer.command_id,
        amount_minor=offer.amount_minor,
        currency=request.currency,
        reason=reason,
        rule=UNSEALED,
        issued_at=case.now_at,
    )


def show_declined(case: Case, reason: str) -> ShowDeclined:
    request = case.request
    return ShowDeclined(
        tenant=request.tenant,
        session_id=request.session_id,
        command_id=ids.decline_notice_id(request.session_id),
        terminal_id=request.terminal_id,
        reason=reason or "declined",
        rule=UNSEALED,
        issued_at=case.now_at,
    )


def offer_amount(case: Case, choice: Choice, reason: str = "") -> OfferAmount:
    """The next offer; `reason`: why the one before, or the hold by it, came to nothing."""
    request, pinned = case.request, case.session.pinned
    assert pinned is not None  # the opening pins before anything is decided
    number = len(taps.offers(case.session)) + 1
    return OfferAmount(
        tenant=request.tenant,
        session_id=request.session_id,
        command_id=ids.offer_id(request.session_id, number),
        terminal_id=request.terminal_id,
        amount_minor=choice.first_minor,
        step_minor=choice.step_minor,
        ceiling_minor=choice.ceiling_minor,
        target_minor=-1 if choice.target_minor is None else choice.target_minor,
        target_wh=-1 if choice.target_energy_wh is None else choice.target_energy_wh,
        currency=request.currency,
        cell=choice.cell,
        strategy=choice.strategy,
        explanation=choice.explanation[:4096],
        reason=reason,
        rule=UNSEALED,
        policy_version=pinned.policy_version,
        issued_at=case.now_at,
    )
