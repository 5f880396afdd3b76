"""Issuers' response codes (ISO 8583 field 39) and the canonical reason of each.

After Visa's table of retry categories (Core Rules 7.3.6.3) and payments.md section 3.
"""

_CODES_BY_REASON = {
    "insufficient_funds": "51",
    "amount_limit": "61 65 Z5 N4",
    "do_not_honor": "05 01 02",
    "sca_or_pin_required": "1A 70",
    "wrong_pin": "55 75 86",
    "expired_card": "54 33",
    "invalid_account": "14 15 46 39 52 53 78",
    "lost_or_stolen": "04 07 41 43",
    "suspected_fraud": "59 83 63 34",
    "not_permitted": "57 12 58 62 93 5C 9G",
    "revoked": "R0 R1 R3",
    "issuer_unavailable": "91 92 31",
    "technical": "96 19 06 22 30",
    "duplicate": "94",
    "data": "82 N7 6P",
}

CANONICAL_REASONS: dict[str, str] = {
    code: reason for reason, codes in _CODES_BY_REASON.items() for code in codes.split()
}
