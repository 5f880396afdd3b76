"""Checkout.com's response codes in our words (checkout.com/docs, "Response codes").

Most are an ISO 8583 code behind 200 (soft) or 300 (hard); its own are the few below.
"""

import re

from connectors.acquirers.acquirer import Verdict
from connectors.acquirers.checkout.messages import Processing
from connectors.acquirers.reading import code_of
from connectors.acquirers.reasons import of_iso8583

_OWN = {
    "20087": "data",  # CVV or track
    "20150": "sca_or_pin_required",
    "20154": "sca_or_pin_required",
}
_RISK = "40"
_OF_ISO = re.compile(r"[23]00([0-9A-Z]{2})")


def declined(code: str, processing: Processing | None, psp_reference: str = "") -> Verdict:
    """The issuer's no. Mastercard's advice says more than what Checkout.com makes of it."""
    told = processing or {}
    advice = code_of(told.get("partner_merchant_advice_code"))
    return Verdict(
        outcome="declined",
        reason=reason_of(code),
        raw_code=code and f"checkout:{code}",
        psp_reference=psp_reference,
        advice_code=advice or code_of(told.get("recommendation_code")),
    )


def reason_of(code: str) -> str:
    """The canonical word; a code that is not listed is a no without a reason."""
    if code in _OWN:
        return _OWN[code]
    if code.startswith(_RISK):
        return "suspected_fraud"
    found = _OF_ISO.fullmatch(code)
    return of_iso8583(found[1]) if found else "do_not_honor"
