"""Whether the state a run left behind is right: a fast wrong answer is no result."""

from collections.abc import Mapping

import msgspec

from schemas import topics
from streams.bench import scene
from streams.bench.ground import Ground
from streams.bench.scene import Scene
from streams.core.gate import Charging
from streams.engine.positions import POSITIONS_KEY, Positions
from streams.engine.stage import Stage
from streams.engine.state import StateCodec

_SHOWN = 5


class WrongResult(Exception):
    """State or positions are not what was sent calls for; the message names the first few."""


async def check_state(ground: Ground, stage: Stage, topic: str, wanted: Scene) -> int:
    """How many keys hold what was sent. Raises WrongResult.

    The newest energy of every charging is the one sent last, every number of its readings was
    counted, and every partition's position is the end of the readings.
    """
    newest = await ground.newest(topic)
    of_charging = {kind.prefix: StateCodec(kind) for kind in stage.kinds if kind.type is Charging}
    found: dict[str, Charging] = {}
    positions: dict[int, Positions] = {}
    for (partition, key), value in newest.items():
        if value is None:
            continue
        if key == POSITIONS_KEY:
            positions[partition] = msgspec.msgpack.decode(value, type=Positions)
        elif key[:1] in of_charging:
            found[key[1:].decode()] = of_charging[key[:1]].decode(value)
    wrong = _wrong_chargings(found, wanted) + _wrong_positions(
        positions, ground.named(topics.READINGS), await ground.ends(topics.READINGS)
    )
    if wrong:
        raise WrongResult(f"{len(wrong)} of the state wrong: " + "; ".join(wrong[:_SHOWN]))
    return len(found)


def _wrong_chargings(found: Mapping[str, Charging], wanted: Scene) -> list[str]:
    expected = scene.expected(wanted)
    every_number = [0, wanted.rounds - 1]
    wrong = [f"{name} was never sent" for name in found.keys() - expected.keys()]
    for name, energy in expected.items():
        one = found.get(name)
        if one is None:
            wrong.append(f"{name} has no state")
        elif one.energy_wh != energy:
            wrong.append(f"{name} is at {one.energy_wh} Wh, sent was {energy}")
        elif one.runs != every_number:
            wrong.append(f"{name} has counted {one.runs}, sent were {every_number}")
    return wrong


def _wrong_positions(
    positions: Mapping[int, Positions], topic: str, ends: Mapping[int, int]
) -> list[str]:
    at = {
        number: positions[number].next_offsets[topic] if number in positions else None
        for number in ends
    }
    return [
        f"partition {number} stands at {at[number]}, its readings end at {end}"
        for number, end in ends.items()
        if at[number] != end
    ]
