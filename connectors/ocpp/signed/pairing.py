"""From whole records to energy: begin and end of one charging, and why it may not be billed.

Rules: SAFE-eV/OCMF 1.4, tables 4 to 25 (TX, ST, EF, PG, RI, LC, CL, TM).
"""

import hashlib
import re
from collections.abc import Container, Iterator, Sequence
from decimal import ROUND_FLOOR, Decimal
from itertools import pairwise

import msgspec

from connectors.ocpp.signed.messages import Passed, SignedRecord, Verdict
from connectors.ocpp.signed.parse import EXACT, Payload, Reading, instant_of
from connectors.ocpp.signed.registry import Registry
from connectors.ocpp.signed.verify import Checked, check

BEGIN, ENDS, SPOILT = "B", frozenset("ELRAP"), "X"
_MISTAKEN = frozenset(("MISMATCH", "INVALID", "OUTDATED", "UNKNOWN"))  # table 11, states of error
WH_PER_UNIT = {"Wh": Decimal(1), "kWh": Decimal(1000)}
MOST_WH = Decimal(10**12)
PAGE = re.compile(r"([TF])(\d{1,18})")
_OBIS = re.compile(
    r"(?:[0-9A-Za-z]+-[0-9A-Za-z]+:)?0*([0-9A-F]+)\.0*([0-9A-F]+)(?:\..*)?", re.DOTALL
)
# Which of several registers of one record counts: the vehicle's side before the mains', the
# charging's own before the meter's lifetime; 98 is how LEM writes import of a transaction.
_IMPORT = ("B3", "B2", "B1", "B0", "1", "98")
_ACTIVE_ENERGY = "8"
_CABLE_UNITS = frozenset(("mOhm", "uOhm"))


class _Point(msgspec.Struct, frozen=True):
    """A reading and the record (index) it stands in."""

    index: int
    reading: Reading


class Energy(msgspec.Struct, frozen=True):
    """What a charging's readings come to. `why` not to bill it: "" where nothing speaks against.

    `course`: the readings of the register that counts, in the records' order.
    """

    wh: Decimal | None
    register: str
    why: str
    time_ok: bool = False
    course: tuple[Reading, ...] = ()


def judged(
    records: Sequence[SignedRecord], given: str = "", registry: Registry | None = None
) -> list[Verdict]:
    """A verdict a record, in order. Never raises. `given`, `registry`: see `verify.check`."""
    siblings = tuple(dict.fromkeys(one.public_key for one in records if one.public_key))[:8]
    done = [check(one, given, registry, siblings) for one in records]
    verdicts = [_plain(one) for one in done]
    first: dict[bytes, int] = {}
    again = {
        index: known
        for index, one in enumerate(done)
        if one.whole and (known := first.setdefault(one.signed, index)) != index
    }
    for group in _chargings(done, again):
        _judge(group, done, verdicts)
    for index, known in again.items():
        _repeat(verdicts[index], verdicts[known], known)
    return verdicts


def _repeat(verdict: Verdict, known: Verdict, index: int) -> None:
    """What was signed counts once, so that a sum over records is right."""
    verdict.outcome, verdict.register = known.outcome, known.register
    verdict.billable, verdict.time_billable = known.billable, known.time_billable
    verdict.reason = known.reason or "told before"
    verdict.counted_in = index if known.counted_in is None else known.counted_in


def chargings(
    done: Sequence[Checked], passed: Passed | None = None
) -> list[tuple[list[int], Energy]]:
    """Of whole records: the indices of those that tell of one charging, and what they come to.

    `passed`: updates that are not among them, for the pages that they had.
    """
    return [(group, _energy([(i, done[i]) for i in group], passed)) for group in _chargings(done)]


def alone(one: Checked) -> tuple[str, list[Reading]]:
    """The register that counts and its readings, of a record that nothing speaks against."""
    register, course = _course([(0, one)])
    payloads = [one.payload] if one.payload else []
    why = (
        _strangers(payloads) or _mistaken(payloads) or (_unfit(course, payloads) if course else "")
    )
    return register, [] if why else course


def signer_of(one: Checked) -> str:
    """Which key of which meter, and for whom; of a whole record."""
    said = one.payload
    assert said is not None
    named = [said.meter, said.gateway, said.identified_by, said.identity, said.level]
    return hashlib.sha256(msgspec.json.encode(named) + one.key).hexdigest()[:32]


