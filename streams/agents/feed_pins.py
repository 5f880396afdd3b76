"""Which version each partner, acquirer and firmware speaks by agreement: the pins of a mapping."""

from fnmatch import fnmatchcase
from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from connectors.feeding import Note, Refused

CHANGED: Literal["version-changed"] = "version-changed"
_KNOWN_MAX = 10_000  # then it starts over
_SHOWN = 100


class Pin(BaseModel):
    """Who fits both patterns (`*`: any text) speaks `version`.

    `partner`: the network, the partner, the account; `make`: the charger's vendor, model and
    firmware as `VENDOR/MODEL/FIRMWARE`. `strict`: anything else is refused, not only told.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    partner: Annotated[str, Field(min_length=1)] = "*"
    make: Annotated[str, Field(min_length=1)] = "*"
    version: Annotated[str, Field(min_length=1, max_length=_SHOWN)]
    strict: bool = False


class Changed(NamedTuple):
    """Another version than agreed."""

    strict: bool
    problem: str

    @property
    def refused(self) -> Refused:
        return Refused(CHANGED, "version", self.problem)

    @property
    def note(self) -> Note:
        return Note(CHANGED, self.problem)


class Pins:
    """Of the pins that fit, the first counts."""

    def __init__(self, pins: tuple[Pin, ...]) -> None:
        self._pins = pins
        self._known: dict[tuple[str, str, str], Changed | None] = {}

    def changed(self, partner: str, make: str, version: str) -> Changed | None:
        """Whether it is another than agreed; a version that is not known ('') is none."""
        if not self._pins or not version:
            return None
        asked = (partner, make, version)
        if asked not in self._known:
            if len(self._known) >= _KNOWN_MAX:
                self._known.clear()
            self._known[asked] = self._looked_up(asked)
        return self._known[asked]

    def _looked_up(self, asked: tuple[str, str, str]) -> Changed | None:
        partner, make, version = asked
        for pin in self._pins:
            if fnmatchcase(partner, pin.partner) and fnmatchcase(make, pin.make):
                if pin.version == version:
                    return None
                problem = f"{version[:_SHOWN]!r} where {pin.version!r} was agreed"
                return Changed(pin.strict, problem)
        return None
