"""Whatever driver the demo draws, the shipped policy has an answer: refused, one shows nothing."""

from streams.cli.demo import RECORDED
from streams.core.pricing import parse
from streams.core.strategy import Choice, choose, parse_policy
from streams.demo.run import ABROAD_PERCENT, BEGIN_AT, WINDOW_MS, DemoSettings, build_fleet
from streams.demo.scenery import CHAIN, RECEIPTS, tariffs, tariffs_abroad
from streams.replay.recorded import read_file
from streams.settings import DEFAULT_POLICY, Settings


def test_the_shipped_policy_has_a_cell_for_every_driver_of_the_demo():
    policy = parse_policy(DEFAULT_POLICY.read_text() + RECEIPTS)
    facts = [made("t", BEGIN_AT).values() for made in (tariffs, tariffs_abroad)]
    bodies = {one.tariff_id: parse(one.body) for some in facts for one in some}
    drivers = [
        driver.request
        for seed in (1, 2)
        for driver in build_fleet(
            Settings(),
            DemoSettings(seed=seed, abroad_percent=ABROAD_PERCENT),
            read_file(RECORDED),
            BEGIN_AT,
            WINDOW_MS,
        ).drivers.values()
    ]
    refused = {
        answer
        for request in drivers
        if not isinstance(answer := choose(policy, request, bodies[request.tariff_id]), Choice)
    }
    assert policy.fiscal["AT"].chain == CHAIN
    assert {request.merchant_country for request in drivers} == {"AT", "CH"}
    assert refused == set()
