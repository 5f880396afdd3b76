"""A recording out of the topics: requests, ledgers, answers, and the facts of chargings.

Whole partitions are read once, by a consumer without a group that sees what was committed; nothing
is written. A session's own policy and tariff are those it has pinned.
"""

from collections import Counter
from contextlib import suppress
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple

import msgspec
from aiokafka import AIOKafkaConsumer

from schemas import codec, topics
from schemas.facts import (
    AcquirerAnswered,
    AcquirerHealth,
    CardRead,
    Fact,
    HoldReported,
    LinkedFact,
    PolicyPublished,
    SessionRequested,
    TariffPublished,
    Watermark,
)
from schemas.ledger import CommandLine, SessionLedger
from streams.core.learn_charging import ChargerFact
from streams.core.reported_holds import as_request
from streams.core.strategy_policy import Policy, PolicyInvalid, parse_policy
from streams.reading import records_of
from streams.whatif.from_file import DECLINE_REASON, LATENCIES_MS
from streams.whatif.rates import Rates, Verdict, observed
from streams.whatif.recorded import (
    Booked,
    Fated,
    Happened,
    Heard,
    LeftOut,
    NotMet,
    Recording,
    course_of,
)

_ASKS = frozenset({"hold", "raise"})
_JUDGED = frozenset({"done", "declined"})
_DEFINITE = _JUDGED | {"failed"}
_SHARE = Decimal("0.000001")
LEAST_OFFERS = 20
"""Drivers whose card said no and who were offered less; of fewer no share is told."""


class Read(msgspec.Struct, kw_only=True):
    """What the topics hold, by session id or key; filled in place while they are read.

    `linked`: with the time of its partition when it came. `clocks`: that time, from the watermarks
    read so far: by partition, of each link partition.
    """

    requests: dict[str, SessionRequested] = {}
    cards: dict[str, CardRead] = {}
    ledgers: dict[str, SessionLedger] = {}
    linked: dict[str, list[tuple[LinkedFact, int]]] = {}
    answers: dict[str, list[AcquirerAnswered]] = {}
    clocks: dict[int, dict[int, int]] = {}
    tariffs: dict[tuple[str, str, str], str] = {}
    policies: dict[tuple[str, str], str] = {}
    health: dict[str, AcquirerHealth] = {}


async def read_topics(consumer: AIOKafkaConsumer, partitions: int) -> Read:
    """Everything that a what-if looks at, up to the ends seen now."""
    read = Read()
    whole = range(partitions)
    for topic, parts in (
        (topics.REQUESTS, whole),
        (topics.LEDGER, whole),
        (topics.RESPONSES, whole),
        (topics.EVENTS, whole),
        (topics.TARIFFS, [0]),
        (topics.POLICIES, [0]),
        (topics.HEALTH, [0]),
    ):
        async for record in records_of(consumer, topic, parts):
            with suppress(codec.NotReadable):  # what cannot be read was parked when it came
                take(read, codec.decode(record.value or b""), record.partition)
    return read


def take(read: Read, fact: Fact, partition: int = 0) -> None:
    """One record more; those of a partition come in its order."""
    match fact:
        case SessionRequested() | HoldReported():
            _take_request(read, fact)
        case CardRead():
            read.cards.setdefault(fact.session_id, fact)
        case SessionLedger():
            read.ledgers[fact.session_id] = fact
        case LinkedFact():
            at = min(read.clocks.get(partition, {}).values(), default=0)
            read.linked.setdefault(fact.session_id, []).append((fact, at))
        case Watermark():
            read.clocks.setdefault(partition, {})[fact.link_partition] = fact.at
        case AcquirerAnswered():
            read.answers.setdefault(fact.session_id, []).append(fact)
        case _:
            _take_reference(read, fact)


def _take_request(read: Read, fact: SessionRequested | HoldReported) -> None:
    request = fact if isinstance(fact, SessionRequested) else as_request(fact)
    known = read.requests.setdefault(request.session_id, request)
    if request.requested_at < known.requested_at:
        read.requests[request.session_id] = request


def _take_reference(read: Read, fact: Fact) -> None:
    match fact:
        case TariffPublished():
            read.tariffs[fact.tenant, fact.tariff_id, fact.tariff_hash] = fact.body
        case PolicyPublished():
            read.policies[fact.tenant, fact.version] = fact.body
        case AcquirerHealth():
            read.health[fact.acquirer_id] = fact
        case _:
            pass  # notices


