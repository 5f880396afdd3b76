"""The risk window: energy may flow that nobody has heard of, so nothing is final (seed 002).

Link says as a fact that the charger of a running charging went silent, and that it is heard again.
The window opens with the first and closes when the charger is heard of (or the charging's end is
known and whole) and every command that was sent meanwhile has its verdict. While it is open nothing
is captured and no CDR proves anything (design.md, section 6); clocks of holds run on, and nothing
is raised on a guess of energy: what may flow is told to people (`exposure.py`).
"""

from streams.core.session import Charging, PaymentSession, Silence
from streams.core.silence import WINDOW
from streams.core.verdicts import unsettled

_WHILE_IT_RUNS = frozenset({"hold", "raise"})
_AT_THE_END = "raise_to_cost"


def risk_open(session: PaymentSession) -> bool:
    """Whether a risk window is open: a function of the facts, whatever their order.

    The receipt's part is a rule of its own (`rules_fiscal.capture_waits`): where a country wants it
    first, the capture waits for it, window or not.
    """
    if not session.silences:
        return False
    return bool(silent(session)) or _unsettled_since(session)


def silent(session: PaymentSession) -> dict[str, Silence]:
    """By charging, what link said of those that nobody hears of and that have no whole end."""
    return {
        name: one
        for name, one in session.silences.items()
        if one.state in WINDOW and not _has_ended(session.chargings.get(name))
    }


def _unsettled_since(session: PaymentSession) -> bool:
    """Whether what was asked of an acquirer before the charger's return has no verdict yet.

    What the end itself calls for (a raise to the cost, the capture, the release) is no part of it.
    """
    told_at = max(one.told_at for one in session.silences.values())
    return any(
        one.kind in _WHILE_IT_RUNS and one.rule != _AT_THE_END and one.issued_at <= told_at
        for one in unsettled(session)
    )


def _has_ended(charging: Charging | None) -> bool:
    return charging is not None and charging.end is not None and charging.end.complete
