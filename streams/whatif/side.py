"""The sums of one side: every session under one policy, each way by its weight."""

from collections import Counter, defaultdict
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise
from typing import Any

import msgspec

from streams.whatif.bank import Ask
from streams.whatif.exposure import exposure_of
from streams.whatif.rates import BANDS, Rate, band_of
from streams.whatif.recorded import Happened
from streams.whatif.ways import Modelled, Way

_HUNDREDTH = Decimal("0.01")
_MS_PER_HOUR = 3_600_000
_LOST = frozenset({"lapsed", "expired"})
_LEAST_TAP_RATE = Decimal("0.05")
_MID_CHARGE = "raise_hold"
_TARGET = "target-reached"
_AMOUNTS = (
    "first_minor peak_minor delivered_wh undelivered_wh exposed_wh exposed_minor captured_minor"
    " arrears_minor write_offs_minor".split()
)
_ONE = Decimal(1)
_COUNTS = "holds offers raises final_raises charged at_target cut_short exposed_sessions".split()
_Row = tuple[str, str, int, Rate]  # kind, card class, band, its rate


class Expected(msgspec.Struct, frozen=True):
    """An expected count, with the 95 % interval of the rates that it was counted with."""

    expected: Decimal
    low: Decimal
    high: Decimal


class Band(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for in one cell of kind, card class and amount band, and how it is answered.

    `from_minor`: the band begins there. `asked` and `declined` are expected counts; the rate is of
    approvals, with its interval; `answers` is how many it comes from, `source` as in rates.Rate.
    """

    kind: str
    card_class: str
    from_minor: int
    asked: Decimal
    declined: Decimal
    rate: Decimal
    low: Decimal
    high: Decimal
    answers: int
    source: str


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """One policy over all sessions of one currency. Amounts: minor units, counts: expected ones.

    - `policy`: its id and version; several where the sessions had several.
    - `holds`: first holds asked for; `first_minor`: their sum; `offers`: smaller ones, agreed to
      after a no; `refused`: sessions without any, by reason;
      `peak_minor`: the sum of the most that was open at once in each charged session.
    - `frozen_currency_hours`: what was held and not captured, summed over time: major units times
      hours.
    - `declined_at_tap`: a first hold was refused; `declined_raises`: a raise of either kind.
    - `raises`: asked for while energy flows; `final_raises`: to the proven cost afterwards.
    - `charged`: sessions that charged; `at_target`: of those, ended at what the driver declared;
      `cut_short`: others that we ended; `undelivered_wh`: what these missed of what was recorded.
    - `exposed_sessions`, `exposed_wh`, `exposed_minor`: what flowed while the price was above the
      open hold, and the sum of the most that each session was above it.
    - `arrears_minor`: due at the close, not captured and booked.
    - `write_offs_minor`: what is given up: arrears too small to book (`forgive_below_minor`), and
      those of holds that were gone before anything could be captured (in `arrears_minor`, too).
    - `bands`: what was asked for, by kind, card class and amount band.
    """

    policy: str
    holds: Decimal
    offers: Decimal
    first_minor: int
    peak_minor: int
    frozen_currency_hours: Decimal
    refused: dict[str, int]
    declined_at_tap: Expected
    declined_raises: Expected
    raises: Decimal
    final_raises: Decimal
    charged: Decimal
    at_target: Decimal
    cut_short: Decimal
    delivered_wh: int
    undelivered_wh: int
    exposed_sessions: Decimal
    exposed_wh: int
    exposed_minor: int
    captured_minor: int
    arrears_minor: int
    write_offs_minor: int
    bands: list[Band]


class Sums:
    """Adds up modelled sessions of one currency; `side` rounds, once and half up."""

    def __init__(self, exponent: int) -> None:
        self._exponent = exponent
        self._summed: dict[str, Decimal] = defaultdict(Decimal)
        self._asked: dict[_Row, Decimal] = {}
        self._refused: Counter[str] = Counter()

    def add(self, happened: Happened, modelled: Modelled, then: Decimal = _ONE) -> None:
        """One session. Its ways count as often as one of its holds would have been approved.

        `then`: how likely that was when it was recorded, where it exists only because it was: its
        ways count as often again as then.
        """
        if not modelled.taps:
            self._refused[modelled.refused] += 1
            return
        funding, first = happened.funding, modelled.taps[0].ask
        self._more({"holds": 1, "first_minor": first.amount_minor}, _ONE)
        for tap in modelled.taps:
            self._ask(funding, tap.ask, tap.asked)
            self._more({"offers": int(tap.ask.kind == "offer")}, tap.asked)
            likely = tap.approved / max(then, _LEAST_TAP_RATE)
            for way in tap.ways:
                weight = way.weight * likely
                self._more(_told(way), weight)
                for ask in way.asks:
                    self._ask(funding, ask, weight)

    def _more(self, told: dict[str, int], weight: Decimal) -> None:
        for name, value in told.items():
            self._summed[name] += weight * value

    def _ask(self, funding: str, ask: Ask, weight: Decimal) -> None:
        row = (ask.kind, funding, band_of(ask.amount_minor), ask.rate)
        self._asked[row] = self._asked.get(row, Decimal(0)) + weight

    # --- told ---

    def side(self, policy: str) -> Side:
        """All that was added, rounded."""
        told: dict[str, Any] = {name: whole(self._summed[name]) for name in _AMOUNTS}
        told |= {name: hundredths(self._summed[name]) for name in _COUNTS}
        return Side(
            policy=policy,
            refused=dict(sorted(self._refused.items())),
            declined_at_tap=self._declined("hold"),
            declined_raises=self._declined("raise"),
            frozen_currency_hours=frozen_hours(self._summed["frozen_minor_ms"], self._exponent),
            bands=[_band(*row, asked) for row, asked in sorted(self._asked.items(), key=_order)],
            **told,
        )

    def _declined(self, kind: str) -> Expected:
        """Asks times the share of noes; at the ends of all intervals at once."""
        rows = [(row[3], asked) for row, asked in self._asked.items() if row[0] == kind]
        return Expected(
            hundredths(sum((asked * (1 - rate.rate) for rate, asked in rows), Decimal(0))),
            hundredths(sum((asked * (1 - rate.high) for rate, asked in rows), Decimal(0))),
            hundredths(sum((asked * (1 - rate.low) for rate, asked in rows), Decimal(0))),
        )


def _order(item: tuple[_Row, Decimal]) -> tuple[str, str, int]:
    return item[0][:3]


def _band(kind: str, card_class: str, number: int, rate: Rate, asked: Decimal) -> Band:
    return Band(
        kind=kind,
        card_class=card_class,
        from_minor=BANDS[number],
        asked=hundredths(asked),
        declined=hundredths(asked * (1 - rate.rate)),
        rate=rate.rate,
        low=rate.low,
        high=rate.high,
        answers=rate.answered,
        source=rate.source,
    )


def _told(way: Way) -> dict[str, int]:
    """What one way comes to."""
    charger, ledger = way.charger, way.ledger
    assert ledger is not None  # a hold was asked for, so something was told
    exposed, lost = exposure_of(way), ledger.closed_reason in _LOST
    missed_wh, at_target = charger.missed_wh, charger.stopped_for == _TARGET
    raises = [ask.rule for ask in way.asks if ask.kind == "raise"]
    return {
        "raises": raises.count(_MID_CHARGE),
        "final_raises": len(raises) - raises.count(_MID_CHARGE),
        "charged": int(charger.began_at > 0),
        "at_target": int(missed_wh > 0 and at_target),
        "cut_short": int(missed_wh > 0 and not at_target),
        "delivered_wh": charger.energy_wh,
        "undelivered_wh": 0 if at_target else missed_wh,
        "exposed_sessions": int(exposed.most_minor > 0),
        "exposed_wh": exposed.wh,
        "exposed_minor": exposed.most_minor,
        "captured_minor": ledger.captured_minor,
        "arrears_minor": ledger.arrears_minor,
        "write_offs_minor": ledger.forgiven_minor + (ledger.arrears_minor if lost else 0),
        "peak_minor": max(minor for _, minor in way.held),
        "frozen_minor_ms": frozen_minor_ms(way.held),
    }


def frozen_minor_ms(held: tuple[tuple[int, int], ...]) -> int:
    """What was open, times how long: (instant, minor open) in order, the last one open for ever."""
    return sum(minor * (until - since) for (since, minor), (until, _) in pairwise(held))


def frozen_hours(held_minor_ms: Decimal, exponent: int) -> Decimal:
    """Major units times hours, to a hundredth."""
    return hundredths(held_minor_ms / _MS_PER_HOUR / 10**exponent)


def hundredths(value: Decimal) -> Decimal:
    return value.quantize(_HUNDREDTH, ROUND_HALF_UP)


def whole(value: Decimal) -> int:
    return int(value.to_integral_value(ROUND_HALF_UP))
