"""The bits of `flags` on a charger's facts: what was odd about a figure that was still believed.

A feed sets them (connectors/ocpp/plausibility.py has the rules, each with the case in the field
that it comes from); proof and reconciliation read them. A bit never changes its meaning. The bits
that may stand on every reading of a fleet come first: below 64 a reading is decoded the quick way.

Bits of a charging stay on all its later facts, so that its end tells all that was doubtful.
"""

from enum import IntFlag


class Flag(IntFlag):
    """One oddity each; several are added up."""

    CLOCK_AHEAD = 1 << 0
    """The instant lies after the message's arrival, by no more than is borne with."""
    ZONE_ASSUMED = 1 << 1
    """The charger's clock told no zone: taken as UTC."""
    SUMMED_PHASES = 1 << 2
    """There was no value for all phases: `energy_wh` is the sum of the phases'."""
    FROM_INTERVALS = 1 << 3
    """There is no register: `energy_wh` is the begin plus the intervals told so far."""
    PER_TRANSACTION = 1 << 4
    """Values count from the charging's begin, unlike its begin: `energy_wh` has it added."""
    RESTARTED = 1 << 5
    """The register began anew during the charging: `energy_wh` goes on from where it stood."""
    BEGIN_ZERO = 1 << 6
    """The begin was told as 0 and the register stands high: counted from the first value on."""
    BEGIN_ASSUMED = 1 << 7
    """No begin was told: the first register known stands for it."""
    START_UNKNOWN = 1 << 8
    """The start was never seen: the transaction's id stands alone, whatever it meant before."""
    ID_ASSUMED = 1 << 9
    """The start's result was never seen: the id was matched by connector, card and time."""
    ENERGY_NOT_TOLD = 1 << 10
    """The message told no energy: `energy_wh` is the last known, or the begin."""
    ROUNDED = 1 << 11
    """A value lay below an earlier one by a rounding: the earlier one stands."""
    SCALE_DOUBTFUL = 1 << 12
    """Energy and power differ by about a thousand: kWh told as Wh, or the reverse."""
    DECIMAL_COMMA = 1 << 13
    """The value had a comma: read as the decimal point."""
    DISAGREEING = 1 << 14
    """Several values for the same instant disagreed: the best told one counts."""
    SIGNED_DROPPED = 1 << 15
    """Signed values came and are not kept: a card number stood in them, or they were too large."""
    EVSE_UNKNOWN = 1 << 16
    """No message has told the EVSE yet: `evse_uid` is 0, the charger as a whole."""
    NOT_AT_OUTLET = 1 << 17
    """The register was told for the station's body or cable, and none for its outlet."""


ENERGY_DOUBTFUL = (
    Flag.RESTARTED
    | Flag.PER_TRANSACTION
    | Flag.BEGIN_ZERO
    | Flag.BEGIN_ASSUMED
    | Flag.START_UNKNOWN
    | Flag.FROM_INTERVALS
    | Flag.ENERGY_NOT_TOLD
    | Flag.SCALE_DOUBTFUL
    | Flag.NOT_AT_OUTLET
)
"""With one of these on its end a transaction alone does not prove its energy (design.md, 6)."""

TIME_DOUBTFUL = Flag.CLOCK_AHEAD | Flag.ZONE_ASSUMED
"""With one of these, prices that ask when rest on a clock that cannot be quite right."""
