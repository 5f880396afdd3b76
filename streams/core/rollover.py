"""A register that has counted to its last digit and gone on at nought: nothing is missing there.

A reset is another thing: what flowed between the last reading before it and the first one after is
told by nobody, so that its parts are not added up. Which of the two it was no protocol tells; the
operator says at which numbers its meters roll over (`[proof] register_wraps_wh`), and what flowed
by that has to be what the EVSE can have delivered and a vehicle taken: a reset just there is next
to impossible.
"""

from msgspec.structs import replace

from streams.core.plausible import most_wh
from streams.core.session import Charging


def unrolled(
    charging: Charging, wraps_wh: tuple[int, ...], power_w: int, vehicle_wh: int
) -> Charging:
    """The charging with its end counted on, in Wh, where its register rolled over; else itself.

    Only of a whole transaction. `power_w`: the most that its EVSE delivers; `vehicle_wh`: that any
    vehicle takes (`[risk] most_wh`), else a reset hours before the end might pass for it.
    """
    begun, end = charging.begun, charging.end
    if begun is None or end is None or not end.complete or end.energy_wh >= begun.energy_wh:
        return charging
    most = min(most_wh(power_w, end.ended_at - begun.started_at), vehicle_wh)
    fitting = [
        wrap_wh
        for wrap_wh in wraps_wh
        if charging.top_wh < wrap_wh
        and begun.energy_wh < wrap_wh
        and end.energy_wh + wrap_wh - begun.energy_wh <= most
    ]
    if len(fitting) != 1:
        return charging  # a guess between two would be one
    counted = replace(end, energy_wh=end.energy_wh + fitting[0])
    return replace(charging, end=counted, fell=False)
