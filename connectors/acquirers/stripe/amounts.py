"""Stripe's minor units (docs.stripe.com/currencies).

MGA counts as without decimals. ISK and UGX have none and still travel times 100. Three-decimal
currencies must end in 0. (HUF and TWD are special for payouts only.) At most eight digits, which
Stripe widens for a few currencies; those amounts are beyond any charging.
"""

from connectors.acquirers.wire_amounts import WireAmounts

AMOUNTS = WireAmounts(
    exponents={"MGA": 0, "ISK": 2, "UGX": 2},
    multiples={"ISK": 100, "UGX": 100}
    | dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 10),
    largest=99_999_999,
)