def _plain(one: Checked) -> Verdict:
    said = one.payload
    return Verdict(
        outcome=one.outcome,
        reason=one.reason,
        meter=(said.meter or said.gateway) if said else "",
        page=said.page if said else "",
        algorithm=one.algorithm,
        key_from=one.key_from,
        transaction=one.record.transaction,
        signed=one.text.decode("utf-8", "replace"),
    )


def _chargings(done: Sequence[Checked], again: Container[int] = ()) -> Iterator[list[int]]:
    """Indices of records that tell of one charging, without those told `again`.

    A record with both a begin and an end is one of its own. The others belong together by the
    container's transaction, else as they follow each other, up to an end.
    """
    open_by: dict[str, list[int]] = {}
    for index, one in enumerate(done):
        if index in again:
            continue
        kinds = {each.kind for each in one.payload.readings} if one.payload else set()
        if one.whole and BEGIN in kinds and kinds & ENDS:
            yield [index]
            continue
        name = one.record.transaction
        if BEGIN in kinds and not name and name in open_by:
            yield open_by.pop(name)
        open_by.setdefault(name, []).append(index)
        if kinds & ENDS and not name:
            yield open_by.pop(name)
    yield from open_by.values()


def _judge(group: list[int], done: Sequence[Checked], verdicts: list[Verdict]) -> None:
    whole = [index for index in group if done[index].whole]
    if not whole:
        return
    broken = [index for index in group if not done[index].whole]
    if broken:
        why = f"another record of its charging is {done[broken[0]].outcome}"
        energy = Energy(None, "", why)
    else:
        energy = _energy([(index, done[index]) for index in whole])
    last = whole[-1]
    for index in whole:
        verdict = verdicts[index]
        verdict.register, verdict.billable = energy.register, not energy.why
        verdict.time_billable = verdict.billable and energy.time_ok
        if energy.why:
            verdict.outcome, verdict.reason = "valid-but-not-billable", energy.why
        elif not energy.time_ok:
            verdict.reason = "its duration may not be billed: the meter's clock was not in step"
        if index != last:
            verdict.counted_in = last
    if energy.wh is not None:
        verdicts[last].energy_wh = int(energy.wh.to_integral_value(ROUND_FLOOR))
        verdicts[last].energy_exact_wh = f"{energy.wh:f}"


def _course(group: Sequence[tuple[int, Checked]]) -> tuple[str, list[Reading]]:
    """The register that counts, and its readings."""
    points = [
        _Point(index, reading)
        for index, one in group
        if one.payload is not None
        for reading in one.payload.readings
    ]
    register = _register(points)
    return register, [
        p.reading for p in points if p.reading.register == register and _is_energy(p.reading)
    ]


def _energy(group: Sequence[tuple[int, Checked]], passed: Passed | None = None) -> Energy:
    payloads = [one.payload for _, one in group if one.payload is not None]
    register, course = _course(group)
    if not course:
        return Energy(None, "", "no reading of imported energy")
    why = (
        _unpaired(course)
        or _strangers(payloads)
        or (
            "its records are signed by different keys" if len({o.key for _, o in group}) > 1 else ""
        )
        or _unpaged(payloads, _between(passed, group, register, course))
        or _mistaken(payloads)
        or _unfit(course, payloads)
    )
    wh = _difference(course)
    if wh is not None and not 0 <= wh <= MOST_WH:
        why, wh = why or ("the register falls" if wh < 0 else "more energy than can be"), None
    return Energy(wh, register, why, time_ok=_in_step(course), course=tuple(course))


def _is_energy(reading: Reading) -> bool:
    return reading.unit in WH_PER_UNIT and reading.value is not None


def _rank(register: str) -> int | None:
    """How good a register is for billing, 0 the best; None: it does not tell imported energy."""
    named = _OBIS.fullmatch(register)
    if named is None:
        return len(_IMPORT)
    if named[1] not in _IMPORT or named[2] != _ACTIVE_ENERGY:
        return None
    return _IMPORT.index(named[1])


def _register(points: Sequence[_Point]) -> str:
    """The register that counts: one with begin and end before one without."""
    ranked: dict[str, tuple[int, int]] = {}
    for name in dict.fromkeys(p.reading.register for p in points if _is_energy(p.reading)):
        rank = _rank(name)
        if rank is not None:
            kinds = {
                p.reading.kind
                for p in points
                if p.reading.register == name and _is_energy(p.reading)
            }
            ranked[name] = (0 if BEGIN in kinds and kinds & ENDS else 1, rank)
    return min(ranked, key=lambda name: ranked[name], default="")


