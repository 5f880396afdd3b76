"""What can be true of a charger's figures, as data: each rule with the case it comes from.

A hard rule refuses: the message is parked, nothing of the refused part is told. A soft one lets the
figure pass with a bit in `flags` (`schemas.flags`) that proof and reconciliation read.
"""

from typing import Annotated, Literal

import msgspec

from schemas.flags import Flag

_YEAR_2100 = 4_102_444_800_000  # the last instant of the contract

Hardness = Literal["hard", "soft"]
PaymentKind = Literal["card", "contract", "unknown"]


class IdTag(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an operator says of idTags of OCPP 1.6: `tag` in any case, with * at its end: a prefix.

    `remote_start_id`: the alias that a start with it goes by, '' for none.
    """

    tag: str
    payment_kind: PaymentKind
    remote_start_id: str = ""

    def fits(self, id_tag: str) -> bool:
        """Whether this row is about the tag (given in folded case)."""
        wanted = self.tag.casefold()
        if wanted.endswith("*"):
            return id_tag.startswith(wanted[:-1])
        return id_tag == wanted


# Below these every message of a network would be refused, or none.
NotNegative = Annotated[int, msgspec.Meta(ge=0)]
AtLeastOne = Annotated[int, msgspec.Meta(ge=1)]


class Plausibility(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an operator says of a network's chargers; the defaults bear with any of them.

    `power_max_w`: the most that an EVSE can deliver; `power_slack_wh` on top, for instants that are
    told in whole minutes. `rounding_wh`: how far values of one register may differ by rounding.
    A register that fell began anew where it is below `restart_max_wh`, or, as the first value after
    the begin, below `car_max_wh`, the most that one charging can be; and where the charger booted
    meanwhile or it fell to a `restart_ratio`th of what it was. `clock_ahead_ms`: from there on a
    clock is flagged, from `clock_wrong_ms` on refused. `offline_after_ms`: 1.6 tells no offline
    flag; what arrives so much later than it happened was told from memory.
    `signed_beside_ms`: how far a signed pair may begin before, or end after, the transaction that
    it proves: meters take up to 30 s to sign, and have clocks of their own.
    """

    power_max_w: AtLeastOne = 1_000_000
    power_slack_wh: NotNegative = 2_000
    rounding_wh: NotNegative = 10
    restart_max_wh: NotNegative = 5_000
    restart_ratio: AtLeastOne = 10
    car_max_wh: AtLeastOne = 200_000
    clock_ahead_ms: NotNegative = 60_000
    clock_wrong_ms: NotNegative = 24 * 60 * 60 * 1000
    clock_earliest_at: NotNegative = 1_420_070_400_000  # 2015-01-01: OCPP 1.6 is younger
    offline_after_ms: NotNegative = 60_000
    signed_beside_ms: NotNegative = 300_000
    id_tags: tuple[IdTag, ...] = ()


class Rule(msgspec.Struct, frozen=True):
    """One rule: its name is the reason of a refusal; `threshold` a field of Plausibility or ''."""

    name: str
    hardness: Hardness
    flag: Flag | None
    threshold: str
    case: str


_HARD: tuple[tuple[str, str, str], ...] = (
    (
        "falling-register",
        "rounding_wh",
        "values that fall by more than rounding, and not to near zero: meters that forget",
    ),
    (
        "energy-above-power",
        "power_max_w",
        "lifetime registers read as a session's, and spikes (evcc #29356, #29374, #29654)",
    ),
    (
        "clock-wrong",
        "clock_wrong_ms",
        "an instant more than a day after its arrival: clocks set to another year",
    ),
    (
        "clock-unset",
        "clock_earliest_at",
        "1970 or 2000: a clock without a battery, before it is set from the BootNotification",
    ),
    (
        "stop-before-start",
        "clock_ahead_ms",
        "an end before its begin: the clock was set during the charging",
    ),
    (
        "ambiguous-start",
        "",
        "a stop with transactionId -1 where several starts can be meant (libocpp #495, #551)",
    ),
)
_SOFT: tuple[tuple[str, Flag, str, str], ...] = (
    (
        "clock-ahead",
        Flag.CLOCK_AHEAD,
        "clock_ahead_ms",
        "local time told as UTC; clocks that drift",
    ),
    ("zone-assumed", Flag.ZONE_ASSUMED, "", "clocks that tell no zone (OCPI #464 has the same)"),
    (
        "phases-summed",
        Flag.SUMMED_PHASES,
        "",
        "registers by phase only (RegisterValuesWithoutPhases)",
    ),
    (
        "from-intervals",
        Flag.FROM_INTERVALS,
        "",
        "chargers that tell Energy.Active.Import.Interval only",
    ),
    (
        "per-transaction",
        Flag.PER_TRANSACTION,
        "car_max_wh",
        "sampled values from 0 on beside a lifetime meterStart (Java-OCA-OCPP #331)",
    ),
    (
        "restarted",
        Flag.RESTARTED,
        "restart_max_wh",
        "a register that begins anew when the charger boots (Java-OCA-OCPP #331)",
    ),
    (
        "begin-zero",
        Flag.BEGIN_ZERO,
        "power_max_w",
        "meterStart 0 beside a lifetime register: the whole life read as one session (evcc #29654)",
    ),
    (
        "begin-assumed",
        Flag.BEGIN_ASSUMED,
        "",
        "a start without its register, or a start that was lost",
    ),
    (
        "start-unknown",
        Flag.START_UNKNOWN,
        "",
        "a stop whose start was dropped after its last attempt",
    ),
    (
        "id-assumed",
        Flag.ID_ASSUMED,
        "",
        "StartTransaction.conf lost: transactionId -1 (libocpp #495)",
    ),
    (
        "energy-not-told",
        Flag.ENERGY_NOT_TOLD,
        "",
        "TxEndedMeasurands empty; state changes without values",
    ),
    (
        "rounded",
        Flag.ROUNDED,
        "rounding_wh",
        "meterStop cut off, sampled values not (libocpp #638)",
    ),
    (
        "scale-doubtful",
        Flag.SCALE_DOUBTFUL,
        "",
        "kWh labelled as Wh (OpenEVSE #703): the energy is a hundredth of what the power comes to",
    ),
    ("decimal-comma", Flag.DECIMAL_COMMA, "", "firmware that writes numbers by its locale"),
    ("disagreeing", Flag.DISAGREEING, "", "sampled and clock-aligned values of one instant"),
    (
        "signed-dropped",
        Flag.SIGNED_DROPPED,
        "",
        "OCMF with IT ISO7812: the signed text has a card number",
    ),
    ("evse-unknown", Flag.EVSE_UNKNOWN, "", "evse is told once, and that message was lost"),
    (
        "not-at-outlet",
        Flag.NOT_AT_OUTLET,
        "",
        "stations whose every sample is of their Body (evcc #16966, ev-server #3823)",
    ),
)

RULES: tuple[Rule, ...] = (
    *(Rule(name, "hard", None, threshold, case) for name, threshold, case in _HARD),
    *(Rule(name, "soft", flag, threshold, case) for name, flag, threshold, case in _SOFT),
)


class Implausible(ValueError):
    """A hard rule refuses a figure: the rule's name, and the problem."""

    def __init__(self, rule: str, problem: str) -> None:
        super().__init__(problem)
        self.rule = rule


def judged_at(at: int, received_at: int, rules: Plausibility) -> int:
    """The flags of an instant by when it arrived (0: not known). Raises Implausible."""
    if at < rules.clock_earliest_at:
        raise Implausible("clock-unset", f"{at} ms after 1970: no clock that was set")
    if at > _YEAR_2100:
        raise Implausible("clock-wrong", "after the year 2100")
    ahead_ms = at - received_at
    if received_at == 0 or ahead_ms <= rules.clock_ahead_ms:
        return 0
    if ahead_ms > rules.clock_wrong_ms:
        raise Implausible("clock-wrong", f"{ahead_ms} ms after its arrival")
    return Flag.CLOCK_AHEAD.value


def possible_wh(ms: int, rules: Plausibility) -> int:
    """The most that an EVSE can deliver in that time, with a tenth and the slack on top."""
    return rules.power_max_w * ms * 11 // 36_000_000 + rules.power_slack_wh
