"""Adyen's refusal reason codes in our words (docs.adyen.com, "Refusal reasons"; payments.md 3)."""

import re
from collections.abc import Mapping

from connectors.acquirers.acquirer import Verdict
from connectors.acquirers.reading import code_of

_BY_CODE = {
    "insufficient_funds": "12",
    "amount_limit": "7 28 29",
    "do_not_honor": "2 3 27",
    "sca_or_pin_required": "33 36 38 41 43",
    "wrong_pin": "17 18 19",
    "expired_card": "6",
    "invalid_account": "8 34 35",
    "lost_or_stolen": "5",
    "suspected_fraud": "14 20 22 31",
    "not_permitted": "10 23 25",
    "revoked": "26 46 50",  # 46: Adyen itself blocks it, so as not to pay for excessive retries
    "issuer_unavailable": "9",
    "technical": "4 21 37 40 44 45",
    "data": "11 24 32 39 42",
}
_REASONS = {code: reason for reason, codes in _BY_CODE.items() for code in codes.split()}

# A webhook brings the reason's text and no code. Compared without case, spaces and signs.
_CODES_BY_TEXT = {
    "refused": "2",
    "referral": "3",
    "acquirererror": "4",
    "blockedcard": "5",
    "expiredcard": "6",
    "invalidamount": "7",
    "invalidcardnumber": "8",
    "issuerunavailable": "9",
    "notsupported": "10",
    "3dnotauthenticated": "11",
    "notenoughbalance": "12",
    "acquirerfraud": "14",
    "invalidpin": "17",
    "pintriesexceeded": "18",
    "pinvalidationnotpossible": "19",
    "fraud": "20",
    "notsubmitted": "21",
    "fraudcancelled": "22",
    "transactionnotpermitted": "23",
    "cvcdeclined": "24",
    "restrictedcard": "25",
    "revocationofauth": "26",
    "declinednongeneric": "27",
    "withdrawalamountexceeded": "28",
    "withdrawalcountexceeded": "29",
    "issuersuspectedfraud": "31",
    "avsdeclined": "32",
    "cardrequiresonlinepin": "33",
    "authenticationrequired": "38",
    "tokenrevoked": "50",
}


def declined(code: str, additional: Mapping[str, object], psp_reference: str = "") -> Verdict:
    """The issuer's no. Its advice comes as "02: Try again later" or as the code alone."""
    advice = str(additional.get("merchantAdviceCode") or "").partition(":")[0].strip()
    return Verdict(
        outcome="declined",
        reason=reason_of(code),
        raw_code=code and f"adyen:{code}",
        psp_reference=psp_reference,
        advice_code=code_of(advice),
    )


def reason_of(code: str) -> str:
    """The canonical word; a code that is not listed is a no without a reason."""
    return _REASONS.get(code, "do_not_honor")


def code_of_text(text: str) -> str:
    """The code that a reason in words stands for; empty: none that we know."""
    return _CODES_BY_TEXT.get(re.sub(r"[^a-z0-9]", "", text.lower()), "")