class _Sorted(NamedTuple):
    sessions: list[Happened]
    left_out: list[LeftOut]


def newest_at(read: Read) -> int:
    """When the last session was requested, epoch ms; 0: there is none."""
    return max((one.requested_at for one in read.requests.values()), default=0)


def recording(read: Read, since: int, rates: Rates | None = None) -> Recording:
    """The sessions requested from `since` on (epoch ms), and how they were answered.

    `rates` instead of the observed ones, where somebody states others.
    """
    ledgers = [
        ledger
        for session, ledger in sorted(read.ledgers.items())
        if ledger.requested_at >= since and session in read.requests
    ]
    answered = [(ledger, line) for ledger in ledgers for line in ledger.commands]
    known = rates or observed(_verdicts(answered))
    met = _met(read, ledgers)
    met.left_out.extend(
        LeftOut(session, "not opened yet")
        for session, request in sorted(read.requests.items())
        if session not in read.ledgers and request.requested_at >= since
    )
    reasons = Counter(
        line.reason for _, line in answered if (line.kind, line.outcome) == ("raise", "declined")
    )
    latencies = sorted(
        line.answered_at - line.issued_at
        for _, line in answered
        if line.kind in _ASKS and line.outcome in _JUDGED and line.answered_at >= line.issued_at
    )
    return Recording(
        sessions=met.sessions,
        left_out=met.left_out,
        rates=known,
        latencies_ms=tuple(latencies) or LATENCIES_MS,
        decline_reason=max(reasons, key=lambda one: (reasons[one], one), default=DECLINE_REASON),
        health=read.health,
        words=f"{len(met.sessions)} sessions from the topics",
        takes_less=_takes_less(ledgers),
    )


def _verdicts(answered: list[tuple[SessionLedger, CommandLine]]) -> list[Verdict]:
    """What issuers said; a failure of the way to them is no word about the card."""
    return [
        Verdict(
            ledger.currency,
            "hold" if line.kind == "hold" else "raise",
            ledger.funding,
            line.amount_minor,
            line.outcome == "done",
        )
        for ledger, line in answered
        if line.kind in _ASKS and line.outcome in _JUDGED
    ]


def _met(read: Read, ledgers: list[SessionLedger]) -> _Sorted:
    found = _Sorted([], [])
    for ledger in ledgers:
        try:
            found.sessions.append(_happened(read, ledger))
        except NotMet as reason:
            found.left_out.append(LeftOut(ledger.session_id, str(reason)))
    return found


def _happened(read: Read, ledger: SessionLedger) -> Happened:
    session = ledger.session_id
    if ledger.role == "observer":
        raise NotMet("only observed")
    request, card = read.requests[session], read.cards.get(session)
    policy = _policy(read, ledger)
    if request.hold_by != "performer":
        raise NotMet("its hold was placed by others")
    if request.stage != "tapped" and card is None and ledger.holds:
        raise NotMet("its card was never told")
    course = course_of(
        _heard(read.linked.get(session, [])),
        _issued_at(ledger, "start"),
        cut=ledger.stop_sent and ledger.charging_ended_at >= _issued_at(ledger, "stop") > 0,
    )
    if course is None and ledger.phase != "closed":
        raise NotMet("no end yet")
    return Happened(
        request=request,
        tariff_body=read.tariffs.get((request.tenant, request.tariff_id, request.tariff_hash)),
        policy=policy,
        card=card if request.stage != "tapped" else None,
        course=course,
        why="" if course is not None else ledger.closed_reason,
        by_approval=course is not None,
        fates=_fates(ledger, read.answers.get(session, [])),
        booked=_booked(ledger),
    )


def _heard(linked: list[tuple[LinkedFact, int]]) -> list[Heard]:
    """What its chargers told: acquirers' words come by link, too, and say nothing of a course."""
    facts = [(one, codec.decode(one.fact), at) for one, at in linked]
    return [Heard(one, fact, at) for one, fact, at in facts if isinstance(fact, ChargerFact)]


