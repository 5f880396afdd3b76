"""What acquirers and issuers answer when they say no, as data with its sources and dates.

Collected 2026-11-20 (payments.md, sections 1.6 and 3): Visa Core Rules 7.3.6.3, table 7-2, edition
of 18 October 2025, for ISO 8583 field 39 and its retry categories; Adyen's refusal reasons
(docs.adyen.com/development-resources/refusal-reasons); Stripe's decline codes
(docs.stripe.com/declines/codes); Mastercard's merchant advice codes (docs.antom.com/ac/ams/mac).
The simulator answers in ISO 8583. To follow a new edition: a row with its date, never another row
changed.
"""

import datetime as dt
from typing import Literal, NamedTuple

Kind = Literal[
    "funds", "limit", "soft", "hard", "customer", "technical", "fraud", "stolen", "unknown"
]
"""What a no is about. customer: the driver can mend it (PIN, chip, authentication)."""

Retry = Literal["never", "smaller", "later", "soon", "customer", "lookup"]
"""never: not this card again. smaller: for less. later: not now. soon: after a short wait.
customer: when the driver has done something. lookup: perhaps it was done already."""

System = Literal["iso8583", "adyen", "stripe", "checkout"]
"""Whose codes: what stands before the colon of a raw code; ISO 8583 has nothing before it."""


class Meaning(NamedTuple):
    """What one canonical reason says, and what may be tried after it."""

    kind: Kind
    retry: Retry


REASONS: dict[str, Meaning] = {
    "insufficient_funds": Meaning("funds", "smaller"),
    "amount_limit": Meaning("limit", "smaller"),
    "do_not_honor": Meaning("soft", "later"),
    "sca_or_pin_required": Meaning("customer", "customer"),
    "other_interface": Meaning("customer", "customer"),
    "wrong_pin": Meaning("customer", "customer"),
    "pin_blocked": Meaning("hard", "later"),
    "expired_card": Meaning("hard", "later"),
    "invalid_account": Meaning("hard", "never"),
    "account_unusable": Meaning("hard", "later"),
    "lost_or_stolen": Meaning("stolen", "never"),
    "suspected_fraud": Meaning("fraud", "never"),
    "not_permitted": Meaning("hard", "later"),
    "revoked": Meaning("hard", "never"),
    "currency": Meaning("hard", "later"),
    "blocked": Meaning("hard", "never"),
    "issuer_unavailable": Meaning("technical", "soon"),
    "technical": Meaning("technical", "soon"),
    "not_sent": Meaning("technical", "soon"),
    "duplicate": Meaning("soft", "lookup"),
    "data": Meaning("soft", "later"),
}
"""Canonical reasons: the words that connectors use, and that sessions decide by."""

_CODES: dict[System, dict[str, str]] = {
    "iso8583": {
        "insufficient_funds": "51",
        "amount_limit": "61 65 Z5 N4",
        "do_not_honor": "05 01 02",
        "sca_or_pin_required": "1A 70",
        "wrong_pin": "55",
        "pin_blocked": "75 86",
        "expired_card": "54 33",
        "invalid_account": "14 15 46",
        "account_unusable": "39 52 53 78",
        "lost_or_stolen": "04 07 41 43",
        "suspected_fraud": "59 83 63 34",
        "not_permitted": "57 12 58 62 93 5C 9G",
        "revoked": "R0 R1 R3",
        "issuer_unavailable": "91 92 31",
        "technical": "96 19 06 22 30",
        "duplicate": "94",
        "data": "82 N7 6P",
    },
    "adyen": {
        "insufficient_funds": "12",
        "amount_limit": "7 28 29",
        "do_not_honor": "2 3 27",
        "sca_or_pin_required": "33 36 38 41 43",
        "other_interface": "37 44 45",
        "wrong_pin": "17 19",
        "pin_blocked": "18",
        "expired_card": "6",
        "invalid_account": "8 34 35",
        "lost_or_stolen": "5",
        "suspected_fraud": "14 20 22 31",
        "not_permitted": "10 23 25",
        "revoked": "26 50",
        "issuer_unavailable": "9",
        "technical": "4 21 40",
        "blocked": "46",
        "data": "11 24 32 39 42",
    },
    "stripe": {
        "insufficient_funds": "insufficient_funds",
        "amount_limit": "card_velocity_exceeded withdrawal_count_limit_exceeded invalid_amount",
        "do_not_honor": "do_not_honor generic_decline call_issuer no_action_taken try_again_later",
        "sca_or_pin_required": "authentication_required online_or_offline_pin_required"
        " offline_pin_required mobile_device_authentication_required",
        "wrong_pin": "incorrect_pin invalid_pin",
        "pin_blocked": "pin_try_exceeded",
        "expired_card": "expired_card",
        "invalid_account": "invalid_account incorrect_number invalid_number"
        " new_account_information_available",
        "lost_or_stolen": "lost_card stolen_card pickup_card",
        "suspected_fraud": "fraudulent security_violation merchant_blacklist",
        "not_permitted": "transaction_not_allowed restricted_card card_not_supported not_permitted"
        " service_not_allowed",
        "revoked": "stop_payment_order revocation_of_authorization"
        " revocation_of_all_authorizations",
        "currency": "currency_not_supported",
        "blocked": "do_not_try_again",
        "issuer_unavailable": "issuer_not_available",
        "technical": "processing_error reenter_transaction approve_with_id",
        "duplicate": "duplicate_transaction",
        "data": "incorrect_cvc invalid_cvc incorrect_zip invalid_expiry_month invalid_expiry_year",
    },
}
# Checkout.com (checkout.com/docs, "Response codes"): an ISO 8583 code behind 200 (soft) or 300
# (hard), and a few of its own.
_CODES["checkout"] = {
    reason: " ".join(f"{kind}00{code}" for kind in "23" for code in codes.split())
    for reason, codes in _CODES["iso8583"].items()
}
_CODES["checkout"]["data"] += " 20087"
_CODES["checkout"]["sca_or_pin_required"] += " 20150 20154"

