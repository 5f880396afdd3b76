"""What the simulated fiscal service is told to be: its latency, its token, its faults."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

Fault = Literal["hang_before", "hang_after", "error_before", "error_after", "scu_down", "refuse"]


class Script(BaseModel):
    """The `nth` to `nth + times - 1` request to sign meets this fault; `times` 0: for ever."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    fault: Fault
    nth: int = 1
    times: int = 1


class Config(BaseModel):
    """`latency_ms` of each answer; the token that is asked for, empty: none."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    latency_ms: int = 0
    access_token: str = ""
    scripts: tuple[Script, ...] = ()
