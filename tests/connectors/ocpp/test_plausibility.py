"""The rules as data: each names its case, has its flag, and stands in the README."""

import re
from pathlib import Path

import pytest

from connectors.ocpp.plausibility import (
    RULES,
    IdTag,
    Implausible,
    Plausibility,
    judged_at,
    possible_wh,
)
from schemas.flags import ENERGY_DOUBTFUL, TIME_DOUBTFUL, Flag

README = Path(__file__).parents[3] / "connectors" / "ocpp" / "README.md"
USUAL = Plausibility()
NOON = 1_772_366_400_000  # 2026-03-01T12:00:00Z


def test_each_rule_names_its_case_and_threshold():
    names = [one.name for one in RULES]
    assert len(set(names)) == len(names)
    for rule in RULES:
        assert rule.case
        assert rule.threshold == "" or rule.threshold in Plausibility.__struct_fields__
        assert (rule.flag is None) == (rule.hardness == "hard")


def test_each_flag_has_its_rule():
    assert {one.flag for one in RULES if one.flag} == set(Flag)


def test_flags_that_stand_on_every_reading_of_a_fleet_are_read_the_quick_way():
    """schemas.metering reads flags of one byte: below 64."""
    of_fleets = (Flag.ZONE_ASSUMED, Flag.SUMMED_PHASES, Flag.PER_TRANSACTION, Flag.FROM_INTERVALS)
    assert all(flag < 64 for flag in of_fleets)


def test_doubts_are_about_energy_or_time():
    assert not ENERGY_DOUBTFUL & TIME_DOUBTFUL


def test_the_table_of_the_readme_is_the_table():
    text = README.read_text().split("<!-- rules -->")[1].split("<!-- /rules -->")[0]
    rows = re.findall(
        r"^\| `(.+?)` \| (hard|soft) \| (?:`(.+?)`)? ?\| (.+) \|$", text, re.MULTILINE
    )
    assert rows == [(one.name, one.hardness, one.threshold, one.case) for one in RULES]


@pytest.mark.parametrize(
    ("ahead_ms", "flags"), [(-(10**9), 0), (0, 0), (60_000, 0), (60_001, 1), (86_400_000, 1)]
)
def test_instants_by_their_arrival(ahead_ms, flags):
    assert judged_at(NOON + ahead_ms, NOON, USUAL) == flags


def test_an_instant_a_day_ahead_is_wrong_and_one_of_1970_unset():
    for at, rule in ((NOON + 86_400_001, "clock-wrong"), (0, "clock-unset")):
        with pytest.raises(Implausible) as told:
            judged_at(at, NOON, USUAL)
        assert told.value.rule == rule


def test_where_the_arrival_is_not_known_no_clock_is_ahead():
    assert judged_at(NOON * 11 // 10, 0, USUAL) == 0
    with pytest.raises(Implausible, match="2100"):
        judged_at(3 * NOON, 0, USUAL)


def test_what_is_possible_is_the_power_with_a_tenth_and_the_slack():
    rules = Plausibility(power_max_w=22_000, power_slack_wh=100)
    assert possible_wh(3_600_000, rules) == 24_200 + 100
    assert possible_wh(0, rules) == 100


@pytest.mark.parametrize(
    ("tag", "told", "fits"),
    [("AB*", "abc", True), ("AB*", "ac", False), ("ab", "ab", True), ("ab", "abc", False)],
)
def test_rows_of_tags(tag, told, fits):
    assert IdTag(tag=tag, payment_kind="contract").fits(told) is fits
