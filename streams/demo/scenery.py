"""What the demo sets up around the pipeline: tariffs, the simulated counterparties, bad days."""

from collections.abc import Iterable

from connectors.acquirers.simulator.config import (
    Account,
    Config,
    DeclineRate,
    Fault,
    FaultedOperation,
    FaultScript,
    Latency,
    Webhooks,
)
from connectors.acquirers.simulator.messages import Convention, Remainder
from connectors.fiscal.simulator.config import Config as FiscalConfig
from connectors.fiscal.simulator.config import Script
from schemas.facts import TariffPublished
from streams.app import tariff_fact
from streams.replay.cards import draw

CURRENCY = "CHF"
COUNTRY = "CH"
# A share of the chargers stands where each receipt is signed, each over the one before it.
ABROAD = "AT"
CURRENCY_ABROAD = "EUR"
CHAIN = "ATU00000000"
RECEIPTS = f"""

[fiscal.{ABROAD}]
regime = "SIGN_CHAINED"
chain = "{CHAIN}"
vat = "20"
"""

# Prices without VAT, as OCPI 2.2.1 has them. DC is priced as AFIR asks of 50 kW and more: by
# energy, with nothing beside it but a fee for blocking the place.
_DC = (
    '{"id":"dc","currency":"CHF","elements":[{"price_components":['
    '{"type":"ENERGY","price":0.55,"vat":8.1,"step_size":1},'
    '{"type":"PARKING_TIME","price":6.00,"vat":8.1,"step_size":1}]}]}'
)
_AC = (
    '{"id":"ac","currency":"CHF","elements":[{"price_components":['
    '{"type":"FLAT","price":0.50,"vat":8.1,"step_size":1},'
    '{"type":"ENERGY","price":0.39,"vat":8.1,"step_size":1},'
    '{"type":"TIME","price":0.30,"vat":8.1,"step_size":1},'
    '{"type":"PARKING_TIME","price":0.60,"vat":8.1,"step_size":1}]}]}'
)

_DC_ABROAD = (
    '{"id":"dc-abroad","currency":"EUR","elements":[{"price_components":['
    '{"type":"ENERGY","price":0.49,"vat":20,"step_size":1},'
    '{"type":"PARKING_TIME","price":6.00,"vat":20,"step_size":1}]}]}'
)
_AC_ABROAD = (
    '{"id":"ac-abroad","currency":"EUR","elements":[{"price_components":['
    '{"type":"FLAT","price":0.50,"vat":20,"step_size":1},'
    '{"type":"ENERGY","price":0.35,"vat":20,"step_size":1},'
    '{"type":"PARKING_TIME","price":0.60,"vat":20,"step_size":1}]}]}'
)

_LATENCY = Latency(least_ms=120, p50_ms=600, p95_ms=2_500, most_ms=6_000)
_DECLINES = (
    DeclineRate(
        operation="authorise", fundings=("prepaid",), rate_bp=900, codes={"51": 3, "57": 1}
    ),
    DeclineRate(
        operation="authorise", amount_from_minor=4_000, rate_bp=600, codes={"51": 2, "61": 1}
    ),
    DeclineRate(operation="authorise", rate_bp=250, codes={"51": 3, "05": 2, "54": 1}),
    DeclineRate(operation="raise", fundings=("prepaid", "debit"), rate_bp=700, codes={"51": 1}),
    DeclineRate(operation="raise", rate_bp=250, codes={"51": 2, "61": 1}),
)
# What goes wrong at the acquirer on a session's bad day: one of these, by the seed.
_FAULTS: tuple[tuple[Fault, FaultedOperation], ...] = (
    ("timeout_after", "authorise"),
    ("timeout_before", "authorise"),
    ("timeout_after", "raise"),
    ("error500_after", "raise"),
    ("timeout_after", "capture"),
    ("timeout_before", "capture"),
    ("error500_after", "capture"),
    ("timeout_after", "reverse"),
    ("timeout_after", "lower"),
)
_WEBHOOK_FAULTS: tuple[Fault, ...] = ("drop_webhook", "duplicate_webhook", "reorder_webhook")


def tariffs(tenant: str, at: int) -> dict[str, TariffPublished]:
    """The demo's tariff by power type."""
    return {
        "DC": tariff_fact(tenant, "dc", _DC, at),
        "AC": tariff_fact(tenant, "ac", _AC, at),
    }


def tariffs_abroad(tenant: str, at: int) -> dict[str, TariffPublished]:
    """As `tariffs`, of the chargers abroad."""
    return {
        "DC": tariff_fact(tenant, "dc-abroad", _DC_ABROAD, at),
        "AC": tariff_fact(tenant, "ac-abroad", _AC_ABROAD, at),
    }


def _scripts(seed: int, bad_days: list[str]) -> tuple[FaultScript, ...]:
    scripts = []
    for session in bad_days:
        fault, operation = _FAULTS[draw(seed, session, "fault", len(_FAULTS))]
        webhook = _WEBHOOK_FAULTS[draw(seed, session, "webhook", len(_WEBHOOK_FAULTS))]
        at = {"session_id": session}
        scripts.append(FaultScript(fault=fault, operation=operation, metadata=at))
        scripts.append(FaultScript(fault=webhook, metadata=at, times=0))
    return tuple(scripts)


# One account for each way of giving the unused part back, in both conventions.
_ACCOUNTS: dict[str, tuple[Convention, Remainder]] = {
    "sim-total": ("TOTAL", "AUTO_AT_CAPTURE"),
    "sim-delta": ("DELTA", "LOWER_BEFORE_CAPTURE"),
    "sim-reverse": ("TOTAL", "REVERSE_AFTER_CAPTURE"),
}
ACQUIRERS = tuple(_ACCOUNTS)


def acquirer_config(seed: int, bad_days: list[str], webhook_port: int) -> Config:
    """The simulated acquirers, with the faults of the sessions that have a bad day."""
    scripts = _scripts(seed, bad_days)
    return Config(
        accounts={
            name: Account(
                seed=seed,
                amount_convention=convention,
                remainder=remainder,
                latency=_LATENCY,
                declines=_DECLINES,
                fault_scripts=scripts,
                timeout_ms=15_000,
                webhooks=Webhooks(url=f"http://127.0.0.1:{webhook_port}/webhooks/{name}"),
            )
            for name, (convention, remainder) in _ACCOUNTS.items()
        }
    )


def fiscal_config(*, bad_days: bool) -> FiscalConfig:
    """The simulated fiscal service. On bad days an answer is lost, and its signer is down once."""
    scripts = (
        Script(fault="error_after", nth=2),
        Script(fault="error_before", nth=4),
        Script(fault="scu_down", nth=7),
    )
    return FiscalConfig(latency_ms=20, scripts=scripts if bad_days else ())


def fiscal_accounts(base_url: str, chains: Iterable[str]) -> dict[str, dict[str, str]]:
    """These chains as the fiscal executor sees them: a cash box each."""
    return {
        chain: {
            "base_url": base_url,
            "cashbox_id": f"cashbox-{number}",
            "pos_system_id": "holdfast",
        }
        for number, chain in enumerate(chains, 1)
    }


def executor_accounts(base_url: str) -> dict[str, dict[str, str]]:
    """The same accounts as the executor sees them."""
    return {
        name: {"base_url": base_url, "account": name, "convention": convention}
        for name, (convention, _) in _ACCOUNTS.items()
    }
