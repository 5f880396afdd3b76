"""Adyen's minor units, where they are not ISO 4217's (docs.adyen.com, "Currency codes")."""

from connectors.acquirers.wire_amounts import WireAmounts

AMOUNTS = WireAmounts(exponents={"CLP": 2, "CVE": 0, "IDR": 0, "ISK": 2})
