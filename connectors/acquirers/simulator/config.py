"""Every setting of the simulator, validated in one place; the README's table is this file in prose.

Durations are milliseconds, chances basis points (1/100 of a percent), amounts minor units. Secrets
are named by environment variable and never written here.
"""

from collections.abc import Iterable
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from connectors.acquirers.simulator.declines import CANONICAL_REASONS
from connectors.acquirers.simulator.messages import Convention, Funding, Remainder

DAY_MS = 86_400_000

AnswerFault = Literal[
    "timeout_before", "timeout_after", "error500_before", "error500_after", "late_answer"
]
WebhookFault = Literal["drop_webhook", "duplicate_webhook", "delay_webhook", "reorder_webhook"]
LaterFault = Literal["capture_fails", "refund_fails"]
Fault = AnswerFault | WebhookFault | LaterFault
FaultedOperation = Literal[
    "any", "authorise", "raise", "lower", "capture", "reverse", "refund", "inquire"
]
BasisPoints = Annotated[int, Field(ge=0, le=10_000)]
Milliseconds = Annotated[int, Field(ge=0)]
Positive = Annotated[int, Field(gt=0)]
ResponseCode = Annotated[str, Field(pattern="^[0-9A-Z]{2}$")]


class Settings(BaseModel):
    """Frozen, and an unknown name is an error, so that a typo cannot pass for a default."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Latency(Settings):
    """From request to answer: straight lines between the least, p50, p95 and the most."""

    least_ms: Milliseconds = 0
    p50_ms: Milliseconds = 0
    p95_ms: Milliseconds = 0
    most_ms: Milliseconds = 0

    @model_validator(mode="after")
    def _rise(self) -> Self:
        if not self.least_ms <= self.p50_ms <= self.p95_ms <= self.most_ms:
            raise ValueError("latency: least_ms <= p50_ms <= p95_ms <= most_ms is required")
        return self


class DeclineRate(Settings):
    """A share of declines; the first entry that fits operation, funding and amount counts.

    The amount is the asked amount of an authorise and the new total of a raise. `codes` weighs
    the response codes that the declines are spread over.
    """

    operation: Literal["any", "authorise", "raise"] = "any"
    fundings: tuple[Funding, ...] = ()
    amount_from_minor: Annotated[int, Field(ge=0)] = 0
    amount_below_minor: Annotated[int, Field(gt=0)] | None = None
    rate_bp: BasisPoints
    codes: dict[ResponseCode, Positive] = {"51": 1}

    @model_validator(mode="after")
    def _known_codes(self) -> Self:
        _require_known(self.codes)
        if not self.codes:
            raise ValueError("declines: codes may not be empty")
        return self


class CardBehaviour(Settings):
    """What one card (by its token) always does. `available_minor` is all that it can hold."""

    decline_authorise: ResponseCode | None = None
    decline_raise: ResponseCode | None = None
    available_minor: Positive | None = None

    @model_validator(mode="after")
    def _known_codes(self) -> Self:
        _require_known(filter(None, (self.decline_authorise, self.decline_raise)))
        return self


class PartialApproval(Settings):
    """Seeded: `rate_bp` of first holds on these fundings get `share_percent` of what they ask."""

    fundings: tuple[Funding, ...] = ("debit", "prepaid")
    rate_bp: BasisPoints = 0
    share_percent: Annotated[int, Field(gt=0, lt=100)] = 50


class FaultRate(Settings):
    """A seeded fault: fate is a function of seed and merchant reference, so it repeats in a replay.

    It strikes the first `attempts` requests with one merchant reference; later ones get through.
    """

    fault: Fault
    operation: FaultedOperation = "any"
    rate_bp: BasisPoints
    attempts: Positive = 1


class FaultScript(Settings):
    """An explicit fault: of the requests that match, the `nth` and so many in all (0: for good)."""

    fault: Fault
    operation: FaultedOperation = "any"
    merchant_reference: str | None = None
    metadata: dict[str, str] = {}
    nth: Positive = 1
    times: Annotated[int, Field(ge=0)] = 1


class Webhooks(Settings):
    """Where events are POSTed; `secret_env` names the variable with the `whsec_...` secret."""

    url: str
    secret_env: str = "HOLDFAST_SIMULATOR_WEBHOOK_SECRET"  # noqa: S105 - a name, not the secret
    delay_ms: Milliseconds = 60_000
    reorder_ms: Milliseconds = 5_000
    answer_within_ms: Positive = 10_000
    attempts: Positive = 5
    retry_after_ms: Positive = 5_000
    rounds: Positive = 100


class Account(Settings):
    """One merchant account at this acquirer: `/v1/{its name}/...`."""

    seed: int = 1
    api_key_env: str = ""
    amount_convention: Convention = "TOTAL"
    remainder: Remainder = "AUTO_AT_CAPTURE"
    captures: Literal["by_flag", "always_final", "never_final"] = "by_flag"
    partial_capture: bool = True
    raise_attempts_cap: Annotated[int, Field(ge=0)] = 10
    raise_refused_schemes: tuple[str, ...] = ("maestro", "girocard", "interac")
    raise_refused_fundings: tuple[Funding, ...] = ()
    raise_extends_schemes: tuple[str, ...] = ("mastercard",)
    hold_lifetime_ms: Positive = 5 * DAY_MS
    hold_lifetime_ms_by_scheme: dict[str, Positive] = {}
    key_retention_ms: Positive = DAY_MS
    latency: Latency = Latency()
    timeout_ms: Positive = 10_000
    hang_ms: Positive = 60_000
    late_answer_ms: Positive = 30_000
    fails_after_ms: Milliseconds = 3_600_000
    error500_before_is_stored: bool = False
    partial_approval: PartialApproval = PartialApproval()
    declines: tuple[DeclineRate, ...] = ()
    cards: dict[str, CardBehaviour] = {}
    fault_rates: tuple[FaultRate, ...] = ()
    fault_scripts: tuple[FaultScript, ...] = ()
    webhooks: Webhooks | None = None


class Config(Settings):
    """The server's accounts by name."""

    accounts: Annotated[
        dict[Annotated[str, Field(pattern="^[A-Za-z0-9_-]{1,64}$")], Account], Field(min_length=1)
    ]


def _require_known(codes: Iterable[str]) -> None:
    for code in codes:
        if code not in CANONICAL_REASONS:
            raise ValueError(f"response code {code!r} has no canonical reason: see declines.py")
