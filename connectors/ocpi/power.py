"""The most that a connector can give, out of what OCPI tells of it (protocols.md, section 7)."""

from collections.abc import Callable
from math import isqrt

from connectors.ocpi.reading import Reader

UNKNOWN = -1
# AC_3_PHASE means volts from line to neutral; 400 and above are met, and mean line to line. The
# highest that is sold from line to neutral is Canada's 347.
_LINE_TO_LINE_V = 350
_MOST_W = 10**8
# Told in kW instead of W: nothing gives a five-hundredth of what its cable carries.
_KILO_AT = 500


def _three_phases(volts: int, amperes: int) -> int:
    carried = volts * amperes
    return 3 * carried if volts < _LINE_TO_LINE_V else isqrt(3 * carried * carried)


_CARRIED: dict[str, Callable[[int, int], int]] = {
    "DC": lambda volts, amperes: volts * amperes,
    "AC_1_PHASE": lambda volts, amperes: volts * amperes,
    "AC_2_PHASE": lambda volts, amperes: 2 * volts * amperes,
    "AC_2_PHASE_SPLIT": lambda volts, amperes: 2 * volts * amperes,
    "AC_3_PHASE": _three_phases,
}


def power_max_w(power_type: str, volts: int, amperes: int, told_w: int, reader: Reader) -> int:
    """Watts; 0 for what is not told, -1 where nothing can be said. `told_w` is the standard's."""
    carried = _CARRIED[power_type](volts, amperes) if power_type in _CARRIED else 0
    if told_w > 0 and told_w * _KILO_AT <= carried:
        reader.note("power-in-kilowatts")
        told_w *= 1000
    found = told_w if told_w > 0 else carried
    if found > _MOST_W:
        reader.note("impossible-power")
        return UNKNOWN
    return found if found > 0 else UNKNOWN
