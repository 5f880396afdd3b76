"""What every translation of a feed gives back: facts, and by name what it could not take.

A refused message is parked by the stage with its bytes untouched; a note is counted and never
keeps a fact from being told. Pure values, shared by `ocpp`, `ocpi` and the stage that runs them.
"""

import msgspec


class Refused(msgspec.Struct, frozen=True, gc=False):
    """Why a message, or a part of it, became nothing.

    `reason` is a short slug for people and metrics, `field` the path of the field in the message
    as it came (`charging_periods[0].dimensions[2].volume`, empty: all of it), `problem` what is
    wrong with its value.
    """

    reason: str
    field: str
    problem: str


class Note(msgspec.Struct, frozen=True, gc=False):
    """Something odd that was lived with: `kind` a slug to count by, `detail` where or what."""

    kind: str
    detail: str = ""
