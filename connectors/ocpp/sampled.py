"""What a message's meter values say of energy and power at each of its instants.

Exact decimals to the end, then whole Wh. What cannot be billed by (other places than the outlet,
export, reactive energy, single phases beside their sum) is passed over.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from connectors.feeding import Note, Refused
from connectors.ocpp.figures import (
    ENERGY,
    EXACT,
    POWER,
    AnySampled,
    Dialect,
    Figure,
    NoFigure,
    Signed,
    Units,
    whole,
)
from connectors.ocpp.instants import NoInstant, instant
from connectors.ocpp.messages import v16, v21, v201
from schemas.flags import Flag

Values = Sequence[v16.MeterValue | v201.MeterValue | v21.MeterValue]

REGISTER = "Energy.Active.Import.Register"
INTERVAL = "Energy.Active.Import.Interval"
POWER_IMPORT = "Power.Active.Import"
BEGIN, END, CLOCK = "Transaction.Begin", "Transaction.End", "Sample.Clock"
OUTLET = "Outlet"
_NEARBY = frozenset(("Body", "Cable"))  # not Inlet: what a whole station takes
NOT_TOLD = -1

MOST_INSTANTS = 20_000  # of one message: two weeks of a reading a minute
MOST_WH = 10**11  # far above any EVSE's life, so that sums of two stay within the contract's
_MOST_W = 10**8
_MICRO = 6
# Which of several values of one instant counts: what belongs to begin and end before what is
# sampled, and what is sampled before what comes by the clock.
_CONTEXTS = (END, BEGIN, None, "Sample.Periodic", CLOCK)
_PHASES = (("L1", "L2", "L3"), ("L1-N", "L2-N", "L3-N"))
_ZONE_ASSUMED = Flag.ZONE_ASSUMED.value
_SUMMED = Flag.SUMMED_PHASES.value
_DISAGREEING = Flag.DISAGREEING.value
_NOT_AT_OUTLET = Flag.NOT_AT_OUTLET.value


class Sample(NamedTuple):
    """What was told for one instant. Energies in Wh, power in W, -1: not told.

    `wh` is the register; `at_begin`, `at_end`: one of its contexts is the transaction's begin or
    end. `begin_wh`: the begin, told again beside what has been read since. `interval_uwh`: micro-Wh
    since the interval before, of those `by_clock` or sampled.
    """

    at: int
    wh: int = NOT_TOLD
    power_w: int = NOT_TOLD
    flags: int = 0
    at_begin: bool = False
    at_end: bool = False
    interval_uwh: int = NOT_TOLD
    by_clock: bool = False
    signed: tuple[Signed, ...] = ()
    number: int = 0
    begin_wh: int = NOT_TOLD


class Samples(NamedTuple):
    """The samples of a message in order of time; what was refused of it, and what was odd."""

    samples: tuple[Sample, ...]
    refused: tuple[Refused, ...]
    notes: tuple[Note, ...]


NOTHING = Samples((), (), ())


# A sampled value and where it stands: number of the meter value, number in it.
_Told = tuple[AnySampled, int, int]


def samples(values: Values, path: str, dialect: Dialect, utc_offset_min: int | None) -> Samples:
    """What the meter values at `path` of a message say: one sample an instant, however split."""
    found: dict[int, list[_Told]] = {}
    refused: list[Refused] = []
    flags = 0
    for number, value in enumerate(values):
        try:
            at, assumed = instant(value.timestamp, utc_offset_min)
        except NoInstant as error:
            refused.append(Refused("bad-instant", f"{path}[{number}].timestamp", str(error)))
            continue
        entries: Sequence[AnySampled] = value.sampled_value
        if not entries:  # the schema of transactionData lets a list of samples be empty
            continue
        if assumed:
            flags = _ZONE_ASSUMED
        told = [(one, number, place) for place, one in enumerate(entries)]
        if at in found:
            found[at] += told
        else:
            found[at] = told
    if len(found) > MOST_INSTANTS:
        refused.append(Refused("too-many", path, f"{len(found)} instants"))
        found = {}
    reader = _Reader(path, dialect, refused, [])
    made = tuple([reader.sample(at, found[at], flags) for at in sorted(found)])
    return Samples(made, tuple(refused), tuple(reader.notes))


class _Apart(NamedTuple):
    """The sampled values of an instant by what they measure.

    Not at the outlet: `nearby` registers, and all that is `elsewhere`.
    """

    registers: list[_Told]
    powers: list[_Told]
    intervals: list[_Told]
    nearby: list[_Told]
    elsewhere: list[_Told]
    signed: list[Signed]


class _Reader(NamedTuple):
    """Reads the samples of one message; collects what is wrong with them."""

    path: str
    dialect: Dialect
    refused: list[Refused]
    notes: list[Note]

    def sample(self, at: int, told: list[_Told], flags: int) -> Sample:
        apart = self._apart(told)
        signed = tuple(apart.signed)
        number = told[0][1]
        power_w = self._power_w(apart.powers) if apart.powers else NOT_TOLD
        registers = apart.registers
        if not registers and not apart.intervals and apart.nearby:
            registers, flags = apart.nearby, flags | _NOT_AT_OUTLET
        if registers:
            wh, more, at_begin, at_end = self._register(registers)
            flags |= more
            said = Sample(at, wh, power_w, flags, at_begin, at_end, signed=signed, number=number)
            return self._told_again(said, registers) if at_begin else said
        if apart.intervals:
            uwh, more, by_clock = self._interval(apart.intervals)
            return Sample(
                at,
                power_w=power_w,
                flags=flags | more,
                interval_uwh=uwh,
                by_clock=by_clock,
                signed=signed,
                number=number,
            )
        if apart.elsewhere:
            self.notes.append(Note("no-register-at-outlet", "only at other places"))
        return Sample(at, NOT_TOLD, power_w, flags, signed=signed, number=number)

    def _apart(self, told: list[_Told]) -> _Apart:
        dialect = self.dialect
        apart = _Apart([], [], [], [], [], [])
        for pair in told:
            one = pair[0]
            measurand = one.measurand
            if measurand is None or measurand == REGISTER:
                proof = dialect.signed(one)
                if proof is not None:
                    apart.signed.append(proof)
                    if not dialect.signed_is_figure:
                        continue
                chosen = apart.registers
            elif measurand == POWER_IMPORT:
                chosen = apart.powers
            elif measurand == INTERVAL:
                chosen = apart.intervals
            else:
                continue
            if one.location is not None and one.location != OUTLET:
                near = chosen is apart.registers and one.location in _NEARBY
                chosen = apart.nearby if near else apart.elsewhere
            chosen.append(pair)
        return apart

    def _register(self, told: list[_Told]) -> tuple[int, int, bool, bool]:
        """The register, flags, and whether it is the transaction's begin, its end."""
        chosen = self._chosen(told, ENERGY)
        if chosen is None:
            return NOT_TOLD, 0, False, False
        wh = whole(chosen.amount)
        if len(told) == 1:
            context = told[0][0].context
            return wh, chosen.flags, context == BEGIN, context == END
        contexts = {one[0].context for one in told}
        return wh, chosen.flags, BEGIN in contexts, END in contexts

    def _told_again(self, said: Sample, told: list[_Told]) -> Sample:
        """The present register, where the begin stands below it with the same instant.

        Growatt's tell it again with every sample (lbbrhzn/ocpp #1838, evcc #15768).
        """
        since = [one for one in told if one[0].context != BEGIN]
        begin = [one for one in told if one[0].context == BEGIN]
        if not since or said.wh == NOT_TOLD:
            return said
        try:
            now, before = (_best(some, ENERGY, self.dialect) for some in (since, begin))
        except _Bad:  # phases that do not add up: what was chosen stands
            return said
        if whole(now.amount) <= whole(before.amount):
            return said
        flags = said.flags & ~_DISAGREEING | now.flags
        begin_wh = whole(before.amount)
        return said._replace(wh=whole(now.amount), flags=flags, at_begin=False, begin_wh=begin_wh)

    def _interval(self, told: list[_Told]) -> tuple[int, int, bool]:
        """Energy since the interval before in micro-Wh, flags, whether it came by the clock.

        Sampled and clock-aligned intervals overlap: of both only the sampled ones count.
        """
        sampled = [one for one in told if one[0].context != CLOCK]
        chosen = self._chosen(sampled or told, ENERGY)
        if chosen is None:
            return NOT_TOLD, 0, False
        return whole(chosen.amount.scaleb(_MICRO, EXACT)), chosen.flags, not sampled

    def _power_w(self, told: list[_Told]) -> int:
        """Whole W. No money rests on it: what cannot be is not told."""
        try:
            amount = _best(told, POWER, self.dialect).amount
        except _Bad as bad:
            self.notes.append(Note("bad-power", f"{bad.field}: {bad.problem}"))
            return NOT_TOLD
        if amount > _MOST_W:
            self.notes.append(Note("bad-power", f"{amount} W"))
            return NOT_TOLD
        return max(whole(amount), 0)

    def _chosen(self, told: list[_Told], units: Units) -> Figure | None:
        try:
            return _possible(_best(told, units, self.dialect), told[0])
        except _Bad as bad:
            where = f"{self.path}[{bad.told[1]}].sampledValue[{bad.told[2]}].{bad.field}"
            self.refused.append(Refused("bad-energy", where, bad.problem))
            return None


