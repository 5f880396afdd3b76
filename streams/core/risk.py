"""The risk window: energy may flow that nobody has heard of, so nothing is final (seed 002).

Link says as a fact that the charger of a running charging went silent, and that it is heard again.
The window opens with the first and closes when the charger is heard of (or the charging's end is
proven by what arrived) and every command that was sent meanwhile has its verdict. While it is open
nothing is captured and no CDR proves anything (design.md, section 6); clocks of holds run on.
"""

from streams.core.session import Charging, PaymentSession, Silence
from streams.core.verdicts import unsettled

HEARD = "heard"


def risk_open(session: PaymentSession) -> bool:
    """Whether a risk window is open: a function of the facts, whatever their order.

    The receipt's part is a rule of its own (`rules_fiscal.capture_waits`): where a country wants it
    first, the capture waits for it, window or not.
    """
    if not session.silences:
        return False
    if any(one.state != HEARD for one in unproven(session).values()):
        return True
    closes_at = max(one.told_at for one in session.silences.values())
    return any(one.issued_at <= closes_at for one in unsettled(session))


def unproven(session: PaymentSession) -> dict[str, Silence]:
    """What link said last of each charging that has not come to a whole end."""
    return {
        name: one
        for name, one in session.silences.items()
        if name not in session.chargings or not _has_ended(session.chargings[name])
    }


def _has_ended(charging: Charging) -> bool:
    return charging.end is not None and charging.end.complete
