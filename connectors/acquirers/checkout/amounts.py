"""Checkout.com's minor units (checkout.com/docs, "Format the amount value").

CLP travels with two decimals that must be 00; three-decimal currencies end in 0; nine digits.
"""

from connectors.acquirers.wire_amounts import WireAmounts

AMOUNTS = WireAmounts(
    exponents={"CLP": 2},
    multiples={"CLP": 100} | dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 10),
    largest=999_999_999,
)
