"""Stripe's decline codes in our words (docs.stripe.com/declines/codes; payments.md, section 3)."""

import re

from connectors.acquirers.acquirer import Verdict
from connectors.acquirers.reading import code_of
from connectors.acquirers.stripe import messages as wire

_BY_CODE = {
    "insufficient_funds": "insufficient_funds",
    "amount_limit": "card_velocity_exceeded withdrawal_count_limit_exceeded invalid_amount",
    "do_not_honor": "do_not_honor generic_decline call_issuer no_action_taken do_not_try_again"
    " try_again_later",
    "sca_or_pin_required": "authentication_required online_or_offline_pin_required"
    " offline_pin_required mobile_device_authentication_required",
    "wrong_pin": "incorrect_pin invalid_pin pin_try_exceeded",
    "expired_card": "expired_card",
    "invalid_account": "invalid_account incorrect_number invalid_number"
    " new_account_information_available",
    "lost_or_stolen": "lost_card stolen_card pickup_card",
    "suspected_fraud": "fraudulent security_violation merchant_blacklist",
    "not_permitted": "transaction_not_allowed restricted_card card_not_supported not_permitted"
    " service_not_allowed currency_not_supported",
    "revoked": "stop_payment_order revocation_of_authorization revocation_of_all_authorizations",
    "issuer_unavailable": "issuer_not_available",
    "technical": "processing_error reenter_transaction approve_with_id",
    "duplicate": "duplicate_transaction",
    "data": "incorrect_cvc invalid_cvc incorrect_zip invalid_expiry_month invalid_expiry_year",
}
_REASONS = {code: reason for reason, codes in _BY_CODE.items() for code in codes.split()}


_NEVER = "do_not_try_again"
_OF_NETWORK = re.compile(r"[0-9]{2}")


def declined(error: wire.Declined) -> Verdict:
    """The issuer's no."""
    code = code_of(error.decline_code) or code_of(error.code)
    return Verdict(
        outcome="declined",
        reason=reason_of(code),
        raw_code=code and f"stripe:{code}",
        advice_code=_advice_of(error),
    )


def _advice_of(error: wire.Declined) -> str:
    """The network's own says for how long; Stripe's word for it when it has none, and a "never"."""
    network = code_of(error.network_advice_code)
    if error.advice_code != _NEVER and _OF_NETWORK.fullmatch(network):
        return network
    return code_of(error.advice_code)


def reason_of(code: str) -> str:
    """The canonical word; a code that is not listed is a no without a reason."""
    return _REASONS.get(code, "do_not_honor")
