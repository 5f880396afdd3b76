"""Whatever driver the demo draws, the shipped policy has an answer: refused, one shows nothing."""

from streams.cli.demo import RECORDED
from streams.core.pricing import parse
from streams.core.strategy import Choice, choose, parse_policy
from streams.demo.run import BEGIN_AT, WINDOW_MS, DemoSettings, build_fleet
from streams.demo.scenery import tariffs
from streams.replay.recorded import read_file
from streams.settings import DEFAULT_POLICY, Settings


def test_the_shipped_policy_has_a_cell_for_every_driver_of_the_demo():
    policy = parse_policy(DEFAULT_POLICY.read_text())
    bodies = {one.tariff_id: parse(one.body) for one in tariffs("t", BEGIN_AT).values()}
    drivers = [
        driver.request
        for seed in (1, 2)
        for driver in build_fleet(
            Settings(), DemoSettings(seed=seed), read_file(RECORDED), BEGIN_AT, WINDOW_MS
        ).drivers.values()
    ]
    refused = {
        answer
        for request in drivers
        if not isinstance(answer := choose(policy, request, bodies[request.tariff_id]), Choice)
    }
    assert drivers
    assert refused == set()
