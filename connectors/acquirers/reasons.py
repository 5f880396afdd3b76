"""The words for a no, the same for every acquirer. The core knows these and no acquirer's codes.

After payments.md section 3 (Visa Core Rules 7.3.6.3 and the acquirers' own lists).
"""

_BY_ISO8583 = {
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
_ISO8583 = {code: reason for reason, codes in _BY_ISO8583.items() for code in codes.split()}

DECLINES = frozenset(_BY_ISO8583)
"""Why an issuer says no (`declined`)."""

FAILURES = frozenset(
    {
        "above_captured",
        "above_held",
        "already_captured",
        "already_released",
        "hold_closed",
        "hold_lapsed",
        "invalid_request",
        "lowers_not_supported",
        "no_card_token",
        "no_psp_reference",
        "not_above_held",
        "not_below_held",
        "not_captured",
        "not_sent",
        "partial_capture_not_supported",
        "raise_attempts_exhausted",
        "raises_not_supported",
        "refused",
        "release_not_supported",
        "unknown_acquirer",
        "unknown_reference",
        "wrong_amount",
    }
)
"""Why it could not be done at all (`failed`)."""

UNKNOWNS = frozenset(
    {
        "connection_lost",
        "idempotency_conflict",
        "in_progress",
        "no_inquiry",
        "not_indexed",
        "not_sent",
        "odd_answer",
        "pending",
        "rate_limited",
        "server_error",
        "timeout",
        "transient_error",
        "unauthorised",
        "unknown_account",
        "unknown_acquirer",
    }
)
"""Why nobody knows (`unknown`)."""


def of_iso8583(code: str) -> str:
    """The canonical word; a code that is not listed counts as a no without a reason."""
    return _ISO8583.get(code, "do_not_honor")