REASON_OF: dict[System, dict[str, str]] = {
    system: {code: reason for reason, codes in rows.items() for code in codes.split()}
    for system, rows in _CODES.items()
}
"""The canonical reason of each code that is listed."""


def day_at(year: int, month: int, day: int) -> int:
    """Midnight UTC in epoch milliseconds: rules are dated by the day."""
    return int(dt.datetime(year, month, day, tzinfo=dt.UTC).timestamp()) * 1000


class Category(NamedTuple):
    """From `since_at` on these ISO 8583 codes are in this Visa category; 1: never again."""

    since_at: int
    category: int
    codes: frozenset[str]


CATEGORIES: tuple[Category, ...] = (
    # 2020: as first published; many lists on the web still show this grouping.
    Category(0, 1, frozenset("04 07 41 43 12 14 15 46 57 R0 R1 R3 03 62 78 93 83".split())),
    Category(0, 2, frozenset("51 61 65 75 86 39 52 53 59 91 92 31 5C 9G Z5 N4".split())),
    Category(0, 3, frozenset("54 55 82 N7 6P 1A 70".split())),
    # 2021: four codes may be tried again.
    Category(day_at(2021, 4, 17), 2, frozenset("03 62 78 93".split())),
    # The sources differ (2026-07-25 and 2026-10-25): the later, for a fee is charged on the error.
    Category(day_at(2026, 10, 25), 2, frozenset({"83"})),
)
UNLISTED_CATEGORY = 4


def category_of(code: str, at: int) -> int:
    """The Visa category of an ISO 8583 code at an instant; what is not listed is in category 4."""
    found = [one for one in CATEGORIES if code in one.codes and one.since_at <= at]
    return found[-1].category if found else UNLISTED_CATEGORY


HOUR_MS = 60 * 60 * 1000
DAY_MS = 24 * HOUR_MS


class Advice(NamedTuple):
    """What came beside the code: whether to try again, and not before how long."""

    retry: Retry
    wait_ms: int = 0


ADVICE: dict[str, Advice] = {
    # Mastercard merchant advice codes (field 48.84).
    "01": Advice("never"),  # new account data exist: not with these again
    "02": Advice("later", HOUR_MS),
    "03": Advice("never"),
    "04": Advice("never"),  # a token was wanted
    "05": Advice("smaller"),  # a negotiated value was not approved
    "21": Advice("never"),
    "22": Advice("never"),
    "24": Advice("later", HOUR_MS),
    "25": Advice("later", DAY_MS),
    "26": Advice("later", 2 * DAY_MS),
    "27": Advice("later", 4 * DAY_MS),
    "28": Advice("later", 6 * DAY_MS),
    "29": Advice("later", 8 * DAY_MS),
    "30": Advice("later", 10 * DAY_MS),
    "40": Advice("never"),  # a prepaid card that is not loaded again
    "41": Advice("never"),
    "43": Advice("never"),  # virtual numbers for one use
    # Stripe's advice_code.
    "do_not_try_again": Advice("never"),
    "try_again_later": Advice("later", HOUR_MS),
    "confirm_card_data": Advice("customer"),
}


class Limit(NamedTuple):
    """A scheme's cap: so many declined attempts of a card at an acceptor within `within_ms`.

    `same_amount`: only those for one amount count. `consecutive`: an approval begins anew.
    """

    schemes: frozenset[str]
    since_at: int
    until_at: int
    within_ms: int
    most: int
    source: str
    same_amount: bool = False
    consecutive: bool = False


_NEVER_ENDS = 2**62
_MASTERCARD = frozenset({"mastercard", "maestro"})

LIMITS: tuple[Limit, ...] = (
    Limit(
        frozenset({"visa", "vpay", "electron"}),
        0,
        day_at(2025, 5, 25),
        30 * DAY_MS,
        15,
        source="Visa Core Rules 7.3.6.3, until 24 May 2025",
    ),
    Limit(
        frozenset({"visa", "vpay", "electron"}),
        day_at(2025, 5, 25),
        _NEVER_ENDS,
        30 * DAY_MS,
        20,
        source="Visa Core Rules 7.3.6.3 (0030640), 18 October 2025",
    ),
    Limit(
        _MASTERCARD,
        day_at(2022, 10, 1),
        _NEVER_ENDS,
        DAY_MS,
        10,
        consecutive=True,
        source="Mastercard transaction processing excellence, since October 2022",
    ),
    Limit(
        _MASTERCARD,
        day_at(2022, 10, 1),
        _NEVER_ENDS,
        30 * DAY_MS,
        35,
        same_amount=True,
        source="Mastercard transaction processing excellence, since October 2022",
    ),
)