def _possible(energy: Figure, told: _Told) -> Figure:
    if not 0 <= energy.amount <= MOST_WH:
        raise _Bad(told, "value", f"{energy.amount} Wh is no register of a meter")
    return energy


class _Bad(ValueError):
    """A sampled value that is no figure, and the field that is wrong."""

    def __init__(self, told: _Told, field: str, problem: str) -> None:
        super().__init__(problem)
        self.told = told
        self.field = field
        self.problem = problem


def _figure(told: _Told, units: Units, dialect: Dialect) -> Figure:
    try:
        return dialect.figure(told[0], units)
    except NoFigure as error:
        raise _Bad(told, error.field, str(error)) from None


def _best(told: list[_Told], units: Units, dialect: Dialect) -> Figure:
    """The value for all phases, else the sum of phases, of the context that counts most."""
    if len(told) == 1 and told[0][0].phase is None:
        return _figure(told[0], units, dialect)
    options: list[tuple[bool, int, Figure]] = []
    for context in {one[0].context for one in told}:
        rank = _CONTEXTS.index(context) if context in _CONTEXTS else len(_CONTEXTS)
        of = [one for one in told if one[0].context == context]
        whole_ones = [_figure(one, units, dialect) for one in of if one[0].phase is None]
        figure = _one_of(whole_ones) if whole_ones else _summed(of, units, dialect)
        if figure is not None:
            options.append((not whole_ones, rank, figure))
    if not options:
        raise _Bad(told[0], "phase", "neither a value for all phases nor one of L1, L2, L3")
    chosen = min(options)
    rivals = {one[2].amount for one in options if one[0] == chosen[0]}
    flags = chosen[2].flags | (_DISAGREEING if len(rivals) > 1 else 0)
    return Figure(chosen[2].amount, flags)


def _one_of(figures: list[Figure]) -> Figure:
    """The highest of several: a register only rises."""
    highest = max(figures)
    if any(one.amount != highest.amount for one in figures):
        return Figure(highest.amount, highest.flags | _DISAGREEING)
    return highest


def _summed(told: list[_Told], units: Units, dialect: Dialect) -> Figure | None:
    """The sum of the phases told, against neutral only where none is told plainly."""
    for names in _PHASES:
        parts = [
            _one_of(of)
            for name in names
            if (of := [_figure(one, units, dialect) for one in told if one[0].phase == name])
        ]
        if parts:
            amount, flags = Decimal(0), _SUMMED
            for part in parts:
                amount = EXACT.add(amount, part.amount)
                flags |= part.flags
            return Figure(amount, flags)
    return None
