"""What the signed values of one OCPP transaction prove of it: begin and end pair, and whose it is.

Rules: SAFE-eV/OCMF 1.4 (PG, TM, IT, ID; the rest in `pairing.py`); OCA, Signed Meter Values 1.0:
costs are counted between the first and last signed reading, which lie inside the transaction.
"""

import re
from collections.abc import Iterator, Sequence
from decimal import ROUND_FLOOR

from connectors.ocpp.signed.messages import Charging, Proof, SignedRecord
from connectors.ocpp.signed.pairing import BEGIN, ENDS, PAGE, Energy, chargings, wh_of
from connectors.ocpp.signed.parse import Malformed, Reading, UnknownFormat, instant_of, ocmf_text
from connectors.ocpp.signed.registry import Registry
from connectors.ocpp.signed.verify import Checked, check

MOST_RECORDS = 64
"""Of one transaction: each costs up to some milliseconds."""
_NOT_ALNUM = re.compile(r"[^0-9a-z]")
_UID = re.compile(r"(?:[0-9a-f]{2}){4,10}")
_OF_CARDS, _OF_BACKEND = ("ISO14443", "ISO15693"), ("CENTRAL", "LOCAL")
_NOT_IN_STEP = "its duration may not be billed: the meter's clock was not in step"
_CUT_AT = 8  # a shorter beginning says nothing of the rest


def proof_of(
    records: Sequence[SignedRecord], registry: Registry, told: Sequence[str], charging: Charging
) -> Proof:
    """What they prove, in whatever order and however often they came. Never raises.

    `told`: keys that the station told beside its records. They count as enclosed ones.
    """
    if len(records) > MOST_RECORDS:
        return Proof("malformed", f"more than {MOST_RECORDS} signed values of one charging")
    once = _once(records)
    keys = tuple(dict.fromkeys([one.public_key for one in once if one.public_key] + [*told]))
    done = [check(one, registry=registry, siblings=keys[:8]) for one in once]
    for one in done:
        if not one.whole:
            return Proof(one.outcome, one.reason, one.key_from)
    unlike = {one.signed: one for one in reversed(done)}
    return _of_whole(sorted(unlike.values(), key=_page), registry, charging)


def _once(records: Sequence[SignedRecord]) -> list[SignedRecord]:
    """Each text once, with the key that came with any of its copies."""
    found: dict[bytes, SignedRecord] = {}
    for one in records:
        try:
            text = ocmf_text(one.signed, one.encoding)
        except (Malformed, UnknownFormat):
            text = one.signed
        if text not in found or not found[text].public_key:
            found[text] = one
    return [*found.values()]


def _page(one: Checked) -> tuple[str, int]:
    page = PAGE.fullmatch(one.payload.page) if one.payload else None
    return (page[1], int(page[2])) if page else ("", 0)


def _of_whole(done: Sequence[Checked], registry: Registry, charging: Charging) -> Proof:
    """Of records that are all whole, by their pages."""
    each = chargings(done, charging.passed)
    good = [(group, energy) for group, energy in each if not energy.why]
    if len(good) != 1:
        energy = max((one for _, one in each), key=_tells)
        why = "several chargings in its signed values" if good else energy.why
        return Proof("valid-but-not-billable", why, done[0].key_from)
    group, energy = good[0]
    proof = _figures(done[group[0]], energy)
    why = (
        _beside(done, group, energy)
        or _elsewhere(done[group[0]], registry)
        or ("its times cannot be read (TM)" if not (proof.from_at and proof.to_at) else "")
        or _at_another_time(proof, energy, charging)
        or next(filter(None, (_of_another(one, charging.names) for one in done)), "")
    )
    if why:
        return proof._replace(outcome="valid-but-not-billable", reason=why)
    whys = [] if energy.time_ok else [_NOT_IN_STEP]
    return proof._replace(reason="; ".join([*whys, *_not_kept([done[i] for i in group])]))


