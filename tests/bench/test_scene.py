"""What must come out of a benchmark is known beforehand, and the docs name what it prints."""

import pytest

from streams.bench import scene
from streams.bench.deciding import CoreCost
from streams.bench.measure import Measured
from streams.bench.run import Result, Side
from streams.bench.scene import Scene

SMALL = Scene(chargings=7, rounds=4)


def test_expected_is_the_newest_of_what_is_written():
    newest, numbers = {}, {}
    for key, fact in scene.readings(SMALL):
        name = f"{fact.tenant}/{fact.network}/{fact.charger_id}/{fact.transaction_id}"
        assert name.startswith(key.decode())
        newest[name] = fact.energy_wh
        numbers.setdefault(name, []).append(fact.seq)
    assert newest == scene.expected(SMALL)
    assert set(map(tuple, numbers.values())) == {(0, 1, 2, 3)}
    assert sum(map(len, numbers.values())) == SMALL.readings


def test_every_charging_is_opened_and_none_is_ever_woken():
    watches = [fact for _, fact in scene.watches(SMALL)]
    assert len({fact.session_id for fact in watches}) == SMALL.chargings
    most = max(scene.expected(SMALL).values())
    assert all(most < fact.wake_energy_wh for fact in watches)


def test_the_digest_is_of_the_values_and_not_of_their_order():
    values = scene.expected(SMALL)
    backwards = dict(reversed(values.items()))
    assert scene.digest(values) == scene.digest(backwards)
    name = next(iter(values))
    assert scene.digest(values) != scene.digest(values | {name: values[name] + 1})


@pytest.mark.parametrize("printed", [Result, Side, Measured, CoreCost])
def test_every_key_that_is_printed_is_documented_where_it_is_defined(printed):
    missing = [one for one in printed.__struct_fields__ if f"`{one}`" not in printed.__doc__]
    assert missing == []