def _takes_less(ledgers: list[SessionLedger]) -> Decimal:
    """How often a hold after a no was asked for where less was offered; 1 where hardly ever."""
    offered = taken = 0
    for ledger in ledgers:
        holds = [one for one in ledger.commands if one.kind == "hold"]
        if holds and holds[0].outcome == "declined":
            offers = [
                one
                for one in ledger.commands
                if one.kind == "offer" and one.issued_at >= holds[0].answered_at
            ]
            offered += bool(offers)
            taken += bool(offers) and len(holds) > 1
    if offered < LEAST_OFFERS:
        return Decimal(1)
    return (Decimal(taken) / Decimal(offered)).quantize(_SHARE)


def _fates(ledger: SessionLedger, answers: list[AcquirerAnswered]) -> dict[str, tuple[Fated, ...]]:
    """Of each command that was answered: what the executor did not know, then the first that did.

    What inquiries did not find out is left out: nobody inquires in the model.
    """
    issued = {one.command_id: one.issued_at for one in ledger.commands}
    words: dict[str, list[AcquirerAnswered]] = {}
    for one in sorted(answers, key=lambda one: (one.answered_at, one.outcome, one.source)):
        words.setdefault(one.resolves or one.command_id, []).append(one)
    fates: dict[str, tuple[Fated, ...]] = {}
    for command_id, told in words.items():
        if command_id not in issued:
            continue
        known = next((one for one in told if one.outcome in _DEFINITE), None)
        kept = [
            one
            for one in told
            if one.outcome == "unknown"
            and not one.resolves
            and (known is None or one.answered_at < known.answered_at)
        ]
        fate = [*kept, *([known] if known is not None else [])]
        if fate:
            fates[command_id] = tuple(
                Fated(max(one.answered_at - issued[command_id], 0), one.outcome, one.reason)
                for one in fate
            )
    return fates


def _policy(read: Read, ledger: SessionLedger) -> Policy:
    body = read.policies.get((ledger.tenant, ledger.policy_version))
    if body is None:
        raise NotMet("its policy is no longer there")
    try:
        return parse_policy(body)
    except PolicyInvalid as wrong:
        raise NotMet("its policy cannot be read any more") from wrong


def _issued_at(ledger: SessionLedger, kind: str) -> int:
    return min((one.issued_at for one in ledger.commands if one.kind == kind), default=0)


def _first_hold(ledger: SessionLedger) -> CommandLine | None:
    """What was asked of the card first; a smaller one may have followed its no."""
    return next((one for one in ledger.commands if one.kind == "hold"), None)


def _booked(ledger: SessionLedger) -> Booked:
    raises = [one for one in ledger.commands if one.kind == "raise"]
    first = _first_hold(ledger)
    return Booked(
        raises=len(raises),
        raises_declined=sum(one.outcome == "declined" for one in raises),
        declined_at_tap=first is not None and first.outcome == "declined",
        stopped=ledger.stop_sent,
        energy_wh=ledger.energy_wh,
        captured_minor=ledger.captured_minor,
        arrears_minor=ledger.arrears_minor,
        frozen_minor_ms=_frozen(ledger),
    )


def _frozen(ledger: SessionLedger) -> int:
    """What was open, times how long, by the answers; a hold that lapsed was open until then."""
    total = 0
    for hold in ledger.holds:
        opened = _opened(ledger, hold.hold_id)
        ends_at = hold.expires_at if hold.lapsed_minor else 0
        moments = sorted([*opened, *([(ends_at, 0)] if ends_at else [])])
        total += sum(minor * (until - since) for (since, minor), (until, _) in pairwise(moments))
    return total


def _opened(ledger: SessionLedger, hold_id: str) -> list[tuple[int, int]]:
    """(instant, minor open from then on) of one hold."""
    told: list[tuple[int, int]] = []
    open_minor = 0
    session = ledger.session_id
    for one in sorted(ledger.commands, key=lambda line: line.answered_at):
        of_hold = one.command_id == hold_id or one.command_id.startswith(f"{hold_id}/")
        if one.outcome != "done" or not (
            of_hold or one.command_id.startswith(f"{session}/capture")
        ):
            continue
        match one.kind:
            case "hold" | "raise":
                open_minor = max(open_minor, one.amount_minor)
            case "lower":
                open_minor = one.amount_minor
            case "capture":
                open_minor = max(open_minor - one.amount_minor, 0)
            case "release":
                open_minor = 0
            case _:
                continue
        told.append((one.answered_at, open_minor))
    return told
