"""An operator's own list of meters' public keys: by serial, by place, and where a meter sits.

Imports no cryptography: `keys.unusable` says which of the keys in it are none.
"""

from collections.abc import Iterable, Mapping

import msgspec

MOST_BYTES = 64 << 20  # keys of 200,000 meters
_PLACE = "@"
_EVERY_EVSE = ("", "0")


class RegistryWrong(Exception):
    """A file of keys that is none."""


class Registry(msgspec.Struct, frozen=True):
    """Keys by the serial of the meter (OCMF MS) or of the gateway (GS), several during a change.

    Also by `@CHARGER` or `@CHARGER/EVSE`, for meters whose serial is not listed. `sits`: by serial,
    the only places at which that meter may sign. `here`: the place asked about, most exact first.
    """

    keys: Mapping[str, tuple[str, ...]] = {}
    sits: Mapping[str, tuple[str, ...]] = {}
    here: tuple[str, ...] = ()

    def of(self, *serials: str) -> tuple[str, ...]:
        """The keys of the first serial that is known, else of the place."""
        named = (*filter(None, serials), *self.here)
        return next((self.keys[one] for one in named if one in self.keys), ())

    def at(self, charger: str, evse: str) -> "Registry":
        """The same, asked at this EVSE (or '0': one that is not known) of this charger."""
        whole = f"{_PLACE}{charger}"
        here = (whole,) if evse in _EVERY_EVSE else (f"{whole}/{evse}", whole)
        return msgspec.structs.replace(self, here=here)

    def elsewhere(self, *serials: str) -> str:
        """Where the meter sits if that is not here; '' if it may be here."""
        for serial in serials:
            places = self.sits.get(serial, ())
            if serial and self.here and places and not any(map(self._is_here, places)):
                return places[0]
        return ""

    def _is_here(self, place: str) -> bool:
        named = f"{_PLACE}{place}"
        unknown_evse = len(self.here) == 1 and named.startswith(f"{self.here[0]}/")
        return named in self.here or unknown_evse


NO_KEYS = Registry()


class _Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    keys: str | list[str]
    at: str | list[str] = []


def read_registry(data: bytes) -> Registry:
    """A JSON object: serial, @CHARGER or @CHARGER/EVSE to a key, or to a list of keys.

    Or to `{"keys": ..., "at": ...}`, where `at` names the one CHARGER or CHARGER/EVSE at which that
    meter may sign, or several. Raises RegistryWrong.
    """
    if len(data) > MOST_BYTES:
        raise RegistryWrong(f"more than {MOST_BYTES >> 20} MiB")
    try:
        rows = msgspec.json.decode(data, type=dict[str, str | list[str] | _Row])
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise RegistryWrong(f"keys by serial: {error}") from error
    keys, sits = {}, {}
    for name, row in rows.items():
        told = row if isinstance(row, _Row) else _Row(row)
        keys[name] = _several(told.keys)
        if told.at:
            sits[name] = _several(told.at)
    return Registry(keys, sits)


def _several(told: str | Iterable[str]) -> tuple[str, ...]:
    return (told,) if isinstance(told, str) else tuple(told)