def _unpaired(course: Sequence[Reading]) -> str:
    kinds = [one.kind for one in course]
    if BEGIN not in kinds:
        return "no begin reading"
    if not ENDS & {*kinds}:
        return "no end reading"
    if kinds.count(BEGIN) > 1:
        return "more than one begin reading"
    if len([kind for kind in kinds if kind in ENDS]) > 1:
        return "more than one end reading"
    if kinds[0] != BEGIN or kinds[-1] not in ENDS:
        return "begin and end are out of order"
    return ""


def _strangers(payloads: Sequence[Payload]) -> str:
    meters = {(one.meter, one.gateway) for one in payloads}
    if meters == {("", "")}:
        return "no meter is named"
    return "its records are of different meters" if len(meters) > 1 else ""


def _between(
    passed: Passed | None,
    group: Sequence[tuple[int, Checked]],
    register: str,
    course: Sequence[Reading],
) -> Passed | None:
    """What passed, if it did between these: signed as they are, and no more than they tell."""
    if passed is None or passed.register != register:
        return None
    if any(signer_of(one) != passed.signer for _, one in group):
        return None
    within = wh_of(course[0]) <= passed.from_wh and passed.to_wh <= wh_of(course[-1])
    return passed if within else None


def _unpaged(payloads: Sequence[Payload], passed: Passed | None) -> str:
    pages = [PAGE.fullmatch(one.page) for one in payloads]
    for one, page in zip(payloads, pages, strict=True):
        if page is None:
            return f"no page: PG {one.page[:24]!r}"
    told = [(page[1], int(page[2])) for page in pages if page is not None]
    for (kind, number), (next_kind, next_number) in pairwise(told):
        follows = next_number == number + 1 or (
            passed is not None
            and passed.letter == kind
            and passed.first <= number + 1 < next_number <= passed.last + 1
        )
        if kind != next_kind or not follows:
            return f"pages {kind}{number} and {next_kind}{next_number} do not follow each other"
    return ""


def _mistaken(payloads: Sequence[Payload]) -> str:
    """Transparency software calls such a pair not according to law, so its payer would be told."""
    levels = (one.level.upper() for one in payloads)
    told = next((one for one in levels if one in _MISTAKEN), "")
    return f"who charges was not identified: IL {told}" if told else ""


def _unfit(course: Sequence[Reading], payloads: Sequence[Payload]) -> str:
    for one in course:
        if one.status != "G":
            return f"meter status ST {one.status[:8] or 'missing'}"
        if one.errors:
            return f"error flags EF {one.errors[:8]}"
        if one.kind == SPOILT:
            return "an error during charging (TX X): no longer usable from there"
    if any(wh_of(later) < wh_of(sooner) for sooner, later in pairwise(course)):
        return "the register falls"
    if 0 < instant_of(course[-1].time) < instant_of(course[0].time):
        return "its end is before its begin"
    return _cable(course, payloads)


def _cable(course: Sequence[Reading], payloads: Sequence[Payload]) -> str:
    """Loss is already out of RV: nothing is taken off again, but what is told must hold."""
    losses = [one.loss for one in course if one.loss is not None]
    if course[0].loss and course[0].kind == BEGIN:
        return "cable loss CL is not 0 at the begin"
    if any(b < a for a, b in pairwise(losses)) or any(one < 0 for one in losses):
        return "cable loss CL falls"
    for cable in (one.loss for one in payloads if one.loss is not None):
        ohm = cable.get("LR")
        told = isinstance(ohm, int | float) and not isinstance(ohm, bool) and ohm >= 0
        if not told or cable.get("LU") not in _CABLE_UNITS:
            return "cable loss is compensated by a resistance that is not told (LC: LR, LU)"
    return ""


def wh_of(reading: Reading) -> Decimal:
    """Of a reading of energy."""
    assert reading.value is not None
    return EXACT.multiply(reading.value, WH_PER_UNIT[reading.unit])


def _difference(course: Sequence[Reading]) -> Decimal | None:
    begins = [one for one in course if one.kind == BEGIN]
    ends = [one for one in course if one.kind in ENDS]
    return EXACT.subtract(wh_of(ends[-1]), wh_of(begins[0])) if begins and ends else None


def _in_step(course: Sequence[Reading]) -> bool:
    """Both synchronised, or the end told relative to the begin, by the meter's own timekeeping."""
    if not (instant_of(course[0].time) and instant_of(course[-1].time)):
        return False
    begin, end = course[0].time[-2:], course[-1].time[-2:]
    return end == " R" or (begin == " S" and end == " S")
