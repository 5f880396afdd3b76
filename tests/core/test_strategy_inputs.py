"""A request in a policy's words."""

import msgspec
import pytest
from policyworld import DEFAULT
from sessionworld import request

from streams.core.strategy_inputs import inputs_of, local_hour, words_of
from streams.core.strategy_policy import Fiscal

AT = 1_790_000_000_000  # 2026-09-21 14:13:20 UTC


@pytest.mark.parametrize(
    ("zone", "at", "hour"),
    [
        ("Europe/Zurich", AT, 16),
        ("Asia/Kolkata", AT, 19),
        ("UTC", AT, 14),
        ("Europe/Zurich", 1_793_491_200_000 - 1, 0),  # 2026-10-31 23:59:59 UTC: winter time
        ("Europe/Zurich", 1_774_746_000_000, 3),  # 2026-03-29 01:00 UTC: two becomes three
        ("", AT, None),
        ("Mars/Olympus", AT, None),
        ("../../etc/passwd", AT, None),
        ("x" * 255, AT, None),
        ("Europe", AT, None),
    ],
)
def test_the_hour_is_local_or_not_known(zone, at, hour):
    assert local_hour(zone, at) == hour


def test_before_the_card_nothing_is_known_of_it():
    inputs = inputs_of(DEFAULT, request(), carded=False)
    assert inputs.stage == "before_card"
    assert (inputs.scheme, inputs.funding, inputs.entry_mode) == ("", "unknown", "")
    assert (inputs.cvm, inputs.issuer_country) == ("", "")
    carded = inputs_of(DEFAULT, request(), carded=True)
    assert (carded.stage, carded.scheme, carded.issuer_country) == ("with_card", "visa", "CH")


def test_what_was_not_told_is_not_known():
    inputs = inputs_of(DEFAULT, request(power_max_w=-1), carded=True)
    assert (inputs.power_w, inputs.expected_wh, inputs.expected_ms) == (None, None, None)
    assert (inputs.target_minor, inputs.target_wh, inputs.hour) == (None, None, None)
    assert (inputs.fiscal_regime, inputs.closeout_ms) == ("unknown", None)
    words = words_of(inputs)
    for unknown in ("power_w", "hour", "site", "fiscal", "None", "unknown"):
        assert unknown not in words


@pytest.mark.parametrize(("told", "known"), [(-1, None), (0, None), (1, 1)])
def test_power_is_known_above_nothing(told, known):
    assert inputs_of(DEFAULT, request(power_max_w=told), carded=True).power_w == known


def test_a_declared_figure_is_a_target_and_an_energy_is_expected():
    amount = inputs_of(DEFAULT, request(declared_kind="amount", declared_value=900), carded=True)
    assert (amount.target_minor, amount.target_wh, amount.expected_wh) == (900, None, None)
    energy = inputs_of(
        DEFAULT, request(declared_kind="energy", declared_value=900, expected_wh=5), carded=True
    )
    assert (energy.target_minor, energy.target_wh, energy.expected_wh) == (None, 900, 900)


def test_the_fiscal_regime_is_the_merchants_and_the_zone_the_policys_when_none_is_told():
    policy = msgspec.structs.replace(
        DEFAULT,
        time_zone="Europe/Vienna",
        fiscal={"AT": Fiscal(regime="SIGN_CHAINED", closeout_ms=4_000)},
    )
    inputs = inputs_of(policy, request(merchant_country="AT", requested_at=AT), carded=True)
    assert (inputs.fiscal_regime, inputs.closeout_ms) == ("SIGN_CHAINED", 4_000)
    assert inputs.hour == 16
    told = inputs_of(policy, request(time_zone="UTC", requested_at=AT), carded=True)
    assert (told.hour, told.fiscal_regime) == (14, "unknown")
    assert "hour=14" in words_of(told)
