"""What one charger's messages leave for the next ones: bounded, and itself a plain value.

A turn works on copies (`turn.py`); what was handed in is never changed.
"""

from copy import copy
from typing import Literal

import msgspec

from connectors.ocpp.signed.messages import Passed

MOST_TRANSACTIONS = 32  # a charger has a few EVSEs; ended ones stay for what comes late
MOST_RESULTS = 8
MOST_REMOTE_STARTS = 8
MOST_INTERVALS = 512
MOST_CALLS = 4
MOST_NUMBERS = 4
MOST_SEQS = 16
MOST_SIGNED_CHARS = 100_000  # of one transaction: two records of OCPP 2.1 and their keys
MOST_BETWEEN_CHARS = 24_000  # up to which records between begin and end are kept, too
MOST_SIGNED = 48
MOST_BETWEEN = 32  # so that there is room for the end
MOST_METER_KEYS = 8
MOST_SERVED = 8

NOT_TOLD = -1


class Transaction(msgspec.Struct, array_like=True, gc=False):
    """One transaction of the charger. Fields are only ever appended, with defaults.

    `name`: the facts' transaction_id, '' as long as nothing could be told. `numbers`, `calls`: OCPP
    1.6, the ids that mean it and the calls that started it. `place`: connector (1.6) or EVSE (2.x).
    `started_at` 0: its start was not seen. Registers are on the scale of the facts: what the meter
    shows, plus `offset_wh` (`offset_before` for what was read before `turned_at`). `fits` and
    `misfits` count the values that were on it and those that were refused. `booted`: the charger
    has booted since its last value. `end_reason`, `end_offline`, `end_flags` are as the end told
    them; `proven`: its signed values were found valid. `token`: OCPP 2.x, who began it. `passed`:
    signed updates that there was no room for.
    """

    name: str = ""
    numbers: list[int] = []
    calls: list[str] = []
    place: str = ""
    connector_id: str = ""
    id_tag: str = ""
    started_at: int = 0
    start_seq: int = NOT_TOLD
    start_offline: bool = False
    start_flags: int = 0
    begin_wh: int = NOT_TOLD
    begin_at: int = 0
    begin_explicit: bool = False
    told: bool = False
    remote_start_id: str = ""
    psp_reference: str = ""
    payment_kind: Literal["card", "contract", "unknown"] = "unknown"
    takes_limit: bool = False
    flags: int = 0
    last_at: int = 0
    last_wh: int = NOT_TOLD
    offset_wh: int = 0
    turned_at: int = 0
    offset_before: int = 0
    has_read: bool = False
    booted: bool = False
    charging_state: str = ""
    power_at: int = 0
    power_w: int = NOT_TOLD
    shown_wms: int = 0
    fits: int = 0
    misfits: int = 0
    ended_at: int = 0
    end_wh: int = NOT_TOLD
    end_raw_wh: int = NOT_TOLD
    end_seq: int = NOT_TOLD
    interval_uwh: int = 0
    intervals_from_at: int = 0
    intervals: dict[int, int] = {}
    by_clock: bool = False
    signed: list[str] = []
    signed_keyed: bool = False
    seqs: dict[int, int] = {}
    end_reason: str = ""
    end_offline: bool = False
    end_flags: int = 0
    proven: bool = False
    token: str = ""
    passed: Passed | None = None


class EarlyResult(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """The result of a start that was logged before its call."""

    call: str
    number: int


class RemoteStart(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A start that the CSMS asked for: by which token, and by which number (2.x; -1: 1.6)."""

    token: str
    number: int
    asked_at: int


class Served(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A signed pair that proved a transaction: it proves no other."""

    meter: str
    from_at: int
    to_at: int
    transaction: str


class ChargerState(msgspec.Struct, array_like=True):
    """All that is remembered of one charger. Fields are only ever appended, with defaults.

    `make`: vendor, model and firmware as it last booted, joined by `/`; empty: it has not yet.
    `meter_keys`: public keys that it told of its meters, by EVSE ('': of the station's).
    `takes_limit`: it told that it ends a transaction at a limit of energy. `served`: the pairs that
    proved its last transactions.
    """

    transactions: list[Transaction] = []
    results: list[EarlyResult] = []
    remote_starts: list[RemoteStart] = []
    make: str = ""
    meter_keys: dict[str, str] = {}
    takes_limit: bool = False
    served: list[Served] = []


def only_make(state: ChargerState | None, make: str) -> ChargerState:
    """The state but for the make: what remains of a message that is refused whole."""
    if state is not None and state.make == make:
        return state
    after = ChargerState() if state is None else copy(state)
    after.make = make
    return after
