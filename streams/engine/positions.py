"""Where each input stands, kept as one more state record of the same transaction.

The positions in the state topic are the only truth about what was applied: group offsets exist
for lag tools. One record a partition: stage, version, and per input the next offset to apply.
"""

from collections.abc import Mapping

import msgspec

from streams.engine.errors import InputsChanged, PositionsMissing, StateTooNew
from streams.engine.stage import ENGINE_PREFIX, Stage

POSITIONS_KEY = ENGINE_PREFIX + b"positions"
_FORMAT = 1


class Positions(msgspec.Struct, array_like=True, frozen=True):
    """`next_offsets` maps an input topic to the offset after the last one applied or skipped."""

    format: int
    stage: str
    version: int
    next_offsets: dict[str, int]


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Positions).decode


def encode_positions(stage: Stage, next_offsets: Mapping[str, int]) -> bytes:
    return _encode(Positions(_FORMAT, stage.name, stage.version, dict(next_offsets)))


def starting_positions(stage: Stage, stored: bytes | None, *, has_state: bool) -> dict[str, int]:
    """Next offset by input; an input that is absent starts at its earliest record.

    Raises `PositionsMissing`, `StateTooNew`, `InputsChanged`.
    """
    if stored is None:
        if has_state:
            raise PositionsMissing(f"{stage.state_topic} holds state but no positions")
        return {}
    found = _decode(stored)
    if found.format > _FORMAT or found.version > stage.version:
        raise StateTooNew(
            f"{stage.state_topic} was written by {found.stage} version {found.version};"
            f" this code is version {stage.version}"
        )
    if found.version == stage.version and set(found.next_offsets) != set(stage.inputs):
        raise InputsChanged(
            f"{stage.name} version {stage.version} read {sorted(found.next_offsets)}"
            f" and is now to read {sorted(stage.inputs)}; that takes a new version"
        )
    return {topic: at for topic, at in found.next_offsets.items() if topic in stage.inputs}