def _not_kept(group: Sequence[Checked]) -> Iterator[str]:
    """Said where the kept texts alone do not show that pages follow each other."""
    letter, first = _page(group[0])
    last = _page(group[-1])[1]
    if last - first >= len(group):
        between = last - first + 1 - len(group)
        yield f"{between} updates between {letter}{first} and {letter}{last} verified, not kept"


def _tells(energy: Energy) -> int:
    """Whose reason is told: that of what comes nearest to a pair."""
    return len({one.kind for one in energy.course} & {BEGIN, *ENDS})


def _figures(first: Checked, energy: Energy) -> Proof:
    assert first.payload is not None
    assert energy.wh is not None
    return Proof(
        "valid",
        key_from=first.key_from,
        meter=first.payload.meter or first.payload.gateway,
        wh=int(energy.wh.to_integral_value(ROUND_FLOOR)),
        from_at=instant_of(energy.course[0].time),
        to_at=instant_of(energy.course[-1].time),
    )


def _beside(done: Sequence[Checked], group: Sequence[int], energy: Energy) -> str:
    """What else was signed must be of the same meter and tell the same begin, and no other end."""
    pair = done[group[0]]
    assert pair.payload is not None
    for index, one in enumerate(done):
        if index in group or one.payload is None:
            continue
        if (one.payload.meter, one.payload.gateway, one.key) != (
            pair.payload.meter,
            pair.payload.gateway,
            pair.key,
        ):
            return "its records are of different meters"
        for reading in one.payload.readings:
            if reading.kind in ENDS:
                return "more than one end reading"
            if reading.kind == BEGIN and not _same(reading, energy.course[0]):
                return "its begin is told twice, and not alike"
    return ""


def _same(one: Reading, other: Reading) -> bool:
    if one.register != other.register or one.value is None:
        return True
    return one.unit == other.unit and wh_of(one) == wh_of(other)


def _elsewhere(pair: Checked, registry: Registry) -> str:
    assert pair.payload is not None
    place = registry.elsewhere(pair.payload.meter, pair.payload.gateway)
    return f"its meter belongs to {place[:80]} by the list of keys" if place else ""


def _at_another_time(proof: Proof, energy: Energy, charging: Charging) -> str:
    if not charging.started_at:
        return "when its charging began is not known"
    unset = "" if energy.course[0].time[-1:] in "SR" else ", by a clock that was not in step"
    early_ms = charging.started_at - proof.from_at
    late_ms = proof.to_at - charging.ended_at
    if early_ms > charging.beside_ms:
        return f"not of this charging: it begins {early_ms // 1000} s before it{unset}"
    if late_ms > charging.beside_ms:
        return f"not of this charging: it ends {late_ms // 1000} s after it{unset}"
    return ""


def _of_another(one: Checked, names: Sequence[str]) -> str:
    """Whether the record names somebody else, where both names are of a kind. Names none in words.

    Cards are compared by their UID in either byte order, what the back end assigned as far as the
    meter has room for it.
    """
    assert one.payload is not None
    kind, said = one.payload.identified_by.upper(), _plain(one.payload.identity)
    known = [plain for name in names if (plain := _plain(name))]
    if kind in _OF_CARDS:
        known = [name for name in known if _UID.fullmatch(name)]
        fits = any(said in (name, bytes.fromhex(name)[::-1].hex()) for name in known)
    elif kind == "EMAID" or kind.startswith(_OF_BACKEND):
        fits = any(_begins_alike(said, name) for name in known)
    else:
        return ""
    if fits or not said or not known:
        return ""
    return f"it names another charging than this one (IT {kind[:16]}, ID)"


def _plain(name: str) -> str:
    return _NOT_ALNUM.sub("", name.casefold())


def _begins_alike(one: str, other: str) -> bool:
    shorter, longer = sorted((one, other), key=len)
    return one == other or (len(shorter) >= _CUT_AT and longer.startswith(shorter))
